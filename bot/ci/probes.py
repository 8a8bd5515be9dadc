"""Module → what the smoke job asks its script: one probe a parameter, with a value that argparse must accept."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bot.ci.dockerfile import WORKDIR
from parser.model import Module, Parameter, Value

PROBE_SECONDS = 120
"""Seconds that the script may take to its help; importing a big library takes most of it."""

_SAMPLES: dict[str, str] = {"str": "text", "int": "1", "float": "0.5", "complex": "1j", "Path": "text"}
_FLAG_ACTIONS = frozenset(
    {"store_true", "store_false", "store_const", "append_const", "count", "BooleanOptionalAction"}
)
_VALUE_ACTIONS = frozenset({"store", "append", "extend", None})
_ENDING_ACTIONS = frozenset({"help", "version", "parsers"})


@dataclass(frozen=True, slots=True)
class Probe:
    """Words before `--help`. `must`: a refusal fails the job. `together`: may be asked with others at once."""

    name: str
    words: tuple[str, ...]
    prefix: tuple[str, ...] = ()
    must: bool = True
    together: bool = True
    first: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A parameter that is not tried, and why, in words after its name."""

    name: str
    why: str


def plan_probes(module: Module) -> tuple[tuple[tuple[Probe, ...], ...], tuple[Skipped, ...]]:
    """Groups of probes, and what is left out. The first group is `--help` alone."""
    groups: list[tuple[Probe, ...]] = [(Probe("--help", (), together=False, first=True),)]
    skipped: list[Skipped] = []
    root_positionals = any(not p.flags and not p.subcommand for p in module.parameters)
    ordered = sorted(module.parameters, key=lambda p: p.subcommand)
    for subcommand, members in groupby(ordered, key=lambda p: p.subcommand):
        parameters = list(members)
        if subcommand and root_positionals:
            skipped += [Skipped(p.name, "it stands behind positional parameters") for p in parameters]
            continue
        groups.append(_group(parameters, subcommand, skipped))
    return tuple(group for group in groups if group), tuple(skipped)


def plan_document(module: Module) -> dict[str, Any]:
    """The whole plan as the smoke job reads it."""
    groups, skipped = plan_probes(module)
    return {
        "schema": 1,
        "verdict": "publish",
        "command": ["python", f"{WORKDIR}/{module.main}"],
        "directory": WORKDIR,
        "seconds": PROBE_SECONDS,
        "groups": [
            [
                {
                    "name": probe.name,
                    "words": list(probe.words),
                    "prefix": list(probe.prefix),
                    "must": probe.must,
                    "together": probe.together,
                    "first": probe.first,
                }
                for probe in group
            ]
            for group in groups
        ],
        "skipped": [{"name": each.name, "why": each.why} for each in skipped],
    }


def _group(
    parameters: list[Parameter], subcommand: tuple[str, ...], skipped: list[Skipped]
) -> tuple[Probe, ...]:
    probes: list[Probe] = []
    # Positionals are told apart by order only: each is tried behind those before it, and all come first.
    before: tuple[str, ...] = ()
    certain = True
    positionals = [p for p in parameters if not p.flags]
    for parameter in positionals:
        tried = _words(parameter)
        if isinstance(tried, Skipped):
            skipped.append(tried)
            skipped += [
                Skipped(p.name, "it stands behind one that is not tried")
                for p in positionals
                if p is not parameter and positionals.index(p) > positionals.index(parameter)
            ]
            break
        words, must = tried
        certain = certain and must
        last = parameter is positionals[-1]
        probes.append(Probe(parameter.name, before + words, subcommand, certain, certain and last))
        before += words
    for parameter in parameters:
        if not parameter.flags:
            continue
        tried = _words(parameter)
        if isinstance(tried, Skipped):
            skipped.append(tried)
        else:
            words, must = tried
            probes.append(Probe(parameter.name, words, subcommand, must, must))
    return tuple(probes)


def _words(parameter: Parameter) -> tuple[tuple[str, ...], bool] | Skipped:
    """The words that give the parameter an acceptable value, and whether the script must accept them."""
    if parameter.action in _ENDING_ACTIONS:
        return Skipped(parameter.name, f"its action is {parameter.action}")
    flag = _flag(parameter)
    if parameter.action in _FLAG_ACTIONS:
        return ((flag,), True) if flag else Skipped(parameter.name, "it takes no value")
    certain = parameter.action in _VALUE_ACTIONS and not {"action", "nargs", "flags"} & set(parameter.unknown)
    sample = _sample(parameter)
    if sample is None:
        return Skipped(parameter.name, "its type is the script's own and no value of it is known")
    value, sure = sample
    count = _count(parameter.nargs)
    if count is None:
        return Skipped(parameter.name, f"its number of values is {parameter.nargs}")
    if flag is None:
        # A positional's value must not look like a flag.
        return ((value,) * count, certain and sure and not value.startswith("-"))
    if parameter.nargs is None:
        # One word, so that a value may start with a dash.
        return ((f"{flag}={value}" if flag.startswith("--") else f"{flag}{value}",), certain and sure)
    return ((flag, *(value,) * count), certain and sure and not value.startswith("-"))


def _flag(parameter: Parameter) -> str | None:
    long = [flag for flag in parameter.flags if flag.startswith("--")]
    return next(iter((*long, *parameter.flags)), None)


def _sample(parameter: Parameter) -> tuple[str, bool] | None:
    unknown = set(parameter.unknown)
    if parameter.choices and "choices" not in unknown:
        choice = next((c for c in parameter.choices if isinstance(c, str | int | float) and c != ""), None)
        own = (
            parameter.type not in {"str", "int", "float", None}
            or isinstance(choice, bool)
            or "type" in unknown
        )
        return None if choice is None else (_text(choice), not own)
    if "choices" in unknown:
        default = parameter.default
        return (_text(default), False) if isinstance(default, str | int | float) and default != "" else None
    kind = "str" if parameter.type is None and "type" not in unknown else parameter.type
    if kind in {"str", "int", "float", "complex"} and "type" not in unknown:
        return _SAMPLES[str(kind)], True
    if kind == "Path":
        return _SAMPLES["Path"], False
    # A type of the script's own: its default is the one value that it is likely to accept.
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        return (_text(default), False)
    return None


def _text(value: Value) -> str:
    return value if isinstance(value, str) else repr(value)


def _count(nargs: str | int | None) -> int | None:
    if isinstance(nargs, int):
        return nargs if 0 < nargs <= 100 else None
    return {None: 1, "?": 1, "*": 1, "+": 1}.get(nargs)
