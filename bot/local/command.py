"""`mlreef-bot build`: a folder → an image that is pushed, loaded, run, written to a file, or compared with another."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.building import Built, build_image
from bot.domain.environments import LINUX_AMD64
from bot.domain.text import problem_lines
from bot.errors import OperatorError, TryAgain
from bot.layers.base import read_reference
from bot.layers.means import Means, Voice
from bot.layers.pinned import pin
from bot.layers.shelves import FolderShelf, RegistryShelf, Shelf
from bot.local.ask import Wishes, choose_environment, passed_over, plan_order
from bot.local.folder import Here, look
from bot.local.registries import Registries
from bot.local.results import Made, document, find_engine, hand_to_engine, sum_up, write_file
from bot.progress import Lines, Screen, size
from parser.model import Module, Problem

if TYPE_CHECKING:
    import argparse

    from bot.adapters.registry import Registry
    from bot.domain.policy import Policy
    from bot.local.ahead import Ahead

GOOD, REFUSED = 0, 1

CACHE_FOLDER = "mlreef-bot"
"""In the user's cache: what a build without a registry leaves for the next one."""


def build(
    options: argparse.Namespace,
    ahead: Ahead,
    give: Callable[[str], None],
    say: Callable[[str], None],
    read_policy: Callable[[Path], Policy],
) -> int:
    """Runs the command and gives the exit code; with --run that of the module."""
    began = time.monotonic()
    voice = Screen(sys.stderr) if sys.stderr.isatty() else Lines(say)
    if options.arguments and not options.starts:
        raise OperatorError(
            "What stands behind `--` is for a module that is run.", "Add --run, or leave it out."
        )
    if options.output and options.push:
        raise OperatorError(
            "--output and --push are two ways to one image.", "Build it twice: it is the same."
        )
    if options.output and not options.output.absolute().parent.is_dir():
        raise OperatorError(f"There is no folder for {options.output}.", "Make it, or name another file.")
    if options.attest or options.advisories or options.sign:
        from bot.local.attesting import check_wishes

        check_wishes(options.attest, bool(options.push), options.advisories, options.sign, os.environ)
    target = read_reference(options.push) if options.push else None
    if target is not None and target.tag is None:
        raise OperatorError("An image cannot be pushed to a digest.", "Give a name, or NAME:TAG.")
    ours = target.host if target is not None else ""
    with Registries(os.environ, ours) as registries:
        if options.verify:
            return _verify(options, ahead, voice, give, say, registries)
        # Asked before anything is built: nobody waits for an image that then has nowhere to go.
        engine = find_engine() if options.load or options.starts else None
        made = _build(options, ahead, voice, say, read_policy, registries)
        if not isinstance(made, Made):
            return _refuse(made, say)
        if options.attest and made.pushed is not None:
            from bot.local.attesting import attest_pushed

            attest_pushed(
                made.pushed,
                made.name,
                made.built.manifest,
                voice.say,
                advisories=options.advisories or "",
                key=options.sign,
                variables=os.environ,
            )
        seconds = time.monotonic() - began
        give(document(made, seconds) if options.format == "json" else f"{made.name}@{made.built.digest}")
        sum_up(made, voice, seconds)
        if options.output:
            write_file(options.output, made)
            voice.say(f"Written to {options.output}, as an OCI layout that `docker load` takes too.")
        if engine is not None:
            arguments = options.arguments if options.starts else None
            return hand_to_engine(engine, made, arguments, registries, voice)
        if made.pushed is None and not options.output:
            sent = sum(layer.size for layer in made.layers)
            voice.say(
                f"Nothing was sent: --push would send up to {size(sent)}, --load needs a Docker engine."
            )
    return GOOD


