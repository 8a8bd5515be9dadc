"""`mlreef-bot build --verify IMAGE`: built again from what the image says of itself, and compared with it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.building import Again, Built, Order, build_image
from bot.domain.content import CONTENT_LABEL
from bot.domain.environments import Environment
from bot.domain.image_start import own_files, start_words
from bot.domain.tags import REVISION_LABEL
from bot.errors import OperatorError
from bot.layers.base import Reference
from bot.layers.compare import Side, compare
from bot.layers.foundation import read_foundation
from bot.layers.image import KEY_LABEL, Dress, Known, read_known
from bot.layers.known import fetch_lock
from bot.layers.labels import (
    CREATED_LABEL,
    ENGINE_LABEL,
    ENVIRONMENT_LABEL,
    SOURCE_LABEL,
    base_of,
    module_labels,
)
from bot.layers.lock import Lock
from bot.layers.lock_key import ResolveInputs
from bot.layers.means import Means
from bot.layers.shelves import FolderShelf, RegistryShelf
from bot.layers.sources import open_of_folder
from bot.layers.values import APP
from bot.local.ahead import Read
from bot.local.ask import LONG_AGO
from bot.local.folder import Here
from parser.model import Module, Problem

if TYPE_CHECKING:
    from bot.adapters.registry import Registry

OURS = ("HOME", "PATH", "PYTHONUNBUFFERED")
"""Variables that every image of ours sets itself."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image of ours in a registry, read."""

    name: str
    shelf: RegistryShelf
    manifest: bytes
    config: bytes
    digest: str
    known: Known
    lock: Lock
    executable: str


def fetch_image(registry: Registry, told: Reference, platform: str) -> Image:
    """The image of a name. OperatorError: it is not there, or was not built by this engine in today's form."""
    name = f"{told.host}/{told.repository}"
    found = registry.fetch_manifest(told.repository, told.digest or told.tag or "", platform)
    if found is None:
        raise OperatorError(f"There is no image {name}:{told.tag or told.digest}.", "Check its name.")
    shelf = RegistryShelf(registry, told.repository)
    try:
        config = shelf.read_blob(json.loads(found.content)["config"]["digest"])
        known = read_known(found.content, config)
        held = fetch_lock(shelf, known) if known is not None else None
    except (ValueError, KeyError, TypeError):
        known = held = None
    if known is None or held is None:
        raise OperatorError(
            f"{name} was not built by the engine `layers` in today's form.",
            "Verify it with the version of mlreef-bot that built it, or build it anew.",
        )
    _, executable, _ = read_foundation(io.BytesIO(shelf.read_blob(known.foundation.digest)))
    return Image(name, shelf, found.content, config, found.digest, known, held[0], executable)


def verify(
    image: Image, read: Read, module: Module, here: Here, means: Means, give: Callable[[str], None]
) -> bool | tuple[Problem, ...]:
    """Whether the folder gives the same image; every difference is given as a line."""
    shelf = means.shelf
    if not isinstance(shelf, FolderShelf):
        raise TypeError("an image that is only compared is built into a folder")
    built = build_image(_order(image, read, module, here), means)
    if not isinstance(built, Built):
        return built
    if built.digest == image.digest:
        give(f"The same: {image.name}@{image.digest}")
        return True
    give(f"Another: {image.name}@{image.digest} became {built.digest}")
    picture = built.shots[0].picture
    with tempfile.TemporaryDirectory(prefix="mlreef-verify-") as folder:
        fetched = FolderShelf(Path(folder))
        sizes = {part["digest"]: part["size"] for part in json.loads(image.manifest)["layers"]}

        def fetch(digest: str) -> Path:
            with fetched.path(digest).open("wb") as file:
                image.shelf.fetch_blob(digest, file, sizes[digest])
            return fetched.path(digest)

        theirs = Side(json.loads(image.manifest), json.loads(image.config), fetch)
        ours = Side(json.loads(picture.manifest), json.loads(picture.config), shelf.path)
        for line in compare(theirs, ours):
            give(line)
    return False


def _order(image: Image, read: Read, module: Module, here: Here) -> Order:
    labels, known = image.known.labels, image.known
    environment = Environment(
        name=labels.get(ENVIRONMENT_LABEL, ""),
        title="",
        image=base_of(labels),
        python=image.lock.python,
        executable=image.executable,
        platforms=(image.lock.platform,),
        bytecode=known.ground.bytecode,
    )
    module_env = read.report.settings.env
    to_build = read.report.settings.build_sdists
    inputs = ResolveInputs(module.requirements, environment, image.lock.platform, to_build, read.texts)
    ours = module_labels(
        module,
        environment,
        labels.get(ENGINE_LABEL, ""),
        # What no folder knows of itself.
        revision=labels.get(REVISION_LABEL, ""),
        source=labels.get(SOURCE_LABEL, ""),
        created=labels.get(CREATED_LABEL, ""),
        content=labels.get(CONTENT_LABEL, ""),
    )
    return Order(
        (inputs,),
        Dress(
            start_words(module, APP),
            _environment_env(image, module_env),
            module_env,
            ours,
            labels.get(CREATED_LABEL, LONG_AGO),
        ),
        here.contents,
        open_of_folder(read.folder),
        (),
        again={image.lock.platform: Again(labels.get(KEY_LABEL, ""), image.lock)},
        own=own_files(module),
    )


def _environment_env(image: Image, module_env: Mapping[str, str]) -> dict[str, str]:
    """What neither the base nor the module set, and not every image of ours: the environment's variables."""
    env = json.loads(image.config)["config"].get("Env") or ()
    pairs = dict(pair.partition("=")[::2] for pair in env)
    base = dict(pair.partition("=")[::2] for pair in image.known.ground.env)
    return {
        name: value
        for name, value in pairs.items()
        if name not in OURS and name not in module_env and base.get(name) != value
    }
