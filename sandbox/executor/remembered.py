"""Plans that need not be asked for again: the same CI file under the same variables gives the same jobs."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

from sandbox.plan import PipelinePlan

KEPT = 64
"""So many plans are remembered; then all are forgotten, which costs less than it saves."""

# What such a file gives depends on more than itself and the variables it names.
OUTWARD = re.compile(rb"\b(include|changes|exists)\b")

NAMED = re.compile(rb"\$\{?([A-Za-z_]\w*)")


class Plans:
    """Remembers plans that came out without errors."""

    def __init__(self) -> None:
        self._plans: dict[Hashable, PipelinePlan] = {}

    def of(self, path: Path, variables: Mapping[str, str], ask: Callable[[], PipelinePlan]) -> PipelinePlan:
        """The plan of the file at `path`; `ask` makes it when it is not known."""
        key = _key(path, variables)
        if key is None:
            return ask()
        found = self._plans.get(key)
        if found is None:
            found = ask()
            if not found.errors:
                if len(self._plans) >= KEPT:
                    self._plans.clear()
                self._plans[key] = found
        return found


def _key(path: Path, variables: Mapping[str, str]) -> Hashable | None:
    if path.is_symlink() or not path.is_file():
        return None
    content = path.read_bytes()
    if OUTWARD.search(content):
        return None
    named = sorted({name.decode() for name in NAMED.findall(content)})
    return (path.name, content, tuple((name, variables.get(name)) for name in named))
