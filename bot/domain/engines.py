"""Which engine builds a repository's image: what it needs, what the operator allows, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from parser.model import ENGINES, Engine, Place, Problem, Report, Requirement
from parser.problems import problem, shown
from parser.settings import PATH as SETTINGS_PATH

RUNS_NOTHING: Engine = "layers"
"""The engine that puts files together and runs no instruction."""

Advisories = Literal["off", "tell", "block"]
ADVISORIES: tuple[Advisories, ...] = get_args(Advisories)

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_VERSION_CONTROL = re.compile(r"(git|hg|svn|bzr)\+")
_SOURCE_ARCHIVE = re.compile(r"\.(tar\.\w+|tgz|zip)([#?]|\Z)")


@dataclass(frozen=True, slots=True)
class Building:
    """How the operator lets images be built and vouched for; texts are empty where nothing is set.

    `engines` in the order of preference. `shared_layers`: repository whose layers are believed. `index_url`: where
    packages are looked for instead of the public index. `signing_key`: name of the CI variable that holds the key.
    `block_from`: the least severity that keeps an image from being published when `advisories` is `block`.
    """

    engines: tuple[Engine, ...] = (RUNS_NOTHING,)
    shared_layers: str = ""
    index_url: str = ""
    attest: bool = True
    signing_key: str = ""
    advisories: Advisories = "off"
    advisories_url: str = ""
    block_from: Severity = "high"


USUAL_BUILDING = Building()


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, and the reason as the end of a sentence: `…, because {why}`."""

    engine: Engine
    why: str


@dataclass(frozen=True, slots=True)
class _Need:
    """Something that only an engine that runs instructions can do; `key`: where in .mlreef.yaml it is written."""

    what: str
    mend: str
    key: str


def plan_engine(report: Report, allowed: Sequence[Engine]) -> Choice | Problem:
    """The engine for a repository: the one it asks for, else the operator's first that can do what it needs."""
    wish = report.settings.engine
    needs = _needs(report)
    if wish is not None:
        return _wished(report, wish, needs, allowed)
    if _is_conda(report) and not needs:
        if RUNS_NOTHING in allowed:
            return Choice(RUNS_NOTHING, "it is the one that installs packages of conda")
        return _without_conda(report, allowed)
    if needs and _is_conda(report) and report.dockerfile is None:
        return _conda_and(report, needs[0])
    runs = [engine for engine in allowed if engine != RUNS_NOTHING]
    if not needs and runs and (source := _source(report)) is not None:
        return Choice(
            runs[0], f"{shown(source)} has to be built, which takes an engine that runs instructions"
        )
    if not needs:
        return Choice(allowed[0], "it is the first that the operator allows, and nothing needs another")
    if runs:
        return Choice(
            runs[0], f"the repository {needs[0].what}, which takes an engine that runs instructions"
        )
    at = report.settings.places.get(needs[0].key, Place(report.dockerfile or SETTINGS_PATH))
    wanted = [engine for engine in ENGINES if engine != RUNS_NOTHING]
    return problem(
        "engine-not-allowed",
        at,
        what=f"The repository {needs[0].what}, which",
        wanted=_any_of(wanted),
        allowed=_all_of(allowed),
        mend=f"{needs[0].mend} Or ask whoever runs the bot to allow one of them (`builder.engines`).",
    )


def _is_conda(report: Report) -> bool:
    requirements = report.module.requirements if report.module is not None else None
    return requirements is not None and requirements.manager == "conda"


def _without_conda(report: Report, allowed: Sequence[Engine]) -> Problem:
    requirements = report.module.requirements if report.module is not None else None
    return problem(
        "engine-not-allowed",
        Place(requirements.file) if requirements is not None else None,
        what="The repository asks for packages of conda, which",
        wanted=_any_of([RUNS_NOTHING]),
        allowed=_all_of(allowed),
        mend="Name packages of pip in requirements.txt. Or ask whoever runs the bot to allow it (`builder.engines`).",
    )


