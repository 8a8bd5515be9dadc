"""What a lock follows from, and the key under which it is found again. Neither needs uv."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.environments import Environment
from bot.layers.values import LAYOUT
from parser.model import Requirement, Requirements

_VERSION = 1
"""Raised when the same requirements would have to be resolved anew."""


@dataclass(frozen=True, slots=True)
class ResolveInputs:
    """All that decides on a lock: what the repository asks for, and what it is to run in.

    `files`: the texts that requirements were read from, by path; `platform`: `linux/amd64`; `build_sdists`: packages
    that may be built of their sources, as `.mlreef.yaml` names them.
    """

    requirements: Requirements | None
    environment: Environment
    platform: str
    build_sdists: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def lock_key(inputs: ResolveInputs) -> str:
    """sha256 (hex) of all that decides on the lock; comments, blanks and line numbers are no part of it.

    Variables stay unexpanded: neither a password nor its change is in the key. What an index answers today is no part
    of it either: a lock is used again until somebody changes what is asked for.
    """
    environment = inputs.environment
    asked = {
        "version": _VERSION,
        "layout": LAYOUT,
        "requirements": _requirements(inputs),
        "build_sdists": sorted({_normalized(name) for name in inputs.build_sdists}),
        # The image's name may move from one registry to another; its digest is what it is.
        "base": environment.image.rpartition("@")[2],
        "python": environment.python,
        "executable": environment.executable,
        "platform": inputs.platform,
        "wheel_platform": environment.wheel_platform,
        "bytecode": environment.bytecode,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("ascii")).hexdigest()


def _requirements(inputs: ResolveInputs) -> Any:
    asked = inputs.requirements
    if asked is None:
        return None
    if asked.manager == "conda":
        # Its channels and their order are not among the items.
        return {path: hashlib.sha256(inputs.files[path]).hexdigest() for path in sorted(inputs.files)}
    return {
        "manager": asked.manager,
        "items": _items(asked.items),
        "constraints": _items(asked.constraints),
        "options": list(asked.options),
    }


def _items(items: Iterable[Requirement]) -> list[Any]:
    return [
        [
            *(item.normalized, item.specifier, list(item.extras), item.marker, item.url),
            *(sorted(item.hashes), item.editable),
        ]
        for item in items
    ]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
