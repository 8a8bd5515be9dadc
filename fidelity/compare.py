"""What was read next to the truth: which parameters were found, which invented, and how each field stands."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fidelity.truth import FIELDS, Argument, Truth

SUPPRESS = "==SUPPRESS=="

_T = TypeVar("_T")
_Pair = tuple[Argument, Mapping[str, Any]]


@dataclass(frozen=True)
class Wrong:
    """One field that was read otherwise than argparse held it."""

    parameter: str
    field: str
    truth: Any
    read: Any


@dataclass
class Score:
    """Counts of one script or of many; fields count what is scored, right, and declared unknown."""

    scripts: int = 0
    crashes: int = 0
    arguments: int = 0
    found: int = 0
    invented: int = 0
    names: int = 0
    full: int = 0
    conditional: int = 0
    """Parameters told to exist only under a condition, and those of them that do exist."""
    conditional_there: int = 0
    scored: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    abstained: Counter[str] = field(default_factory=Counter)

    def add(self, other: Score) -> None:
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("scored", "right", "abstained"):
            getattr(self, name).update(getattr(other, name))

    @property
    def strict_precision(self) -> float:
        """Precision when what is told to exist only under a condition counts as told to exist."""
        absent = self.conditional - self.conditional_there
        named = self.found + self.invented + absent
        return self.found / named if named else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.arguments if self.arguments else 1.0

    @property
    def precision(self) -> float:
        named = self.found + self.invented
        return self.found / named if named else 1.0

    def field_rate(self, name: str) -> float:
        """Right among those that were not declared unknown."""
        told = self.scored[name] - self.abstained[name]
        return self.right[name] / told if told else 1.0

    @property
    def unknown_rate(self) -> float:
        scored = sum(self.scored.values())
        return sum(self.abstained.values()) / scored if scored else 0.0


_COUNTED = (
    *("scripts", "crashes", "arguments", "found", "invented", "names", "full"),
    *("conditional", "conditional_there"),
)


@dataclass(frozen=True)
class Outcome:
    """One script's score and what was wrong with it."""

    score: Score
    missed: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()
    wrong: tuple[Wrong, ...] = ()
    abstained: tuple[Wrong, ...] = ()


def compare(truth: Truth, read: Sequence[Mapping[str, Any]] | None) -> Outcome:
    """Compares a script's parameters, as `describe` prints them, with the truth; None when reading crashed."""
    score = Score(scripts=1, crashes=int(read is None))
    parameters = [one for one in read or () if one.get("action") not in ("help", "version")]
    theirs = _keyed(
        [(one.subcommand, one.fields["flags"], one.fields["dest"], one) for one in truth.arguments]
    )
    mine = _keyed([(one.get("subcommand") or (), one["flags"], one["dest"], one) for one in parameters])
    pairs = [(theirs.pop(key), mine.pop(key)) for key in [key for key in theirs if key in mine]]
    # the rest belongs together when a flag is shared: then the flags are wrong, not the argument
    for key, argument in list(theirs.items()):
        other = next((one for one in mine if _share(argument, one, mine[one])), None)
        if other is not None:
            pairs.append((theirs.pop(key), mine.pop(other)))
    missed = [one.shown for one in theirs.values() if not one.conditional]
    # of a script that stumbled on its way only those are known that it had added before
    extra = () if truth.why else mine.values()
    invented = [_shown(one) for one in extra if not one.get("condition")]
    score.conditional = sum(bool(one.get("condition")) for one in parameters)
    score.conditional_there = sum(bool(one.get("condition")) for _, one in pairs)
    wrong: list[Wrong] = []
    abstained: list[Wrong] = []
    names = _Names(pairs, read or ())
    for argument, parameter in pairs:
        if argument.conditional:
            continue
        score.found += 1
        for name in FIELDS:
            verdict = _verdict(argument, parameter, name, names)
            if verdict is None:
                continue
            score.scored[name] += 1
            score.right[name] += verdict is True
            case = Wrong(argument.shown, name, argument.fields[name], parameter.get(name))
            if name in parameter.get("unknown", ()):
                score.abstained[name] += 1
                abstained.append(case)
            elif not verdict:
                wrong.append(case)
    for argument, moved in _order(pairs, truth, parameters):
        score.scored["order"] += 1
        score.right["order"] += not moved
        if moved:
            wrong.append(Wrong(argument.shown, "order", "its place", "another"))
    score.arguments = score.found + len(missed)
    score.invented = len(invented)
    score.names = int(not missed and not invented)
    score.full = int(bool(score.names) and not wrong and not abstained)
    return Outcome(score, tuple(missed), tuple(invented), tuple(wrong), tuple(abstained))


def _keyed(some: Sequence[tuple[Sequence[str], Sequence[str], Any, _T]]) -> dict[tuple[Any, ...], _T]:
    """Each by what it is called, and its number among those of that name: positionals may share one."""
    found: dict[tuple[Any, ...], _T] = {}
    times: Counter[tuple[Any, ...]] = Counter()
    for subcommand, flags, dest, one in some:
        name = _key(subcommand, flags, dest)
        times[name] += not flags
        found[(*name, times[name])] = one
    return found