def _conda_and(report: Report, need: _Need) -> Problem:
    return problem(
        "engine-cannot",
        report.settings.places.get(need.key, Place(SETTINGS_PATH)),
        engine=RUNS_NOTHING,
        what=f"the repository {need.what}; and it alone installs packages of conda, which it asks for, too",
        mend="Take that from conda as well, or write a Dockerfile.",
    )


def own_dockerfile(report: Report, engine: Engine) -> str | None:
    """The repository's own Dockerfile when the image is built from it."""
    return report.dockerfile if engine != RUNS_NOTHING else None


def _wished(
    report: Report, wish: Engine, needs: Sequence[_Need], allowed: Sequence[Engine]
) -> Choice | Problem:
    at = report.settings.places.get("engine", Place(SETTINGS_PATH))
    if wish not in allowed:
        return problem(
            "engine-not-allowed",
            at,
            what="`engine` in .mlreef.yaml",
            wanted=_any_of([wish]),
            allowed=_all_of(allowed),
            mend=f"Remove it, or write {_any_of(allowed)}.",
        )
    # a Dockerfile in the root may be there for other ends; whoever asks for layers knows of it
    in_the_way = [need for need in needs if need.key != "dockerfile" or report.settings.dockerfile]
    if wish == RUNS_NOTHING and in_the_way:
        mend = f"Remove `engine`, so that another is taken. {in_the_way[0].mend}"
        what = f"the repository {in_the_way[0].what}"
        return problem("engine-cannot", at, engine=wish, what=what, mend=mend)
    if wish != RUNS_NOTHING and _is_conda(report) and report.dockerfile is None:
        what = f"the repository asks for packages of conda, which only `{RUNS_NOTHING}` installs"
        return problem(
            "engine-cannot", at, engine=wish, what=what, mend="Remove `engine`, or write a Dockerfile."
        )
    unused = f"; {report.dockerfile} is not used" if wish == RUNS_NOTHING and report.dockerfile else ""
    return Choice(wish, f".mlreef.yaml asks for it{unused}")


def _needs(report: Report) -> tuple[_Need, ...]:
    found = []
    if report.dockerfile is not None:
        name = shown(report.dockerfile)
        mend = "Write `engine: layers` in .mlreef.yaml to have the image made of its environment, without that file."
        if report.settings.dockerfile is not None:
            mend = "Remove `dockerfile` from .mlreef.yaml to have the image made of its environment."
        found.append(_Need(f"has a Dockerfile of its own ({name})", mend, "dockerfile"))
    if report.settings.apt:
        count = len(report.settings.apt)
        what = f"asks for {'a Debian package' if count == 1 else f'{count} Debian packages'} (`apt`)"
        found.append(_Need(what, "Remove `apt` where a wheel brings the library along.", "apt"))
    return tuple(found)


def makes_wheels(report: Report, engine: Engine) -> bool:
    """Whether a job of its own makes wheels of sources; where instructions are run, pip makes them there."""
    return engine == RUNS_NOTHING and bool(report.settings.build_sdists)


def _source(report: Report) -> str | None:
    """A requirement that is no wheel, by its address alone, where no job of its own makes one of it."""
    requirements = report.module.requirements if report.module is not None else None
    if requirements is None or report.settings.build_sdists:
        return None
    return next((item.name or item.url for item in requirements.items if _must_be_built(item)), None)


def _must_be_built(item: Requirement) -> bool:
    url = item.url or ""
    return item.editable or _VERSION_CONTROL.match(url) is not None or bool(_SOURCE_ARCHIVE.search(url))


def _any_of(engines: Sequence[Engine]) -> str:
    names = [f"`{engine}`" for engine in engines]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _all_of(engines: Sequence[Engine]) -> str:
    return ", ".join(f"`{engine}`" for engine in engines)
