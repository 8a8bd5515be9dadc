"""What was read from the script beside what its parser holds in the image: where they differ, and who must act."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .interview import UNSAYABLE

FIELDS = ("flags", "dest", "type", "default", "required", "choices", "nargs", "action", "const")
"""What decides which command lines are accepted, and what the script gets of them."""

OURS = "mlreef-bot read it wrong. Please report this line and the one that it names."
ABSENT = (
    "in the image the script does not come to that line. What it does there depends on something outside of the "
    "repository: an installed package, the version of Python, an environment variable, a file. Add the argument "
    "always, or never."
)
FOREIGN = (
    "it is added by a file outside of the repository, which is not read. Add the argument in the repository, "
    "if it belongs to the module."
)


class Difference:
    """One parameter that is not what was read; `ours`: whether the fault is mlreef-bot's own."""

    def __init__(self, name: str, words: str, ours: bool) -> None:
        self.name = name
        self.words = words
        self.ours = ours


def differences(
    stated: Sequence[Mapping[str, Any]],
    held: Sequence[Mapping[str, Any]],
    root: str,
    complete: bool,
    whole: bool = True,
) -> list[Difference]:
    """All differences. `stated`: parameters of the module's JSON; `held`: those of the interview.

    `root`: the repository's folder in the image. Not `complete`: the reader has said that there may be more
    parameters than it could read; those are no difference then. Not `whole`: the script ended before its last parser,
    so a parameter whose line it did not come to is none either.
    """
    theirs = _keyed(held)
    found: list[Difference] = []
    reached = {(one["file"], one["line"]) for one in held}
    for key, parameter in _keyed(stated).items():
        if parameter["action"] in ("help", "version", "parsers"):
            continue
        argument = theirs.pop(key, None) or theirs.pop(_sharing(parameter, theirs), None)
        if argument is not None:
            found += _fields(parameter, argument)
        elif parameter.get("condition") is None and not {"flags", "dest"} & set(parameter["unknown"]):
            missing = _missing(parameter, reached, root)
            found += [missing] if whole or missing.ours else []
    if complete:
        found += [_unread(argument, root) for argument in theirs.values()]
    return found


def _missing(parameter: Mapping[str, Any], reached: set[tuple[str, int]], root: str) -> Difference:
    place = parameter["place"]
    lines = range(place["line"], (place["end_line"] or place["line"]) + 1)
    ours = any((root + "/" + place["file"], line) in reached for line in lines)
    at = f"{place['file']}:{place['line']}"
    return Difference(_name(parameter), f"{at} is not in the parser: " + (OURS if ours else ABSENT), ours)


def _unread(argument: Mapping[str, Any], root: str) -> Difference:
    file, line = argument["file"], argument["line"]
    ours = file.startswith(root + "/")
    at = f"{file[len(root) + 1 :]}:{line}" if ours else f"{file or 'an unknown file'}:{line}"
    return Difference(_name(argument), f"{at} adds it: " + (OURS if ours else FOREIGN), ours)


def _fields(parameter: Mapping[str, Any], argument: Mapping[str, Any]) -> list[Difference]:
    place = parameter["place"]
    wrong = [
        f"{field} is {_shown(argument[field])}, read was {_shown(parameter[field])}"
        for field in FIELDS
        if field not in parameter["unknown"] and not _agree(field, parameter[field], argument[field])
    ]
    if not wrong:
        return []
    words = f"{place['file']}:{place['line']}: " + "; ".join(wrong) + ": " + OURS
    return [Difference(_name(parameter), words, True)]


def _agree(field: str, read: Any, held: Any) -> bool:
    if held == UNSAYABLE:
        return True
    if field in ("flags", "choices") and isinstance(read, list) and isinstance(held, list):
        # the order of a set is not the same twice
        return sorted(map(json.dumps, read)) == sorted(map(json.dumps, held))
    return json.dumps(read, sort_keys=True) == json.dumps(held, sort_keys=True)


def _keyed(some: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """Each by its flags or its dest, and its number among those of that name: positionals may share one."""
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for one in some:
        name = (*one["subcommand"], None, *(sorted(one["flags"]) or [one["dest"]]))
        number = 0
        while not one["flags"] and (*name, number) in found:
            number += 1
        found[(*name, number)] = one
    return found


def _sharing(
    parameter: Mapping[str, Any], theirs: Mapping[tuple[Any, ...], Mapping[str, Any]]
) -> tuple[Any, ...]:
    """The key of one that has a flag in common, so that the flags differ and not the arguments; else of none."""
    for key, one in theirs.items():
        same_command = list(one["subcommand"]) == list(parameter["subcommand"])
        if same_command and set(one["flags"]) & set(parameter["flags"]):
            return key
    return ()


def _name(one: Mapping[str, Any]) -> str:
    long = [flag for flag in one["flags"] if flag.startswith("--")]
    return " ".join([*one["subcommand"], (long or one["flags"] or [str(one["dest"])])[0]])


def _shown(value: Any) -> str:
    return json.dumps(value)[:200]
