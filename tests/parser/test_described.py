"""Ranges and choices written in prose: the common ways are seen, and prose is left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parser.described import described_choices, described_range


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("a | b | c", ("a", "b", "c")),
        ("resnet18|resnet50", ("resnet18", "resnet50")),
        ("one of: sum, mean or max", ("sum", "mean", "max")),
        ("One of 'a', 'b'", ("a", "b")),
        ("the mode, either fast or exact", ("fast", "exact")),
        ("mode {train,test}", ("train", "test")),
        ("Use 'sum' or 'mean'", ("sum", "mean")),
        ("Possible values are: low, middle, high.", ("low", "middle", "high")),
        ("Choices: adam, sgd", ("adam", "sgd")),
        ("get them with options `--list` and `-t`", None),
        ("one of '-1' or '0'", ("-1", "0")),
        ("the learning rate", None),
        ("path to the file, or nothing", None),
        ("p -> q", None),
        ("size (default: 3)", None),
        ("first, second and third line of the file", None),
    ],
)
def test_choices_in_a_description(text: str, choices: tuple[str, ...] | None) -> None:
    assert described_choices(text) == choices


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0..1", "[0, 1]"),
        ("a share in [0, 1]", "[0, 1]"),
        ("in (0, 1]", "(0, 1]"),
        ("between 0 and 100", "[0, 100]"),
        ("from -1 to 1", "[-1, 1]"),
        ("range 0-255", "[0, 255]"),
        ("0 < x <= 1", "(0, 1]"),
        ("must be > 0", "> 0"),
        (">= 1e-3", ">= 0.001"),
        ("at least 2 and at most 5", "[2, 5]"),
        ("a positive integer", "> 0"),
        ("non-negative", ">= 0"),
        ("less than 10", "< 10"),
        ("size (default: 3)", None),
        ("if -1 then all", None),
        ("x -> 3", None),
        ("5..1", None),
    ],
)
def test_ranges_in_a_description(text: str, shown: str | None) -> None:
    found = described_range(text)
    assert (str(found) if found else None) == shown


def test_an_open_end_is_outside() -> None:
    half = described_range("(0, 1]")
    assert [half.holds(value) for value in (0, 0.5, 1, 1.1)] == [False, True, True, False]


@given(st.text(alphabet="ab01 .,|'\"<>=[](){}-or", max_size=600))
def test_any_text_is_looked_at_quickly(text: str) -> None:
    start = time.process_time()
    described_choices(text)
    described_range(text)
    assert time.process_time() - start < 0.2
