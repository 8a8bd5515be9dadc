"""What `get_params` gives → options of the command line, and their values → the `params` of the control file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

from .faults import AuthorFault
from .inputs import find_input
from .values import shown_type

TYPES = ("string", "integer", "float", "choice", "file", "upload", "bool", "boolean")
OWN = frozenset({"input-path", "output-path", "model", "help", "command"})
"""Flags that are the command's own, in both commands."""

_FORM = 'A parameter is written "name": ("type",) or "name": ("type", {"default": …})'


class Option:
    """One parameter: the name that the control file knows it by, its flag without dashes, its type and options."""

    def __init__(self, name: str, flag: str, kind: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self.flag = flag
        self.kind = kind
        self.options = options


def read_options(given: Any) -> list[Option]:
    """The parameters of one command. Raises AuthorFault for what is none."""
    if given is None or (not isinstance(given, Mapping) and not given):
        return []
    if not isinstance(given, Mapping):
        raise AuthorFault(f"get_params gives {shown_type(given)}. It gives a dictionary. {_FORM}.")
    found: dict[str, Option] = {}
    for name, form in given.items():
        option = _option(name, form)
        other = found.setdefault(option.flag.replace("_", "-"), option)
        if other is not option:
            raise AuthorFault(
                f"get_params: {other.name!r} and {name!r} are both --{option.flag} on the command line. Rename one."
            )
    return list(found.values())


def _option(name: Any, form: Any) -> Option:
    if not isinstance(name, str):
        raise AuthorFault(f"get_params: {name!r} is {shown_type(name)}. The name of a parameter is a text.")
    flag = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")
    if not flag:
        raise AuthorFault(f"get_params: {name!r} has no letter or digit. Give the parameter a name.")
    if flag.replace("_", "-") in OWN:
        flag = f"param-{flag}"
    parts = form if isinstance(form, (tuple, list)) else (form,)
    kind, options = (*parts, {})[:2] if 1 <= len(parts) <= 2 else (None, {})
    if not isinstance(kind, str) or not isinstance(options, Mapping):
        raise AuthorFault(f"get_params: {name!r} is {form!r}. {_FORM}.")
    if kind not in TYPES:
        raise AuthorFault(f"get_params: {name!r} has the type {kind!r}. Types are {', '.join(TYPES)}.")
    if kind == "choice" and not _choices(options):
        raise AuthorFault(
            f'get_params: {name!r} is a choice of nothing. Name them: ("choice", {{"choices": ["a", "b"]}}).'
        )
    return Option(name, flag, kind, options)


def _choices(options: Mapping[str, Any]) -> list[str]:
    """The choices as texts; of pairs, a value and its label, the values."""
    given = options.get("choices")
    if not isinstance(given, (list, tuple, range)):
        return []
    return [str(one[0] if isinstance(one, (tuple, list)) and one else one) for one in given]


def add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    """Adds it to the parser of its command."""
    told = _help(option)
    default = option.options.get("default")
    if option.kind in ("bool", "boolean"):
        if default:
            parser.add_argument(f"--no-{option.flag}", action="store_false", default=True, help=told)
        else:
            parser.add_argument(f"--{option.flag}", action="store_true", help=told)
        return
    settings: dict[str, Any] = {"help": told}
    if option.kind == "choice":
        settings["choices"] = _choices(option.options)
        settings["default"] = settings["choices"][0] if default is None else str(default)
    elif default is None and option.options.get("blank") is False:
        settings["required"] = True
    else:
        # the empty field of mlopen's form
        settings["default"] = "" if default is None and option.kind == "string" else default
    if option.kind in ("integer", "float"):
        settings["type"] = int if option.kind == "integer" else float
    if option.kind in ("file", "upload"):
        settings["metavar"] = "FILE"
    parser.add_argument(f"--{option.flag}", **settings)


def _help(option: Option) -> str | None:
    words = [option.options.get(key) for key in ("help", "help_text", "label")]
    told = next((one for one in words if isinstance(one, str) and one), None)
    if told is None and option.name != option.flag:
        told = option.name
    return None if told is None else told.replace("%", "%%")


def params_of(options: list[Option], values: argparse.Namespace) -> dict[str, Any]:
    """The `params` by their own names; a number or file that was not given, and has no default, is not in it."""
    params: dict[str, Any] = {}
    for option in options:
        flag = option.flag
        turned_off = option.kind in ("bool", "boolean") and option.options.get("default")
        value = getattr(values, (f"no-{flag}" if turned_off else flag).replace("-", "_"))
        if value is None:
            continue
        if option.kind in ("file", "upload"):
            value = find_input(f"--{flag}", str(value))
        params[option.name] = value
    return params
