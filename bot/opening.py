"""The merge request that sets a repository up: opened once, and never again unless somebody asks.

Repeatable at any point: branch, commit and merge request are each looked for before they are made. What GitLab says
counts; the store only saves the look.
"""

from __future__ import annotations

import functools
import os

import structlog

from bot.domain import pipeline, plan, wizard_words
from bot.domain.gitlab import Branch, MergeRequest, Project
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
    is_ours,
    plan_setup,
    setup_message,
)
from bot.errors import Refused
from bot.layers.pins import pin
from bot.metrics import stage
from bot.reading import fetch_source
from bot.world import World

ANYBODY = CannotEdit(
    f"There is a branch `{SETUP_BRANCH}` already, with somebody's work on it.",
    "Open a merge request from it, or rename or delete it; then ask again.",
)

log = structlog.get_logger()


def set_up(job: SetupJob, world: World) -> tuple[Later, ...]:
    """Open it where nobody asked: only when the operator wants that, and only once for each project."""
    if world.policy.wizard == "never" or world.store.fact(_fact(job.project_id)):
        return ()
    opened = open_setup(job.project_id, world, asked=False)
    log.info("setup", project=job.project_id, outcome=opened.kind, merge_request=opened.iid)
    return ()


def open_setup(
    project_id: int, world: World, *, asked: bool, wish: SetupWish | None = None
) -> Opened:
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
    source, contents = fetched
    with stage("plan"):
        planned = plan_setup(source, wish, _means(project, world))
    if isinstance(planned, CannotEdit):
        return Opened("refused", refused=planned)
    if not planned.files or not (asked or planned.mends or world.policy.wizard == "always"):
        return Opened("unneeded")
    try:
        if not _ensure_branch(planned, project, branch, world):
            return Opened("refused", refused=ANYBODY)
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
