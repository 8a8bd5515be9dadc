"""Layers + a base + what a module says → configuration and manifest of its image, and back. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.layers.labels import BASE_DIGEST_LABEL
from bot.layers.values import APP, DOCKER_LAYER, ENV_ROOT, HOME, LAYOUT, OCI_LAYER, Layer

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"

USER = "10001:10001"
"""Numeric, so that a cluster can see that it is not root."""

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where an engine looks for programs when an image does not say."""

OWN_PROGRAMS = f"{ENV_ROOT}/bin"

BASE_LABEL = "io.mlreef.base"
BASE_LAYERS_LABEL = "io.mlreef.base.layers"
LAYOUT_LABEL = "io.mlreef.layout"
LOCK_LABEL = "io.mlreef.lock"
KEY_LABEL = "io.mlreef.lock.key"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLATFORM = frozenset(("architecture", "os", "os.version", "variant"))
_KEPT_OF_BASE = ("ExposedPorts", "StopSignal", "Volumes")
"""Of a base's settings those that hold for whatever runs in it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What an image says of its base: its manifest's digest, its platform, and the settings that are handed on.

    `bytecode`: whether the layers on it hold what its Python compiled.
    """

    digest: str
    platform: Mapping[str, str]
    env: tuple[str, ...]
    kept: Mapping[str, Any] = field(default_factory=dict)
    bytecode: bool = True


@dataclass(frozen=True, slots=True)
class Dress:
    """What makes an image the module's. `start`: the words behind its Python, which those of its users follow.

    `environment_env` comes from the operator, `module_env` from the author.
    """

    start: tuple[str, ...]
    environment_env: Mapping[str, str]
    module_env: Mapping[str, str]
    labels: Mapping[str, str]
    created: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished image: manifest and configuration as they are sent."""

    config: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """The digest by which the image is known."""
        return digest_of(self.manifest)


@dataclass(frozen=True, slots=True)
class Known:
    """An image of ours as a registry holds it: base, foundation, wheels and, last, its sources."""

    ground: Ground
    base: tuple[Layer, ...]
    foundation: Layer
    wheels: tuple[Layer, ...]
    sources: Layer
    labels: Mapping[str, str]


def digest_of(content: bytes) -> str:
    """The digest of bytes, as registries name them."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def canonical(document: object) -> bytes:
    """JSON with sorted keys, without spaces, in ASCII: the same bytes for the same value, on every Python."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def read_ground(digest: str, config: Mapping[str, Any], bytecode: bool) -> Ground:
    """What of a base's configuration its images hand on."""
    inside = config.get("config") or {}
    platform = {name: config[name] for name in sorted(_PLATFORM) if config.get(name)}
    kept = {name: inside[name] for name in _KEPT_OF_BASE if inside.get(name)}
    return Ground(digest, platform, tuple(inside.get("Env") or ()), kept, bytecode)


def write_picture(ground: Ground, base: Sequence[Layer], own: Sequence[Layer], dress: Dress) -> Picture:
    """The image of a base and layers on it: foundation, wheels, sources."""
    layers = (*base, *own)
    env = _env(ground.env, dress)
    about = {
        "bytecode": ground.bytecode,
        "env": _shortened(ground.env, env),
        "kept": dict(ground.kept),
        "platform": dict(ground.platform),
    }
    if ground.digest != dress.labels.get(BASE_DIGEST_LABEL):
        about["digest"] = ground.digest
    labels = {
        **dress.labels,
        BASE_LABEL: canonical(about).decode("ascii"),
        BASE_LAYERS_LABEL: str(len(base)),
        LAYOUT_LABEL: str(LAYOUT),
    }
    inside = {
        **ground.kept,
        "Cmd": [],
        "Entrypoint": [f"{ENV_ROOT}/bin/python", *dress.start],
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Labels": labels,
        "User": USER,
        "WorkingDir": APP,
    }
    config = canonical(
        {
            **ground.platform,
            "config": inside,
            "created": dress.created,
            # Short, for it is sent with every image: of the base's own history its image tells.
            "history": [*({"created_by": "base"} for _ in base), *({"created_by": one.title} for one in own)],
            "rootfs": {"diff_ids": [layer.diff_id for layer in layers], "type": "layers"},
        }
    )
    manifest = canonical(
        {
            "config": {"digest": digest_of(config), "mediaType": CONFIG_TYPE, "size": len(config)},
            "layers": [
                {"digest": layer.digest, "mediaType": layer.media_type, "size": layer.size}
                for layer in layers
            ],
            "mediaType": MANIFEST_TYPE,
            "schemaVersion": 2,
        }
    )
    return Picture(config, manifest)


