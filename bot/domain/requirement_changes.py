"""Two lists of requirements → what changed, for those who read a merge request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RequirementKind = Literal["added", "removed", "moved", "unpinned", "yanked"]


@dataclass(frozen=True, slots=True)
class RequirementChange:
    """One change of what is installed; `name`, `before` and `after` are the repository's text as it is.

    `before` and `after` are versions as pip writes them (`==2.1`), or an address; empty where there is none. `why` is
    one sentence of ours, or what the index says about a version that was taken back (the index's own text).
    """

    name: str
    kind: RequirementKind
    before: str
    after: str
    why: str = ""
