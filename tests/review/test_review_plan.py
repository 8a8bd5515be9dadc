"""What a review has to say: when a note is begun, and where discussions may stand."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.current import Current
from bot.domain.gitlab import MergeRequest, Project
from bot.domain.interface import Change, InterfaceDiff, Level
from bot.domain.manner import Manner, Notes
from bot.domain.requirement_changes import RequirementChange
from bot.domain.review import Reviewed
from bot.domain.review_plan import check_step, plan_review
from bot.domain.steps import CHECK_STATUS
from parser.model import EntryPoint, Kind, Module, Place, Problem, Report, Settings, Severity

HEAD = "7c" * 20
REQUEST = MergeRequest(
    3, "opened", "work", "main", "https://gitlab.example.com/x/-/merge_requests/3", 42, HEAD, 42
)
PROJECT = Project(
    42, "lab/add-noise", "main", "private", "mlreef.yml", "https://gitlab.example.com/lab/add-noise"
)
MODULE = Module(
    name="Add noise",
    slug="add-noise",
    kind=Kind.OPERATION,
    input_type="IMAGE",
    output_type="IMAGE",
    author=None,
    description=None,
    visibility=None,
    entry_points=(EntryPoint("main", "add_noise.py"),),
    parameters=(),
    requirements=None,
)
PUBLISHED = Current("registry.example.com/lab/add-noise", "sha256:" + "a" * 64, 3, None, MODULE)
UNWISHED = Problem("some-code", Severity.ERROR, "Such an environment is not allowed.", "Name another one.")
NOTES: tuple[Notes, ...] = get_args(Notes)

QUIET = Reviewed(REQUEST, PROJECT, Report(MODULE, Settings(), ()), (), UNWISHED, current=PUBLISHED)
"""Nothing to say: good, published before, and nothing changes."""

CHANGED = InterfaceDiff((Change("added", "--mode", "", "str", Level.MINOR, "Nothing to do."),), Level.MINOR)


def wrong(severity: Severity) -> Problem:
    return Problem("some-code", severity, "Something.", "Mend it.", Place("add_noise.py"))


def test_nothing_is_said_when_all_is_well() -> None:
    assert not plan_review(QUIET, Manner(), "all").worth_saying


@pytest.mark.parametrize(
    "reviewed",
    [
        replace(QUIET, interface=CHANGED),
        replace(QUIET, level=Level.MAJOR),
        replace(QUIET, current=None),
        replace(QUIET, problems=(wrong(Severity.WARNING),)),
        replace(QUIET, problems=(wrong(Severity.ERROR),)),
        replace(QUIET, requirements=(RequirementChange("numpy", "yanked", "", "==2.1", "broken"),)),
    ],
    ids=[
        "a changed interface",
        "an unreadable image",
        "a first publication",
        "a warning",
        "an error",
        "a version taken back",
    ],
)
def test_what_people_want_to_know_is_worth_a_note(reviewed: Reviewed) -> None:
    assert plan_review(reviewed, Manner(), "all").worth_saying


@pytest.mark.parametrize(
    "reviewed",
    [
        replace(QUIET, problems=(wrong(Severity.INFO),)),
        replace(QUIET, requirements=(RequirementChange("numpy", "moved", "==2.0", "==2.1"),)),
        replace(QUIET, current=None, unread="the registry does not answer"),
    ],
    ids=["something to know only", "another version of a package", "a registry that is away"],
)
def test_what_asks_nothing_of_anybody_is_not(reviewed: Reviewed) -> None:
    assert not plan_review(reviewed, Manner(), "all").worth_saying


def test_who_asked_for_problems_only_hears_of_problems_only() -> None:
    assert not plan_review(replace(QUIET, interface=CHANGED), Manner(), "problems").worth_saying
    assert not plan_review(replace(QUIET, current=None), Manner(), "problems").worth_saying
    assert plan_review(replace(QUIET, problems=(wrong(Severity.WARNING),)), Manner(), "problems").worth_saying


def test_who_asked_for_nothing_hears_nothing() -> None:
    planned = plan_review(replace(QUIET, problems=(wrong(Severity.ERROR),)), Manner(), "off")
    assert (planned.worth_saying, planned.discussions) == (False, 0)


def test_discussions_never_keep_from_merging_unless_the_operator_wants_it() -> None:
    strict = replace(QUIET, project=replace(PROJECT, needs_resolved_discussions=True))
    assert plan_review(strict, Manner(max_discussions=7), "all").discussions == 0
    assert plan_review(strict, Manner(max_discussions=7, may_block=True), "all").discussions == 7
    assert plan_review(QUIET, Manner(max_discussions=7), "all").discussions == 7


def test_a_fork_where_the_bot_has_no_rights_gets_the_note_alone() -> None:
    assert plan_review(replace(QUIET, foreign=True), Manner(), "all").discussions == 0


@given(
    problems=st.lists(st.sampled_from(Severity)).map(lambda found: tuple(wrong(one) for one in found)),
    current=st.sampled_from([None, PUBLISHED]),
    interface=st.sampled_from([None, InterfaceDiff(), CHANGED]),
)
def test_a_stricter_wish_never_has_more_said(
    problems: tuple[Problem, ...], current: Current | None, interface: InterfaceDiff | None
) -> None:
    reviewed = replace(QUIET, problems=problems, current=current, interface=interface)
    said = [plan_review(reviewed, Manner(), notes).worth_saying for notes in NOTES]
    assert said == sorted(said, reverse=True)
    # an error is never passed over but where nothing at all is to be said
    assert said[NOTES.index("problems")] or reviewed.good


def test_the_status_is_of_the_head_and_names_its_branch() -> None:
    step = check_step(REQUEST, "failed", "No.")
    assert (step.name, step.sha, step.branch, step.state, step.description) == (
        CHECK_STATUS,
        HEAD,
        "work",
        "failed",
        "No.",
    )
    assert step.target_url == REQUEST.web_url
