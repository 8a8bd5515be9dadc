"""One request to take a version back or to bring it back, top to bottom: who asks, may they, do it, tell it.

An image that is gone is built once more of its recorded lock, by a pipeline of the published branch. That publishes
nothing: when the recorded bytes are there again, the bot gives them their names back, and else nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.domain import withdrawal as words
from bot.domain.facts import withdrawal_fact
from bot.domain.failure_words import why_failed
from bot.domain.gitlab import ENDED, CiJob, Pipeline, Project
from bot.domain.jobs import Later, List, Withdraw
from bot.domain.rebuild import REPUBLISH, Rebuilt, read_differences, read_rebuilt
from bot.domain.tags import branch_slug, candidate_tag, is_sha
from bot.domain.version_names import read_name
from bot.domain.withdrawal import TAKE_BACK, Withdrawn, may_withdraw
from bot.domain.withdrawn_record import Record
from bot.errors import Gone, OperatorError, Refused
from bot.rebuilds import note_beginning, note_none, note_rebuild
from bot.withdrawing import find_commit, republish, unpublish
from bot.world import World

FIRST_LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

MAX_LOOKS = 200
"""How often the end of its pipeline is looked for, a few seconds to a minute apart: about three hours."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: the version's canonical name, and the commit that it is of."""

    job: Withdraw
    project: Project
    name: str
    sha: str
    world: World


def withdraw(job: Withdraw, world: World) -> tuple[Later, ...]:
    """Do what was asked for, or the next step of it."""
    project = world.forge.fetch_project(job.project_id)
    default = project.default_branch or job.branch
    named = read_name(job.version, branch_slug(job.branch), branch_slug(default))
    name = named.tag if named is not None else job.version
    asked = _Asked(job, project, name, find_commit(project, job.branch, job.version, world), world)
    if job.pipeline_id:
        return _look(asked)
    if not job.looks and not is_allowed(project, job.branch, asked.sha, job.user_id, world):
        return _end(asked, Withdrawn(False, words.not_allowed_reply(job.action)))
    if job.action == TAKE_BACK:
        done = unpublish(project, job.branch, job.version, world, user_id=job.user_id)
        return _end(asked, done)
    found = republish(project, job.branch, job.version, world)
    if found.rebuild is None:
        return _end(asked, found)
    return _begin(asked, found.rebuild)


def is_allowed(project: Project, branch: str, sha: str, user_id: int, world: World) -> bool:
    """Whether somebody may take that commit's version back, or bring it back, by what GitLab says of them now."""
    if not user_id:
        return True  # whoever runs the bot
    level = world.forge.fetch_level(project.id, user_id)
    if may_withdraw(level, False) or not may_withdraw(level, True):
        return may_withdraw(level, False)
    return user_id in fetch_publishers(project.id, branch, sha, world)


def fetch_publishers(project_id: int, branch: str, sha: str, world: World) -> frozenset[int]:
    """Who pushed the commit that a version is of, or the one that the bot's own was made for. No author is believed."""
    if not sha:
        return frozenset()
    known = world.store.publication(project_id, sha)
    on = known.branch if known is not None else branch
    pushers = _fetch_pushers(project_id, on, sha, world)
    if pushers == {world.user_id}:
        # the generated file's commit: its only parent is the author's
        parents = world.forge.fetch_parents(project_id, sha)
        pushers = _fetch_pushers(project_id, on, parents[0], world) if len(parents) == 1 else frozenset()
    return pushers - {world.user_id}


def _fetch_pushers(project_id: int, branch: str, sha: str, world: World) -> frozenset[int]:
    found = world.forge.fetch_pipelines(project_id, branch, sha, "push")
    details = (world.forge.fetch_pipeline(project_id, one.id) for one in found)
    return frozenset(one.user_id for one in details if one is not None and one.user_id is not None)


def tell_given_up(job: Withdraw, world: World) -> None:
    """Say that the bot tries no longer."""
    project = world.forge.fetch_project(job.project_id)
    sha = find_commit(project, job.branch, job.version, world)
    asked = _Asked(job, project, job.version, sha, world)
    _end(asked, Withdrawn(False, words.withdrawal_given_up_reply(job.version)))


def read_end(key: str, world: World) -> Withdrawn | None:
    """How a request ended that somebody waits for; None while it has not."""
    text = world.store.fact(withdrawal_fact(key))
    return Withdrawn.from_text(text) if text is not None else None


# Building it once more --------------------------------------------------------------------------------


def _begin(asked: _Asked, record: Record) -> tuple[Later, ...]:
    """Starts the pipeline, once: what was the newest before is noted first, should the answer be lost."""
    job, world, project = asked.job, asked.world, asked.project
    branch = _branch(asked, record)
    if not is_sha(record.sha) or branch is None:
        return _end(asked, Withdrawn(False, words.lost_reply(asked.name)))
    if job.since is None:
        newest = max((one.id for one in world.forge.fetch_newest_pipelines(project.id, branch, 0)), default=0)
        note_beginning(project.id, newest, world)
        return (Later(replace(job, since=newest, looks=1, attempt=0)),)
    started = next((one for one in _since(asked, branch) if _is_for(asked, one)), None)
    if started is None:
        try:
            started = world.forge.create_pipeline(project.id, branch, {REPUBLISH: asked.name})
        except (Refused, Gone) as refusal:
            note_none(project.id, world)
            return _end(asked, Withdrawn(False, words.not_started_reply(asked.name, f"{refusal}.")))
    note_rebuild(project.id, started.id, world)
    log.info("version_is_built_once_more", project=project.path, version=asked.name, pipeline=started.id)
    look = Later(replace(job, pipeline_id=started.id, looks=1, attempt=0), FIRST_LOOK_SECONDS, WAITS)
    return (look, Later(List(project.id)))


