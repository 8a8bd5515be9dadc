"""A base image as its registry has it: index → manifest → configuration, checked before anything is built on it.

What is wrong with a base is the operator's to mend; every error names the image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from bot.adapters.registry.manifests import is_index
from bot.errors import OperatorError
from bot.layers.values import DOCKER_LAYER, OCI_LAYER, Layer

if TYPE_CHECKING:
    from bot.adapters.registry import Registry
    from bot.adapters.registry.values import Manifest

HUB, HUB_HOST = "docker.io", "registry-1.docker.io"
"""Docker Hub's name in names of images, and the host that answers for it."""

MAX_BASE_LAYERS = 90
"""Layers of a base. An image has at most 127, and wheels and users need some of them."""

MAX_MEMBERS = 1000
"""Images in an index that are looked at."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name in parts: the host that answers for it, the repository there, tag and digest as far as named."""

    host: str
    repository: str
    tag: str | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class Base:
    """A base image for one platform.

    `image`: its name by the digest that was looked up, which may be an index's; `digest`: the platform's manifest;
    `config`: its configuration as in the registry; `layers` with what they are uncompressed (`diff_id`).
    """

    image: str
    digest: str
    platform: str
    layers: tuple[Layer, ...]
    config: Mapping[str, Any]

    @property
    def env(self) -> Mapping[str, str]:
        """The environment variables that it sets."""
        pairs = (entry.partition("=") for entry in (self.config.get("config") or {}).get("Env") or ())
        return {name: value for name, _, value in pairs}


def read_reference(image: str) -> Reference:
    """The parts of a name such as `python:3.12-slim` or `registry.example.com/a/b:1@sha256:…`."""
    rest, _, digest = image.partition("@")
    first, slash, other = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, rest = first, other
    else:
        host = HUB
    repository, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = rest, ""
    if not repository or (digest and not _DIGEST.match(digest)):
        raise OperatorError(
            f"{image!r} is not the name of an image.", "Write it as `host/repository:tag@sha256:…`."
        )
    if host == HUB:
        repository = repository if "/" in repository else f"library/{repository}"
        host = HUB_HOST
    return Reference(host, repository, tag or (None if digest else "latest"), digest or None)


def fetch_base(registry_for: Callable[[str], Registry], image: str, platform: str) -> Base:
    """The base behind a name, for a platform such as `linux/amd64`. `registry_for` opens the registry of a host.

    A name with tag and digest means the digest, whatever the tag stands for today; without a digest, what the tag
    stands for now, and what is fetched after that goes by digest. Raises OperatorError: it is not there, not for
    this platform, or nothing that layers can be put on; and whatever the registry raises.
    """
    name = read_reference(image)
    registry = registry_for(name.host)
    found = registry.fetch_manifest(name.repository, name.digest or name.tag or "")
    if found is None:
        _refuse_missing(registry, image, name)
    pinned = f"{_named(image)}@{found.digest}"
    manifest = _of_platform(registry, name.repository, pinned, found, platform) if is_index(found) else found
    document = _document(pinned, manifest.content, "manifest")
    if manifest.media_type.startswith(_SCHEMA_1) or document.get("schemaVersion") != 2:
        _refuse(pinned, "is in Docker's form of before 2017 (schema 1)", "Push it anew with a tool of today.")
    config = _config(registry, name.repository, pinned, document)
    _check_platform(pinned, config, platform, is_index(found))
    return Base(pinned, manifest.digest, platform, _layers(pinned, document, config), config)


def why_moved(registry_for: Callable[[str], Registry], image: str, base: Base) -> str | None:
    """A sentence when the tag in `image` does not stand for `base` any more; None when it does, or there is no tag."""
    name = read_reference(image)
    if name.tag is None:
        return None
    now = registry_for(name.host).fetch_manifest(name.repository, name.tag)
    was = base.image.rpartition("@")[2]
    if now is not None and now.digest == was:
        return None
    then = f"now stands for {now.digest}" if now is not None else "is gone"
    return (
        f"The tag {name.tag} of the base image {_named(image)} {then}; this image is built on {was}. "
        "Name the base by its digest, and change it when you want another one."
    )


def _refuse(image: str, what: str, hint: str) -> NoReturn:
    raise OperatorError(f"The base image {image} {what}.", hint)


def _named(image: str) -> str:
    return image.partition("@")[0]


def _refuse_missing(registry: Registry, image: str, name: Reference) -> NoReturn:
    now = registry.fetch_manifest(name.repository, name.tag) if name.digest and name.tag else None
    if now is not None:
        _refuse(
            image,
            f"is not there any more: its tag {name.tag} has moved and now stands for {now.digest}",
            "Look at what changed, then put the new digest into the environment's `image`.",
        )
    _refuse(
        image,
        "is not in its registry",
        "Check the environment's `image` (docker manifest inspect), or push it there.",
    )


