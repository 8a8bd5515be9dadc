"""What lies below a module's sources, when its requirements have no image yet: lock, base, wheels → layers."""

from __future__ import annotations

import contextlib
import platform
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.domain.text import size_words
from bot.errors import BotError, Refused, TryAgain
from bot.layers.carrying import Carrier
from bot.layers.fetch import WheelGone
from bot.layers.image import LOCK_LABEL, USUAL_PATH, Ground, digest_of, read_ground
from bot.layers.known import fetch_known, fetch_lock
from bot.layers.lock import BUILT_WHEELS, Lock, LockedConda, LockedWheel, dump_lock
from bot.layers.lock_key import ResolveInputs
from bot.layers.means import Below, Means
from bot.layers.shelves import FolderShelf, Moved, RegistryShelf
from bot.layers.values import CONDA_ROOT
from parser.model import Problem

LOG_COLUMNS = 100
"""Characters of a line that names packages."""

PLATFORM_OF = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
"""What images for this machine are called, by the name that its system gives it."""


def prepare(
    inputs: ResolveInputs,
    key: str,
    means: Means,
    work: Path,
    refresh: bool,
    trust: bool,
    lock: Lock | None = None,
) -> Below | tuple[Problem, ...]:
    """Lets everything below the sources be on the shelf. Problems: what its author has to mend.

    `trust`: what the project's images name is there; False after the registry said that it is not. `lock`: the one to
    use, and nothing is taken over; without, one is found or made.
    """
    carrier = Carrier(means.shelf, work, means.voice.moving)
    if means.shared is not None and trust and not refresh and lock is None:
        try:
            known = fetch_known(means.shared, key)
        except (Refused, TryAgain) as refusal:
            # They save time and are never needed.
            means.voice.say(f"Without the operator's layers: {refusal}")
            known, means = None, replace(means, shared=None)
        layers = (*known.base, known.foundation, *known.wheels) if known else ()
        if known is not None and means.shared is not None and carrier.adopt(layers, means.shared):
            means.voice.say(
                f"These requirements have been built before: {len(layers)} layers are taken over."
            )
            return Below(
                known.ground, known.base, (known.foundation, *known.wheels), known.labels[LOCK_LABEL]
            )
    anew = lock is not None
    noted = _noted_lock(means, key) if lock is None and not refresh else None
    if noted is not None:
        try:
            return _make(inputs, noted, means, carrier, trust)
        except WheelGone as gone:
            means.voice.say(f"{gone} So the requirements get a new lock.")
    if lock is None:
        means.voice.say("Finding versions for the requirements")
        from bot.layers.resolve import Resolved, resolve

        resolved = resolve(
            inputs,
            means.variables,
            means.voice.say,
            index_url=means.index_url,
            wheels=means.checkout / BUILT_WHEELS,
        )
        if not isinstance(resolved, Resolved):
            return resolved
        for warning in resolved.warnings:
            where = f"{warning.place.file}:{warning.place.line}: " if warning.place else ""
            means.voice.say(f"{warning.severity}: {where}{warning.message}  [{warning.code}]")
            means.voice.say(f"    {warning.hint}")
        lock = resolved.lock
    try:
        return _make(inputs, lock, means, carrier, trust, anew)
    except WheelGone as gone:
        return (gone.problem,)


def _noted_lock(means: Means, key: str) -> Lock | None:
    """The lock of an image with this key, on either shelf: it holds as long as nothing else is asked for."""
    for shelf in (means.shelf, means.shared):
        with contextlib.suppress(BotError, ValueError):
            known = fetch_known(shelf, key) if shelf is not None else None
            held = fetch_lock(shelf, known) if shelf is not None and known is not None else None
            if held is not None:
                return held[0]
    return None


def _versions(lock: Lock) -> list[str]:
    """What is installed, as lines for a requirements.txt; authors of unpinned ones read here what to write."""
    packages: tuple[LockedConda | LockedWheel, ...] = (*lock.conda, *lock.wheels)
    told = " ".join(f"{one.name}=={one.version}" for one in packages)
    return textwrap.wrap(
        told, LOG_COLUMNS, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def _make(
    inputs: ResolveInputs, lock: Lock, means: Means, carrier: Carrier, trust: bool, anew: bool = False
) -> Below | tuple[Problem, ...]:
    # Imported here because taking over what is there needs none of it.
    from bot.layers.base import fetch_base, read_reference, why_moved
    from bot.layers.bytecode import compiler
    from bot.layers.fetch import fetch_wheel, open_web
    from bot.layers.making import Bench, make_layers
    from bot.layers.values import BadWheel

    environment, voice = inputs.environment, means.voice
    voice.say(f"Reading the base image {environment.image}")
    base = fetch_base(means.registry_for, environment.image, inputs.platform)
    if (moved := why_moved(means.registry_for, environment.image, base)) is not None:
        voice.say(moved)
    name = read_reference(base.image)
    base_shelf = RegistryShelf(means.registry_for(name.host), name.repository)
    ground = _ground(read_ground(base.digest, base.config, environment.bytecode), lock)
    here = PLATFORM_OF.get(platform.machine(), inputs.platform)
    packed = sum(one.size for one in lock.conda) + sum(one.size for one in lock.wheels)
    packages = len(lock.conda) + len(lock.wheels)
    voice.say(f"Bringing together {packages} package{'' if packages == 1 else 's'}, {size_words(packed)}")
    for line in _versions(lock):
        voice.say(line)
    store = FolderShelf(means.cache or carrier.work / "store")

    def fetch(wheel: LockedWheel, folder: Path, moved: Moved) -> Path:
        target = means.checkout / wheel.url if wheel.built else folder / wheel.filename
        fetch_wheel(web, wheel, target, lambda done, _: moved(done))
        return target

    def fetch_of_conda(asked: Sequence[LockedConda], folder: Path) -> Sequence[tuple[LockedConda, Path]]:
        # Imported here because few repositories need it.
        from bot.layers.conda_fetch import fetch_conda
        from bot.layers.resolve_conda import conda_accounts

        return tuple(fetch_conda(asked, folder, conda_accounts(inputs, means.variables)).items())

    bench = Bench(
        carrier,
        means.shared,
        base_shelf,
        store,
        fetch,
        fetch_of_conda,
        voice.say,
        lambda: compiler(
            # What runs here is for this machine, whatever the image is for.
            base if inputs.platform == here else fetch_base(means.registry_for, base.image, here),
            lambda layer: bench.stored(layer).open("rb"),
            environment.executable,
            environment.python,
            means.cache,
        ),
    )
    try:
        with open_web(inputs, means.variables, means.index_url) as web:
            executable = f"{CONDA_ROOT}/bin/python{lock.python}" if lock.conda else environment.executable
            own = make_layers(base, lock, ground, executable, bench, trust, anew)
    except BadWheel as error:
        return error.problems
    return Below(ground, base.layers, own, digest_of(dump_lock(lock)))


def _ground(ground: Ground, lock: Lock) -> Ground:
    """The base as what lies upon it sees it: programs of conda come before its own."""
    if not lock.conda:
        return ground
    path = next((pair[5:] for pair in ground.env if pair.startswith("PATH=")), USUAL_PATH)
    others = [pair for pair in ground.env if not pair.startswith(("PATH=", "CONDA_PREFIX="))]
    # Its compiled files are of conda's Python; the base's may be another one.
    env = (*others, f"PATH={CONDA_ROOT}/bin:{path}", f"CONDA_PREFIX={CONDA_ROOT}")
    return replace(ground, env=env, bytecode=False)
