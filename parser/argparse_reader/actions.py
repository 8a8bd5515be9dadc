"""Action classes: argparse's own by name, and what a script's own class makes of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import MISSING, Class, External, Function, Modelled, Unknown
from parser.model import Edit

SUPPRESS = "==SUPPRESS=="

ACTION_CLASSES: Mapping[str, str] = {
    "argparse._StoreAction": "store",
    "argparse._StoreConstAction": "store_const",
    "argparse._StoreTrueAction": "store_true",
    "argparse._StoreFalseAction": "store_false",
    "argparse._AppendAction": "append",
    "argparse._AppendConstAction": "append_const",
    "argparse._CountAction": "count",
    "argparse._HelpAction": "help",
    "argparse._VersionAction": "version",
    "argparse._ExtendAction": "extend",
}
"""argparse's classes and the word that add_argument takes for them."""

_ALL = ("nargs", "const", "default", "type", "choices", "required", "help", "metavar")
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "argparse.Action": _ALL,
    "argparse._StoreAction": _ALL,
    "argparse._AppendAction": _ALL,
    "argparse._ExtendAction": _ALL,
    "argparse._StoreConstAction": ("const", "default", "required", "help", "metavar"),
    "argparse._AppendConstAction": ("const", "default", "required", "help", "metavar"),
    "argparse._StoreTrueAction": ("default", "required", "help"),
    "argparse._StoreFalseAction": ("default", "required", "help"),
    "argparse._CountAction": ("default", "required", "help"),
    "argparse._HelpAction": ("default", "help"),
    "argparse._VersionAction": ("version", "default", "help"),
    "argparse.BooleanOptionalAction": ("default", "type", "choices", "required", "help", "metavar"),
}
"""What the constructors take behind option_strings and dest, in order."""

_NO_NARGS: Mapping[str, Mapping[str, Any]] = {
    "argparse._StoreConstAction": {},
    "argparse._AppendConstAction": {},
    "argparse._StoreTrueAction": {"const": True, "default": False},
    "argparse._StoreFalseAction": {"const": False, "default": True},
    "argparse._CountAction": {},
    "argparse._HelpAction": {"default": SUPPRESS},
    "argparse._VersionAction": {"default": SUPPRESS},
    "argparse.BooleanOptionalAction": {},
}
"""Classes whose options take no value, and what they set when nothing is given."""


class Wrong(Exception):
    """argparse raises here; the message says what it says, `keyword` and `edits` where and how to mend it."""

    def __init__(self, why: str, keyword: str = "", edits: Iterable[Edit] = ()) -> None:
        super().__init__(why)
        self.keyword = keyword
        self.edits = tuple(edits)


class Clash(Wrong):
    """Two arguments have one flag; this is argparse's ArgumentError, which scripts sometimes wait for."""


def with_negation(flag: str) -> tuple[str, ...]:
    """The flags that BooleanOptionalAction makes of one."""
    return (flag, "--no-" + flag[2:]) if flag.startswith("--") else (flag,)


@dataclass(slots=True)
class Made:
    """What an action holds once its constructor has run."""

    flags: tuple[str, ...]
    dest: Any
    default: Any
    required: Any
    nargs: Any
    keywords: dict[str, Any]


def base_of(action: Any) -> str:
    """The dotted name of argparse's class that the action is or comes from; empty when it is none."""
    if isinstance(action, External):
        return action.name if action.name in _PARAMETERS else ""
    if isinstance(action, Class):
        bases = (one.name for one in action.ancestry() if isinstance(one, External))
        return next((name for name in bases if name in _PARAMETERS), "")
    return ""


class OwnAction(Modelled):
    """An action object that the script makes itself, or that its own class makes in add_argument."""

    def __init__(self, cls: Class | None, base: str = "") -> None:
        self.cls = cls
        self.base = base or base_of(cls)
        self.attributes: dict[str, Any] = {}
        self.ready = False
        self.argument: Any = None

    def methods(self) -> Mapping[str, Callable[[Machine, Call, Any], Any]]:
        return {"__init__": _construct, "format_usage": _nothing, "_get_kwargs": _nothing}


def _nothing(machine: Machine, call: Call, action: OwnAction) -> Any:
    return Unknown()


def _construct(machine: Machine, call: Call, action: OwnAction) -> None:
    """argparse's own constructor."""
    base = action.base
    names = ("option_strings", "dest", *_PARAMETERS[base])
    if call.args_unknown or len(call.args) > len(names):
        return
    given = {**dict(zip(names, call.args, strict=False)), **call.keywords}
    extra = [name for name in given if name not in names and name != "deprecated"]
    if extra:
        raise Wrong(f"its action {action.cls.name if action.cls else ''} takes no {extra[0]!r}")
    held: dict[str, Any] = dict.fromkeys(("option_strings", "dest", *_ALL))
    held["required"] = False
    held.update(_NO_NARGS.get(base, {}))
    held.update(given)
    if call.keywords_unknown:
        held.update({name: Unknown(call.keywords_unknown) for name in _ALL if name not in given})
    if base in _NO_NARGS:
        held["nargs"] = 0
    if base == "argparse.BooleanOptionalAction" and isinstance(held["option_strings"], list | tuple):
        held["option_strings"] = [
            part for flag in held["option_strings"] if isinstance(flag, str) for part in with_negation(flag)
        ]
    action.attributes.update(held)
    action.ready = True


def maker(base: str) -> Callable[[Machine, Call], OwnAction]:
    """The model of one of argparse's action classes, called by the script."""

    def made(machine: Machine, call: Call) -> OwnAction:
        action = OwnAction(None, base)
        if call.args or call.keywords:
            _construct(machine, call, action)
        return action

    return made


MODELS = {name: maker(name) for name in _PARAMETERS}


def made_action(
    machine: Machine, cls: Class, keywords: dict[str, Any], start: Made, call: Call
) -> Made | None:
    """What the script's own action class makes of its arguments; None when its constructor cannot be followed."""
    base = base_of(cls)
    init = cls.member("__init__")
    if not base:
        return None
    action = OwnAction(cls)
    words = {key: value for key, value in keywords.items() if key not in ("action", "dest")}
    if start.default is not MISSING:
        words.setdefault("default", start.default)
    if start.required is not False or not start.flags:
        words["required"] = start.required
    words |= {"option_strings": list(start.flags), "dest": start.dest}
    inner = Call(call.node, call.script, [], words, None, call.keywords_unknown, call.nodes)
    if isinstance(init, Function):
        machine.follow(init, inner, action)
    else:
        _construct(machine, inner, action)
    if not action.ready:
        return None
    held = action.attributes
    flags = held.get("option_strings")
    known_flags = isinstance(flags, list | tuple) and all(isinstance(flag, str) for flag in flags)
    kept = {
        name: held[name]
        for name in ("const", "type", "choices", "help", "metavar")
        if held.get(name) is not None
    }
    return Made(
        tuple(flags) if known_flags and flags is not None else start.flags,
        held.get("dest"),
        held.get("default"),
        held.get("required"),
        held.get("nargs"),
        {**{key: value for key, value in keywords.items() if key not in _ALL}, **kept},
    )
