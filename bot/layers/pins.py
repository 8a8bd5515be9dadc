"""Packages → the versions that work together today, for a requirements.txt that somebody is to look through.

Only wheels count, as for an image. A package that stands in the way of the others is named with the reason, and the
others are pinned without it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from bot.domain.environments import Environment
from bot.domain.wizard_files import DISTRIBUTION, Pin, Pins
from bot.errors import OperatorError, TryAgain
from bot.layers.indexes import MIRRORS
from bot.layers.lock_key import ResolveInputs
from bot.layers.resolve import Resolved, resolve
from bot.layers.uv import PASSED_ON
from parser.model import Needed, Place, Problem, Requirement, Requirements
from parser.requirements.public import PYTORCH_CPU

MAX_SECONDS = 60.0
"""Longest time for all of it: somebody waits, and versions can be written by hand."""

MAX_PACKAGES = 100
"""Packages that are looked up; a script that imports more is none that a person wrote."""

_FILE = "requirements.txt"
_TORCH = frozenset({"torch", "torchvision", "torchaudio"})
_NO_NAME = "no package can be called so"
_TOO_MANY = "too many packages to look up"


def pin(
    needed: Sequence[Needed],
    environment: Environment,
    variables: Mapping[str, str],
    index_url: str = "",
    seconds: float = MAX_SECONDS,
) -> Pins:
    """A pin for each module; without versions where no index answers in time. Raises nothing that others must mend.

    `variables`: those of this process, of which only proxies, certificates and caches are passed on. `index_url`: the
    operator's own index.
    """
    pins = tuple(
        Pin(one.module, one.package, why="" if DISTRIBUTION.match(one.package) else _NO_NAME)
        for one in needed
    )
    names = sorted({one.package for one in pins if not one.why})
    if not names:
        return Pins(pins)
    if len(names) > MAX_PACKAGES:
        return Pins(pins, _TOO_MANY)
    known = {name: variables[name] for name in (*PASSED_ON, *MIRRORS) if variables.get(name)}
    until = time.monotonic() + seconds
    options: tuple[str, ...] = ("",)
    mirrored = index_url or any(name in known for name in MIRRORS)
    if not environment.gpu and not mirrored and not _TORCH.isdisjoint(names):
        # without it, gigabytes of libraries for graphics cards come along
        options = (f"--extra-index-url {PYTORCH_CPU}", "")
    trouble = ""
    for option in options:
        try:
            # an index besides may be slow, and must leave time for doing without it
            ends = until - seconds / 2 if option else until
            found = _pinned(pins, names, environment, known, index_url, option, ends)
        except (TryAgain, OperatorError) as error:
            trouble = str(error).rstrip(".")
            continue
        if any(one.version for one in found):
            return Pins(found, option=option)
        trouble = next((one.why for one in found if one.why and one.why != _NO_NAME), trouble)
        pins = found
    return Pins(pins, trouble)


def _pinned(
    pins: tuple[Pin, ...],
    names: Sequence[str],
    environment: Environment,
    variables: Mapping[str, str],
    index_url: str,
    option: str,
    until: float,
) -> tuple[Pin, ...]:
    left, reasons = list(names), dict[str, str]()
    while left:
        seconds = until - time.monotonic()
        if seconds <= 0:
            raise TryAgain("the packages could not be looked up in time")
        inputs = ResolveInputs(_required(left, option), environment, environment.platforms[0])
        answer = resolve(inputs, variables, lambda _said: None, index_url=index_url, seconds=seconds)
        if isinstance(answer, Resolved):
            versions = {wheel.name: wheel.version for wheel in answer.lock.wheels}
            return tuple(_answered(one, versions, reasons) for one in pins)
        culprits = _culprits(answer, left)
        if not culprits:
            raise TryAgain(next((one.message for one in answer), "the packages do not work together"))
        reasons |= culprits
        left = [name for name in left if name not in culprits]
    return tuple(_answered(one, {}, reasons) for one in pins)


def _required(names: Iterable[str], option: str) -> Requirements:
    items = tuple(
        Requirement(
            name, "", (), None, None, Place(_FILE, line, 0, line, len(name)), str(canonicalize_name(name))
        )
        for line, name in enumerate(names, 1)
    )
    return Requirements("pip", _FILE, items, options=(option,) if option else ())


def _culprits(problems: Sequence[Problem], names: Sequence[str]) -> dict[str, str]:
    """Packages that a problem is about, with its words."""
    return {
        names[one.place.line - 1]: one.message.rstrip(".")
        for one in problems
        if one.place is not None
        and one.place.file == _FILE
        and one.place.line <= len(names)
        and one.place.end_line
    }


def _answered(one: Pin, versions: Mapping[str, str], reasons: Mapping[str, str]) -> Pin:
    if one.why:
        return one
    version = versions.get(str(canonicalize_name(one.package)), "")
    return replace(one, version=version, why="" if version else reasons.get(one.package, ""))
