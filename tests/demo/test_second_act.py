"""What the author does in the demo's second act, on the sample as it is today."""

from __future__ import annotations

import pytest

from bot.domain.interface import Level, compare
from parser.edits import apply
from parser.model import Report, Severity
from parser.read import read
from parser.source import Source, load_source
from sandbox.demo.children import DemoError
from sandbox.demo.play import SAMPLE
from sandbox.demo.second_act import REQUIREMENTS, SCRIPT, with_mistakes, with_version

FILES = {name: (SAMPLE / name).read_text("utf-8") for name in (SCRIPT, REQUIREMENTS)}


def report(script: str, requirements: str) -> Report:
    sample = load_source(SAMPLE)
    contents = {**sample.contents, SCRIPT: script.encode(), REQUIREMENTS: requirements.encode()}
    return read(Source(sample.entries, contents), "add-noise")


def test_there_are_two_mistakes_and_one_of_them_can_be_mended_by_a_click() -> None:
    script, requirements = with_mistakes(FILES[SCRIPT], FILES[REQUIREMENTS])
    errors = [one for one in report(script, requirements).problems if one.severity is Severity.ERROR]
    assert [one.code for one in errors] == ["parameter-type", "requirement-invalid"]
    assert errors[0].edits

    mended = report(apply(script, errors[0].edits), with_version(requirements))
    before = report(FILES[SCRIPT], FILES[REQUIREMENTS])
    assert mended.problems == before.problems
    assert mended.module is not None
    assert before.module is not None
    (change,) = compare(before.module, mended.module).changes
    assert (change.kind, change.parameter, change.level) == ("added", "--strength", Level.MINOR)


def test_a_sample_of_another_shape_is_told_at_once() -> None:
    with pytest.raises(DemoError, match="the sample has changed"):
        with_mistakes("print()", FILES[REQUIREMENTS])
