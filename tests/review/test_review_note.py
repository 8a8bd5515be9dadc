"""The note in a merge request says what merging would change, exactly, and never too much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.current import Current
from bot.domain.gitlab import MergeRequest
from bot.domain.interface import compare
from bot.domain.pipeline import PipelineSettings
from bot.domain.prediction import Prediction
from bot.domain.requirement_changes import RequirementChange
from bot.domain.review import Reviewed
from bot.domain.review_note import check_status, folded_body, moved_away_body, review_body
from bot.domain.tables import MAX_TABLE_CHARS, problem_table
from bot.domain.versions import Version, plan_version
from parser.model import Module, Problem, Severity
from tests.domain.gitlab_rules import assert_harmless
from tests.domain.values import ENVIRONMENT, HEAD, PROJECT, module, parameter, problem, report

MAX_NOTE_CHARS = 1_000_000
"""GitLab's limit."""

REQUEST = MergeRequest(
    iid=7,
    state="opened",
    source_branch="noise",
    target_branch="master",
    web_url="https://gitlab.example.com/group/add-noise/-/merge_requests/7",
    project_id=15,
    sha=HEAD,
    source_project_id=15,
    author_id=3,
    diff_refs=None,
)
SETTINGS = PipelineSettings("bot:1", "layers", ENVIRONMENT, "https://docs.example.com")
NOW = module(
    parameter("input-path", required=True, help="where the images are"),
    parameter("mode", choices=("a", "b"), default="a"),
    parameter("sigma", type="float", default=1.0),
)


def first(*problems: Problem, made: Module = NOW) -> Reviewed:
    read = report(*problems, made=made)
    return Reviewed(REQUEST, PROJECT, read, problems, SETTINGS, version=Version(1, 0, 0))


def after(made: Module, *problems: Problem) -> Reviewed:
    now = Current("registry.example.com/group/add-noise", f"sha256:{'d' * 64}", 3, Version(1, 3, 1), NOW)
    version, level = plan_version(now.version, NOW, made, ())
    return replace(
        first(*problems, made=made), current=now, interface=compare(NOW, made), version=version, level=level
    )


def test_the_first_note_of_all_says_in_two_sentences_who_speaks() -> None:
    body = review_body(first())
    introduction = body.split("\n\n")[0]
    assert introduction.startswith(
        "I am the bot that publishes this repository: every push to `master` becomes"
    )
    assert introduction.count(". ") + 1 == 2
    assert "**Merging this publishes `Add Noise` for the first time, as version 1.0.0.**" in body
    assert "I am the bot" not in review_body(after(NOW))
    assert review_body(replace(after(NOW), introduces=True)).split("\n\n")[0] == introduction


def test_each_change_of_the_interface_is_a_row_with_its_consequence() -> None:
    body = review_body(
        after(
            module(
                NOW.parameters[0],
                parameter("mode", choices=("a", "b", "c"), default="a"),
                parameter("strength", type="float", default=0.5),
            )
        )
    )
    rows = [line for line in body.split("\n") if line.startswith("| `--")]
    assert rows[0].startswith(
        "| `--sigma` | removed | `float, default 1.0` |  | Whoever still gives it gets an error."
    )
    assert rows[0].endswith(" | **major** |")
    assert any(row.startswith("| `--mode` | accepts more | `a, b` | `a, b, c` |") for row in rows)
    assert any(row.startswith("| `--strength` | new |  | `float, default 0.5` |") for row in rows)
    assert (
        "**Merging this publishes version 2.0.0 of `Add Noise`.** One change can break what others do with it."
        in body
    )
    assert (
        "| Version | `2.0.0`: a major version after `1.3.1`, as what others do with it can break. |" in body
    )


