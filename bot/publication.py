"""One publication, top to bottom: fetch a branch's head, read it, plan, do, tell.

It returns when there is nothing to do at once; what follows (a pipeline that GitLab did not start, its end)
is for later jobs. Every job may be done again at any time.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot.adapters.publications import Publication
from bot.branches import is_published, publish_named
from bot.domain import plan, reports, wizard_words
from bot.domain.gitlab import Project
from bot.domain.jobs import COMMAND, EnsurePipeline, Later, Publish, Setup
from bot.domain.plan import Head, State
from bot.domain.steps import CommitFile, ProposeFile, SetStatus, Tell
from bot.domain.wizard import SETUP_BRANCH
from bot.errors import Refused
from bot.guarding import find_loop, spend_commit
from bot.metrics import PUBLICATIONS, stage
from bot.opening import is_wanted, wants_setup
from bot.reading import fetch_report
from bot.telling import perform
from bot.world import World
from parser.model import Problem

MERGE_LOOKS = 2
"""How often the merge request of a merge commit is waited for before the commit itself is commented."""

log = structlog.get_logger()


def publish(job: Publish, world: World) -> tuple[Later, ...]:
    """Bring the branch's head to publication; nothing is done twice for a head that is known."""
    project = world.forge.fetch_project(job.project_id)
    if project.archived or not is_published(project, job.branch, world):
        log.info("branch_not_published", project=project.path, branch=job.branch, archived=project.archived)
        return ()
    branch = world.forge.fetch_branch(project.id, job.branch)
    # what is published of the branch is no longer its head's, whatever becomes of this one
    world.store.note_head(project.id, job.branch, "" if branch is None else branch.sha)
    if branch is None:
        log.info("branch_gone", project=project.path, branch=job.branch)
        return ()
    known = world.store.publication(project.id, branch.sha, branch.name)
    # a newer commit took the place of this one, and then the branch was moved back to it: it is to be published again
    back = known is not None and known.state == State.SUPERSEDED
    if known is not None and not back and job.cause != COMMAND:
        if State(known.state).ended:
            log.info("head_already_handled", project=project.path, sha=branch.sha, state=known.state)
            return (Later(Setup(project.id, SETUP_BRANCH)),) if is_wanted(project.id, world) else ()
        return (Later(EnsurePipeline(project.id, branch.name, branch.sha), world.policy.grace_seconds),)
    read = fetch_report(project, branch.sha, world)
    world.store.keep_uses(project.id, branch.name, read.uses)
    if read.is_only_user and job.cause != COMMAND:
        log.info("only_uses_modules", project=project.path, branch=branch.name, sha=branch.sha)
        return ()
    head = Head(project, branch, read.report, read.generated, read.own_ci)
    with stage("plan"):
        planned = plan.plan_publication(head, world.policy)
    setup = _plan_setup(planned, head, world)
    also = (*setup, *_publish_others(head, world))
    if setup:
        planned = replace(planned, tell=tuple(_announcing(step, project) for step in planned.tell))
    log.info(
        "head_read",
        project=project.path,
        sha=branch.sha,
        problems=len(head.report.problems),
        state=planned.state,
        writes=planned.write is not None,
    )
    if isinstance(planned.write, CommitFile) and job.cause != COMMAND:
        loop = find_loop(head, world)
        if loop is not None:
            log.error("loop_stopped", project=project.path, branch=branch.name, sha=branch.sha, why=loop)
            planned = replace(planned, write=None)
    match planned.write:
        case CommitFile() as commit:
            return (*also, *_commit(commit, planned, head, world))
        case ProposeFile() as proposal:
            return (*also, *_propose(proposal, head, world))
        case None:
            source = plan.source_of(branch)
            if source != branch.sha and world.store.publication(project.id, source, branch.name) is None:
                # our commit is there, and we died before we noted what it took the place of
                _record(head, source, State.SUPERSEDED, world)
            # right after a merge, GitLab may not have marked the merge request yet
            merging = len(branch.parents) > 1 and job.attempt < MERGE_LOOKS
            at_once = job.cause == COMMAND and known is not None
            return (*also, *_settle(planned, head, branch.sha, world, at_once or back, at_once, merging))


def _publish_others(head: Head, world: World) -> tuple[Later, ...]:
    """The project's other branches, as far as its default branch names them."""
    if head.branch.name != head.project.default_branch:
        return ()
    return publish_named(head.project, head.report.settings.branches, world)


def _plan_setup(planned: plan.Plan, head: Head, world: World) -> tuple[Later, ...]:
    """The wizard's merge request, where this is the first head of a project and lacks what that would bring."""
    refused = planned.state is State.REFUSED
    if head.branch.name != head.project.default_branch or not (refused or world.policy.wizard == "always"):
        return ()
    settings = world.policy.pipeline_settings(head.report)
    problems = (*head.report.problems, settings) if isinstance(settings, Problem) else head.report.problems
    return (
        (Later(Setup(head.project.id, SETUP_BRANCH)),) if wants_setup(head.project, problems, world) else ()
    )


def _announcing(step: SetStatus | Tell, project: Project) -> SetStatus | Tell:
    if isinstance(step, SetStatus):
        return step
    return replace(step, body=f"{step.body}\n\n{wizard_words.coming_comment(project.web_url)}")


