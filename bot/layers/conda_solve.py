"""What is asked of conda → exactly which packages, by rattler. Nothing is fetched but the channels' lists."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.environments import Environment
from bot.errors import TryAgain
from bot.layers.conda_asked import CondaAsked
from bot.layers.conda_client import open_client
from bot.layers.lock import LockedConda
from parser.model import Place, Problem
from parser.problems import problem

if TYPE_CHECKING:
    from rattler import GenericVirtualPackage, RepoDataRecord

SOLVE_SECONDS = 120
"""Until a solver that finds no end is told so."""

MAX_WHY = 2_000
"""Characters of the solver's reasons."""

SUBDIRS = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}
_ARCHSPEC = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_GLIBC = re.compile(r"manylinux_(\d+)_(\d+)")
_LINUX = "5.4"
"""The oldest kernel that images are run on."""


@dataclass(frozen=True, slots=True)
class SolvedConda:
    """The packages by name. `modules`: those that bring modules of Python, which pip need not bring too."""

    packages: tuple[LockedConda, ...]
    modules: tuple[LockedConda, ...]


def solve_conda(
    asked: CondaAsked, environment: Environment, platform: str, say: Callable[[str], None], cache: Path
) -> SolvedConda | tuple[Problem, ...]:
    """The packages, Python among them; or why they cannot be had together.

    The environment gives Python's version unless the repository asks for one, the oldest libc and the graphics
    driver. `cache`: folder for the channels' lists. Raises TryAgain when a channel is away.
    """
    # Imported here because few repositories need it, and it is big.
    from rattler import Channel, Gateway, SourceConfig, Subdir, solve
    from rattler.exceptions import GatewayError, InvalidMatchSpecError, SolverError

    specs = list(asked.specs)
    if not any(re.match(r"(?:\S*::)?python(?![\w-])", spec) for spec in specs):
        specs.append(f"python {environment.python}.*")
    say(f"Resolving {len(specs)} packages of conda for {platform} from {', '.join(asked.channels)}")
    gateway = Gateway(cache, SourceConfig(), client=open_client(asked.accounts))
    place = Place(asked.file)
    try:
        found = asyncio.run(
            solve(
                [Channel(url) for url in asked.channels],
                specs,
                gateway=gateway,
                platforms=[Subdir(SUBDIRS[platform]), Subdir("noarch")],
                virtual_packages=_virtual(environment, platform),
                timeout=datetime.timedelta(seconds=SOLVE_SECONDS),
                channel_relations="disabled",
            )
        )
    except SolverError as error:
        return (problem("conda-unresolved", place, why=_words(error)),)
    except InvalidMatchSpecError as error:
        return (
            problem(
                "conda-environment", place, why=_words(error), mend="Write it as conda does: `numpy=2.1`."
            ),
        )
    except GatewayError as error:
        refusal = _refusal(asked, _words(error))
        if refusal is None:
            raise TryAgain(f"A channel of conda does not answer: {_words(error)}.") from error
        return (refusal,)
    return _locked(asked, found)


def _virtual(environment: Environment, platform: str) -> list[GenericVirtualPackage]:
    """What the system below brings, as conda speaks of it."""
    from rattler import BuildString, GenericVirtualPackage, PackageName, Version

    glibc = _GLIBC.search(environment.wheel_platform)
    told = {
        "__unix": ("0", "0"),
        "__linux": (_LINUX, "0"),
        "__glibc": (".".join(glibc.groups()) if glibc else "2.17", "0"),
        "__archspec": ("1", _ARCHSPEC[platform]),
    }
    if environment.cuda is not None:
        told["__cuda"] = (environment.cuda, "0")
    return [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, (version, build) in told.items()
    ]


def _locked(asked: CondaAsked, records: Iterable[RepoDataRecord]) -> SolvedConda | tuple[Problem, ...]:
    packages, modules, problems = [], [], []
    for record in records:
        try:
            if record.sha256 is None or record.size is None:
                raise ValueError("its channel tells no sha256 or no size")
            package = LockedConda(
                name=record.name.normalized,
                version=str(record.version),
                build=str(record.build),
                subdir=record.subdir,
                filename=record.file_name,
                sha256=record.sha256.hex(),
                size=record.size,
                url=record.url,
            )
            packages.append(package)
            if record.noarch.python or any(re.match(r"python(?![\w-])", one) for one in record.depends):
                modules.append(package)
        except ValueError as error:
            why, mend = f"{record.file_name}: {error}", "Take it from another channel."
            problems.append(problem("conda-environment", Place(asked.file), why=why, mend=mend))
    if problems:
        return tuple(problems)
    packages.sort(key=lambda package: package.name)
    return SolvedConda(tuple(packages), tuple(modules))


def _refusal(asked: CondaAsked, why: str) -> Problem | None:
    """What the author can do about a channel that cannot be read; None when it is to be asked again."""
    for status, reason, mend in (
        ("404", "has no such list of packages", "Correct the channel's name."),
        ("401", "wants an account", "Give it as `https://${MLREEF_INDEX_USER}:${MLREEF_INDEX_PASSWORD}@…`."),
        ("403", "refuses the account", "Check the CI variables that the channel's address names."),
    ):
        if status in why:
            channel = next((url for url in asked.channels if url in why), "one of the channels")
            return problem("conda-environment", Place(asked.file), why=f"{channel} {reason}", mend=mend)
    return None


def _words(error: Exception) -> str:
    return (
        " ".join(str(error).split())
        .removeprefix("Cannot solve the request because of: ")
        .rstrip(".")[:MAX_WHY]
    )
