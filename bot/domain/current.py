"""What a branch has published now, by which a change of it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.versions import Version
from parser.model import Module


@dataclass(frozen=True, slots=True)
class Current:
    """What a branch has published now. `image` is the repository's address without tag; `size` in bytes.

    `version` is None where the image has none: another branch's than the default one, or one from before there were
    versions. `module` is None where the image's description cannot be read. `used`: versions that no new image gets.
    `environment` is the name of its base environment, empty where it is not known. `digest` is empty where nothing is
    published now, but versions were, and stay used.
    """

    image: str
    digest: str
    number: int
    version: Version | None
    module: Module | None
    size: int | None = None
    seconds: float | None = None
    used: frozenset[Version] = frozenset()
    environment: str = ""
