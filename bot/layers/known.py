"""Which layers need not be made: those of images of ours, in the project's own repository or the operator's.

Nowhere else is believed: whoever may write a manifest says which layer a wheel became, and a project's images are to
be made of what its own people, or the operator, have put there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.domain.tags import LATEST
from bot.errors import BotError, Gone, OperatorError, Refused, TryAgain
from bot.layers.foundation import read_foundation
from bot.layers.groups import group_packages, room_for_wheels
from bot.layers.image import KEY_LABEL, LOCK_LABEL, Ground, Known, digest_of, read_known
from bot.layers.lock import Lock, LockedConda, LockedWheel, read_lock
from bot.layers.shelves import Shelf
from bot.layers.values import Layer

if TYPE_CHECKING:
    from concurrent.futures import Executor

OWN_LOOKED_AT = 16
"""Images of the project that are searched for layers when its requirements are new."""

SHARED_LOOKED_AT = 64
"""Images of the operator's repository that are searched for layers which the project does not have."""

TOGETHER = 8
"""Images that are looked at before it is asked whether that is enough."""

LOCK_TAG = "l-"
LOCK_TAG_HEX = 40
"""Characters of a lock's key in its tag."""

Group = tuple[str, ...]
"""sha256 of the packages that share a layer, in order."""


@dataclass(frozen=True, slots=True)
class Found:
    """A layer that is there already, where, and in the image behind which tag, if that matters."""

    layer: Layer
    shelf: Shelf
    tag: str = ""


def lock_tag(key: str) -> str:
    """The tag under which the image of a lock is found again, until the tag of another commit's image takes it over."""
    return f"{LOCK_TAG}{key[:LOCK_TAG_HEX]}"


def group_of(wheels: Sequence[LockedWheel] | Sequence[LockedConda]) -> Group:
    """What tells one group from another."""
    return tuple(wheel.sha256 for wheel in wheels)


def fetch_known(shelf: Shelf, key: str) -> Known | None:
    """The image that a lock's key stands for there, if it is one of ours and says so itself.

    `latest` may be one too: the tags of locks look like something that can be cleaned up.
    """
    for reference in (lock_tag(key), LATEST):
        found = _fetch(shelf, reference)
        if found is not None and found.labels.get(KEY_LABEL) == key:
            return found
    return None


def fetch_lock(shelf: Shelf, known: Known) -> tuple[Lock, bytes] | None:
    """The lock in an image, and its bytes; None when it is not what its label says."""
    held = _fetch_foundation(shelf, known)
    return held[:2] if held is not None else None


def _fetch_foundation(shelf: Shelf, known: Known) -> tuple[Lock, bytes, tuple[tuple[str, ...], ...]] | None:
    content, _, words = read_foundation(io.BytesIO(shelf.read_blob(known.foundation.digest)))
    if digest_of(content) != known.labels.get(LOCK_LABEL):
        return None
    return read_lock(content), content, words


def search(
    places: Sequence[tuple[Shelf, int]], wanted: frozenset[Group], like: Lock, ground: Ground, pool: Executor
) -> Mapping[Group, Found]:
    """Layers of wanted groups, as far as they are there; `places` in order, each with how many images are looked at.

    They are to be as those for the lock `like` on that base: compiled files hold for one base only.
    """
    found: dict[Group, Found] = {}
    for shelf, most in places:
        try:
            tags = shelf.fetch_tags()
        except (Refused, TryAgain):
            # What may not be read there is made here.
            continue
        looked = [tag for tag in tags if tag == LATEST] + [tag for tag in tags if tag.startswith(LOCK_TAG)]
        for start in range(0, min(len(looked), most), TOGETHER):
            if wanted <= found.keys():
                return found
            some = looked[start : min(start + TOGETHER, most)]
            for tag, layers in zip(some, pool.map(partial(_layers, shelf, like, ground), some), strict=True):
                for group in wanted & layers.keys():
                    found.setdefault(group, Found(layers[group], shelf, tag))
    return found


def _layers(shelf: Shelf, like: Lock, ground: Ground, tag: str) -> Mapping[Group, Layer]:
    """The layers of one image by their groups; none of an image that is not ours, or of another kind."""
    try:
        known = _fetch(shelf, tag)
        if known is None or known.ground.bytecode != ground.bytecode:
            return {}
        if ground.bytecode and known.ground.digest != ground.digest:
            return {}
        held = _fetch_foundation(shelf, known)
    except (BotError, ValueError):
        # Whoever pushed something odd there costs us a layer that is made again, and nothing else.
        return {}
    if held is None or held[0].python != like.python:
        return {}
    groups = group_packages(held[0], room_for_wheels(len(known.base)))
    words = held[2] or ((),) * len(groups)
    if not len(groups) == len(known.wheels) == len(words):
        return {}
    return {
        group_of(wheels): replace(layer, brings=said)
        for wheels, layer, said in zip(groups, known.wheels, words, strict=True)
    }


def _fetch(shelf: Shelf, reference: str) -> Known | None:
    manifest = shelf.fetch_manifest(reference)
    if manifest is None:
        return None
    try:
        config = json.loads(manifest.content)["config"]["digest"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(config, str):
        return None
    try:
        return read_known(manifest.content, shelf.read_blob(config))
    except (Gone, OperatorError):
        # The registry lost it, or it is no configuration: what stands under our own tags must not stop a build.
        return None
