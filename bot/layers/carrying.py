"""Layers on their way to a shelf: sent from a file, or taken over from another shelf."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.errors import BotError
from bot.layers.known import Found
from bot.layers.shelves import Moved, Open, Shelf
from bot.layers.values import Layer

AT_A_TIME = 4
"""Layers that are fetched, made or sent at the same time."""

Moving = Callable[[str, int, int], None]
"""Hears of what takes long: what it is, bytes by now, bytes in all."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Brings layers to one shelf. `work`: a folder for files that are thrown away."""

    shelf: Shelf
    work: Path
    moving: Moving

    def send(self, layer: Layer, open_layer: Open, new: bool = False) -> None:
        """Puts a layer on the shelf; `new`: it is known not to be there."""
        moved = self.moved(f"sending {layer.title}", layer.size)
        self.shelf.ensure_blob(layer.digest, layer.size, open_layer, moved, new)

    def moved(self, what: str, size: int) -> Moved:
        """Tells of what is under way."""
        return lambda done: self.moving(what, done, size)

    def take_over(self, found: Found, trust: bool) -> bool:
        """Lets a layer that was found be on the shelf; False when it is no longer to be had.

        `trust`: what images on the shelf itself name is there.
        """
        layer = found.layer
        if found.shelf is self.shelf:
            return trust or self.shelf.has_blob(layer.digest)
        try:
            if self.shelf.mount_blob(layer.digest, found.shelf):
                return True
            if not self.shelf.has_blob(layer.digest):
                with self.parcel() as (file, path):
                    found.shelf.fetch_blob(layer.digest, file, layer.size)
                    file.flush()
                    self.send(layer, lambda: path.open("rb"), new=True)
        except BotError:
            # It can be made anew; if the shelf itself is at fault, that will say so.
            return False
        return True

    def adopt(self, layers: Sequence[Layer], source: Shelf) -> bool:
        """Takes over all layers of an image, several at a time; False when one is not to be had."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            return all(pool.map(lambda layer: self.take_over(Found(layer, source), True), layers))

    @contextmanager
    def parcel(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A file that is thrown away afterwards, open for writing."""
        handle, name = tempfile.mkstemp(dir=self.work, prefix="parcel-")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file, path
        finally:
            path.unlink()
