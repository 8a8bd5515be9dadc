"""Two lists of parameters → which became which: by name, by a flag that stayed, and renamed where that is certain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.interface_words import key_of
from parser.model import Parameter

Pair = tuple[Parameter, Parameter]
Forms = tuple[Parameter, ...]
_Known = Callable[[Parameter], Hashable]


@dataclass(frozen=True, slots=True)
class Matched:
    """Which parameter became which; `unsure` are those that exist in several forms, under conditions."""

    same: tuple[Pair, ...]
    renamed: tuple[Pair, ...]
    removed: tuple[Parameter, ...]
    added: tuple[Parameter, ...]
    unsure: tuple[tuple[Forms, Forms], ...]


def match(before: Sequence[Parameter], after: Sequence[Parameter]) -> Matched:
    """Pairs every parameter with what became of it, without a guess; the same both ways."""
    gone, new = _by_name(before), _by_name(after)
    same, unsure = list[Pair](), list[tuple[Forms, Forms]]()
    for name in [name for name in gone if name in new]:
        olds, news = gone.pop(name), new.pop(name)
        if len(olds) == len(news) == 1:
            same.append((olds[0], news[0]))
        elif Counter(map(key_of, olds)) != Counter(map(key_of, news)):
            unsure.append((tuple(olds), tuple(news)))
    left, come = _one_each(gone), _one_each(new)
    pairs, left, come = _by_flags(left, come)
    same += pairs
    renamed = list[Pair]()
    for known in (_by_help, _by_dest):
        pairs, left, come = _only_candidates(left, come, known)
        renamed += pairs
    return Matched(tuple(same), tuple(renamed), tuple(left), tuple(come), tuple(unsure))


def _by_name(parameters: Iterable[Parameter]) -> dict[Hashable, list[Parameter]]:
    found: dict[Hashable, list[Parameter]] = defaultdict(list)
    for parameter in parameters:
        found[parameter.subcommand, parameter.name].append(parameter)
    return found


def _one_each(named: dict[Hashable, list[Parameter]]) -> list[Parameter]:
    # of several forms under one name the first in a fixed order stands for all
    return [min(forms, key=key_of) for forms in named.values()]


def _by_flags(
    gone: list[Parameter], new: list[Parameter]
) -> tuple[list[Pair], list[Parameter], list[Parameter]]:
    """Those that got another name, but may still be given by a flag that they had."""
    olds, news = _by_flag(gone), _by_flag(new)
    pairs = list[Pair]()
    for old in gone:
        heir = _only_holder(old.flags, old.subcommand, news)
        if heir is not None and _only_holder(heir.flags, old.subcommand, olds) is old:
            pairs.append((old, heir))
    return pairs, *_rest(pairs, gone, new)


def _only_holder(
    flags: Iterable[str], way: tuple[str, ...], holders: dict[Hashable, list[Parameter]]
) -> Parameter | None:
    """The one parameter that has any of these flags; None for none, and for several."""
    found: Parameter | None = None
    for flag in flags:
        for one in holders.get((way, flag), ()):
            if found is not None and one is not found:
                return None
            found = one
    return found


def _by_flag(parameters: Iterable[Parameter]) -> dict[Hashable, list[Parameter]]:
    found: dict[Hashable, list[Parameter]] = defaultdict(list)
    for parameter in parameters:
        for flag in parameter.flags:
            found[parameter.subcommand, flag].append(parameter)
    return found


def _only_candidates(
    gone: list[Parameter], new: list[Parameter], known: _Known
) -> tuple[list[Pair], list[Parameter], list[Parameter]]:
    """Those of which exactly one is gone and exactly one is new, by what they are known by."""
    olds, news = _groups(gone, known), _groups(new, known)
    pairs = [
        (group[0], news[key][0]) for key, group in olds.items() if len(group) == len(news.get(key, ())) == 1
    ]
    return pairs, *_rest(pairs, gone, new)


def _groups(parameters: Iterable[Parameter], known: _Known) -> dict[Hashable, list[Parameter]]:
    found: dict[Hashable, list[Parameter]] = defaultdict(list)
    for parameter in parameters:
        if (key := known(parameter)) is not None:
            found[key].append(parameter)
    return found


def _rest(
    pairs: Iterable[Pair], gone: list[Parameter], new: list[Parameter]
) -> tuple[list[Parameter], list[Parameter]]:
    used = {id(one) for pair in pairs for one in pair}
    return [one for one in gone if id(one) not in used], [one for one in new if id(one) not in used]


def _nameless(parameter: Parameter) -> str:
    known = tuple(field for field in parameter.unknown if field != "dest")
    return key_of(replace(parameter, name="", flags=(), dest="", unknown=known))


def _by_help(parameter: Parameter) -> Hashable:
    said = parameter.help
    return (bool(parameter.flags), said, _nameless(parameter)) if said and said.strip() else None


def _by_dest(parameter: Parameter) -> Hashable:
    if not parameter.flags or "dest" in parameter.unknown:
        return None
    return parameter.dest, _nameless(parameter)