@pytest.mark.parametrize(
    ("made", "version", "why"),
    [
        (NOW, "1.3.2", "a patch after `1.3.1`, as its use stays what it is"),
        (
            module(*NOW.parameters, parameter("new")),
            "1.4.0",
            "a minor version after `1.3.1`, as whatever works now",
        ),
        (
            module(*NOW.parameters[1:]),
            "2.0.0",
            "a major version after `1.3.1`, as what others do with it can break",
        ),
    ],
)
def test_the_version_comes_with_its_reason(made: Module, version: str, why: str) -> None:
    body = review_body(after(made))
    assert f"publishes version {version} of" in body
    assert f"| Version | `{version}`: {why}" in body


def test_the_first_version_has_no_other_reason() -> None:
    """Also where something is published already, from before there were versions."""
    older = after(NOW)
    assert older.current is not None
    unnumbered = replace(older, current=replace(older.current, version=None), version=Version(1, 0, 0))
    assert "| Version | `1.0.0`: the first one. |" in review_body(unnumbered)
    taken_back = replace(first(), version=Version(2, 0, 0))
    assert "`2.0.0`: the next one after those that were taken back. |" in review_body(taken_back)


def test_what_cannot_be_compared_is_said_and_not_guessed() -> None:
    unread = replace(first(), version=None, unread="the registry does not answer")
    body = review_body(unread)
    assert "What is published now cannot be compared with it at the moment." in body
    assert "| Version | not known yet: the registry does not answer |" in body
    assert "for the first time" not in body
    assert "I am the bot" not in body
    unreadable = replace(after(NOW), interface=None, version=Version(2, 0, 0))
    assert "the description of the published image is unreadable" in review_body(unreadable)


def test_after_all_was_taken_back_it_is_published_again_and_not_for_the_first_time() -> None:
    again = replace(first(), version=Version(2, 0, 0))
    for current in (None, Current("registry.example.com/group/add-noise", "", 0, None, None)):
        body = review_body(replace(again, current=current))
        assert (
            "**Merging this publishes `Add Noise` again, as version 2.0.0.** What was published before"
            in body
        )
        assert "| Version | `2.0.0`: the next one after those that were taken back. |" in body


def test_what_cannot_be_predicted_is_said_with_the_reason() -> None:
    unsure = replace(after(NOW), prediction=Prediction(None, None, "Packages come or go."))
    assert "| Image | cannot be told beforehand: Packages come or go. |" in review_body(unsure)


def test_what_stands_in_the_way_comes_first_and_says_what_to_do() -> None:
    wrong = problem("There is no `--output-path`.", line=12)
    odd = problem("`numpy` has no exact version.", Severity.WARNING, line=2)
    body = review_body(replace(after(NOW, wrong, odd), version=None), (wrong, odd))
    assert body.startswith("**Merging this would publish nothing.** One thing stands in the way.")
    assert "What is published now stays as it is." in body
    assert "| `main.py:12` | There is no `--output-path`. | Mend it. |" in body
    assert body.index("**In the way:**") < body.index("**Worth a look:**")
    assert "| Version |" not in body


@pytest.mark.parametrize(
    ("in_note", "on_lines", "said"),
    [
        (0, 1, "One problem has a discussion on its line."),
        (0, 3, "Three problems have a discussion on their lines."),
        (1, 1, "One has a discussion on its line; the rest stands here:"),
        (1, 12, "12 have a discussion on their lines; the rest stands here:"),
    ],
)
def test_problems_told_on_their_lines_are_only_counted(in_note: int, on_lines: int, said: str) -> None:
    wrong = problem("There is no `--output-path`.")
    body = review_body(first(wrong), (wrong,) * in_note, on_lines)
    assert said in body
    assert body.count("There is no") == in_note


def test_requirements_environment_size_and_time_are_told() -> None:
    reviewed = replace(
        after(NOW),
        requirements=(
            RequirementChange("numpy", "moved", "==1.26", "==2.1", ""),
            RequirementChange("evil|@all", "yanked", "==1", "==2", "see #1 at https://evil.example"),
        ),
        prediction=Prediction(212_000_000, 42.0, "Like the image of now."),
    )
    body = review_body(reviewed)
    assert "| `numpy` | another version | `==1.26` | `==2.1` |  |" in body
    assert "taken back by its authors" in body
    assert "| Environment | python (Python 3.12): the default, as .mlreef.yaml names none |" in body
    assert "| Image | about 212 MB, about 42 s to build. Like the image of now. |" in body
    assert_harmless(body)