def _of_platform(registry: Registry, repository: str, image: str, index: Manifest, platform: str) -> Manifest:
    offered: list[str] = []
    entries = _document(image, index.content, "index").get("manifests")
    for entry in entries[:MAX_MEMBERS] if isinstance(entries, list) else ():
        named = entry.get("platform") if isinstance(entry, dict) else None
        if not isinstance(named, dict):
            continue
        its = _platform(named)
        if its != _usual(platform):
            offered += [its] if "unknown" not in its else []
            continue
        digest = entry.get("digest")
        inner = (
            registry.fetch_manifest(repository, digest)
            if isinstance(digest, str) and _DIGEST.match(digest)
            else None
        )
        if inner is None or is_index(inner):
            _refuse(
                image,
                f"lists {digest} for {platform}, which is no image in its registry",
                "Push it anew with all its platforms.",
            )
        return inner
    _refuse(
        image,
        f"is not there for {platform}, only for {', '.join(sorted(set(offered))) or 'nothing'}",
        "Choose an image made for this platform, or take the platform off the environment's `platforms`.",
    )


def _platform(named: Mapping[str, Any]) -> str:
    parts = (named.get(key) for key in ("os", "architecture", "variant"))
    return _usual("/".join(part for part in parts if isinstance(part, str) and part))


def _usual(platform: str) -> str:
    # arm64 is the same with and without its variant
    return platform.removesuffix("/v8")


def _check_platform(image: str, config: Mapping[str, Any], platform: str, listed: bool) -> None:
    its = _platform(config)
    if config.get("os") == "windows":
        _refuse(image, "is a Windows image", "Choose a Linux image with a Python.")
    if its == _usual(platform) or (listed and its == _usual(platform).rpartition("/")[0]):
        return
    what = "says of itself, against its index, that it is" if listed else "is"
    _refuse(
        image,
        f"{what} for {its or 'no platform'}, not for {platform}",
        "Choose an image made for this platform, or correct the environment's `platforms`.",
    )


def _config(
    registry: Registry, repository: str, image: str, manifest: Mapping[str, Any]
) -> Mapping[str, Any]:
    part = manifest.get("config")
    digest = part.get("digest") if isinstance(part, dict) else None
    if not isinstance(digest, str) or not _DIGEST.match(digest):
        _refuse(image, "is no container image: its manifest names no configuration", "Choose another one.")
    content = registry.read_blob(repository, digest)
    if content is None:
        _refuse(image, f"has lost its configuration {digest}", "Push it to its registry anew.")
    config = _document(image, content, "configuration")
    inside = config.get("config")
    env = inside.get("Env") if isinstance(inside, dict) else None
    if not isinstance(inside, dict | None) or not _is_texts(env or []):
        _refuse(image, "has a broken configuration: `config` or its `Env`", "Build it anew.")
    return config


def _layers(image: str, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[Layer, ...]:
    listed = manifest.get("layers")
    root = config.get("rootfs")
    diff_ids = root.get("diff_ids") if isinstance(root, dict) else None
    if not isinstance(listed, list) or not isinstance(diff_ids, list) or len(listed) != len(diff_ids):
        _refuse(
            image, "has a manifest and a configuration that do not name the same layers", "Build it anew."
        )
    if len(listed) > MAX_BASE_LAYERS:
        _refuse(
            image,
            f"has {len(listed)} layers; a base may have {MAX_BASE_LAYERS}",
            "Squash it (docker export, docker import), or choose a plainer one.",
        )
    return tuple(_checked_layers(image, listed, diff_ids))


def _checked_layers(image: str, listed: list[Any], diff_ids: list[Any]) -> Iterator[Layer]:
    for number, (entry, diff_id) in enumerate(zip(listed, diff_ids, strict=True), start=1):
        part = entry if isinstance(entry, dict) else {}
        digest, size, kind = part.get("digest"), part.get("size"), part.get("mediaType")
        if (
            not (isinstance(digest, str) and _DIGEST.match(digest))
            or not (isinstance(diff_id, str) and _DIGEST.match(diff_id))
            or not (isinstance(size, int) and size >= 0)
        ):
            _refuse(image, f"has a broken entry for its layer {number}", "Build it anew.")
        if part.get("urls") or "foreign" in str(kind) or "nondistributable" in str(kind):
            _refuse(
                image,
                f"has a layer that its registry does not hold itself ({number}, {kind})",
                "Choose a Linux image without foreign layers.",
            )
        if kind not in (OCI_LAYER, DOCKER_LAYER):
            _refuse(
                image,
                f"has a layer of a kind that not every engine reads ({number}, {kind})",
                "Push it with layers compressed by gzip (`--output type=image,compression=gzip`).",
            )
        yield Layer(digest, size, diff_id, f"base {number}", str(kind))


def _document(image: str, content: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        _refuse(image, f"has a broken {what}", "Push it to its registry anew.")
    return document


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
