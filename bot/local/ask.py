"""What `mlreef-bot build` was asked for → the order for an image, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.building import Order
from bot.domain.environments import Environment
from bot.domain.image_start import own_files, start_words
from bot.domain.text import visible
from bot.errors import OperatorError
from bot.layers.content_of import content_of
from bot.layers.image import Dress
from bot.layers.labels import module_labels, moment
from bot.layers.lock_key import ResolveInputs
from bot.layers.sources import open_of_folder
from bot.layers.values import APP
from bot.local.ahead import Read
from bot.local.folder import Here
from parser.model import Module, Problem, Report

if TYPE_CHECKING:
    from bot.domain.policy import Policy

ENGINE = "layers"

USUAL_BASE, USUAL_PYTHON = "docker.io/library/python:3.12-slim", "3.12"
"""What is built upon when nobody says."""

LONG_AGO = "1970-01-01T00:00:00Z"
"""When an image was made whose files are of no commit: no clock is looked at, so that it is the same again."""

_PYTHON_TAG = re.compile(r"python:(3\.\d+)")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says about the ground to build on."""

    base: str | None = None
    python: str | None = None
    environment: str | None = None
    platforms: tuple[str, ...] = ()


def choose_environment(
    report: Report, wishes: Wishes, policy: Policy | None
) -> tuple[Environment, str, str] | Problem:
    """The environment: the one named, else what the configuration gives, else the base given, else a usual one.

    With it the repository of layers that are taken over, and the index that is asked first, where they are configured.
    """
    if policy is None:
        if wishes.environment is not None:
            raise OperatorError(
                "Environments are named in a configuration.",
                "Give it with --config FILE, or a base with --base IMAGE.",
            )
        return _own(wishes), "", ""
    if wishes.base is not None:
        raise OperatorError("Both --base and --config say what to build upon.", "Give one of them.")
    if wishes.environment is not None:
        report = replace(report, settings=replace(report.settings, environment=wishes.environment))
    settings = policy.pipeline_settings(report)
    if isinstance(settings, Problem):
        return settings
    if settings.engine != ENGINE:
        raise OperatorError(
            f"This repository is built by the engine `{settings.engine}`: {settings.engine_why}.",
            "Build it with your container engine, or take away what needs it.",
        )
    building = settings.building
    return settings.environment, building.shared_layers, building.index_url


def passed_over(report: Report) -> list[str]:
    """Sentences on what a pipeline would heed, and a build on a base of one's own does not."""
    asked, told = report.settings, []
    if asked.environment is not None:
        named = visible(asked.environment)
        told.append(f"The environment {named} of .mlreef.yaml is not heeded: --config FILE tells what it is.")
    if asked.apt:
        packages = visible(", ".join(asked.apt))
        told.append(f"The Debian packages of .mlreef.yaml ({packages}) are not in it: this runs nothing.")
    if report.dockerfile is not None and asked.engine != ENGINE:
        named = visible(report.dockerfile)
        told.append(
            f"{named} is not used: an engine that runs instructions builds it, such as `docker build`."
        )
    return told


def _own(wishes: Wishes) -> Environment:
    base = wishes.base or USUAL_BASE
    told = _PYTHON_TAG.search(base)
    python = wishes.python or (told[1] if told else None)
    if python is None:
        raise OperatorError(
            f"Which Python {base} has is not known.", "Say it with --python X.Y, as in --python 3.12."
        )
    return Environment("local", "This machine's choice", base, python)


def plan_order(
    loaded: Read,
    module: Module,
    here: Here,
    environment: Environment,
    pinned: Environment,
    wishes: Wishes,
    tags: Sequence[str],
    refresh: bool,
    source: str = "",
) -> Order:
    """The order. `pinned`: the environment with its image by digest."""
    env = loaded.report.settings.env
    platforms = wishes.platforms or pinned.platforms[:1]
    inputs = tuple(inputs_for(loaded, module, pinned, platform) for platform in platforms)
    labels = module_labels(
        module,
        pinned,
        ENGINE,
        revision=here.revision,
        source=source,
        created=moment(here.made) if here.revision else "",
        content=content_of(here.contents, module, environment, ENGINE, env),
    )
    created = moment(here.made) if here.revision else LONG_AGO
    return Order(
        inputs,
        Dress(start_words(module, APP), pinned.env, env, labels, created),
        here.contents,
        open_of_folder(loaded.folder),
        tuple(tags),
        refresh,
        own=own_files(module),
    )


def inputs_for(loaded: Read, module: Module, environment: Environment, platform: str) -> ResolveInputs:
    """What decides on the lock."""
    asked = module.requirements
    return ResolveInputs(asked, environment, platform, loaded.report.settings.build_sdists, loaded.texts)
