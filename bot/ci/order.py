"""What the build job is to do, whichever engine does it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.adapters.checkout import Commit
from bot.adapters.credentials import Account
from bot.ci.job import CiJob
from bot.ci.labels import image_labels
from bot.domain.content import CONTENT_LABEL
from bot.domain.engines import own_dockerfile
from bot.domain.pipeline import PipelineSettings
from bot.domain.tags import candidate_tag
from bot.layers.content_of import content_of
from bot.layers.contents import Contents
from parser.model import Module, Report

if TYPE_CHECKING:
    from bot.ci.recorded import Recorded


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built: a commit that was judged, and its files."""

    job: CiJob
    commit: Commit
    report: Report
    module: Module
    settings: PipelineSettings
    contents: Contents
    again: Recorded | None = None
    """The version that is built once more; None for one that is new."""

    @property
    def repository(self) -> str:
        """The project's place in its registry."""
        return self.job["CI_REGISTRY_IMAGE"].lower()

    @property
    def tag(self) -> str:
        """The candidate's tag."""
        return candidate_tag(self.commit.sha)

    @property
    def account(self) -> Account:
        """Who the job is for the registry."""
        return Account(self.job["CI_REGISTRY_USER"], self.job["CI_REGISTRY_PASSWORD"])

    @property
    def dockerfile(self) -> str | None:
        """The repository's own Dockerfile, where it is what the image is built from."""
        return own_dockerfile(self.report, self.settings.engine)

    def labels(self) -> dict[str, str]:
        """What the image says about itself."""
        labels = image_labels(self.job, self.commit, self.module, self.settings, self.dockerfile is not None)
        of = (self.contents, self.module, self.settings.environment, self.settings.engine)
        return {**labels, CONTENT_LABEL: content_of(*of, self.report.settings.env)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pushed candidate, and how it is started where that is not as in our own Dockerfile."""

    digest: str
    command: tuple[str, ...] = ()
    directory: str = ""