def test_all_parameters_are_there_for_who_opens_them() -> None:
    body = review_body(first())
    assert "<details><summary>All 3 parameters</summary>" in body
    assert "| `--input-path` | `str` | *required* |  | where the images are |" in body


def test_a_fork_where_no_status_can_be_set_is_told_so() -> None:
    told = "I have no rights in the project that this comes from, so this note stands here without a status."
    assert told in review_body(replace(first(), foreign=True))
    assert told not in review_body(first())


def test_no_commit_is_named_so_a_push_that_changes_nothing_changes_no_note() -> None:
    again = replace(REQUEST, sha="c" * 40)
    for reviewed in (first(), after(NOW), after(module(*NOW.parameters[1:])), first(problem("No."))):
        assert review_body(replace(reviewed, request=again)) == review_body(reviewed)


def test_when_all_is_resolved_one_line_is_left() -> None:
    assert folded_body(after(NOW)) == (
        "**Merging this publishes version 1.3.2 of `Add Noise`.** Nothing changes for those who use it. "
        "Nothing is in the way."
    )
    hint = problem("`--x` has no help.", Severity.INFO)
    assert folded_body(after(NOW, hint)).endswith("One thing is worth a look: `mlreef-bot check .` shows it.")
    for one in (first(), first(problem("No.")), replace(first(), unread="no answer", version=None)):
        assert "\n" not in folded_body(one)
    assert moved_away_body("topic/x") == (
        "Nothing to say any more: this merge request goes to `topic/x` now, which publishes nothing."
    )


def test_the_status_says_what_merging_comes_to() -> None:
    assert (
        check_status(after(module(*NOW.parameters[1:])))
        == "Merging publishes 2.0.0; 1 change for those who use it"
    )
    assert (
        check_status(after(NOW, problem("x", Severity.WARNING)))
        == "Merging publishes 1.3.2; 1 thing worth a look"
    )
    wrong = problem("There is no `--output-path`.", line=12)
    assert check_status(first(wrong, wrong)) == (
        "Would not be published: main.py:12: There is no '--output-path'. (and 1 more)"
    )
    assert len(check_status(first(problem("x" * 5000)))) <= 255


def test_five_hundred_problems_and_thousands_of_parameters_still_make_a_short_note() -> None:
    long = "|`@" * 700
    made = module(
        *(parameter(f"p{n}", help=long, default=long, choices=(long,) * 30, type=long) for n in range(3000)),
        name=long,
    )
    many = tuple(replace(problem(long, line=n), hint=long) for n in range(500))
    changed = tuple(RequirementChange(f"{n}{long}", "moved", long, long, long) for n in range(2000))
    known = after(module(*made.parameters[:200]))
    reviewed = replace(known, report=report(*many, made=made), problems=many, requirements=changed)
    body = review_body(reviewed, many, 12)
    assert len(body) < MAX_NOTE_CHARS / 3
    assert "12 have a discussion on their lines; the rest stands here:" in body
    assert_harmless(body)
    assert len(folded_body(reviewed)) < 2000
    assert len(check_status(reviewed)) <= 255


def test_a_table_ends_before_it_is_too_long_and_counts_the_rest() -> None:
    many = [replace(problem("`x`" * 300), hint="`y`" * 300) for _ in range(500)]
    lines = problem_table(many)
    assert sum(len(line) + 1 for line in lines) < MAX_TABLE_CHARS + 200
    shown = len([line for line in lines if line.startswith("| `main.py")])
    assert lines[-1] == f"… and {500 - shown} more: `mlreef-bot check .` shows all."
