"""What a person may see of the catalogue, as values: pages and API show these, and reach nothing else.

Whoever makes one has asked GitLab first. No value holds a total: it would tell of what is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.catalogue import ListedModule, ListedVersion, VersionState
from bot.domain.experiment import Experiment
from bot.domain.interface import InterfaceDiff
from parser.model import Module


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search. `after` is where the next one begins, empty at the end."""

    items: tuple[ListedModule, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version with what there is to say about it; an empty text is a thing that is not there.

    `name` is how addresses and people call it: `1.2.0`, or `stable-3` where there is no semantic version. `module` is
    None where nobody can tell any more what the image held. `component` is what `include: component:` takes.
    """

    listed: ListedVersion
    name: str
    module: Module | None = None
    component: str = ""
    tags: tuple[str, ...] = ()
    commit_url: str = ""
    pipeline_url: str = ""
    log_url: str = ""
    sbom_url: str = ""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run of the module in its own project: what it measured, with which version, its job's address, and its model.

    `model`: the address of the model that it kept, with its digest, as `job-model` takes it; empty for none.
    """

    version: str
    web_url: str
    at: float
    experiment: Experiment
    model: str = ""


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A module as one person sees it: `shown` is the version asked for, else the newest; None when none is published.

    `versions` are all that this person may see, the newest first, each by its name. `level` is the person's access
    level in the project as GitLab counts it, 0 for none; `can_pull`: GitLab's registry gives this person the image.
    `runs`: the newest few. `newest`: what became of the newest push, for those who may push.
    """

    listed: ListedModule
    shown: VersionView | None
    versions: tuple[tuple[str, ListedVersion], ...] = ()
    can_pull: bool = False
    level: int = 0
    runs: tuple[RunView, ...] = ()
    newest: ProgressView | None = None


@dataclass(frozen=True, slots=True)
class StageView:
    """One job of a running publication: `state` is GitLab's word for it."""

    name: str
    state: str
    web_url: str = ""


@dataclass(frozen=True, slots=True)
class ProgressView:
    """A publication that is under way, or that ended within the last minutes."""

    path: str
    web_url: str
    name: str
    branch: str
    sha: str
    state: VersionState
    stages: tuple[StageView, ...] = ()
    pipeline_url: str = ""
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class CompareView:
    """Two versions of one module; `diff` is None where one of them cannot be described any more."""

    listed: ListedModule
    before: VersionView
    after: VersionView
    diff: InterfaceDiff | None
