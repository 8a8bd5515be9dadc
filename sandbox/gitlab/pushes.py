"""What follows when refs moved, by git or by the API: hooks, pipelines, and merge requests that notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.git import ZEROS
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import Project, User, now

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

# GitLab's push_event_hooks_limit and git_push_pipeline_limit: a push of more refs than that is silent.
REFS_WITH_HOOKS = 3
REFS_WITH_PIPELINES = 4

ACTIVITY_NOTED = timedelta(hours=1)
"""GitLab writes down that something happened in a project no more often than that."""


def _kind(change: RefChange) -> tuple[bool, str]:
    moved = "created" if change.before == ZEROS else "removed" if change.after == ZEROS else "pushed"
    return change.branch is not None, moved


def read_push_options(options: Sequence[str]) -> dict[str, Any]:
    """`ci.skip` and `ci.variable=A=b` as the nested mapping that hooks carry."""
    found: dict[str, Any] = {}
    for option in options:
        name, _, value = option.partition("=")
        room, _, key = name.partition(".")
        if key:
            found.setdefault(room, {})[key] = value or True
    return found


@dataclass(frozen=True)
class Pushes:
    """What every move of a ref goes through, by git or by the API."""

    core: Core

    def happened(
        self,
        project: Project,
        user: User,
        changes: Sequence[RefChange],
        options: Sequence[str] = (),
        by_job: bool = False,
    ) -> None:
        """Tell everybody about moved refs. A push with a job's token starts no pipeline."""
        core, nested = self.core, read_push_options(options)
        if now() - project.last_activity_at > ACTIVITY_NOTED:
            project.last_activity_at = now()
        alike: Mapping[tuple[bool, str], list[RefChange]] = {}
        alike = {
            kind: [change for change in changes if _kind(change) == kind] for kind in map(_kind, changes)
        }
        for change in changes:
            self._fix_default_branch(project, change)
            if len(alike[_kind(change)]) <= REFS_WITH_HOOKS:
                switch = "tag_push_events" if change.tag is not None else "push_events"
                body = core.bodies.push
                core.hooks.fire(
                    project.id,
                    switch,
                    lambda change=change, body=body: body(project, user, change, nested),  # type: ignore[misc] # defaults bind the loop's values
                    change.branch,
                )
            if change.branch is not None:
                core.merging.branch_moved(project, user, change)
        if by_job:
            return
        for change in changes[:REFS_WITH_PIPELINES]:
            if change.after == ZEROS or (change.branch is None and change.tag is None):
                continue
            skip = bool(nested.get("ci", {}).get("skip"))
            core.making.on_push(project, user, change, skip)

    def _fix_default_branch(self, project: Project, change: RefChange) -> None:
        """The first branch of an empty project becomes its default branch."""
        git = self.core.git(project)
        if change.before != ZEROS or change.branch is None or git.branch(project.default_branch) is not None:
            return
        with self.core.state.lock:
            project.default_branch = change.branch
        git.set_head(change.branch)
