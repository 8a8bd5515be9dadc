"""Every shape of payload that GitLab sends, and what it asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from deliveries import NAMES, payload
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import Note, Other, Pipeline, Push, WithdrawAsked, from_dict, subject, to_dict
from bot.domain.jobs import COMMAND, Answer, Check, Follow, List, Publish, Run, Withdraw
from bot.domain.payloads import MAX_ID, MAX_MENTIONS, read_event
from bot.domain.routing import Ignored, Rules, route, same_note, same_push

OLD, NEW = "1f0e" * 10, "7c3d" * 10
RULES = Rules((), ("mlreef-verify", "mlreef-build", "mlreef-smoke", "mlreef-promote"))
BOT, NAME = 99, "mlreef-bot"

PUBLISHED = Publish(42, "main", NEW)
FOLLOWED = Follow(42, "main", NEW, 31)
LISTED = List(42)

CHECKED = Check(42, "merge request 3", 3, NEW)
ASKED = Answer(42, "merge request 3", "MergeRequest", 3, "", 1244, "", 7, "/mlreef publish")
ON_ISSUE = replace(ASKED, branch="issue 4", target="Issue", iid=4)

EXPECTED: dict[str, Publish | Follow | Check | Answer | List | Run | str] = {
    "deployment_succeeded": "events of kind deployment need no work",
    "emoji_awarded": "events of kind emoji need no work",
    "group_member_added": "events of kind user_add_to_group need no work",
    "group_project_destroyed": LISTED,
    "group_project_created": "events of kind project_create need no work",
    "group_subgroup_created": "events of kind subgroup_create need no work",
    "issue_opened": "events of kind issue need no work",
    "job_build_failed": FOLLOWED,
    "job_build_running": "nothing new can be told about our jobs",
    "job_build_succeeded": "nothing new can be told about our jobs",
    "job_of_others": "none of this pipeline's jobs is ours",
    "job_promoted": FOLLOWED,
    "job_verify_running": Follow(42, "main", NEW, 31, running=True, by_job=True),
    "merge_request_from_fork": CHECKED,
    "merge_request_merged": "only what is open is checked; a merge is told by its push",
    "merge_request_new_code": CHECKED,
    "merge_request_opened": CHECKED,
    "note_by_bot": "this comment is the bot's own, or nobody's",
    "note_by_gitlab_itself": "GitLab's own and internal comments ask for nothing",
    "note_confidential": "GitLab's own and internal comments ask for nothing",
    "note_edited": "only a new comment asks for something, not an edited one",
    "note_edited_in_old_gitlab": "only a new comment asks for something, not an edited one",
    "note_from_old_gitlab": ASKED,
    "note_on_commit": replace(ASKED, branch=f"commit {NEW}", target="Commit", iid=0, sha=NEW),
    "note_on_issue": "in issues only who calls the bot by its name is answered",
    "note_on_issue_calling_the_bot": replace(ON_ISSUE, line="@mlreef-bot status", discussion_id="6a9c" * 10),
    "note_on_issue_that_calls_the_bot": ON_ISSUE,
    "note_on_line_of_diff": replace(ASKED, line="/mlreef check", discussion_id="6a9c" * 10),
    "note_on_merge_request": ASKED,
    "note_on_snippet": "comments of this kind are not answered",
    "note_quoting": "this comment's first line is no command",
    "pipeline_build_failed": FOLLOWED,
    "pipeline_canceled": FOLLOWED,
    "pipeline_child_promoted": FOLLOWED,
    "pipeline_created": "nothing new can be told about our jobs",
    "pipeline_external": "none of this pipeline's jobs is ours",
    "pipeline_of_merge_request": "pipelines of merge requests publish nothing",
    "pipeline_of_merge_request_with_run": Run(42, "add-mode", NEW, 31, iid=3),
    "pipeline_of_tag_with_run": "this pipeline is not on a published branch",
    "pipeline_promoted_with_run": replace(FOLLOWED, runs=True),
    "pipeline_with_run": Run(42, "main", NEW, 31),
    "pipeline_with_run_running": "none of this pipeline's jobs is ours",
    "pipeline_of_others": "none of this pipeline's jobs is ours",
    "pipeline_of_tag": "this pipeline is not on a published branch",
    "pipeline_on_other_branch": "this pipeline is not on a published branch",
    "pipeline_promoted": FOLLOWED,
    "pipeline_running": Follow(42, "main", NEW, 31, running=True),
    "pipeline_skipped": "nothing new can be told about our jobs",
    "push_branch_created_empty": PUBLISHED,
    "push_branch_deleted": LISTED,
    "push_branch_deleted_sha256": LISTED,
    "push_by_author_generated_file": PUBLISHED,
    "push_by_bot_generated_file": "this is the bot's own commit of mlreef.yml",
    "push_by_bot_more_files": PUBLISHED,
    "push_forced": PUBLISHED,
    "push_from_old_gitlab": PUBLISHED,
    "push_from_system_hook": PUBLISHED,
    "push_from_test_button": PUBLISHED,
    "push_of_tag": "only branches are published, not tags",
    "push_over_twenty_commits": PUBLISHED,
    "push_sha256_repository": Publish(42, "main", "6b" * 32),
    "push_skipping_ci": PUBLISHED,
    "push_to_branch_with_hostile_name": "this branch is not published",
    "push_to_default_branch": PUBLISHED,
    "push_to_other_branch": "this branch is not published",
    "push_without_default_branch": "this branch is not published",
    "release_created": "events of kind release need no work",
    "system_project_destroy": LISTED,
    "system_project_of_no_number": "the payload of this project_update event cannot be read: "
    "`project_id` is missing or not an id",
    "system_project_rename": LISTED,
    "system_project_transfer": LISTED,
    "system_project_update": LISTED,
    "system_project_create": "events of kind project_create need no work",
    "system_repository_update": "events of kind repository_update need no work",
}


def test_every_sample_has_an_expectation() -> None:
    assert set(NAMES) == set(EXPECTED)


@pytest.mark.parametrize("name", NAMES)
def test_each_payload_asks_for_the_right_thing(name: str) -> None:
    decision = route(read_event(payload(name)), RULES, BOT, NAME)
    assert decision == (Ignored(why) if isinstance(why := EXPECTED[name], str) else why)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_comes_back_from_storage_as_it_was(name: str) -> None:
    event = read_event(payload(name))
    assert from_dict(json.loads(json.dumps(to_dict(event)))) == event


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_kept_that_could_be_a_secret(name: str) -> None:
    kept = json.dumps(to_dict(read_event(payload(name))))
    assert "canary-of-a-variable" not in kept
    assert "ada@example.com" not in kept


def test_a_run_in_a_merge_request_to_another_project_is_told_on_its_branch() -> None:
    told = payload("pipeline_of_merge_request_with_run")
    elsewhere = {**told, "merge_request": {**told["merge_request"], "target_project_id": 43}}
    assert route(read_event(elsewhere), RULES, BOT, NAME) == Run(42, "add-mode", NEW, 31)


def test_what_an_older_worker_does_not_know_is_left_out_where_it_says_nothing() -> None:
    data = to_dict(read_event(payload("pipeline_of_others")))
    assert "merge_request" not in data
    assert not any("run" in build for build in data["builds"])


def test_the_bots_commit_is_worked_on_while_nobody_knows_who_the_bot_is() -> None:
    assert route(read_event(payload("push_by_bot_generated_file")), RULES, None) == PUBLISHED


def test_a_push_with_an_incomplete_list_of_commits_is_never_taken_for_the_bots_own_file() -> None:
    many = read_event(payload("push_over_twenty_commits", user_id=BOT))
    assert isinstance(many, Push)
    assert many.changed is None
    assert route(many, RULES, BOT) == PUBLISHED


def test_more_branches_can_be_published_beside_the_default_one() -> None:
    rules = Rules(("feature/more-noise",), RULES.job_names)
    assert route(read_event(payload("push_to_other_branch")), rules, BOT) == Publish(
        42, "feature/more-noise", NEW
    )
    assert route(read_event(payload("push_to_default_branch")), rules, BOT) == PUBLISHED


def test_branches_that_a_project_names_itself_are_published_as_far_as_the_operator_allows_it() -> None:
    allowed = Rules((), RULES.job_names, others=True)
    push = read_event(payload("push_to_other_branch"))
    wanted = Publish(42, "feature/more-noise", NEW)
    assert route(push, allowed, BOT, named_in=lambda _id: ("feature/*",)) == wanted
    assert route(push, RULES, BOT, named_in=lambda _id: ("feature/*",)) == Ignored(
        "this branch is not published"
    )
    assert route(push, allowed, BOT, named_in=lambda _id: ()) == Ignored("this branch is not published")
    # while nobody knows, the job itself reads what the default branch names
    assert route(push, allowed, BOT, named_in=lambda _id: None) == wanted


def test_for_the_default_branch_nobody_asks_what_is_named() -> None:
    asked: list[int] = []
    rules = Rules((), RULES.job_names, others=True)
    assert (
        route(read_event(payload("push_to_default_branch")), rules, BOT, named_in=asked.append) == PUBLISHED
    )
    assert asked == []


def test_a_person_may_ask_for_any_branch() -> None:
    event = from_dict({"kind": "asked", "project_id": 42, "branch": "main"})
    assert route(event, RULES, BOT) == Publish(42, "main", cause=COMMAND)


def test_a_skipped_pipeline_of_ours_is_not_followed_because_somebody_else_must_start_one() -> None:
    event = read_event(payload("pipeline_skipped"))
    assert isinstance(event, Pipeline)
    assert {build.status for build in event.builds} == {"skipped"}
    assert isinstance(route(event, RULES, BOT), Ignored)


def test_a_failed_child_without_our_jobs_asks_to_look_at_its_parent_where_it_may_be_a_stage() -> None:
    # our own status keeps the parent open, so that no hook of its own tells that a stage stopped it
    told = payload("pipeline_skipped")
    body = {
        **told,
        "object_attributes": {**told["object_attributes"], "status": "failed", "source": "parent_pipeline"},
        "builds": [{"name": "lint", "status": "failed"}],
    }
    own = {"project": {"id": told["project"]["id"]}, "pipeline_id": 30, "job_id": 3401}
    asked = route(read_event({**body, "source_pipeline": own}), RULES, BOT)
    assert isinstance(asked, Follow)
    assert asked.pipeline_id == 30
    foreign = {**own, "project": {"id": 41}}
    for parent in (foreign, None, {}, {**own, "pipeline_id": "30"}, {**own, "project": None}):
        assert isinstance(route(read_event({**body, "source_pipeline": parent}), RULES, BOT), Ignored)


def test_a_comment_told_by_two_hooks_is_recognised_and_its_later_edit_is_another_matter() -> None:
    one, other = read_event(payload("note_on_merge_request")), read_event(payload("note_on_merge_request"))
    assert same_note(one, other)
    assert subject(one) == subject(other) == "note 42 1244 create"
    assert subject(read_event(payload("note_edited"))) != subject(one)
    assert not same_note(one, read_event(payload("note_edited")))


def test_a_comment_that_an_earlier_version_of_the_bot_stored_asks_for_nothing() -> None:
    stored = {"kind": "note", "project_id": 42, "target": "MergeRequest", "action": "create"}
    assert isinstance(route(from_dict(stored), RULES, BOT, NAME), Ignored)


def test_whoever_calls_the_bot_while_nobody_knows_its_name_is_not_forgotten() -> None:
    calling = read_event(payload("note_on_issue_calling_the_bot"))
    assert isinstance(route(calling, RULES, None), Answer)


def test_of_a_comment_only_its_first_line_and_whom_it_calls_are_kept() -> None:
    long = payload("note_on_issue_calling_the_bot")
    long["object_attributes"]["note"] = "/mlreef help" + " " * 500 + "\n" + "@someone " * 50
    kept = read_event(long)
    assert isinstance(kept, Note)
    assert kept.line == ""
    assert kept.mentions == ("someone",)
    long["object_attributes"]["note"] = "Hi\n" + "".join(f"@name{n} " for n in range(100))
    kept = read_event(long)
    assert isinstance(kept, Note)
    assert (kept.line, len(kept.mentions)) == ("Hi", MAX_MENTIONS)


def test_the_same_push_told_by_two_hooks_is_recognised() -> None:
    one, other = read_event(payload("push_to_default_branch")), read_event(payload("push_from_system_hook"))
    assert same_push(one, other)
    assert subject(one) == subject(other)
    assert not same_push(one, read_event(payload("push_forced")))


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": "refs/heads/a\nb"},
        {"ref": "refs/heads/a\x00b"},
        {"ref": "refs/heads/\ud800"},
        {"ref": "refs/heads/" + "x" * 2000},
        {"ref": None},
        {"after": "not hex"},
        {"after": "7C3D" * 10},
        {"after": ""},
        {"before": 5},
        {"project_id": None, "project": {"id": True}},
        {"project_id": 0, "project": {"id": -1}},
        {"project_id": 10**400, "project": {"id": MAX_ID + 1}},
        {"project": None},
        {"project": []},
    ],
)
def test_a_payload_that_cannot_be_believed_is_ignored_with_a_reason(changes: dict[str, Any]) -> None:
    event = read_event(payload("push_to_default_branch", **changes))
    assert isinstance(event, Other)
    assert "cannot be read" in event.why


@pytest.mark.parametrize("action", ["unpublish", "republish"])
def test_what_people_ask_of_a_version_is_stored_and_becomes_a_job(action: str) -> None:
    asked = WithdrawAsked(42, "main", "1.2.0", action, 7, "request 1")
    stored = json.loads(json.dumps(to_dict(asked)))
    assert from_dict(stored) == asked
    assert route(asked, RULES, BOT, NAME) == Withdraw(42, "main", "1.2.0", action, 7, "request 1")
    # two requests about one version are two things, whatever GitLab's hooks tell meanwhile
    assert subject(asked) == f"{action} 42 1.2.0"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_json)
def test_no_json_value_at_all_makes_reading_fail(value: object) -> None:
    event = read_event(value)
    json.dumps(to_dict(event))
    route(event, RULES, BOT)


@given(st.sampled_from(NAMES), st.data())
def test_no_damaged_payload_makes_reading_fail(name: str, data: st.DataObject) -> None:
    damaged: Any = payload(name)
    place = damaged
    # walk down to some field and put anything in its place
    while True:
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not steps:
            return
        step = data.draw(st.sampled_from(steps))
        if not isinstance(place[step], dict | list) or not place[step] or data.draw(st.booleans()):
            place[step] = data.draw(_json)
            break
        place = place[step]
    event = read_event(damaged)
    assert from_dict(json.loads(json.dumps(to_dict(event)))) == event
    route(event, RULES, BOT)


@pytest.mark.parametrize("stored", [{}, {"kind": "nothing"}, {"kind": "push"}, {"kind": "asked", "id": 1}])
def test_a_stored_event_of_a_strange_form_is_a_value_error(stored: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="stored"):
        from_dict(stored)
