"""The merge request that sets a repository up: opened once, and never again unless somebody asks.

Repeatable at any point: branch, commit and merge request are each looked for before they are made. What GitLab says
counts; the store only saves the look.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Sequence
from dataclasses import replace

import structlog

from bot.domain import pipeline, plan, wizard_words
from bot.domain.environments import Environment
from bot.domain.gitlab import Branch, Project
from bot.domain.jobs import Later
from bot.domain.jobs import Setup as SetupJob
from bot.domain.own_ci import triggers_ours
from bot.domain.settings_edit import CannotEdit
from bot.domain.wizard import (
    SETUP_BRANCH,
    Means,
    Opened,
    Setup,
    SetupWish,
    is_mendable,
    is_ours,
    plan_setup,
    setup_message,
)
from bot.domain.wizard_files import Pins
from bot.errors import Refused
from bot.layers.pins import pin
from bot.metrics import stage
from bot.reading import fetch_source
from bot.world import World
from parser.model import Needed, Problem

WANTED = "wanted"
"""What the store holds before it holds the number of the merge request."""

log = structlog.get_logger()


def set_up(job: SetupJob, world: World) -> tuple[Later, ...]:
    """Open it where nobody asked: only when the operator wants that, and only once for each project."""
    if world.policy.wizard == "never" or world.store.fact(_fact(job.project_id)) not in (None, "", WANTED):
        return ()
    opened = open_setup(job.project_id, world, asked=False)
    if opened.kind in ("unneeded", "refused"):
        # the next refusal that could be mended asks anew
        world.store.keep_fact(_fact(job.project_id), "")
    log.info("setup", project=job.project_id, outcome=opened.kind, merge_request=opened.iid)
    return ()


def open_setup(project_id: int, world: World, *, asked: bool, wish: SetupWish | None = None) -> Opened:
    """Have one merge request with the files of the wizard. `asked`: a person wants it, also after one was closed."""
    project = world.forge.fetch_project(project_id)
    if project.archived or project.default_branch is None:
        return Opened("unneeded")
    before = world.forge.fetch_merge_requests_by(
        project.id, world.user_id, SETUP_BRANCH, project.default_branch
    )
    there = next((one for one in before if one.open), None)
    there = there or world.forge.fetch_open_merge_request(project.id, SETUP_BRANCH, project.default_branch)
    if there is not None:
        return _noted(Opened("there", there.iid, there.web_url), project, world)
    if before and not asked:
        return _noted(Opened("closed", before[0].iid, before[0].web_url), project, world)
    branch = world.forge.fetch_branch(project.id, project.default_branch)
    if branch is None:
        return Opened("unneeded")
    return _open(project, branch, wish or SetupWish(), asked, world)


def _open(project: Project, branch: Branch, wish: SetupWish, asked: bool, world: World) -> Opened:
    fetched = fetch_source(project, branch.sha, world)
    if fetched is None:
        return Opened("refused", refused=wizard_words.TOO_MANY_FILES)
    source, contents = replace(fetched[0], limits=world.policy.limits), fetched[1]
    with stage("plan"):
        planned = plan_setup(source, wish, _means(project, world))
    if isinstance(planned, CannotEdit):
        return Opened("refused", refused=planned)
    if not planned.files or not (asked or planned.mends or world.policy.wizard == "always"):
        return Opened("unneeded")
    try:
        if not _ensure_branch(planned, project, branch, world):
            return Opened("refused", refused=wizard_words.BRANCH_IN_USE)
        config = plan.ci_config_file(project)
        missing = _missing(config, contents.get(config) if config else None)
        made = world.forge.create_merge_request(
            project.id,
            SETUP_BRANCH,
            branch.name,
            wizard_words.setup_title(),
            wizard_words.setup_description(planned, branch.name, missing),
        )
    except Refused as refusal:
        log.warning("setup_refused", project=project.path, why=str(refusal))
        return Opened("refused", refused=wizard_words.MAY_NOT_OPEN)
    return _noted(Opened("opened", made.iid, made.web_url), project, world)


def _means(project: Project, world: World) -> Means:
    policy = world.policy
    return Means(
        read=lambda source: world.read(source, project.name),
        pin=functools.partial(_pin, index_url=policy.building.index_url),
        environments=policy.environments,
        default_environment=policy.default_environment,
        docs_url=policy.docs_url,
    )


def _pin(needed: Sequence[Needed], environment: Environment, *, index_url: str) -> Pins:
    return pin(needed, environment, os.environ, index_url)


def _ensure_branch(planned: Setup, project: Project, base: Branch, world: World) -> bool:
    """Have the files on a branch of their own; False where people work on one that is called so."""
    message = setup_message(base.sha, planned.files)
    there = world.forge.fetch_branch(project.id, SETUP_BRANCH)
    if there is not None and not is_ours(there.message):
        return False
    if (
        there is not None
        and there.message.strip() == message.strip()
        and there.sha == world.store.fact(_commit_fact(project.id))
    ):
        # we died behind it, or the merge request was closed and is asked for again
        return True
    # a message can be written by anybody: what we do not remember to have made, we make anew
    made = world.forge.commit_files(
        project.id, SETUP_BRANCH, message, planned.files, planned.existing, base.sha
    )
    world.store.keep_fact(_commit_fact(project.id), made.sha)
    log.info("setup_committed", project=project.path, sha=made.sha, files=sorted(planned.files))
    return True


def _missing(config: str | None, own_ci: bytes | None) -> wizard_words.Missing:
    if config == pipeline.PATH or (own_ci is not None and triggers_ours(own_ci)):
        return ""
    return "job" if own_ci is not None else "setting"


def _noted(opened: Opened, project: Project, world: World) -> Opened:
    world.store.keep_fact(_fact(project.id), str(opened.iid))
    return opened


def _fact(project_id: int) -> str:
    return f"setup {project_id}"


def _commit_fact(project_id: int) -> str:
    return f"setup commit {project_id}"


def wants_setup(project: Project, problems: Collection[Problem], world: World) -> bool:
    """Whether a merge request is to be opened by itself, now that a head of the project was read.

    It is noted before the head counts as handled: whoever dies in between still opens it.
    """
    if world.policy.wizard == "never" or (world.policy.wizard == "when_needed" and not is_mendable(problems)):
        return False
    if is_wanted(project.id, world):
        return True
    if world.store.fact(_fact(project.id)) or world.store.was_published(project.id):
        return False
    world.store.keep_fact(_fact(project.id), WANTED)
    return True


def is_wanted(project_id: int, world: World) -> bool:
    """Whether a merge request was to be opened, and has not been."""
    return world.store.fact(_fact(project_id)) == WANTED