def _build(
    options: argparse.Namespace,
    ahead: Ahead,
    voice: Screen | Lines,
    say: Callable[[str], None],
    read_policy: Callable[[Path], Policy],
    registries: Registries,
) -> Made | tuple[Problem, ...]:
    loaded = ahead.result()
    module = loaded.report.module
    if module is None or loaded.report.refused:
        return loaded.report.problems
    for line in problem_lines(loaded.report.problems):
        say(line)
    wishes = Wishes(options.base, options.python, options.environment, tuple(options.platform or ()))
    policy = read_policy(options.config) if options.config else None
    chosen = choose_environment(loaded.report, wishes, policy)
    if isinstance(chosen, Problem):
        return (chosen,)
    for line in passed_over(loaded.report) if policy is None else ():
        voice.say(line)
    environment, shared_layers, index_url = chosen
    here = look(loaded.folder, module.requirements.files if module.requirements else ())
    if not isinstance(here, Here):
        return here
    _tell(here, voice)
    try:
        pinned = pin(environment, registries.get)
    except TryAgain as error:
        raise OperatorError(
            f"The base image {environment.image} cannot be looked up: {error}",
            "Try again later, or build upon another: --base IMAGE, or --config FILE with environments.",
        ) from error
    cache = _cache(options.cache)
    shelf, registry, name, tags = _target(options, registries, cache, module)
    shared = None
    if registry is not None and (options.shared or shared_layers):
        told = read_reference(options.shared or shared_layers)
        shared = RegistryShelf(registries.get(told.host), told.repository)
    order = plan_order(loaded, module, here, environment, pinned, wishes, tags, options.refresh)
    means = Means(shelf, registries.get, loaded.folder, voice, shared, cache, dict(os.environ), index_url)
    try:
        built = build_image(order, means)
    finally:
        # What is said next, of an error too, must not stand behind it.
        voice.end()
    if isinstance(built, Built):
        return Made(name, built, registry, FolderShelf(cache))
    if loaded.report.settings.build_sdists and any(one.code == "requirement-sources" for one in built):
        from bot.layers.lock import BUILT_WHEELS

        voice.say(
            "What build_sdists names is built by a job of the pipeline, and not here. For a build here:"
            f" pip wheel --no-deps --wheel-dir {BUILT_WHEELS} NAME==VERSION, with the Python of the base."
        )
    return built


def _verify(
    options: argparse.Namespace,
    ahead: Ahead,
    voice: Screen | Lines,
    give: Callable[[str], None],
    say: Callable[[str], None],
    registries: Registries,
) -> int:
    from bot.layers.labels import TITLE_LABEL
    from bot.local.ahead import read_here
    from bot.local.verify import fetch_image, verify

    if options.push or options.load or options.output or options.starts or options.config or options.base:
        raise OperatorError(
            "--verify builds as the image was built, and only compares.", "Give it alone, or with --platform."
        )
    told = read_reference(options.verify)
    platform = options.platform[0] if options.platform else LINUX_AMD64
    image = fetch_image(registries.get(told.host), told, platform)
    read = ahead.result()
    title = image.known.labels.get(TITLE_LABEL)
    if read.report.module is not None and read.report.module.name != title:
        # A module without a name of its own has its project's, which the folder need not have.
        read = read_here(options.path, options.entry_point, title)
    module = read.report.module
    if module is None or read.report.refused:
        return _refuse(read.report.problems, say)
    here = look(read.folder, module.requirements.files if module.requirements else ())
    if not isinstance(here, Here):
        return _refuse(here, say)
    _tell(here, voice)
    with tempfile.TemporaryDirectory(prefix="mlreef-verify-") as folder:
        means = Means(
            FolderShelf(Path(folder)),
            registries.get,
            read.folder,
            voice,
            cache=_cache(options.cache),
            variables=dict(os.environ),
        )
        try:
            same = verify(image, read, module, here, means, give)
        finally:
            voice.end()
    if isinstance(same, tuple):
        return _refuse(same, say)
    return GOOD if same else REFUSED


def _refuse(problems: Iterable[Problem], say: Callable[[str], None]) -> int:
    for line in problem_lines(problems):
        say(line)
    say("Nothing was built.")
    return REFUSED


def _target(
    options: argparse.Namespace, registries: Registries, cache: Path, module: Module
) -> tuple[Shelf, Registry | None, str, tuple[str, ...]]:
    """Where the image goes, its registry, its name there, and its tags."""
    if options.push is None:
        return FolderShelf(cache), None, f"mlreef/{module.slug}", ()
    told = read_reference(options.push)
    registry = registries.get(told.host)
    registry.will_push(told.repository)
    return (
        RegistryShelf(registry, told.repository),
        registry,
        f"{told.host}/{told.repository}",
        (told.tag or "latest",),
    )


def _cache(given: Path | None) -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return given or Path(home) / CACHE_FOLDER


def _tell(here: Here, voice: Voice) -> None:
    contents = here.contents
    of = f", of commit {here.revision[:8]}" if here.revision else ", not as committed"
    voice.say(f"{len(contents.files)} files, {size(contents.size)}{of}")
    for path in contents.submodules:
        voice.say(f"The submodule {path} is left out: a module is built from its own repository.")
    for path in here.left_out:
        voice.say(f"{path} is left out: it is neither a file nor a link.")
