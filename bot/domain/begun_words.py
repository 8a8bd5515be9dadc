"""What somebody is told who has begun a repository: whether it can be published, and how work on it goes on."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from bot.domain.new_project import BRANCH

MAX_NAMED = 5
"""Files named in one line."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a folder lies for git: `top` is the work tree that holds it, "" for none; `left_out`, what git ignores.

    `refused`: what the folder held before is in the way of publishing it.
    """

    folder: str
    top: str = ""
    left_out: tuple[str, ...] = ()
    refused: bool = False

    @property
    def own(self) -> bool:
        """Whether the folder is a work tree by itself."""
        return self.top == self.folder


def begun_lines(ground: Ground, git_url: str | None) -> tuple[str, ...]:
    """What comes next, in lines that may hold foreign text; `git_url`: of the project that was made, None for none."""
    if git_url is not None:
        return (
            "The bot publishes it as soon as it hears of it: by a webhook of the project's, or of its group's.",
            *_to_work_on(ground, git_url),
        )
    if ground.refused:
        return (
            "With what was in the folder before it would be refused: mend the above, then commit and push.",
        )
    if not ground.top:
        return (
            "It can be published as it is: put your own work in, make the folder a repository, commit and push:",
            f"  cd {shlex.quote(ground.folder)} && git init -b {BRANCH}",
        )
    if not ground.own:
        return (
            f"The folder is only a part of the repository {ground.top}, and a repository is published whole. Move it"
            " elsewhere, or make it one of its own:",
            f"  cd {shlex.quote(ground.folder)} && git init -b {BRANCH}",
        )
    if ground.left_out:
        named = ", ".join(ground.left_out[:MAX_NAMED])
        more = len(ground.left_out) - MAX_NAMED
        return (
            f"By your rules git ignores {named}{f' and {more} more' if more > 0 else ''}, so a push would leave out"
            " what the sample or the test needs. Take it in, and it can be published as it is:",
            f"  git -C {shlex.quote(ground.folder)} add --force {shlex.join(ground.left_out)}",
        )
    return ("It can be published as it is: put your own work in, commit and push.",)


def _to_work_on(ground: Ground, git_url: str) -> tuple[str, ...]:
    """The folder holds what the project holds, so it need not be fetched to another one."""
    if ground.own:
        return (f"To work on it elsewhere: git clone {shlex.quote(git_url)}",)
    return (
        "To work on it in this folder:",
        f"  cd {shlex.quote(ground.folder)} && git init -b {BRANCH} && git remote add origin {shlex.quote(git_url)}",
        f"  git fetch origin && git reset origin/{BRANCH} && git branch --set-upstream-to origin/{BRANCH}",
    )
