"""One image, from top to bottom: sources, lock, layers, configuration, manifest; its tags move last.

A build whose requirements have an image already takes all but the sources from there: it neither resolves nor fetches
nor asks the base's registry. Everything may be repeated; whatever ends it half-way has moved no tag.
"""

from __future__ import annotations

import errno
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.adapters.registry.values import BlobsUnknown, Manifest
from bot.errors import OperatorError
from bot.layers.image import (
    INDEX_TYPE,
    KEY_LABEL,
    LOCK_LABEL,
    Dress,
    Picture,
    digest_of,
    write_index,
    write_picture,
)
from bot.layers.known import fetch_known, lock_tag
from bot.layers.lock_key import ResolveInputs, lock_key
from bot.layers.means import Below, Means
from bot.layers.sources import OpenFile, write_sources
from bot.layers.values import Layer
from parser.model import Problem

if TYPE_CHECKING:
    from bot.layers.contents import Contents
    from bot.layers.lock import Lock
    from bot.layers.shelves import Shelf


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Again:
    """The lock of an image that is built once more, and the key under which it was made."""

    key: str
    lock: Lock


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, decided. `inputs`: one for each platform; `tags` are moved last, in this order.

    `refresh`: the lock is made anew although there is one. `again`: by platform, this lock and no other, nothing taken
    over, and no later build goes by it. `own`: files of ours, which start what the module has of entry points.
    """

    inputs: tuple[ResolveInputs, ...]
    dress: Dress
    contents: Contents
    open_content: OpenFile
    tags: tuple[str, ...]
    refresh: bool = False
    again: Mapping[str, Again] | None = None
    own: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shot:
    """The image of one platform. `prepared`: what is below its sources was not there before."""

    inputs: ResolveInputs
    key: str
    below: Below
    picture: Picture
    prepared: bool


@dataclass(frozen=True, slots=True)
class Built:
    """An image that is where it was to go. `unchanged`: it was there before."""

    manifest: Manifest
    shots: tuple[Shot, ...]
    sources: Layer
    unchanged: bool = False

    @property
    def digest(self) -> str:
        """By which the image is known."""
        return self.manifest.digest


def build_image(order: Order, means: Means) -> Built | tuple[Problem, ...]:
    """Builds the image onto the shelf. Problems: what its author has to mend. OperatorError: the disk is full."""
    try:
        return _build_in_a_folder(order, means)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise OperatorError(
            f"There is no room left on the disk while the image is built ({error.strerror}).",
            "Make room, or set TMPDIR (for the command also --cache) to a larger disk: a build needs twice the size "
            "of what it makes for the first time.",
        ) from error


def _build_in_a_folder(order: Order, means: Means) -> Built | tuple[Problem, ...]:
    with tempfile.TemporaryDirectory(prefix="mlreef-build-") as folder:
        work = Path(folder)
        parcel = work / "sources"
        with parcel.open("wb") as sink:
            sources = write_sources(sink, order.contents, order.open_content, order.own)
        if not isinstance(sources, Layer):
            return sources
        try:
            return _build(order, means, work, sources, parcel, trust=True)
        except BlobsUnknown as error:
            means.voice.say(f"{error} What is missing is made anew.")
        return _build(order, means, work, sources, parcel, trust=False)


def _build(
    order: Order, means: Means, work: Path, sources: Layer, parcel: Path, trust: bool
) -> Built | tuple[Problem, ...]:
    shots = []
    for inputs in order.inputs:
        again = order.again[inputs.platform] if order.again is not None else None
        key = again.key if again else lock_key(inputs)
        below = _held(means.shelf, key) if trust and not order.refresh and not again else None
        prepared = below is None
        if below is None:
            # Imported here because most builds change nothing but the sources.
            from bot.layers.preparing import prepare

            lock = again.lock if again else None
            made = prepare(inputs, key, means, work, order.refresh, trust, lock)
            if not isinstance(made, Below):
                return made
            below = made
        picture = _picture(order.dress, key, below, sources)
        shots.append(Shot(inputs, key, below, picture, prepared))
    built = Built(_manifest(shots), tuple(shots), sources)
    if _is_there(order, means.shelf, built):
        return replace(built, unchanged=True)
    _send(order, means, built, parcel)
    return built


def _held(shelf: Shelf, key: str) -> Below | None:
    known = fetch_known(shelf, key)
    if known is None:
        return None
    return Below(known.ground, known.base, (known.foundation, *known.wheels), known.labels[LOCK_LABEL])


def _picture(dress: Dress, key: str, below: Below, sources: Layer) -> Picture:
    labels = {**dress.labels, KEY_LABEL: key, LOCK_LABEL: below.lock}
    return write_picture(below.ground, below.base, (*below.own, sources), replace(dress, labels=labels))


def _manifest(shots: Sequence[Shot]) -> Manifest:
    if len(shots) == 1:
        return Manifest.of(shots[0].picture.manifest)
    return Manifest.of(
        write_index([(shot.below.ground.platform, shot.picture) for shot in shots]), INDEX_TYPE
    )


def _is_there(order: Order, shelf: Shelf, built: Built) -> bool:
    """Whether every tag stands for this image already, and nothing new was made for it."""
    if not order.tags or any(shot.prepared for shot in built.shots):
        return False
    for tag in order.tags:
        held = shelf.fetch_manifest(tag)
        if held is None or held.digest != built.digest:
            return False
    return True


def _send(order: Order, means: Means, built: Built, parcel: Path) -> None:
    """Blobs, then manifests, then the tag of a new lock, for the next build; the tags that people read move last.

    So whoever reads a tag finds all of the image behind it.
    """
    shelf, sources, voice = means.shelf, built.sources, means.voice

    def moved(done: int) -> None:
        voice.moving("sending the sources", done, sources.size)

    shelf.ensure_blob(sources.digest, sources.size, lambda: parcel.open("rb"), moved, new=True)
    for shot in built.shots:
        config = shot.picture.config
        shelf.ensure_blob(
            digest_of(config), len(config), partial(io.BytesIO, config), lambda _: None, new=True
        )
    if len(built.shots) > 1 or not order.tags:
        for shot in built.shots:
            shelf.put_manifest(shot.picture.digest, Manifest.of(shot.picture.manifest))
    for shot in built.shots:
        if shot.prepared and order.again is None:
            shelf.put_manifest(lock_tag(shot.key), Manifest.of(shot.picture.manifest))
    for tag in order.tags:
        shelf.put_manifest(tag, built.manifest)
