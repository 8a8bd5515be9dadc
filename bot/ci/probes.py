"""Module → what the smoke job asks its script: one probe a parameter, with a value that argparse must accept."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from bot.ci.questions import count_of, fits, flag_of, stands_before, text_of
from parser.model import MLOPEN, Module, Parameter

BY_ARGPARSE = frozenset({"argparse", MLOPEN})
"""Whose command line an argparse parser reads, its own or that of our runner."""

_SAMPLES: dict[str, str] = {
    "str": "text",
    "int": "1",
    "float": "0.5",
    "complex": "1j",
    "Path": "text",
    "list": "text",
}
_FLAG_ACTIONS = frozenset(
    {"store_true", "store_false", "store_const", "append_const", "count", "BooleanOptionalAction"}
)
_VALUE_ACTIONS = frozenset({"store", "append", "extend", None})
_ENDING_ACTIONS = frozenset({"help", "version", "parsers"})


@dataclass(frozen=True, slots=True)
class Probe:
    """Words before `--help` that the script accepts when it has the parameter.

    `must`: a refusal fails the job. `together`: may be asked with others at once. `mention`: how its help would
    name it. `refused`: words that it must refuse if it has the parameter; none when there are no such words.
    """

    name: str
    words: tuple[str, ...]
    must: bool
    together: bool
    mention: str
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A parameter that is not tried, and why, in words after its name."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """The probes of one command: `prefix` names the subcommand."""

    prefix: tuple[str, ...]
    probes: tuple[Probe, ...]


def plan_probes(module: Module) -> tuple[tuple[Group, ...], tuple[Skipped, ...]]:
    """Groups of probes, the script itself first, and what is left out."""
    always = [p for p in module.parameters if p.condition is None]
    root = [p for p in always if not p.subcommand]
    skipped = [
        Skipped(p.name, "it exists only under a condition that is not known")
        for p in module.parameters
        if p.condition is not None
    ]
    careful = module.framework not in BY_ARGPARSE
    groups = [_group(root, (), skipped, careful)]
    ordered = sorted((p for p in always if p.subcommand), key=lambda p: p.subcommand)
    for subcommand, members in groupby(ordered, key=lambda p: p.subcommand):
        parameters = list(members)
        if any(not p.flags and stands_before(p, subcommand) for p in always):
            skipped += [Skipped(p.name, "it stands behind positional parameters") for p in parameters]
        else:
            groups.append(_group(parameters, subcommand, skipped, careful))
    return tuple(groups), tuple(skipped)


def _group(
    parameters: list[Parameter], prefix: tuple[str, ...], skipped: list[Skipped], careful: bool
) -> Group:
    """`careful`: only argparse is sure to refuse words before it comes to the help; others would take them."""
    probes: list[Probe] = []
    # Positionals are told apart by order only: each is tried behind those before it, and all come first.
    positionals = [p for p in parameters if not p.flags]
    before: tuple[str, ...] = ()
    certain = True
    for index, parameter in enumerate(positionals):
        tried = _words(parameter)
        if isinstance(tried, Skipped):
            skipped.append(tried)
            skipped += [
                Skipped(p.name, "it stands behind one that is not tried") for p in positionals[index + 1 :]
            ]
            break
        words, must = tried
        certain = certain and must
        last = index + 1 == len(positionals)
        probes.append(Probe(parameter.name, before + words, certain, certain and last, parameter.name, ()))
        before += words
    for parameter in parameters:
        if not parameter.flags:
            continue
        tried = _words(parameter)
        if isinstance(tried, Skipped):
            skipped.append(tried)
        else:
            words, must = tried
            flag = flag_of(parameter)
            refused = () if careful else _refused(parameter, flag)
            mention = flag
            if careful and f"--no{parameter.name}" in parameter.flags:
                mention = f"--[no]{parameter.name}"
            probes.append(Probe(parameter.name, words, must, must, mention, refused))
    return Group(prefix, tuple(probes))


def _refused(parameter: Parameter, flag: str) -> tuple[str, ...]:
    """Words that a script which has this option must refuse: a value where none is taken, none where one is."""
    if {"action", "nargs"} & set(parameter.unknown):
        return ()
    if parameter.action in _FLAG_ACTIONS:
        return (f"{flag}=x",) if flag.startswith("--") else ()
    takes_some = parameter.nargs in {None, "+"} or isinstance(parameter.nargs, int)
    return (flag,) if parameter.action in _VALUE_ACTIONS and takes_some else ()


def _words(parameter: Parameter) -> tuple[tuple[str, ...], bool] | Skipped:
    """The words that give the parameter an acceptable value, and whether the script must accept them."""
    if parameter.condition is not None:
        return Skipped(parameter.name, f"it is there only when {parameter.condition}")
    if parameter.action in _ENDING_ACTIONS:
        return Skipped(parameter.name, f"its action is {parameter.action}")
    if parameter.action in _FLAG_ACTIONS:
        return (
            ((flag_of(parameter),), True) if parameter.flags else Skipped(parameter.name, "it takes no value")
        )
    certain = parameter.action in _VALUE_ACTIONS and not {"action", "nargs", "flags"} & set(parameter.unknown)
    sample = _sample(parameter)
    if sample is None:
        why = "its type is the script's own and no value of it is known"
        return Skipped(
            parameter.name, "it has no choice that could be given" if parameter.choices == () else why
        )
    value, sure = sample
    count = count_of(parameter.nargs)
    if count is None:
        return Skipped(parameter.name, f"its number of values is {parameter.nargs}")
    if parameter.flags and parameter.nargs is None:
        # One word, so that a value may start with a dash.
        flag = flag_of(parameter)
        return ((f"{flag}={value}" if flag.startswith("--") else f"{flag}{value}",), certain and sure)
    flags = (flag_of(parameter),) if parameter.flags else ()
    # A word of its own that starts with a dash would be taken for an option.
    return ((*flags, *(value,) * count), certain and sure and not value.startswith("-"))


def _sample(parameter: Parameter) -> tuple[str, bool] | None:
    unknown = set(parameter.unknown)
    if parameter.choices is not None and "choices" not in unknown:
        words = [c for c in parameter.choices if isinstance(c, str | int | float) and c != ""]
        # one that the type does not make of its own text may be out of anybody's reach
        sure = (
            [choice for choice in words if fits(choice, parameter.type or "str")]
            if "type" not in unknown
            else []
        )
        return (text_of((sure or words)[0]), bool(sure)) if words else None
    if "choices" in unknown:
        default = parameter.default
        return (text_of(default), False) if isinstance(default, str | int | float) and default != "" else None
    kind = "str" if parameter.type is None and "type" not in unknown else parameter.type
    if kind in {"str", "int", "float", "complex", "list"} and "type" not in unknown:
        return _SAMPLES[str(kind)], True
    if kind == "Path":
        return _SAMPLES["Path"], False
    # A type of the script's own: its default is the one value that it is likely to accept.
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        return (text_of(default), False)
    return None