def _key(subcommand: Sequence[str], flags: Sequence[str], dest: Any) -> tuple[Any, ...]:
    name = "" if dest in (None, SUPPRESS) else str(dest)
    return (*subcommand, None, *(sorted(flags) or [name]))


def _share(argument: Argument, key: tuple[Any, ...], parameter: Mapping[str, Any]) -> bool:
    same_place = list(argument.subcommand) == list(parameter.get("subcommand") or ())
    return same_place and bool(set(argument.fields["flags"]) & set(parameter["flags"]))


def _shown(parameter: Mapping[str, Any]) -> str:
    return " ".join(
        (*(parameter.get("subcommand") or ()), (parameter["flags"] or [str(parameter["dest"])])[-1])
    )


class _Names:
    """What the reader calls the arguments of the truth."""

    def __init__(self, pairs: Sequence[_Pair], read: Sequence[Mapping[str, Any]]) -> None:
        self._shown = {
            (tuple(one.get("subcommand") or ()), one["name"]): argument.shown
            for argument, one in pairs
            if "name" in one
        }
        self._paired = {argument.shown for argument, _ in pairs}
        self._left_out = {
            (tuple(one.get("subcommand") or ()), one["name"])
            for one in read
            if one.get("action") in ("help", "version") and "name" in one
        }

    def excluded(self, argument: Argument, parameter: Mapping[str, Any]) -> bool | None:
        """Whether the arguments that cannot be given beside this one are right; None when one of them was missed."""
        if not self._paired.issuperset(argument.fields["excludes"]):
            return None
        place = tuple(parameter.get("subcommand") or ())
        named = [(place, name) for name in parameter["excludes"]]
        told = {self._shown.get(key, key[1]) for key in named if key not in self._left_out}
        return told == set(argument.fields["excludes"])


def _order(
    pairs: Sequence[_Pair], truth: Truth, parameters: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Argument, bool]]:
    """Each argument found, and whether it stands elsewhere among its neighbours than where argparse has it."""
    theirs = {id(one): at for at, one in enumerate(truth.arguments)}
    mine = {id(one): at for at, one in enumerate(parameters)}
    groups: dict[tuple[str, ...], list[_Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair[0].subcommand, []).append(pair)
    for some in groups.values():
        some.sort(key=lambda pair: mine[id(pair[1])])
        kept = _rising([theirs[id(argument)] for argument, _ in some])
        yield from ((argument, at not in kept) for at, (argument, _) in enumerate(some))


def _rising(numbers: Sequence[int]) -> set[int]:
    """The places of a longest run of rising numbers; what is not in it has been moved."""
    ends: list[int] = []
    before: list[int | None] = []
    for at, number in enumerate(numbers):
        length = bisect_left([numbers[one] for one in ends], number)
        before.append(ends[length - 1] if length else None)
        ends[length : length + 1] = [at]
    kept: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept


def _verdict(argument: Argument, parameter: Mapping[str, Any], name: str, names: _Names) -> bool | None:
    """Whether a field is right; None when it cannot be scored, or is not among what the reader tells."""
    if name in argument.unknown or name not in parameter:
        return None
    unknown = name in parameter.get("unknown", ())
    truth, read = argument.fields[name], parameter[name]
    given = argument.fields["default_given"] if name == "default" else None
    if given is not None and not unknown and same(given, read):
        # a default given as text, before `type` made something else of it
        return True
    if isinstance(truth, dict) and set(truth) == {"object"}:
        # an object that JSON cannot hold: unknown is the honest answer, its name a good one
        if unknown:
            return None
        return read is not None and str(truth["object"]) in str(read)
    if unknown:
        return False
    if name == "help":
        printed = argument.fields["help_printed"]
        return _words(read) in (_words(truth), _words(printed)) or (truth == {"unknown": True})
    if name == "printed_help":
        return _words(read) == _words(truth)
    if name == "excludes":
        return names.excluded(argument, parameter)
    if name == "flags":
        return set(truth) == set(read)
    if name == "dest" and truth is None:
        return read in (None, SUPPRESS)
    if name == "choices" and isinstance(truth, list) and isinstance(read, list):
        return same(truth, read) or same(sorted(truth, key=repr), sorted(read, key=repr))
    if name == "nargs":
        return same(truth or None, read or None)
    if name in ("const", "metavar") and not truth and not read:
        return True
    if name == "const" and parameter.get("action") in ("store_true", "store_false"):
        return None
    return same(truth, read)


def same(left: Any, right: Any) -> bool:
    """Equality that minds types as JSON has them: true is not 1, but 1.0 is."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def _words(text: Any) -> str:
    return re.sub(r"\s+", " ", text).strip() if isinstance(text, str) else ""
