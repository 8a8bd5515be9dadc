"""A ref that moved, whoever moved it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RefChange:
    """One ref that a push moved."""

    ref: str
    before: str
    after: str

    @property
    def branch(self) -> str | None:
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None

    @property
    def tag(self) -> str | None:
        return self.ref.removeprefix("refs/tags/") if self.ref.startswith("refs/tags/") else None
