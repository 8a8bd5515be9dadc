"""Event → the job it asks for, or the reason why there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.domain.branches import OWN, is_published
from bot.domain.commands import read_command
from bot.domain.events import (
    Asked,
    Build,
    Changed,
    Event,
    Found,
    MergeRequest,
    Note,
    Other,
    Pipeline,
    Push,
    WithdrawAsked,
)
from bot.domain.gitlab import ENDED
from bot.domain.guards import ALL_GUARDS, Guards, is_own_push
from bot.domain.jobs import (
    COMMAND,
    Answer,
    Check,
    Follow,
    Job,
    List,
    Publish,
    Run,
    Withdraw,
    merge_request_lane,
)
from bot.domain.pipeline import PATH

ENDED_BADLY = frozenset({"failed", "canceled"})
"""States of a job of ours after which the publication is not done."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides besides the event: branches published besides the default one, and our jobs, in order.

    `others`: projects may name further branches.
    """

    branches: tuple[str, ...]
    job_names: tuple[str, ...]
    guards: Guards = ALL_GUARDS
    others: bool = False


NamedIn = Callable[[int], tuple[str, ...] | None]
"""A project's id → the branches that it names itself, as it was read last; None while nobody knows."""


def _nobody_knows(_project_id: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is to be done; the sender may read why."""

    why: str


def route(
    event: Event,
    rules: Rules,
    bot_user_id: int | None,
    bot_name: str = "",
    named_in: NamedIn = _nobody_knows,
) -> Job | Ignored:
    """Decide what an event asks for. The bot's id and name are None and empty while it is not known who it is."""
    match event:
        case Push():
            return _route_push(event, rules, bot_user_id, named_in)
        case Pipeline():
            return _route_pipeline(event, rules, named_in)
        case Asked(project_id, branch):
            return Publish(project_id, branch, cause=COMMAND)
        case Found(project_id, branch, sha, pipeline_id):
            if pipeline_id is not None:
                return Follow(project_id, branch, sha, pipeline_id)
            return Publish(project_id, branch, sha, cause="sweep")
        case WithdrawAsked(project_id, branch, version, action, user_id, key):
            return Withdraw(project_id, branch, version, action, user_id, key)
        case Changed(project_id, whole):
            return List(project_id, whole=whole)
        case MergeRequest():
            return _route_merge_request(event, rules, named_in)
        case Note():
            return _route_note(event, bot_user_id, bot_name)
        case Other(_, why):
            return Ignored(why)


def may_be_published(
    project_id: int, branch: str, default_branch: str | None, rules: Rules, named_in: NamedIn
) -> bool:
    """Whether this branch is published, as far as is known; the job itself asks GitLab."""
    if is_published(branch, default_branch, rules.branches):
        return True
    if not rules.others or branch.startswith(OWN):
        return False
    named = named_in(project_id)
    return named is None or is_published(branch, default_branch, named)


def same_push(one: Event, other: Event) -> bool:
    """Whether two events tell the same move of the same ref, as a project's and its group's hook do."""
    return (
        isinstance(one, Push)
        and isinstance(other, Push)
        and (one.project_id, one.ref, one.before, one.after)
        == (other.project_id, other.ref, other.before, other.after)
    )


def _route_push(push: Push, rules: Rules, bot_user_id: int | None, named_in: NamedIn) -> Job | Ignored:
    branch = push.branch
    if branch is None:
        return Ignored("only branches are published, not tags")
    published = may_be_published(push.project_id, branch, push.default_branch, rules, named_in)
    if push.deleted:
        return List(push.project_id) if published else Ignored("the branch was deleted")
    if not published:
        return Ignored("this branch is not published")
    if is_own_push(push, bot_user_id, rules.guards):
        return Ignored(f"this is the bot's own commit of {PATH}")
    return Publish(push.project_id, branch, push.after)


def _route_merge_request(request: MergeRequest, rules: Rules, named_in: NamedIn) -> Job | Ignored:
    if request.action not in ("open", "reopen", "update"):
        return Ignored("only what is open is checked; a merge is told by its push")
    if request.action == "update" and not request.moved:
        return Ignored("neither commits nor target of the merge request changed")
    # hooks of old versions do not name the default branch: the job itself then knows what is published
    known = request.target_branch and request.default_branch is not None
    target, default = request.target_branch, request.default_branch
    published = not known or may_be_published(request.project_id, target, default, rules, named_in)
    if not published and not request.retargeted:
        return Ignored("this merge request does not go to a published branch")
    return Check(request.project_id, merge_request_lane(request.iid), request.iid, request.sha or None)


def same_note(one: Event, other: Event) -> bool:
    """Whether two events tell of the same new comment, as a project's and its group's hook do."""
    return (
        isinstance(one, Note)
        and isinstance(other, Note)
        and one.note_id != 0
        and (one.project_id, one.note_id, one.action) == (other.project_id, other.note_id, other.action)
    )


def _route_note(note: Note, bot_user_id: int | None, bot_name: str) -> Job | Ignored:
    if note.system or note.internal:
        return Ignored("GitLab's own and internal comments ask for nothing")
    # GitLabs before 16.11 do not say what happened, and tell of new comments only
    if note.action != "create" and not (note.action == "unknown" and note.once):
        return Ignored("only a new comment asks for something, not an edited one")
    if not note.note_id or not note.author_id or note.author_id == bot_user_id:
        return Ignored("this comment is the bot's own, or nobody's")
    # while nobody knows the bot's name, the job finds out whether it is called
    if read_command(note.line, bot_name) is None and not (not bot_name and note.line.startswith("@")):
        return Ignored("this comment's first line is no command")
    answer = Answer(
        project_id=note.project_id,
        branch="",
        target=note.target,
        iid=note.iid,
        sha=note.sha,
        note_id=note.note_id,
        discussion_id=note.discussion_id,
        user_id=note.author_id,
        line=note.line,
    )
    match note.target:
        case "MergeRequest" if note.iid:
            return replace(answer, branch=merge_request_lane(note.iid))
        case "Commit" if note.sha:
            return replace(answer, branch=f"commit {note.sha}")
        case "Issue" if note.iid and bot_name and bot_name.lower() not in note.mentions:
            return Ignored("in issues only who calls the bot by its name is answered")
        case "Issue" if note.iid:
            return replace(answer, branch=f"issue {note.iid}")
    return Ignored("comments of this kind are not answered")


def _route_pipeline(pipeline: Pipeline, rules: Rules, named_in: NamedIn) -> Job | Ignored:
    publication = _route_publication(pipeline, rules, named_in)
    ran = pipeline.status in ENDED and any(build.run for build in pipeline.builds)
    if not ran or pipeline.tag:
        return publication
    if isinstance(publication, Follow):
        return replace(publication, runs=True)
    return Run(pipeline.project_id, pipeline.ref, pipeline.sha, pipeline.pipeline_id, pipeline.merge_request)


def _route_publication(pipeline: Pipeline, rules: Rules, named_in: NamedIn) -> Follow | Ignored:
    # older job hooks do not name the default branch: the job itself then knows whether it is published
    default, project_id = pipeline.default_branch, pipeline.project_id
    published = default is None or may_be_published(project_id, pipeline.ref, default, rules, named_in)
    if pipeline.tag or not published:
        return Ignored("this pipeline is not on a published branch")
    if pipeline.source == "merge_request_event":
        return Ignored("pipelines of merge requests publish nothing")
    ours = [build for build in pipeline.builds if build.name in rules.job_names]
    if not ours and pipeline.parent is not None and pipeline.status in ENDED_BADLY and not pipeline.by_job:
        # maybe a stage of the author's own: what it stopped is told by no other hook
        return Follow(pipeline.project_id, pipeline.ref, pipeline.sha, pipeline.parent)
    if not ours:
        return Ignored("none of this pipeline's jobs is ours")
    about = Follow(pipeline.project_id, pipeline.ref, pipeline.sha, pipeline.pipeline_id)
    # a stage of the author's own is no build: behind one that fails, jobs of ours are skipped
    begun = any(build.name == rules.job_names[0] and build.status == "success" for build in ours)
    stopped = begun and any(build.status == "skipped" for build in ours)
    if stopped or any(_ends(build, rules) for build in ours):
        return about
    # of a job's own hooks only the first job's start is worth a word; the rest would repeat it
    if any(
        build.status == "running" and (not pipeline.by_job or build.name == rules.job_names[0])
        for build in ours
    ):
        return replace(about, running=True, by_job=pipeline.by_job)
    return Ignored("nothing new can be told about our jobs")


def _ends(build: Build, rules: Rules) -> bool:
    return build.status in ENDED_BADLY or (build.status == "success" and build.name == rules.job_names[-1])
