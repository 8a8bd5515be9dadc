"""The parser against argparse itself, on the pinned part of the corpus: the standard library and some packages."""

import os

import pytest

from fidelity.__main__ import measure
from fidelity.report import FIELD, OURS, UNKNOWN, Result, scored, total
from fidelity.truth import FIELDS

LEAST_SCRIPTS = 60
LEAST_FOUND = 0.995
"""Of the arguments."""


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return scored(measure(subset=True, only="", names=[OURS], jobs=os.cpu_count() or 1))


def test_enough_scripts_show_their_command_line(results: list[Result]) -> None:
    assert len(results) >= LEAST_SCRIPTS


def test_no_script_crashes_the_reader(results: list[Result]) -> None:
    assert {one.title: one.reading.error for one in results if one.reading.error} == {}


def test_no_parameter_is_invented(results: list[Result]) -> None:
    assert {one.title for one in results if one.outcomes[OURS].invented} == set()


def test_nearly_every_argument_is_found(results: list[Result]) -> None:
    assert total(results, OURS).recall >= LEAST_FOUND


def test_what_is_told_is_right(results: list[Result]) -> None:
    score = total(results, OURS)
    assert {name: rate for name in FIELDS if (rate := score.field_rate(name)) < FIELD} == {}
    assert score.unknown_rate <= UNKNOWN
