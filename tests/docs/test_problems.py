"""The catalogue of problems, its examples and its page are one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.check.explain import PROJECT, example_problems, explain, failures_page, page
from bot.domain.cause_kinds import Kind
from bot.errors import OperatorError
from parser.catalogue import CATALOGUE
from parser.examples import EXAMPLES, example_source
from parser.read import read

PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
FAILURES = PAGE.with_name("failures.md")
REAL = (
    "ci/test_real_causes.py",
    "ci/test_real_causes_of_builds.py",
    "ci/test_candidate.py",
    "executor/test_with_gitlab.py",
)
"""The tests in which real tools fail."""


def test_every_code_has_an_example_and_every_example_a_code() -> None:
    assert sorted(EXAMPLES) == sorted(CATALOGUE)


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_an_example_gives_its_problem_and_the_mended_one_does_not(code: str) -> None:
    example = EXAMPLES[code]
    _, problems = example_problems(code)
    assert [problem.code for problem in problems][:1] == [code]
    assert all(problem.message.endswith((".", "?")) for problem in problems)
    if example.mended is not None and example.words is None:
        mended = read(example_source(example, example.mended), PROJECT)
        assert code not in [problem.code for problem in mended.problems]


def test_the_page_says_what_the_bot_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: mlreef-bot explain --all > docs/problems.md"


def test_the_page_of_failures_says_what_the_bot_says() -> None:
    text = FAILURES.read_text("utf-8")
    assert text == failures_page(), "run: mlreef-bot explain --failures > docs/failures.md"
    assert all(f"`{kind}`" in text for kind in Kind)


def test_the_page_of_failures_says_which_no_real_tool_is_made_to_say() -> None:
    recorded = set(re.findall("`([a-z-]+)`", failures_page().partition("Only of ")[2]))
    tests = "".join((Path(__file__).parents[1] / name).read_text("utf-8") for name in REAL)
    made = {str(Kind[name]) for name in re.findall(r"\bKind\.([A-Z_]+)", tests)}
    assert made | recorded == {str(kind) for kind in Kind}
    assert not made & recorded
    assert len(made) >= 40


def test_a_code_that_is_misspelt_is_guessed() -> None:
    with pytest.raises(OperatorError) as refused:
        explain("type-boool")
    assert "type-bool" in refused.value.hint


def test_a_part_of_a_code_leads_to_the_whole_and_its_case_does_not_matter() -> None:
    with pytest.raises(OperatorError) as refused:
        explain("unprovided")
    assert "import-unprovided" in refused.value.hint
    with pytest.raises(OperatorError) as refused:
        explain("described-")
    assert refused.value.hint == "is described-choices or described-range meant?"
    assert explain("[TYPE_Bool]") == explain("type-bool")


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_every_code_is_explained_in_plain_text(code: str) -> None:
    text = explain(code)
    assert code in text
    assert EXAMPLES[code].why in text