WAITS = "waits for a version to be built once more"


def _branch(asked: _Asked, record: Record) -> str | None:
    """The published branch whose pipeline builds it: its own, or the default one where that is gone."""
    for branch in (record.branch, asked.project.default_branch):
        if branch and asked.world.forge.fetch_branch(asked.project.id, branch) is not None:
            return branch
    return None


def _since(asked: _Asked, branch: str) -> Sequence[Pipeline]:
    return asked.world.forge.fetch_newest_pipelines(asked.project.id, branch, asked.job.since or 0)


def _is_for(asked: _Asked, pipeline: Pipeline) -> bool:
    given = asked.world.forge.fetch_pipeline_variables(asked.project.id, pipeline.id)
    return given.get(REPUBLISH) == asked.name


def _look(asked: _Asked) -> tuple[Later, ...]:
    job, world = asked.job, asked.world
    pipeline = world.forge.fetch_pipeline(job.project_id, job.pipeline_id)
    if pipeline is None:
        return _end(asked, Withdrawn(False, words.not_rebuilt_reply(asked.name, "", asked.project.web_url)))
    rebuilt = _fetch_rebuilt(asked, pipeline)
    if not rebuilt.ended and job.looks < MAX_LOOKS:
        pause = min(FIRST_LOOK_SECONDS * 1.5 ** min(job.looks, 20), LONGEST_PAUSE_SECONDS)
        return (Later(replace(job, looks=job.looks + 1, attempt=0), pause, WAITS),)
    found = republish(asked.project, job.branch, asked.name, world, pipeline.web_url)
    if found.rebuild is None:
        return _end(asked, found)
    _clean_up(asked, found.rebuild)
    return _end(asked, Withdrawn(False, _why_not(asked, found.rebuild, pipeline, rebuilt.job)))


def _fetch_rebuilt(asked: _Asked, pipeline: Pipeline) -> Rebuilt:
    """How far it is; where a CI file of the project's own starts ours, by the child pipeline."""
    forge, project_id = asked.world.forge, asked.project.id
    ended = pipeline.status in ENDED
    rebuilt = read_rebuilt(forge.fetch_jobs(project_id, pipeline.id), ended)
    if rebuilt.ours:
        return rebuilt
    for bridge in forge.fetch_bridges(project_id, pipeline.id):
        if bridge.child is not None:
            inner = read_rebuilt(forge.fetch_jobs(project_id, bridge.child), ended)
            if inner.ours:
                return inner
    return rebuilt


def _why_not(asked: _Asked, record: Record, pipeline: Pipeline, job: CiJob | None) -> str:
    trace = asked.world.forge.fetch_trace_tail(asked.project.id, job.id) if job is not None else b""
    differences = read_differences(trace)
    if differences:
        return words.differs_reply(asked.name, differences, pipeline.web_url, record.engine)
    why = why_failed(job, trace) if job is not None else None
    return words.not_rebuilt_reply(asked.name, why or "", pipeline.web_url)


def _clean_up(asked: _Asked, record: Record) -> None:
    """The image that was built instead has no reason to stay."""
    project, world = asked.project, asked.world
    if project.registry_host is None:
        return
    registry, tag = world.registry(project.registry_host), candidate_tag(record.sha)
    image = registry.fetch_manifest(project.registry_path, tag)
    if image is None:
        return
    try:
        world.forge.delete_image_tags(project.id, project.registry_path, (tag,))
    except (Refused, Gone, OperatorError) as refusal:
        log.warning("candidate_left", project=project.path, tag=tag, reason=str(refusal))


# The end ----------------------------------------------------------------------------------------------


def _end(asked: _Asked, found: Withdrawn) -> tuple[Later, ...]:
    """Tell it to whoever waits, or else on the version's commit."""
    job, world = asked.job, asked.world
    log.info(
        "withdrawal_ended", project=asked.project.path, version=asked.name, action=job.action, done=found.done
    )
    if job.key:
        world.store.keep_fact(withdrawal_fact(job.key), found.to_text())
    if not job.told and asked.sha:
        person = world.forge.fetch_person(job.user_id) if job.user_id else None
        by = (words.asked_by_reply(person.username),) if person is not None else ()
        try:
            body = "\n\n".join((found.reply, *by))
            world.forge.ensure_commit_comment(asked.project.id, asked.sha, body, world.user_id)
        except (Refused, Gone) as refusal:
            log.warning("not_told", project=asked.project.path, sha=asked.sha, reason=str(refusal))
    # what was being brought back is listed as that
    return (*found.later, Later(List(job.project_id))) if job.pipeline_id and not found.done else found.later
