"""A published version as a component of GitLab's: a git tag whose commit holds the component's file, and its release.

Every step may be repeated. The tag comes last; what was begun without it is made anew. A tag of somebody else's is left
alone.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import structlog

from bot.domain import offer as plan
from bot.domain import offer_words as words
from bot.domain.component_file import Released, TooBig
from bot.domain.gitlab import Project
from bot.domain.jobs import Later
from bot.domain.jobs import Offer as OfferJob
from bot.domain.module_label import read_module
from bot.domain.plan import ci_config_file
from bot.domain.steps import Tell
from bot.domain.tags import MODULE_LABEL, REVISION_LABEL, is_sha
from bot.domain.text import visible
from bot.errors import Gone, Refused
from bot.image_names import published_as
from bot.telling import perform
from bot.world import World
from parser.model import Module

log = structlog.get_logger()


class Outcome(StrEnum):
    """What became of a version's git tag."""

    NONE = "none"
    """There is none."""

    THERE = "there"
    """It is ours, and of this image."""

    TAKEN = "taken"
    """It is somebody else's, or ours of another image."""

    OFFERED = "offered"
    REFUSED = "refused"
    TOO_BIG = "too big"

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do; what people can put right is tried again with the project's next look."""
        return self not in (Outcome.TAKEN, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class _Found:
    """The version as the registry has it: the module, the commit that it was built of, and how it is run."""

    module: Module
    sha: str
    released: Released


def offer(job: OfferJob, world: World) -> tuple[Later, ...]:
    """Have the version's component; nothing where the version is not published (any more)."""
    if not world.policy.component.enabled:
        return ()
    project = world.forge.fetch_project(job.project_id)
    found = None if project.archived else _fetch(project, job, world)
    if found is None:
        return ()
    outcome = _ensure(project, found, job, world)
    if _fetch(project, job, world) is None:
        # it was taken back meanwhile
        withdraw_component(project, job.version, world)
        return ()
    fact = plan.offered_text(job.version, found.released.digest) if outcome.is_settled else ""
    world.store.keep_fact(plan.offered_fact(project.id), fact)
    log.info("component", project=project.path, version=job.version, outcome=outcome)
    return ()


def withdraw_component(project: Project, version: str, world: World) -> tuple[str, ...]:
    """Take the version's component and its release away; gives what could not be taken away, in words."""
    kept = []
    tag = world.forge.fetch_tag(project.id, version)
    if tag is not None and plan.read_digest(tag.message):
        for what, delete in (
            ("release", world.forge.delete_release),
            ("git tag", world.forge.delete_tag),
        ):
            try:
                delete(project.id, version)
            except (Refused, Gone) as refusal:
                log.warning("component_kept", project=project.path, version=version, reason=str(refusal))
                kept.append(f"its {what} {version}: {visible(str(refusal))}")
    if world.store.fact(plan.offered_fact(project.id)):
        world.store.keep_fact(plan.offered_fact(project.id), "")
    return tuple(kept)


def _fetch(project: Project, job: OfferJob, world: World) -> _Found | None:
    if project.registry_host is None:
        return None
    registry, repository = world.registry(project.registry_host), project.registry_path
    manifest = registry.fetch_manifest(repository, job.version)
    told = {one.digest for one in published_as(project.id, job.version, world)}
    if manifest is None:
        return None
    if told and manifest.digest not in told:
        log.warning(
            "not_what_was_published", project=project.path, version=job.version, digest=manifest.digest
        )
        return None
    config = registry.fetch_config(repository, manifest)
    module, sha = read_module(plan.read_label(config, MODULE_LABEL)), plan.read_label(config, REVISION_LABEL)
    # anybody may have pushed the tag: it counts as what was published when it is of the very commit
    if (
        module is None
        or not is_sha(sha)
        or sha != (job.sha or sha)
        or not plan.is_offerable(module, job.version)
    ):
        log.warning("component_not_offered", project=project.path, version=job.version, sha=job.sha)
        return None
    image = f"{project.registry_host}/{repository}@{manifest.digest}"
    command = plan.command_of(module, config)
    return _Found(module, sha, Released(project.path, job.version, image, manifest.digest, command))


def _ensure(project: Project, found: _Found, job: OfferJob, world: World) -> Outcome:
    """Have the tag."""
    outcome, note = _state(project, found, world), ""
    try:
        if outcome is Outcome.NONE:
            _make(project, found, world)
            outcome = Outcome.OFFERED
    except TooBig as error:
        outcome, note = Outcome.TOO_BIG, words.too_big_note(job.version, str(error))
    except Refused as refusal:
        # of two who make it at once, one is refused
        outcome = _state(project, found, world)
        if outcome is Outcome.NONE:
            outcome, note = Outcome.REFUSED, words.refused_note(job.version, f"{refusal}.")
    with suppress(Refused):
        world.forge.delete_branch(project.id, plan.branch_name(job.version))
    if outcome is Outcome.TAKEN:
        tag = world.forge.fetch_tag(project.id, job.version)
        note = words.taken_note(job.version, found.module.slug, plan.read_digest(tag.message if tag else ""))
    if note:
        perform((Tell(found.sha, job.branch, note, aloud=True),), project.id, world)
    return outcome


def _state(project: Project, found: _Found, world: World) -> Outcome:
    """Whose the version's git tag is now: none, there, or taken."""
    tag = world.forge.fetch_tag(project.id, found.released.version)
    if tag is None:
        return Outcome.NONE
    return Outcome.THERE if plan.read_digest(tag.message) == found.released.digest else Outcome.TAKEN


def _make(project: Project, found: _Found, world: World) -> None:
    branch, ci_file = plan.branch_name(found.released.version), ci_config_file(project)
    written = plan.files(found.module, found.released, ci_file, world.policy.component)
    message = plan.message(found.module.slug, found.released, found.sha, ci_file in written)
    existing = world.forge.fetch_files(project, found.sha, tuple(written))
    made = world.forge.commit_files(project.id, branch, message, written, existing, found.sha)
    world.forge.create_tag(project.id, found.released.version, made.sha)
