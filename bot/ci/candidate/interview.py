"""Runs in the script's place: lets it come to its command line, and asks the parser that it has built.

    python interview.py PLAN PART DESCRIPTOR

The script runs as `python SCRIPT --help` would, up to argparse; so nothing of its body runs. When it hands its
command line to argparse, a copy of the process writes what the parser holds, and how it takes each question of the
plan, as one line of JSON to DESCRIPTOR. One import serves all questions. `ends`: this parser answers --help, and what
it leaves is read by a parser that is not there yet. PART: the number of the entry point in the plan; -1 for the only
one.
"""

from __future__ import annotations

import argparse
import contextlib
import enum
import io
import json
import math
import os
import pathlib
import runpy
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

MAX_ITEMS = 3000
"""Items of a list that are written out."""

MAX_DEPTH = 6
"""Levels of a value that are written out."""

SECONDS = 60
"""Seconds that all questions to one parser may take together."""

UNSAYABLE = {"object": True}
"""Stands for a value that JSON does not know."""

_STATE = {"busy": False}
_SITES: dict[int, tuple[Any, str, int]] = {}
"""By the id of an action: the action itself, so that no other one gets its id, and the line that added it."""


def main(plan_file: str, part: int, descriptor: int) -> None:
    """Runs the script of the plan, or of one of its parts."""
    with open(plan_file, encoding="utf-8") as stream:  # noqa: PTH123 - nothing more than needed is imported
        plan = json.load(stream)
    if part >= 0:
        plan = plan["parts"][part]
    script, *words = plan["script"][1:]
    word = plan["help"]["word"]
    sys.argv[:] = [script, *words, word]
    # as `python SCRIPT` has it, instead of this file's own folder
    sys.path[0] = os.path.dirname(script)  # noqa: PTH120

    def asks_for_help(args: Any) -> bool:
        return args is None or word in list(args)

    def tell(parser: argparse.ArgumentParser, parse: Callable[..., Any], goes_on: bool) -> None:
        told = {
            "held": list(held(parser)),
            "answers": list(answers(parser, parse, plan["questions"], word)),
            "ends": goes_on and _helps(parser),
        }
        line = memoryview((json.dumps(told) + "\n").encode("ascii"))
        while line:
            line = line[os.write(descriptor, line) :]

    _watch_sites()
    for name in ("parse_known_args", "parse_known_intermixed_args"):
        original = getattr(argparse.ArgumentParser, name)
        setattr(argparse.ArgumentParser, name, _listening(original, asks_for_help, tell))
    runpy.run_path(script, run_name="__main__")


def _listening(original: Any, asks_for_help: Any, tell: Any) -> Any:
    def parse(self: Any, args: Any = None, namespace: Any = None) -> Any:
        if _STATE["busy"] or not asks_for_help(args):
            return original(self, args, namespace)
        _STATE["busy"] = True
        # parse_args, which leaves nothing for a further parser, is argparse's own code
        goes_on = sys._getframe(1).f_code.co_filename != argparse.__file__
        try:
            _in_a_copy(lambda: tell(self, original, goes_on))
            return original(self, args, namespace)
        finally:
            _STATE["busy"] = False

    return parse


def _in_a_copy(do: Callable[[], None]) -> None:
    """What types and actions of the script's own leave behind is gone with the copy."""
    sys.stdout.flush()
    copy = os.fork()
    if copy:
        os.waitpid(copy, 0)
        return
    try:
        signal.alarm(SECONDS)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        do()
    finally:
        os._exit(0)


def _watch_sites() -> None:
    for kind in (argparse._ActionsContainer, argparse.ArgumentParser, argparse._ArgumentGroup):
        original = kind.__dict__.get("_add_action")
        if original is not None:
            setattr(kind, "_add_action", _noting(original))  # noqa: B010 - mypy knows these methods


def _noting(original: Any) -> Any:
    def add(self: Any, action: Any) -> Any:
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename in (argparse.__file__, __file__):
            frame = frame.f_back
        if frame is not None and id(action) not in _SITES:
            _SITES[id(action)] = (action, os.path.abspath(frame.f_code.co_filename), frame.f_lineno)  # noqa: PTH100
        return original(self, action)

    return add


