"""What has become of an order: in words, as JSON, as a file, and in this machine's Docker engine."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.building import Built
from bot.errors import OperatorError
from bot.layers.means import Voice
from bot.layers.shelves import FolderShelf
from bot.layers.values import Layer
from bot.local.registries import Registries
from bot.progress import size

if TYPE_CHECKING:
    from bot.adapters.engine import Engine
    from bot.adapters.registry import Registry

LOCAL_TAG = "local"
"""The tag of an image that was made for this machine's engine."""


@dataclass(frozen=True, slots=True)
class Made:
    """An image, under the name by which it is known; `pushed`: the registry that has it; else it is in the cache."""

    name: str
    built: Built
    pushed: Registry | None
    cache: FolderShelf

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers of all platforms, each once."""
        shots = (layer for shot in self.built.shots for layer in (*shot.below.base, *shot.below.own))
        return tuple(dict.fromkeys((*shots, self.built.sources)))


def sum_up(made: Made, voice: Voice, seconds: float) -> None:
    if made.built.unchanged:
        voice.say(f"It is there already ({seconds:.2f} s).")
        return
    new = (
        "those of the packages were made or found"
        if any(shot.prepared for shot in made.built.shots)
        else "only the sources are new"
    )
    sent = ""
    if made.pushed is not None:
        requests = made.pushed.requests + made.pushed.token_requests
        sent = f", {size(made.pushed.bytes_sent)} sent in {requests} requests"
    voice.say(f"{len(made.layers)} layers, {new}{sent} ({seconds:.2f} s).")


def document(made: Made, seconds: float) -> str:
    return json.dumps(
        {
            "image": f"{made.name}@{made.built.digest}",
            "digest": made.built.digest,
            "platforms": {shot.inputs.platform: shot.picture.digest for shot in made.built.shots},
            "locks": {shot.inputs.platform: shot.below.lock for shot in made.built.shots},
            "layers": len(made.layers),
            "bytes": sum(layer.size for layer in made.layers),
            "sources_bytes": made.built.sources.size,
            "warm": not any(shot.prepared for shot in made.built.shots),
            "unchanged": made.built.unchanged,
            "sent_bytes": made.pushed.bytes_sent if made.pushed else 0,
            "requests": made.pushed.requests if made.pushed else 0,
            "token_requests": made.pushed.token_requests if made.pushed else 0,
            "seconds": round(seconds, 4),
        },
        indent=2,
    )


def write_file(target: Path, made: Made) -> None:
    """Writes the archive beside its place, and puts it there when it is whole."""
    from bot.layers.archive import write_archive

    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            write_archive(file, made.built.manifest, made.cache, f"{made.name}:{LOCAL_TAG}")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def find_engine() -> Engine:
    """The engine of this machine. Raises OperatorError when none answers."""
    from bot.adapters.engine import Engine

    try:
        return Engine(wait_seconds=0)
    except OperatorError as error:
        raise OperatorError(
            str(error),
            "Start it, so that `docker info` answers; or --push or --output the image, which need none.",
        ) from error


def hand_to_engine(
    engine: Engine, made: Made, arguments: Sequence[str] | None, registries: Registries, voice: Voice
) -> int:
    """Lets the local engine have the image, and run it where there are `arguments`; the exit code."""
    if made.pushed is not None:
        name = f"{made.name}@{made.built.digest}"
        account = registries.login(made.name.partition("/")[0])
        engine.ensure_image(name, account, voice.say)
    else:
        name = f"{made.name}:{LOCAL_TAG}"
        with tempfile.TemporaryFile() as file:
            from bot.layers.archive import write_archive

            write_archive(file, made.built.manifest, made.cache, name)
            file.seek(0)
            engine.load(file)
    voice.say(f"The engine has it: {name}")
    if arguments is None:
        return 0
    return engine.run(name, arguments, sys.stdout.buffer, sys.stderr.buffer)
