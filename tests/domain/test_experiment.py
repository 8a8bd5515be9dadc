"""What a script measured is read in every shape that scripts write, and from files that are bad in every way."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.experiment import (
    MAX_EXPERIMENT_BYTES,
    MAX_POINTS,
    MAX_SERIES,
    Experiment,
    Fault,
    Point,
    from_json,
    read_experiment,
    to_json,
)

MOST_SECONDS = 10
"""For a file of the largest size on a busy machine; it takes one."""

SCALARS = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=8), st.just("0.5"), st.just("nan")
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=4) | st.just("1"), inside, max_size=4)
    ),
    max_leaves=20,
)


def read(document: Any) -> Experiment:
    return read_experiment(json.dumps(document).encode())


def points(experiment: Experiment) -> dict[str, tuple[Point, ...]]:
    return {one.name: one.points for one in experiment.series}


@pytest.mark.parametrize(
    "document",
    [
        {"0": {"acc": 0.1, "loss": 2}, "1": {"acc": 0.5, "loss": 1}, "10": {"acc": 0.9, "loss": 0}},
        {"10": {"acc": 0.9, "loss": 0}, "0": {"acc": 0.1, "loss": 2}, "1": {"acc": 0.5, "loss": 1}},
        {
            "epoch 0": {"acc": "0.1", "loss": 2},
            "epoch 1": {"acc": 0.5, "loss": 1},
            "epoch 10": {"acc": 0.9, "loss": 0},
        },
        [
            {"epoch": 0, "acc": 0.1, "loss": 2},
            {"epoch": 1, "acc": 0.5, "loss": 1},
            {"epoch": 10, "acc": 0.9, "loss": 0},
        ],
        [
            {"0": {"acc": 0.1, "loss": 2}, "1": {"acc": 0.5, "loss": 1}},
            {"10": {"acc": 0.9, "loss": 0}},
        ],
    ],
    ids=["by epoch", "in any order", "with words", "a list that names its epochs", "a list by epoch"],
)
def test_records_become_series_by_step(document: Any) -> None:
    experiment = read(document)
    assert points(experiment) == {
        "acc": ((0.0, 0.1), (1.0, 0.5), (10.0, 0.9)),
        "loss": ((0.0, 2.0), (1.0, 1.0), (10.0, 0.0)),
    }
    assert experiment.steps == 3
    assert experiment.faults == ()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([{"acc": 1}, {"acc": 2}], {"acc": ((1.0, 1.0), (2.0, 2.0))}),
        ({"acc": 0.5, "n": 3, "name": "x", "done": True}, {"acc": ((1.0, 0.5),), "n": ((1.0, 3.0),)}),
        ({"loss": [3, 2], "acc": [0.1], "t": 7},
         {"loss": ((1.0, 3.0), (2.0, 2.0)), "acc": ((1.0, 0.1),), "t": ((2.0, 7.0),)}),
        ({"0": {"a": 1}, "1": {"b": 2}}, {"a": ((0.0, 1.0),), "b": ((1.0, 2.0),)}),
        ({"0": {"a": 1}, "1": {"a": 2}, "best": 9}, {"a": ((0.0, 1.0), (1.0, 2.0)), "best": ((1.0, 9.0),)}),
        ({"1": {"train": {"loss": 1}, "val": {"loss": 2}}}, {"train.loss": ((1.0, 1.0),), "val.loss": ((1.0, 2.0),)}),
        ({"train": {"loss": 1}, "val": {"loss": 2}}, {"train.loss": ((1.0, 1.0),), "val.loss": ((1.0, 2.0),)}),
        ({"fold1 epoch 1": {"a": 1}, "fold2 epoch 1": {"a": 2}}, {"a": ((1.0, 1.0), (2.0, 2.0))}),
        ([5, 4], {"value": ((1.0, 5.0), (2.0, 4.0))}),
        ([{"epoch": 0, "step": 10, "a": 1}, {"epoch": 0, "step": 20, "a": 2}],
         {"epoch": ((10.0, 0.0), (20.0, 0.0)), "a": ((10.0, 1.0), (20.0, 2.0))}),
        ([{"epoch": 1, "a": 1}, {"epoch": 1, "b": 2}], {"a": ((1.0, 1.0),), "b": ((1.0, 2.0),)}),
        ([{"w1": {"a": 1}}, {"w1": {"a": 2}}], {"w1.a": ((1.0, 1.0), (2.0, 2.0))}),
    ],
    ids=["list", "one record", "history", "mixed keys", "a number beside", "nested", "phases", "repeated", "numbers",
         "steps in epochs", "epochs in parts", "a list of parts"],
)  # fmt: skip
def test_every_shape_is_read(document: Any, expected: dict[str, tuple[Point, ...]]) -> None:
    assert points(read(document)) == expected


def test_what_is_no_finite_number_is_kept_and_told() -> None:
    experiment = read_experiment(
        b'{"0": {"a": NaN, "b": 1}, "1": {"a": Infinity, "b": -Infinity}, "2": {"a": 2}}'
    )
    assert [point[0] for point in experiment.series[0].points] == [0.0, 1.0, 2.0]
    assert experiment.series[0].finite == ((2.0, 2.0),)
    assert experiment.faults == (Fault("not_finite", "a", 2), Fault("not_finite", "b", 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"0": {"a": 1}, "1": {"a": 2}, "2": {"a": 0.', {"a": ((0.0, 1.0), (1.0, 2.0))}),
        ('{"0": {"a": 1}, "1": {"a": 2}', {"a": ((0.0, 1.0), (1.0, 2.0))}),
        ('[{"a": 1}, {"a": 2}, {"a"', {"a": ((1.0, 1.0), (2.0, 2.0))}),
        ('{"a": 1, "b": 0.1', {"a": ((1.0, 1.0),)}),
        ('{"a": 1, "b": 0.', {"a": ((1.0, 1.0),)}),
    ],
)
def test_of_a_file_that_breaks_off_what_was_whole_is_shown(text: str, expected: dict[str, Any]) -> None:
    experiment = read_experiment(text.encode())
    assert points(experiment) == expected
    assert experiment.faults[0].kind == "broken_off"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[", b'{"a', b"nothing", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 100_000, b"\0" * 100],
    ids=lambda content: repr(content[:8]),
)
def test_what_cannot_be_read_at_all_is_told(content: bytes) -> None:
    experiment = read_experiment(content)
    assert experiment.series == ()
    assert [fault.kind for fault in experiment.faults] == ["unreadable"]


@pytest.mark.parametrize("document", [None, True, "text", 7, [], {}, {"a": "b"}, {"0": {}}, [[1]], [None]])
def test_a_file_without_numbers_is_told(document: Any) -> None:
    experiment = read(document)
    assert (experiment.series, [fault.kind for fault in experiment.faults]) == ((), ["no_numbers"])


def test_a_file_too_large_is_not_read() -> None:
    experiment = read_experiment(b'{"a": 1' + b" " * MAX_EXPERIMENT_BYTES + b"}")
    assert (experiment.series, experiment.faults) == ((), (Fault("too_large"),))


@pytest.mark.parametrize(
    "content",
    [
        b'{"' + b"1" * 2_000_000 + b'a1b": {"a": 1}}',
        b'[{"' + b"1." * 1_000_000 + b'b": {"a": 1}}]',
        b'{"'
        + b"k" * 2_000_000
        + b'": {'
        + b",".join(b'"%d":1' % number for number in range(200_000))
        + b"}}",
    ],
    ids=["a number", "numbers", "a name of many"],
)
def test_no_name_makes_a_file_take_long_to_read(content: bytes) -> None:
    began = time.monotonic()
    read_experiment(content)
    assert time.monotonic() - began < MOST_SECONDS


def test_of_many_names_the_first_are_shown_and_the_rest_is_counted() -> None:
    experiment = read({"1": {f"name {number}": number for number in range(MAX_SERIES + 7)}})
    assert len(experiment.series) == MAX_SERIES
    assert experiment.faults == (Fault("left_out", "", 7),)


def test_a_long_series_keeps_its_ends_and_its_extremes() -> None:
    values = [math.sin(number / 50) for number in range(20_000)]
    values[7_777], values[13_131] = 40.0, -40.0
    (series,) = read({"a": values}).series
    assert len(series.points) <= MAX_POINTS
    assert (series.points[0], series.points[-1]) == ((1.0, values[0]), (20_000.0, values[-1]))
    assert {(7_778.0, 40.0), (13_132.0, -40.0)} <= set(series.points)


def test_a_number_of_thousands_of_digits_is_infinite() -> None:
    (series,) = read_experiment(b'{"a": ' + b"9" * 6_000 + b"}").series
    assert series.points == ((1.0, math.inf),)


@given(DOCUMENTS)
def test_whatever_a_script_writes_is_read_and_kept_as_it_was_read(document: Any) -> None:
    experiment = read(document)
    assert bool(experiment.series) != any(fault.kind == "no_numbers" for fault in experiment.faults)
    # NaN is not equal to itself
    assert repr(from_json(to_json(experiment))) == repr(experiment)


@given(DOCUMENTS, st.data())
def test_wherever_a_file_breaks_off_it_is_read(document: Any, data: st.DataObject) -> None:
    whole = json.dumps(document).encode()
    cut = read_experiment(whole[: data.draw(st.integers(0, len(whole)))])
    assert json.loads(to_json(cut))["steps"] == cut.steps


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_a_fault_of_ours(content: bytes) -> None:
    assert read_experiment(content).series or read_experiment(content).faults
