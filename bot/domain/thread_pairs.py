"""Several problems that say the same: which of their discussions is about which.

Fingerprints count such problems, so when the first is mended the second takes its name. Its discussion stands on its
line, though, and that is what tells whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.fingerprints import Kind, fingerprint
from bot.domain.threads import State, Thread, Threads

FAR = 10**9
"""Distance in lines of a discussion whose line is not known."""


def paired(
    threads: Threads, problems: Mapping[str, tuple[Kind, int]], lines: Mapping[str, int | None]
) -> Threads:
    """The same discussions, each under the fingerprint of the problem of its kind that is nearest to it.

    `problems`: fingerprint → kind and line, of all there are now; `lines`: where discussions stand, by id. GitLab moves
    discussions a moment after a push, so lines may be those of the head before.
    """
    known = dict(threads.known)
    kinds: dict[Kind, list[str]] = {}
    for name, (kind, _) in problems.items():
        kinds.setdefault(kind, []).append(name)
    for kind, names in kinds.items():
        # discussions of problems that are gone have later numbers than there are problems now
        family = [fingerprint(kind, number) for number in range(1, len(names) + len(threads.known) + 1)]
        there = {name: known[name] for name in family if name in known}
        if len(there) > 1:
            known = {name: thread for name, thread in known.items() if name not in there}
            known |= _assigned(there, {name: problems[name][1] for name in names}, family, lines)
    return replace(threads, known=known)


def _assigned(
    there: Mapping[str, Thread], wanted: Mapping[str, int], family: list[str], lines: Mapping[str, int | None]
) -> dict[str, Thread]:
    """Each problem with the discussion that is nearest to it; those left over under names that no problem has."""
    ways = []
    for old, thread in there.items():
        stands = lines.get(thread.discussion)
        for name, line in wanted.items():
            distance = FAR if stands is None else abs(stands - line)
            ways.append((distance, thread.state is not State.OPEN, name != old, old, name))
    found: dict[str, Thread] = {}
    left = dict(there)
    for *_, old, name in sorted(ways):
        if old in left and name not in found:
            found[name] = left.pop(old)
    free = [name for name in family if name not in wanted]
    return {**found, **dict(zip(free, left.values(), strict=False))}