def _commit(step: CommitFile, planned: plan.Plan, head: Head, world: World) -> tuple[Later, ...]:
    again = (Later(Publish(head.project.id, head.branch.name, cause="moved")),)
    guards = world.policy.guards
    wait = spend_commit(head.project.id, step.branch, step.parent, world.store, guards)
    if wait is not None:
        return _overspent(wait, head, world)
    last = None
    if step.exists:
        last = world.forge.fetch_last_commit_of(head.project.id, step.parent, step.path)
    try:
        with stage("do"):
            made = world.forge.commit(
                head.project.id, step.branch, step.message, step.path, step.content, last
            )
    except Refused as refusal:
        now = world.forge.fetch_branch(head.project.id, step.branch)
        if now is None or now.sha != step.parent:
            return again
        if not now.can_push or "(403)" in str(refusal):
            return _propose(plan.plan_proposal(head, step.content), head, world)
        return _uncommitted(str(refusal), head, world)
    log.info("file_committed", project=head.project.path, sha=made.sha, parent=step.parent)
    if made.parents[:1] != (step.parent,):
        # somebody pushed in between: what was parsed is not what the file now stands on
        return again
    _record(head, head.branch.sha, State.SUPERSEDED, world)
    return _settle(planned, head, made.sha, world)


def _overspent(wait: float, head: Head, world: World) -> tuple[Later, ...]:
    """Too many commits of ours within an hour: told, and tried again when the hour has passed."""
    project, branch, limit = head.project, head.branch, world.policy.guards.commits_per_hour
    log.error(
        "commit_budget_spent",
        project=project.path,
        branch=branch.name,
        commits_per_hour=limit,
        seconds=round(wait),
        hint="Another program seems to answer the bot's commits; or raise publish.commits_per_hour.",
    )
    url = f"{project.web_url}/-/commit/{branch.sha}"
    perform(
        (
            SetStatus(branch.sha, branch.name, "failed", reports.overspent_status(limit), url),
            Tell(branch.sha, branch.name, reports.overspent_note(limit), aloud=True),
        ),
        project.id,
        world,
    )
    # no record: this head is not done with
    return (Later(Publish(project.id, branch.name, branch.sha, cause="budget"), wait),)


def _propose(step: ProposeFile, head: Head, world: World) -> tuple[Later, ...]:
    project = head.project
    existing = world.forge.fetch_branch(project.id, step.source_branch)
    try:
        if existing is None or existing.message.strip() != step.message.strip():
            last = None
            if step.exists:
                last = world.forge.fetch_last_commit_of(project.id, step.parent, step.path)
            with stage("do"):
                world.forge.commit(
                    project.id, step.source_branch, step.message, step.path, step.content, last, step.parent
                )
        request = world.forge.fetch_open_merge_request(project.id, step.source_branch, step.branch)
        if request is None:
            request = world.forge.create_merge_request(
                project.id, step.source_branch, step.branch, step.title, step.description
            )
    except Refused as refusal:
        return _uncommitted(str(refusal), head, world)
    sha = head.branch.sha
    perform(
        (
            SetStatus(sha, step.branch, "failed", reports.proposed_status(request.iid), request.web_url),
            Tell(sha, step.branch, reports.proposed_note(request.iid, step.branch), aloud=True),
        ),
        project.id,
        world,
    )
    _record(head, sha, State.PROPOSED, world)
    return ()


def _uncommitted(words: str, head: Head, world: World) -> tuple[Later, ...]:
    sha = head.branch.sha
    url = f"{head.project.web_url}/-/commit/{sha}"
    perform(
        (
            SetStatus(sha, head.branch.name, "failed", reports.uncommitted_status(words), url),
            Tell(sha, head.branch.name, reports.uncommitted_note(words), aloud=True),
        ),
        head.project.id,
        world,
    )
    _record(head, sha, State.UNBUILT, world)
    return ()


def _settle(
    planned: plan.Plan,
    head: Head,
    sha: str,
    world: World,
    fresh: bool = False,
    at_once: bool = False,
    merging: bool = False,
) -> tuple[Later, ...]:
    source = plan.source_of(head.branch)
    told = tuple(
        replace(step, sha=step.sha or (sha if isinstance(step, SetStatus) else source))
        for step in planned.tell
    )
    perform(told, head.project.id, world, merging)
    _record(head, sha, planned.state, world)
    if planned.state is not State.WAITING:
        return ()
    grace = 0.0 if at_once else world.policy.grace_seconds
    return (Later(EnsurePipeline(head.project.id, head.branch.name, sha, fresh=fresh), grace),)


def _record(head: Head, sha: str, state: State, world: World) -> None:
    """Note where the commit stands; what was published of it before stays known."""
    # what our own commit took the place of has not ended, it goes on under another id
    if state.ended and state is not State.SUPERSEDED:
        PUBLICATIONS.labels(state.value).inc()
    fresh = Publication(
        project_id=head.project.id,
        branch=head.branch.name,
        sha=sha,
        source_sha=plan.source_of(head.branch),
        state=state,
    )
    known = world.store.publication(head.project.id, sha, head.branch.name) or fresh
    world.store.ensure_publication(
        replace(fresh, number=known.number, digest=known.digest, image=known.image)
    )
