"""How a published module is used: texts to copy, with values as people type them into a form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that cannot be used: of which field (the name of an input), and why, in words."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to copy, without what was refused; and every value that was refused."""

    text: str
    problems: tuple[Refusal, ...] = ()


def component_reference(path: str, slug: str, version: str) -> str:
    """What `include: component:` names, of a version that is exact."""
    return f"$CI_SERVER_FQDN/{path}/{slug}@{version}"
