"""The environment that GitLab gives a job, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain.tags import is_sha
from bot.errors import OperatorError

FOLDER = ".mlreef"
"""Folder of the checkout in which jobs leave what later ones need."""

NOTHING_TO_PROMOTE = 75
"""Exit code of promote when it rightly did nothing; the generated file allows it (EX_TEMPFAIL)."""

_HINTS = {
    "CI_REGISTRY": "Switch on the project's container registry: Settings › General › Visibility.",
    "CI_REGISTRY_IMAGE": "Switch on the project's container registry: Settings › General › Visibility.",
    "CI_COMMIT_BRANCH": "Start the pipeline for a branch.",
}


@dataclass(frozen=True, slots=True)
class CiJob:
    """A job's view of itself: GitLab's predefined variables, and what earlier jobs of the pipeline left."""

    variables: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        value = self.variables.get(name, "")
        if not value:
            raise OperatorError(
                f"The variable {name} is not set.",
                _HINTS.get(name, "This command runs in the jobs of a generated mlreef.yml."),
            )
        return value

    def get(self, name: str) -> str:
        """A variable that may be missing: empty then."""
        return self.variables.get(name, "")

    @property
    def sha(self) -> str:
        """The commit that the pipeline is for."""
        sha = self["CI_COMMIT_SHA"]
        if not is_sha(sha):
            raise OperatorError(f"CI_COMMIT_SHA is {sha!r}.", "It must be the full id of a commit.")
        return sha

    @property
    def directory(self) -> Path:
        """The checkout."""
        return Path(self.get("CI_PROJECT_DIR") or ".")

    @property
    def on_default_branch(self) -> bool:
        """Whether this pipeline may move `latest`."""
        return self["CI_COMMIT_BRANCH"] == self["CI_DEFAULT_BRANCH"]
