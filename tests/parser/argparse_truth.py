"""Run as a program: runs a script and prints, as JSON, what argparse itself holds when the script parses."""

import argparse
import enum
import json
import os
import runpy
import sys
from pathlib import Path, PurePath


def plain(value):
    """The value as the reader writes it, or a mark for what JSON cannot hold."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, list | tuple | range):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return (
        value
        if isinstance(value, str | int | float | bool | type(None))
        else {"object": type(value).__name__}
    )


def action_name(action):
    """The word that add_argument was given."""
    registry = argparse.ArgumentParser()._registries["action"]
    for word, kind in registry.items():
        if word is not None and kind is type(action):
            return word
    return type(action).__name__


def type_name(parser, action):
    """argparse's word for the type, as the contract has it."""
    name = action_name(action)
    if name in ("store_true", "store_false", "BooleanOptionalAction", "help", "version"):
        return "bool"
    if name == "count":
        return "int"
    if name in ("store_const", "append_const"):
        return type(action.const).__name__ if isinstance(action.const, bool | int | float) else "str"
    if action.type is None:
        return "str"
    kind = parser._registry_get("type", action.type, action.type)
    name = getattr(kind, "__name__", type(kind).__name__)
    return "lambda" if name == "<lambda>" else name


def described(parser, action, subcommand):
    """One action as the reader describes it."""
    default = action.default
    if isinstance(default, str) and default != argparse.SUPPRESS:
        try:
            default = parser._get_value(action, default)
        except (ValueError, TypeError, argparse.ArgumentError):
            # a positional of any number is the one whose default argparse hands to no type
            if action.option_strings or action.nargs != "*":
                raise
    groups = [group.title for group in parser._action_groups if action in group._group_actions]
    standard = ("options", "optional arguments", "positional arguments")
    return {
        "name": name_of(parser, action),
        "flags": list(action.option_strings),
        "dest": action.dest,
        "type": type_name(parser, action),
        "default": None if default == argparse.SUPPRESS else plain(default),
        "required": action.required,
        "choices": None if action.choices is None else plain(list(action.choices)),
        "nargs": action.nargs,
        "action": action_name(action),
        "help": None if action.help == argparse.SUPPRESS else action.help,
        "group": groups[-1] if groups and groups[-1] not in standard else None,
        "subcommand": list(subcommand),
        "const": plain(action.const),
        "metavar": list(action.metavar) if isinstance(action.metavar, tuple) else action.metavar,
        **exclusion(parser, action),
        "deprecated": getattr(action, "deprecated", False),
        "printed_help": printed(parser, action),
    }


def exclusion(parser, action):
    """Which other actions cannot be given beside it, and whether one of them must be."""
    groups = [group for group in parser._mutually_exclusive_groups if action in group._group_actions]
    # argparse keeps an action there whose flags another one took over; nobody can give it any more.
    others = [one for one in parser._actions if any(one in group._group_actions for group in groups)]
    return {
        "excludes": [name_of(parser, one) for one in others if one is not action],
        "one_required": any(group.required for group in groups),
    }


def printed(parser, action):
    """The help as `--help` shows it, before it is folded to the width of the terminal."""
    if not action.help or action.help == argparse.SUPPRESS:
        return None
    formatter = parser._get_formatter()
    return "\n".join(formatter._split_lines(formatter._expand_help(action), 10**9))


def name_of(parser, action):
    """The long flag without dashes, or the positional's name."""
    long = [flag for flag in action.option_strings if len(flag) > 1 and flag[1] in parser.prefix_chars]
    flag = (long or list(action.option_strings) or [action.dest])[0]
    return flag.lstrip(parser.prefix_chars) if action.option_strings else action.dest


def walk(parser, subcommand=()):
    """All actions of a parser, then those of its subcommands."""
    nested = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            nested.append(action)
        elif not (isinstance(action, argparse._HelpAction) and action.dest == "help"):
            yield described(parser, action, subcommand)
    for action in nested:
        seen = []
        for name, child in action.choices.items():
            if child not in seen:  # else another name of it
                seen.append(child)
                yield from walk(child, (*subcommand, name))


LOOKED = []
"""Parsers that looked at the command line and left the rest of it to others."""
parse_known_args = argparse.ArgumentParser.parse_known_args


def look(parser, *args, **kwargs):
    """Parses as ever, so that the script goes on; where something has to be given, this is the end."""
    LOOKED.append(parser)
    parser.error = lambda message: tell(parser)
    return parse_known_args(parser, *args, **kwargs)


def tell(parser, *_args, **_kwargs):
    """Stands in for parsing: prints the truth and ends the process."""
    print(json.dumps(list(walk(parser))))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    argparse.ArgumentParser.parse_args = argparse.ArgumentParser.parse_intermixed_args = tell
    argparse.ArgumentParser.parse_known_args = look
    script = Path(sys.argv[1])
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script)]
    runpy.run_path(str(script), run_name="__main__")
    tell(LOOKED[-1])