def write_index(pictures: Sequence[tuple[Mapping[str, str], Picture]]) -> bytes:
    """The index of one image for several platforms, in the order given."""
    return canonical(
        {
            "manifests": [
                {
                    "digest": picture.digest,
                    "mediaType": MANIFEST_TYPE,
                    "platform": dict(platform),
                    "size": len(picture.manifest),
                }
                for platform, picture in pictures
            ],
            "mediaType": INDEX_TYPE,
            "schemaVersion": 2,
        }
    )


def read_known(manifest: bytes, config: bytes) -> Known | None:
    """An image of ours in today's form; None for every other one. The caller has compared both with their digests.

    Whoever may push has written it: of another form than ours, nothing of it is used.
    """
    try:
        described, configured = json.loads(manifest), json.loads(config)
        labels = configured["config"]["Labels"]
        if not _is_mapping_of_texts(labels) or labels[LAYOUT_LABEL] != str(LAYOUT):
            return None
        if not _DIGEST.fullmatch(labels[LOCK_LABEL]):
            return None
        ground = _read_about(json.loads(labels[BASE_LABEL]), labels, configured["config"]["Env"])
        layers = tuple(
            _read_layer(part, diff_id, told["created_by"])
            for part, diff_id, told in zip(
                described["layers"], configured["rootfs"]["diff_ids"], configured["history"], strict=True
            )
        )
        count = int(labels[BASE_LAYERS_LABEL])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    own = layers[count:]
    if count < 0 or len(own) < 2:
        return None
    return Known(ground, layers[:count], own[0], own[1:-1], own[-1], labels)


def _read_about(about: Mapping[str, Any], labels: Mapping[str, str], image_env: Sequence[str]) -> Ground:
    digest = about["digest"] if "digest" in about else labels[BASE_DIGEST_LABEL]
    env, kept, bytecode = about["env"], about["kept"], about["bytecode"]
    if (
        not _DIGEST.fullmatch(digest)
        or not _is_mapping_of_texts(about["platform"])
        or not about["platform"].keys() <= _PLATFORM
        or not (isinstance(env, list) and all(isinstance(pair, str) for pair in env))
        or not (isinstance(kept, dict) and kept.keys() <= set(_KEPT_OF_BASE))
        or not isinstance(bytecode, bool)
    ):
        raise ValueError("what it says of its base is not in our form")
    return Ground(digest, about["platform"], _restored(env, image_env), kept, bytecode)


def _shortened(base: Sequence[str], image: Mapping[str, str]) -> list[str]:
    """The base's variables, by name alone where the image has them as they are: all of it is sent each time."""
    short = []
    for pair in base:
        name, _, value = pair.partition("=")
        handed_on = f"{OWN_PROGRAMS}:{value}" if name == "PATH" else value
        short.append(name if image[name] == handed_on else pair)
    return short


def _restored(short: Sequence[str], image: Sequence[str]) -> tuple[str, ...]:
    """What `_shortened` was given, out of the image's own variables. KeyError: it lacks one of them."""
    values = dict(pair.partition("=")[::2] for pair in image)
    values["PATH"] = values["PATH"].removeprefix(f"{OWN_PROGRAMS}:")
    return tuple(word if "=" in word else f"{word}={values[word]}" for word in short)


def _read_layer(part: Mapping[str, Any], diff_id: object, title: object) -> Layer:
    digest, size, kind = part["digest"], part["size"], part["mediaType"]
    if (
        not (isinstance(digest, str) and _DIGEST.fullmatch(digest))
        or not (isinstance(diff_id, str) and _DIGEST.fullmatch(diff_id))
        or not (isinstance(size, int) and size >= 0)
        or kind not in (OCI_LAYER, DOCKER_LAYER)
        or not isinstance(title, str)
    ):
        raise ValueError("a layer is not in our form")
    return Layer(digest, size, diff_id, title, kind)


def _is_mapping_of_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _env(base: Sequence[str], dress: Dress) -> dict[str, str]:
    """The base's variables and those given, later ones instead of earlier ones; the module's programs come first."""
    env = dict(pair.partition("=")[::2] for pair in base)
    env["PATH"] = f"{OWN_PROGRAMS}:{env.get('PATH') or USUAL_PATH}"
    home = {"HOME": HOME, "PYTHONUNBUFFERED": "1"}
    return {**env, **dress.environment_env, **home, **dress.module_env}