def answers(parser: Any, parse: Any, questions: list[dict[str, Any]], word: str) -> Iterator[dict[str, Any]]:
    """How the parser takes each question that is for one of its arguments: accepted, refused, or what else."""
    if not _helps(parser):
        return
    # intermixed, positionals are looked at when all options are through, --help among them
    late = parse.__name__ == "parse_known_intermixed_args"
    own = {
        (*one["subcommand"], flag)
        for one in held(parser)
        for flag in (one["flags"] or ([] if late else [one["dest"]]))
    }
    for number, question in enumerate(questions):
        if (*question["prefix"], question["key"]) not in own:
            continue
        said = io.StringIO()
        how = "accepted"
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
                parse(parser, [*question["prefix"], *question["words"], word], None)
        except SystemExit as end:
            how = "accepted" if end.code in (None, 0) else "refused"
        except argparse.ArgumentError as error:
            how = "refused"
            said.write(str(error))
        except BaseException as error:  # noqa: BLE001 - a type of the script's own may raise anything
            how = "failed"
            said.write(type(error).__name__ + ": " + str(error))
        lines = said.getvalue().strip().splitlines()
        yield {"question": number, "how": how, "said": lines[-1][:500] if lines else ""}


def _helps(parser: Any) -> bool:
    return any(isinstance(action, argparse._HelpAction) for action in parser._actions)


def held(parser: Any, subcommand: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """All arguments of a parser as argparse holds them, then those of its subcommands; help and version left out."""
    nested = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            nested.append(action)
        elif not isinstance(action, (argparse._HelpAction, argparse._VersionAction)):
            yield _described(parser, action, subcommand)
    for action in nested:
        seen: set[int] = set()
        for name, child in action.choices.items():
            if id(child) not in seen and isinstance(child, argparse.ArgumentParser):
                seen.add(id(child))
                yield from held(child, (*subcommand, str(name)))


def _described(parser: Any, action: Any, subcommand: tuple[str, ...]) -> dict[str, Any]:
    name = _action_name(action)
    default: Any = action.default
    if default is argparse.SUPPRESS:
        default = None
    elif isinstance(default, str):
        try:
            default = plain(parser._get_value(action, default))
        except BaseException:  # noqa: BLE001 - a type of the script's own may raise anything, SystemExit too
            default = UNSAYABLE
    else:
        default = plain(default)
    choices = None
    if action.choices is not None:
        try:
            choices = plain(list(action.choices))
        except BaseException:  # noqa: BLE001 - so may choices
            choices = UNSAYABLE
    _, file, line = _SITES.get(id(action), (None, "", 0))
    return {
        "flags": [str(flag) for flag in action.option_strings],
        "dest": None if action.dest is argparse.SUPPRESS else plain(action.dest),
        "type": _type_name(parser, action, name),
        "default": default,
        "required": bool(action.required),
        "choices": choices,
        "nargs": plain(action.nargs),
        "action": name,
        "const": plain(action.const),
        "subcommand": list(subcommand),
        "file": file,
        "line": line,
    }


def _action_name(action: Any) -> str:
    """The word that add_argument was given, or the class's name."""
    for word, kind in argparse.ArgumentParser(add_help=False)._registries["action"].items():
        if word is not None and kind is type(action):
            return str(word)
    return type(action).__name__


def _type_name(parser: Any, action: Any, name: str) -> str:
    if name in ("store_true", "store_false", "BooleanOptionalAction"):
        return "bool"
    if name == "count":
        return "int"
    if name in ("store_const", "append_const"):
        return type(action.const).__name__ if isinstance(action.const, (bool, int, float)) else "str"
    kind = action.type
    if isinstance(kind, str):
        kind = parser._registry_get("type", kind, kind)
    if kind is None:
        return "str"
    if isinstance(kind, str):
        return kind
    found = str(getattr(kind, "__name__", type(kind).__name__))
    return "lambda" if found == "<lambda>" else found


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON; UNSAYABLE, whole, when part of it is none."""
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else UNSAYABLE
    if isinstance(value, pathlib.PurePath):
        value = str(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)
    if depth < MAX_DEPTH and isinstance(value, (list, tuple, range)) and len(value) <= MAX_ITEMS:
        items = [plain(one, depth + 1) for one in value]
        return UNSAYABLE if UNSAYABLE in items else items
    if depth < MAX_DEPTH and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        pairs = {key: plain(one, depth + 1) for key, one in value.items()}
        return UNSAYABLE if UNSAYABLE in pairs.values() else pairs
    return UNSAYABLE


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
