"""What argparse refuses when an argument is added, and the name that it gives to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parser.argparse_reader.actions import SUPPRESS, Wrong
from parser.argparse_reader.mends import converter_mend
from parser.interpreter.flow import Call
from parser.interpreter.values import MISSING, External, Unknown

_ACCEPTED: Mapping[str, frozenset[str]] = {
    "store_true": frozenset({"default", "required", "help", "deprecated"}),
    "store_const": frozenset({"const", "default", "required", "help", "metavar", "deprecated"}),
    "append_const": frozenset({"const", "default", "required", "help", "metavar", "deprecated"}),
    "count": frozenset({"default", "required", "help", "deprecated"}),
    "help": frozenset({"default", "help", "deprecated"}),
    "BooleanOptionalAction": frozenset(
        {"default", "type", "choices", "required", "help", "metavar", "deprecated"}
    ),
    "version": frozenset({"version", "default", "help", "deprecated"}),
}


_STORE = frozenset(
    {"nargs", "const", "default", "type", "choices", "required", "help", "metavar", "deprecated"}
)


ACTIONS = frozenset(
    {"store", "append", "extend", "parsers", "store_false", *_ACCEPTED} - {"BooleanOptionalAction"}
)


_NARGS = ("?", "*", "+", "...", "A...", SUPPRESS)


def positional(args: list[Any], keywords: dict[str, Any], nargs: Any) -> tuple[Any, Any]:
    """dest and required of a positional argument."""
    if args and "dest" in keywords:
        raise Wrong("dest supplied twice for positional argument")
    if "required" in keywords:
        raise Wrong("'required' is an invalid argument for positionals")
    dest = args[0] if args else keywords.get("dest", MISSING)
    if dest is MISSING:
        raise Wrong("it has neither a flag nor a name")
    if isinstance(nargs, Unknown):
        return dest, nargs
    required = nargs not in ("?", "*") or (nargs == "*" and "default" not in keywords)
    return dest, required


def optional(flags: tuple[str, ...], keywords: dict[str, Any], prefix_chars: str) -> Any:
    """dest of an option."""
    for flag in flags:
        if not flag or flag[0] not in prefix_chars:
            raise Wrong(f"invalid option string {flag!r}: must start with a character {prefix_chars!r}")
    if "dest" in keywords and keywords["dest"] is not None:
        return keywords["dest"]
    long = [flag for flag in flags if len(flag) > 1 and flag[1] in prefix_chars]
    dest = (long or list(flags))[0].lstrip(prefix_chars)
    if not dest:
        raise Wrong(f"dest= is required for options like {flags[0]!r}")
    return dest.replace("-", "_")


def check(
    action: Any, keywords: dict[str, Any], nargs: Any, call: Call, grouped: bool, flags: tuple[str, ...]
) -> None:
    """Raises Wrong where argparse's own constructor would; a group, other than a parser, tries no usage."""
    if isinstance(action, External):
        action = action.name.removeprefix("argparse.")
        if action not in _ACCEPTED:
            return
    if not isinstance(action, str):
        return
    allowed = _ACCEPTED.get("store_true" if action == "store_false" else action, _STORE)
    extra = [name for name in keywords if name not in allowed and name not in ("action", "dest")]
    if extra:
        raise Wrong(f"action {action!r} takes no {extra[0]!r}", extra[0])
    if not flags and action in ("help", "version"):
        raise Wrong(f"action {action!r} is for options, so it needs a flag such as '--{action}'")
    if action == "append_const" and not call.keywords_unknown and "const" not in keywords:
        raise Wrong("action 'append_const' needs 'const'")
    if action in ("store", "append", "extend"):
        if nargs == 0 and not isinstance(nargs, bool):
            raise Wrong("nargs for this action must not be 0", "nargs")
        if keywords.get("const") is not None and nargs != "?" and not isinstance(nargs, Unknown):
            raise Wrong("nargs must be '?' to supply const")
        type_given = keywords.get("type")
        if isinstance(type_given, str | int | float | list | tuple | dict):
            why = f"{type_given!r:.60} is not callable, so it cannot be a type"
            raise Wrong(why, "type", converter_mend(call, type_given))
    if action != "store_const":
        without = action in ("append_const", "BooleanOptionalAction")
        check_metavar(keywords.get("metavar"), 0 if without else nargs, grouped)
    if (isinstance(nargs, str) and nargs not in _NARGS) or (isinstance(nargs, int) and nargs < 0):
        raise Wrong(f"invalid nargs value {nargs!r}", "nargs")


def check_metavar(metavar: Any, nargs: Any, grouped: bool) -> None:
    """Raises Wrong where the parser cannot show the argument in its usage."""
    if grouped or not isinstance(metavar, tuple) or not isinstance(nargs, int | str | None):
        return
    if not _metavar_fits(metavar, nargs):
        raise Wrong("length of metavar tuple does not match nargs")


def _metavar_fits(metavar: tuple[Any, ...], nargs: Any) -> bool:
    """Whether argparse can show the argument with these names."""
    if isinstance(nargs, int) and nargs > 1:
        return len(metavar) == nargs
    wanted = {None: (1,), "?": (1,), "*": (1, 2), "+": (2,), "A...": (1,), "...": range(100), 0: (0,)}
    return len(metavar) in wanted.get(nargs, (1,))
