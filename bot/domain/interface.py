"""Two modules → what changed for those who use the module, and how much that is.

A changed default is minor: every command line stays valid and means something else only where the parameter is left
out. What is known only at run time on one side counts as the worst that it can be, for nobody can tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.domain.interface_fields import Places, changed_fields
from bot.domain.interface_pairs import Matched, Pair, match
from bot.domain.interface_values import Change, Level
from bot.domain.interface_words import MAX_TEXT_CHARS, key_of, label, summary
from bot.domain.text import shorten
from parser.model import EntryPoint, Module, Parameter

__all__ = ["Change", "InterfaceDiff", "Level", "compare"]


@dataclass(frozen=True, slots=True)
class InterfaceDiff:
    """All changes, those that matter most first, and the level of the whole: that of the greatest of them."""

    changes: tuple[Change, ...] = ()
    level: Level = Level.NONE


def compare(before: Module, after: Module) -> InterfaceDiff:
    """What changes for those who use the module; nothing when only code, help texts or requirements do."""
    matched, places = match(before.parameters, after.parameters), Places(after.parameters)
    found = [
        *_of_module(before, after),
        *(_removed(one) for one in matched.removed),
        *(_renamed(*pair) for pair in matched.renamed),
        *(change for pair in _excluding_alike(matched) for change in changed_fields(*pair, places)),
        *(_several(*forms) for forms in matched.unsure),
        *_added(matched, after.parameters),
        *_moved((*matched.same, *matched.renamed), after.parameters),
    ]
    changes = tuple(
        sorted(found, key=lambda one: (-one.level, one.parameter, one.kind, one.before, one.after))
    )
    return InterfaceDiff(changes, max((one.level for one in changes), default=Level.NONE))


def _excluding_alike(matched: Matched) -> Iterator[Pair]:
    """The pairs, each side excluding only what the other has, too, under its new name: the rest says its own row."""
    now = {(old.subcommand, old.name): new.name for old, new in (*matched.same, *matched.renamed)}
    there = {(way, name) for (way, _), name in now.items()}
    for old, new in matched.same:
        way = old.subcommand
        were = tuple(now[way, name] for name in old.excludes if (way, name) in now)
        are = tuple(name for name in new.excludes if (way, name) in there)
        yield replace(old, excludes=were), replace(new, excludes=are)


def _removed(parameter: Parameter) -> Change:
    return Change(
        "removed",
        label(parameter),
        summary(parameter),
        "",
        Level.MAJOR,
        "Whoever still gives it gets an error.",
    )


def _renamed(before: Parameter, after: Parameter) -> Change:
    words = (
        "Whoever gives it must write the new name."
        if after.flags
        else "Command lines stay as they are; programs that fill it in by its name need the new one."
    )
    return Change("renamed", label(after), label(before), label(after), Level.MAJOR, words, after.place)


def _several(olds: Sequence[Parameter], news: Sequence[Parameter]) -> Change:
    first = min(news, key=key_of)
    before, after = (
        shorten("; ".join(sorted(summary(one) for one in forms)), MAX_TEXT_CHARS) for forms in (olds, news)
    )
    words = (
        "It has several forms, and which one holds is known only at run time: look at it before you use it."
    )
    return Change("unknown", label(first), before, after, Level.MAJOR, words, first.place)


def _added(matched: Matched, parameters: Sequence[Parameter]) -> Iterator[Change]:
    survivors = {id(after) for _, after in (*matched.same, *matched.renamed)}
    new = {id(one) for one in matched.added}
    # of each parser: whom of a group one had to give before already, and where the last is that keeps its place
    groups: dict[tuple[str, ...], set[str]] = defaultdict(set)
    last: dict[tuple[str, ...], int] = {}
    order = {id(one): index for index, one in enumerate(parameters)}
    for one in parameters:
        if one.one_required and id(one) not in new:
            groups[one.subcommand].add(one.name)
        if not one.flags and id(one) in survivors:
            last[one.subcommand] = order[id(one)]
    for one in matched.added:
        level, words = Level.MINOR, "Nobody has to give it."
        joins = not groups[one.subcommand].isdisjoint(one.excludes)
        if one.required or (one.one_required and not joins):
            level, words = Level.MAJOR, "Every use must give it from now on."
            if not one.required:
                words = "Every use must give it, or another of its group, from now on."
        elif one.required is None:
            level, words = Level.MAJOR, "Whether it must be given is known only at run time."
        elif not one.flags and order[id(one)] < last.get(one.subcommand, 0):
            level, words = Level.MAJOR, "What is given by place behind it moves by one."
        yield Change("added", label(one), "", summary(one), level, words, one.place)


def _moved(pairs: Sequence[Pair], parameters: Sequence[Parameter]) -> Iterator[Change]:
    """Arguments that are given by place, and have another place among those that were there before."""
    order = {id(one): index for index, one in enumerate(parameters)}
    by_place: dict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for before, after in pairs:
        if not before.flags and not after.flags:
            by_place[after.subcommand].append((before, after))
    for found in by_place.values():
        yield from _reordered(found, order)


def _reordered(pairs: Sequence[Pair], order: dict[int, int]) -> Iterator[Change]:
    now = sorted(pairs, key=lambda pair: order[id(pair[1])])
    if [id(one) for one in now] == [id(one) for one in pairs]:
        return
    before, after = (
        shorten(", ".join(label(pair[side]) for pair in way), MAX_TEXT_CHARS)
        for side, way in ((0, pairs), (1, now))
    )
    first = now[0][1]
    words = "Values are taken by place: in the old order they reach the wrong parameters."
    yield Change("order", " ".join(first.subcommand), before, after, Level.MAJOR, words, first.place)


def _of_module(before: Module, after: Module) -> Iterator[Change]:
    if before.name != after.name:
        words = "Only the title changes; the image and its command line stay."
        yield Change("title", "", before.name, after.name, Level.PATCH, words)
    if before.framework != after.framework:
        words = "Another library reads the command line: shortened names of options may be refused now."
        yield Change("framework", "", before.framework, after.framework, Level.MAJOR, words)
    for kind, old, new, words in (
        ("kind", before.kind.value, after.kind.value, "Whoever chose it as what it was must choose it anew."),
        ("input_type", before.input_type, after.input_type, "It wants another type of data."),
        ("output_type", before.output_type, after.output_type, "What it gives is of another type."),
    ):
        if old != new:
            yield Change(kind, "", old, new, Level.MAJOR, words)
    yield from _set_changes(
        "metric",
        {one.name: f"{one.ground_truth or ''} / {one.prediction or ''}" for one in before.metrics},
        {one.name: f"{one.ground_truth or ''} / {one.prediction or ''}" for one in after.metrics},
        ("It is measured no longer.", "It is measured from other columns.", "It is measured besides."),
    )
    yield from _of_entry_points(before, after)


def _of_entry_points(before: Module, after: Module) -> Iterator[Change]:
    olds, news = ([one.role for one in side.entry_points] for side in (before, after))
    if before.launched and after.launched:
        words = (
            "This entry point can be chosen no longer.",
            "It reads, or gives, another type of data.",
            "It can be chosen besides.",
        )
        own = {one.role for side in (before, after) for one in side.entry_points if _has_own_types(one)}
        old, new = (
            {role: " → ".join(side.types_of(role)) if role in own else "" for role in roles}
            for side, roles in ((before, olds), (after, news))
        )
        yield from _set_changes("entry_point", old, new, words)
    elif after.launched:
        which = "Every use must say first which entry point it wants."
        yield Change("entry_point", "", before.main, ", ".join(news), Level.MAJOR, which)
    elif before.launched:
        only = "There is one script again: its words begin without the name of an entry point."
        yield Change("entry_point", "", ", ".join(olds), after.main, Level.MAJOR, only)


def _has_own_types(point: EntryPoint) -> bool:
    return point.input_type is not None or point.output_type is not None


def _set_changes(
    kind: str, before: dict[str, str], after: dict[str, str], words: tuple[str, str, str]
) -> Iterator[Change]:
    gone, other, new = words
    for name in before.keys() | after.keys():
        if name not in after:
            yield Change(kind, name, name, "", Level.MAJOR, gone)
        elif name not in before:
            yield Change(kind, name, "", name, Level.MINOR, new)
        elif before[name] != after[name]:
            yield Change(kind, name, before[name], after[name], Level.MAJOR, other)
