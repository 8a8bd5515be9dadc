"""argparse by heart: ArgumentParser, groups, subparsers, and what add_argument makes of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parser.argparse_reader.actions import (
    ACTION_CLASSES,
    SUPPRESS,
    Made,
    OwnAction,
    Wrong,
    base_of,
    made_action,
    with_negation,
)
from parser.argparse_reader.mends import action_mend, converter_mend
from parser.interpreter.calls import call_value, instantiate
from parser.interpreter.expressions import items_of
from parser.interpreter.flow import Call, Stopped
from parser.interpreter.machine import Machine
from parser.interpreter.values import (
    MISSING,
    Class,
    EnumMember,
    External,
    Function,
    Method,
    Modelled,
    Partial,
    Unknown,
    known,
    why_unknown,
)
from parser.model import Place
from parser.problems import problem

CONSTANTS: Mapping[str, str] = {
    "argparse.SUPPRESS": SUPPRESS,
    "argparse.OPTIONAL": "?",
    "argparse.ZERO_OR_MORE": "*",
    "argparse.ONE_OR_MORE": "+",
    "argparse.REMAINDER": "...",
    "argparse.PARSER": "A...",
}

NO_VALUE = frozenset({"store_const", "store_true", "store_false", "append_const", "count", "help", "version"})
"""Actions of options that take no value."""

_ACCEPTED: Mapping[str, frozenset[str]] = {
    "store_true": frozenset({"default", "required", "help", "deprecated"}),
    "store_const": frozenset({"const", "default", "required", "help", "metavar", "deprecated"}),
    "append_const": frozenset({"const", "default", "required", "help", "metavar", "deprecated"}),
    "count": frozenset({"default", "required", "help", "deprecated"}),
    "help": frozenset({"default", "help", "deprecated"}),
    "version": frozenset({"version", "default", "help", "deprecated"}),
}
_STORE = frozenset(
    {"nargs", "const", "default", "type", "choices", "required", "help", "metavar", "deprecated"}
)
_ACTIONS = frozenset({"store", "append", "extend", "parsers", "store_false", *_ACCEPTED})
_NARGS = ("?", "*", "+", "...", "A...", SUPPRESS)


Behaviour = Callable[[Machine, Call, Any], Any]
"""A method known by heart: the machine, the call, and the object it is called on."""


@dataclass(slots=True, eq=False, repr=False)
class Argument:
    """One argument while the script is followed; values may be Unknown until the end."""

    flags: tuple[str, ...]
    dest: Any
    action: Any
    keywords: dict[str, Any]
    default: Any
    required: Any
    nargs: Any
    place: Place
    sources: Mapping[str, tuple[Call, str]] = field(default_factory=dict)
    """Field → the call that gave its value, and the keyword it has there."""
    keywords_unknown: str | None = None
    group: Any = None
    conditions: tuple[str, ...] = ()
    exclusive: Group | None = None
    """The mutually exclusive group it belongs to."""
    call: Call | None = None
    """The add_argument call."""
    model: Action | None = None
    """What add_argument() gave back, with the attributes that the script set on it afterwards."""

    def at(self, keyword: str) -> Place:
        """Where a keyword of the call is written, or else the call."""
        return self.call.at(keyword) if self.call else self.place


class Parser(Modelled):
    """One ArgumentParser."""

    further = frozenset({"formatter_class", "fromfile_prefix_chars", "allow_abbrev", "exit_on_error"})

    def __init__(self, place: Place, keywords: dict[str, Any], subcommand: tuple[str, ...] = ()) -> None:
        self.place = place
        self.subcommand = subcommand
        self.attributes: dict[str, Any] = {}
        self.arguments: list[Argument] = []
        self.by_flag: dict[str, Argument] = {}
        self.defaults: dict[str, Any] = {}
        self.actions: dict[str, Any] = {}
        """Actions and types that the script registered by name."""
        self.types: dict[str, Any] = {}
        self.reads_command_line = False
        self.reads_if: tuple[str, ...] = ()
        """The conditions under which it does."""
        self.used = False
        self.subparsers: list[Subparsers] = []
        self.groups: list[Group] = []
        self.standard: Group | None = None
        """The group for all options, when the script's own class makes it."""
        self.family: list[Parser] = []
        """All parsers of the script."""
        self.configure(keywords)

    def configure(self, keywords: dict[str, Any]) -> None:
        """Takes over what the constructor is given."""
        prefix = keywords.get("prefix_chars", "-")
        self.prefix_chars: str = prefix if isinstance(prefix, str) and prefix else "-"
        self.resolves = keywords.get("conflict_handler") == "resolve"
        self.argument_default: Any = keywords.get("argument_default")
        self.add_help = keywords.get("add_help", True)
        self.keywords = keywords

    def methods(self) -> Mapping[str, Behaviour]:
        return _PARSER_METHODS

    def is_a(self, name: str) -> bool | None:
        if name in ("argparse.ArgumentParser", "argparse._ActionsContainer", "builtins.object"):
            return True
        return False if name.startswith(("argparse.", "builtins.")) else None

    def attribute(self, name: str) -> Any:
        if name == "_actions":
            return [action_of(argument) for argument in self.arguments]
        if name == "_option_string_actions":
            return {flag: action_of(one) for flag, one in self.by_flag.items() if one is not _HELP}
        if name == "_action_groups":
            return list(self.groups)
        if name in ("_optionals", "_positionals"):
            return Group(self, None)
        if name == "_defaults":
            return self.defaults
        if name in ("prefix_chars", "add_help", "argument_default"):
            return getattr(self, name)
        if name in ("description", "epilog", "usage", "prog", "conflict_handler"):
            return self.keywords.get(name, Unknown("is the name of the program") if name == "prog" else None)
        if name == "_subparsers":
            return self.subparsers[0] if self.subparsers else None
        return MISSING

    def others_read(self, machine: Machine) -> bool:
        """Whether another parser may have read the command line on the way that led here."""
        reading = (one for one in self.family if one.reads_command_line and one is not self)
        return any(not machine.elsewhere(one.reads_if) for one in reading)

    def all(self) -> Iterable[tuple[Parser, Argument]]:
        """Arguments of the parser and of its subcommands, in order."""
        for argument in self.arguments:
            yield self, argument
        for subparsers in self.subparsers:
            for parser in dict.fromkeys(subparsers.parsers.values()):
                yield from parser.all()


class Group(Modelled):
    """An argument group, titled or mutually exclusive."""

    def __init__(
        self, parser: Parser, title: Any, exclusive: bool = False, required: Any = False, outer: Any = None
    ) -> None:
        self.parser = parser
        self.title = title
        self.exclusive = exclusive
        self.required = required
        self.outer: Group | None = outer
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Behaviour]:
        return _GROUP_METHODS

    def attribute(self, name: str) -> Any:
        if name == "title":
            return self.title
        if name in ("_group_actions", "_actions"):
            mine = (one for one in self.parser.arguments if name == "_actions" or one.group == self.title)
            return [action_of(one) for one in mine]
        if name in ("container", "_container"):
            return self.parser
        return self.parser.attribute(name)

    def is_a(self, name: str) -> bool | None:
        if name in ("argparse._ArgumentGroup", "argparse._ActionsContainer", "builtins.object"):
            return True
        if name == "argparse._MutuallyExclusiveGroup":
            return self.exclusive
        return False if name.startswith(("argparse.", "builtins.")) else None

    @property
    def excluding(self) -> Group | None:
        """The nearest mutually exclusive group around what is added here."""
        return self if self.exclusive else (self.outer.excluding if self.outer else None)


class Subparsers(Modelled):
    """What add_subparsers() gives."""

    def __init__(self, parser: Parser, place: Place, keywords: dict[str, Any]) -> None:
        self.parser = parser
        self.place = place
        self.keywords = keywords
        self.parsers: dict[str, Parser] = {}
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Behaviour]:
        return {"add_parser": _add_parser}

    def attribute(self, name: str) -> Any:
        if name in ("choices", "_name_parser_map"):
            return self.parsers
        if name in ("dest", "required", "help", "metavar", "title", "description"):
            return self.keywords.get(name)
        return MISSING


_CLASS_OF: Mapping[str, str] = {word: name for name, word in ACTION_CLASSES.items()}
_ACTION_FIELDS = (
    *(
        "option_strings",
        "dest",
        "nargs",
        "const",
        "default",
        "type",
        "choices",
        "required",
        "help",
        "metavar",
    ),
)


class Action(Modelled):
    """What add_argument() gives back; what the script sets on it counts."""

    def __init__(self, argument: Argument) -> None:
        self.argument = argument
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Behaviour]:
        return {}

    def is_a(self, name: str) -> bool | None:
        action = self.argument.action
        base = base_of(action) if not isinstance(action, str) else _CLASS_OF.get(action, "argparse.Action")
        if name == "argparse.Action" or name == base:
            return True
        if (
            base in ("argparse._StoreTrueAction", "argparse._StoreFalseAction")
            and name == "argparse._StoreConstAction"
        ):
            return True
        return False if name.startswith(("argparse.", "builtins.")) else None

    def attribute(self, name: str) -> Any:
        if name == "__dict__":
            return {one: self.attributes.get(one, self.attribute(one)) for one in _ACTION_FIELDS}
        if name == "option_strings":
            return list(self.argument.flags)
        if name in ("dest", "default", "required", "nargs"):
            return getattr(self.argument, name)
        if name == "const" and self.argument.action in ("store_true", "store_false"):
            return self.argument.action == "store_true"
        if name in ("help", "choices", "type", "metavar", "const"):
            return self.argument.keywords.get(name)
        return MISSING


def action_of(argument: Argument) -> Action:
    """The one action of an argument."""
    if argument.model is None:
        argument.model = Action(argument)
    return argument.model


class FileType(Modelled):
    """`argparse.FileType(…)`, a type."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Behaviour]:
        return {}


_CONSTRUCTOR = (
    *("prog", "usage", "description", "epilog", "parents", "formatter_class", "prefix_chars"),
    *(
        "fromfile_prefix_chars",
        "argument_default",
        "conflict_handler",
        "add_help",
        "allow_abbrev",
        "exit_on_error",
    ),
)
"""Parameters of ArgumentParser, in order."""


def _constructor_words(call: Call) -> dict[str, Any]:
    """What ArgumentParser is given, by name."""
    return {**dict(zip(_CONSTRUCTOR, call.args, strict=False)), **call.keywords}


class Registry:
    """All parsers that were made, in order."""

    def __init__(self) -> None:
        self.parsers: list[Parser] = []

    def make(self, machine: Machine, call: Call) -> Parser:
        """`argparse.ArgumentParser(…)`."""
        parser = Parser(call.place, _constructor_words(call))
        self.parsers.append(parser)
        parser.family = self.parsers
        _inherit(machine, parser, call)
        return parser

    def make_group(self, machine: Machine, call: Call) -> Any:
        """`argparse._ArgumentGroup(parser, title, …)`, by a script's own class of groups."""
        return Group(Parser(call.place, {}), None) if not call.args else _group_of(call, exclusive=False)

    def make_exclusive(self, machine: Machine, call: Call) -> Any:
        """`argparse._MutuallyExclusiveGroup(parser, …)`."""
        return Group(Parser(call.place, {}), None, True) if not call.args else _group_of(call, exclusive=True)


def _group_of(call: Call, exclusive: bool) -> Any:
    parser = call.args[0] if call.args else call.keywords.get("container")
    outer = parser if isinstance(parser, Group) else None
    parser = parser.parser if isinstance(parser, Group) else parser
    if not isinstance(parser, Parser):
        return Unknown("is a group of something that is no parser")
    title = call.keywords.get("title", call.args[1] if len(call.args) > 1 else None)
    return Group(
        parser,
        outer.title if exclusive and outer else title,
        exclusive,
        call.keywords.get("required", False),
        outer,
    )


def _group_init(machine: Machine, call: Call, group: Group) -> None:
    """`super().__init__(parser, …)` in a script's own class of groups."""
    made = _group_of(call, group.exclusive)
    if isinstance(made, Group):
        group.parser, group.title, group.outer = made.parser, made.title, made.outer


def _inherit(machine: Machine, parser: Parser, call: Call) -> None:
    """Takes over the arguments of `parents=[…]`."""
    parents = _constructor_words(call).get("parents", [])
    items = items_of(machine, parents)
    if items is None:
        why = f"`parents={call.source('parents')}` {why_unknown(parents)}"
        machine.tell("argument-not-followed", call.place, why=why)
        return
    for parent in items:
        if not isinstance(parent, Parser):
            why = f"one of its parents {why_unknown(parent)}"
            machine.tell("argument-not-followed", call.place, why=why)
            continue
        _adopt(machine, parser, parent, call)


def _adopt(machine: Machine, parser: Parser, other: Parser, call: Call) -> None:
    """Takes over another parser's arguments and defaults."""
    other.used = True
    try:
        if other.add_help is True and parser.add_help is True and not parser.resolves:
            raise Wrong("both the parser and its parent have -h; make the parent with add_help=False")
        for argument in other.arguments:
            # The very same action, as argparse has it: what is set on it later is seen by both.
            _put(machine, parser, argument)
    except Wrong as wrong:
        machine.tell("argument-refused", call.place, why=str(wrong))
    parser.defaults.update(other.defaults)


def _parser_init(machine: Machine, call: Call, parser: Parser) -> None:
    """`super().__init__(…)` in a subclass of ArgumentParser."""
    if isinstance(call.keywords.get("parser_class"), Class | External):
        call.keywords = {key: value for key, value in call.keywords.items() if key != "parser_class"}
    parser.configure({**parser.keywords, **_constructor_words(call)})
    _inherit(machine, parser, call)


# add_argument


def _add(machine: Machine, parser: Parser, call: Call, group: Group | None) -> Any:
    try:
        argument = _made(machine, parser, call, group.title if group else None)
        if argument is None:
            return Unknown("is an argument that could not be read")
        argument.exclusive = group.excluding if group else None
        if argument.exclusive is not None and argument.required is True:
            raise Wrong("mutually exclusive arguments must be optional")
        override = _own_method(group or parser, "_add_action")
        if override is not None:
            return call_value(machine, override, Call(call.node, call.script, [action_of(argument)], {}))
        standard = None if group else _standard_group(machine, parser, call)
        if standard is not None:
            # What the group makes of the action is kept; the caller gets the action as it was.
            call_value(machine, standard, Call(call.node, call.script, [action_of(argument)], {}))
            return action_of(argument)
        _put(machine, parser, argument)
    except Wrong as wrong:
        place, why = call.at(wrong.keyword), str(wrong)
        machine.problems.append(problem("argument-refused", place, edits=wrong.edits, why=why))
        return Unknown("is an argument that argparse refuses")
    return action_of(argument)


def _own_method(model: Modelled, name: str) -> Method | None:
    """The method by which a script's own class replaces argparse's; None while that runs, or when there is none."""
    member = model.cls.member(name) if model.cls else MISSING
    return Method(model, name, member) if isinstance(member, Function) else None


def _standard_group(machine: Machine, parser: Parser, call: Call) -> Method | None:
    """`_add_action` of the group for all options, where the script's own parser makes groups of its own class."""
    make = _own_method(parser, "add_argument_group")
    if make is None:
        return None
    if parser.standard is None:
        group = call_value(machine, make, Call(call.node, call.script, ["options"], {}))
        parser.standard = group if isinstance(group, Group) else Group(parser, None)
        parser.standard.title = None
    return _own_method(parser.standard, "_add_action")


def _made(machine: Machine, parser: Parser, call: Call, group: Any) -> Argument | None:
    """The argument that argparse makes of the call; None (and a problem) when its flags are not known."""
    if call.args and isinstance(call.args[0], Action) and not call.keywords:
        return call.args[0].argument
    keywords = dict(call.keywords)
    unknown_flag = next((arg for arg in call.args if not isinstance(arg, str)), MISSING)
    if call.args_unknown or unknown_flag is not MISSING:
        why = call.args_unknown or _flag_reason(unknown_flag, call)
        machine.tell("argument-not-followed", call.place, why=why)
        return None
    if not call.args and call.keywords_unknown and "dest" not in keywords:
        machine.tell("argument-not-followed", call.place, why=call.keywords_unknown)
        return None
    flags = tuple(dict.fromkeys(call.args))
    action = keywords.get("action", "store")
    if action is None:
        action = "store"
    if isinstance(action, str):
        action = parser.actions.get(action, action)
    if isinstance(action, External):
        action = ACTION_CLASSES.get(action.name, action)
    if isinstance(keywords.get("type"), str) and keywords["type"] in parser.types:
        keywords["type"] = parser.types[keywords["type"]]
    if isinstance(action, str) and action not in _ACTIONS:
        raise Wrong(f"unknown action {action!r}", "action", action_mend(call, action, _ACTIONS))
    nargs = keywords.get("nargs")
    default: Any = keywords.get("default", MISSING)
    if not call.args or (len(call.args) == 1 and (not flags[0] or flags[0][0] not in parser.prefix_chars)):
        flags, dest, required = (), *_positional(call.args, keywords, nargs)
    else:
        dest, required = _optional(flags, keywords, parser.prefix_chars), keywords.get("required", False)
    if call.keywords_unknown and "required" not in keywords and flags:
        required = Unknown(call.keywords_unknown)
    if default is MISSING:
        default = parser.defaults.get(dest, parser.argument_default) if isinstance(dest, str) else None
        if dest not in parser.defaults and parser.argument_default is None:
            default = MISSING
    if action == "store_true" and default is MISSING:
        default = False
    elif action == "store_false" and default is MISSING:
        default = True
    _check(action, keywords, nargs, dest, flags, call)
    if _is_boolean_optional(action):
        flags = tuple(part for flag in flags for part in with_negation(flag))
    if isinstance(action, str) and action in NO_VALUE | {"store_false"}:
        nargs = 0
        if action == "help" or action == "version":
            default = SUPPRESS if default is MISSING else default
    elif _is_boolean_optional(action):
        nargs = 0
    if isinstance(action, Class):
        made = made_action(machine, action, keywords, Made(flags, dest, default, required, nargs, {}), call)
        if made is not None:
            keywords, flags, dest, nargs, required = (
                made.keywords,
                made.flags,
                made.dest,
                made.nargs,
                made.required,
            )
            default = made.default
    sources = {name: (call, name) for name, value in keywords.items() if not _plain(value)}
    return Argument(
        flags,
        dest,
        action,
        keywords,
        _given_or_none(default, call),
        required,
        nargs,
        call.place,
        sources,
        call.keywords_unknown,
        group,
        tuple(machine.conditions),
        call=call,
    )


def _given_or_none(default: Any, call: Call) -> Any:
    if default is not MISSING:
        return default
    return Unknown(call.keywords_unknown) if call.keywords_unknown else None


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | type(None))


def _flag_reason(flag: Any, call: Call) -> str:
    if isinstance(flag, Unknown | External):
        return f"its flag `{call.script.source(call.node)}` {why_unknown(flag)}"
    return "its flag is not text"


def _positional(args: list[Any], keywords: dict[str, Any], nargs: Any) -> tuple[Any, Any]:
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


def _optional(flags: tuple[str, ...], keywords: dict[str, Any], prefix_chars: str) -> Any:
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


def _check(
    action: Any, keywords: dict[str, Any], nargs: Any, dest: Any, flags: tuple[str, ...], call: Call
) -> None:
    """Raises Wrong where argparse's own constructor would."""
    if not isinstance(action, str):
        return
    allowed = _ACCEPTED.get("store_true" if action == "store_false" else action, _STORE)
    extra = [name for name in keywords if name not in allowed and name not in ("action", "dest")]
    if extra:
        raise Wrong(f"action {action!r} takes no {extra[0]!r}", extra[0])
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
    metavar = keywords.get("metavar")
    if (
        isinstance(metavar, tuple)
        and isinstance(nargs, int | str | None)
        and not _metavar_fits(metavar, nargs)
    ):
        raise Wrong("length of metavar tuple does not match nargs")
    if (isinstance(nargs, str) and nargs not in _NARGS) or (isinstance(nargs, int) and nargs < 0):
        raise Wrong(f"invalid nargs value {nargs!r}", "nargs")


def _metavar_fits(metavar: tuple[Any, ...], nargs: Any) -> bool:
    """Whether argparse can show the argument with these names."""
    if isinstance(nargs, int) and nargs > 1:
        return len(metavar) == nargs
    wanted = {None: (1,), "?": (1,), "*": (1, 2), "+": (2,), "A...": (1,), "...": range(100), 0: range(100)}
    return len(metavar) in wanted.get(nargs, (1,))


def _is_boolean_optional(action: Any) -> bool:
    return isinstance(action, External) and action.name == "argparse.BooleanOptionalAction"


def _put(machine: Machine, parser: Parser, argument: Argument) -> None:
    """Adds the argument, minding others with the same flags."""
    if not parser.arguments and not parser.by_flag and parser.add_help is True and parser.prefix_chars:
        prefix = "-" if "-" in parser.prefix_chars else parser.prefix_chars[0]
        for flag in (f"{prefix}h", f"{prefix * 2}help"):
            parser.by_flag.setdefault(flag, _HELP)
    for flag in argument.flags:
        older = parser.by_flag.get(flag)
        if older is None:
            continue
        if older is not _HELP and (older.conditions or argument.conditions) and older.flags == argument.flags:
            _unite(older, argument)
            return
        if not parser.resolves:
            raise Wrong(f"conflicting option string {flag}: it is added twice")
        if older is not _HELP:
            older.flags = tuple(one for one in older.flags if one != flag)
            if not older.flags:
                parser.arguments.remove(older)
    parser.arguments.append(argument)
    parser.by_flag.update(dict.fromkeys(argument.flags, argument))


def _unite(older: Argument, newer: Argument) -> None:
    """One argument added in several branches: what they do not agree on is not known."""
    for name in ("dest", "action", "default", "required", "nargs", "group"):
        if not _same(getattr(older, name), getattr(newer, name)):
            setattr(older, name, Unknown("depends on a condition not known"))
    for name in {*older.keywords, *newer.keywords}:
        if not _same(older.keywords.get(name), newer.keywords.get(name)):
            older.keywords[name] = Unknown("depends on a condition not known")
    if older.conditions and newer.conditions:
        *common, last = older.conditions
        if (*common, f"not ({last})") == newer.conditions:
            older.conditions = tuple(common)
    elif not newer.conditions:
        older.conditions = ()


def _same(left: Any, right: Any) -> bool:
    return left is right or (
        type(left) is type(right) and (not known(left) or bool(left == right)) and known(right)
    )


_HELP = Argument(("-h", "--help"), "help", "help", {}, SUPPRESS, False, 0, Place(""))


# Methods


def _add_argument(machine: Machine, call: Call, parser: Parser) -> Any:
    return _add(machine, parser, call, None)


def _add_group(machine: Machine, call: Call, parser: Parser) -> Any:
    title = call.args[0] if call.args else call.keywords.get("title")
    group = Group(parser, title)
    parser.groups.append(group)
    return group


def _add_exclusive(machine: Machine, call: Call, parser: Parser | Group) -> Any:
    outer = parser if isinstance(parser, Group) else None
    required = call.keywords.get("required", call.args[0] if call.args else False)
    return Group(outer.parser if outer else parser, outer.title if outer else None, True, required, outer)  # type: ignore[arg-type]  # it is one of the two


def _set_defaults(machine: Machine, call: Call, parser: Parser) -> None:
    values = dict(call.keywords)
    if machine.conditions:
        values = {name: Unknown(f"depends on `{machine.conditions[-1]}`") for name in values}
    parser.defaults.update(values)
    for argument in parser.arguments:
        if call.keywords_unknown:
            argument.default = Unknown(f"may be set by {call.keywords_unknown}")
        if argument.dest in values:
            argument.default = values[argument.dest]
            if argument.model is not None:
                argument.model.attributes.pop("default", None)
            argument.sources = {**argument.sources, "default": (call, argument.dest)}


def _add_subparsers(machine: Machine, call: Call, parser: Parser) -> Any:
    made = Subparsers(parser, call.place, call.keywords)
    parser.subparsers.append(made)
    return made


def _parse(machine: Machine, call: Call, parser: Parser) -> Any:
    given = call.args[0] if call.args else call.keywords.get("args")
    if _is_command_line(given) or (isinstance(given, Unknown | External) and not parser.others_read(machine)):
        parser.reads_command_line = True
        parser.reads_if = tuple(machine.conditions)
    else:
        parser.used = True
    return Unknown(GIVEN)


GIVEN = "is given on the command line"


def _is_command_line(given: Any) -> bool:
    """Whether what is parsed is what the script was started with."""
    if isinstance(given, External):
        return given.name.startswith("sys.argv")
    return given is None or (isinstance(given, Unknown) and given.why == GIVEN)


def _parse_strictly(machine: Machine, call: Call, parser: Parser) -> Any:
    """`parse_args()`: what this parser does not accept is refused, so nothing that comes later adds to it."""
    result = _parse(machine, call, parser)
    if _is_command_line(call.args[0] if call.args else call.keywords.get("args")):
        machine.finish()
    return result


def _parse_known(machine: Machine, call: Call, parser: Parser) -> Any:
    args = _parse(machine, call, parser)
    return (args, Unknown(GIVEN))


def _get_default(machine: Machine, call: Call, parser: Parser) -> Any:
    name = call.args[0] if call.args else None
    found = [argument.default for argument in parser.arguments if argument.dest == name]
    return found[0] if found else parser.defaults.get(name) if isinstance(name, str) else Unknown()


def _nothing(machine: Machine, call: Call, parser: Any) -> Any:
    return Unknown()


def _exit(machine: Machine, call: Call, parser: Parser) -> Any:
    raise Stopped


def _add_container(machine: Machine, call: Call, parser: Parser) -> None:
    other = call.args[0] if call.args else None
    if isinstance(other, Parser):
        _adopt(machine, parser, other, call)


def _add_action(machine: Machine, call: Call, owner: Parser | Group) -> Any:
    """`_add_action(action)`: by a script's own parser or group, for an action that it made or was given."""
    parser = owner.parser if isinstance(owner, Group) else owner
    action = call.args[0] if call.args else None
    if isinstance(action, OwnAction):
        argument = _argument_of(machine, action, call)
        if argument is not None:
            action.argument = argument
    else:
        argument = action.argument if isinstance(action, Action) else None
    if argument is None:
        machine.tell("argument-not-followed", call.place, why="it is made by the script's own action class")
        return Unknown()
    if isinstance(owner, Group):
        argument.group, argument.exclusive = owner.title, owner.excluding
    try:
        _put(machine, parser, argument)
    except Wrong as wrong:
        machine.tell("argument-refused", call.place, why=str(wrong))
    return action_of(argument)


def _argument_of(machine: Machine, action: OwnAction, call: Call) -> Argument | None:
    """The argument that an action object made by the script stands for."""
    held = action.attributes
    flags = held.get("option_strings")
    if (
        not action.ready
        or not isinstance(flags, list | tuple)
        or not all(isinstance(one, str) for one in flags)
    ):
        return None
    words = {
        name: held[name]
        for name in ("const", "type", "choices", "help", "metavar")
        if held.get(name) is not None
    }
    kind = ACTION_CLASSES.get(action.base, "store") if action.cls is None else action.cls
    values = (held.get("default"), held.get("required"), held.get("nargs"))
    return Argument(
        tuple(flags), held.get("dest"), kind, words, *values, call.place, conditions=tuple(machine.conditions)
    )


def _register(machine: Machine, call: Call, parser: Parser) -> None:
    """`register("action" or "type", name, object)`."""
    if len(call.args) == 3 and isinstance(call.args[1], str):
        {"action": parser.actions, "type": parser.types}.get(call.args[0], {})[call.args[1]] = call.args[2]


def _registered(machine: Machine, call: Call, parser: Parser) -> Any:
    if len(call.args) < 2 or not isinstance(call.args[1], str | External | Function | Class):
        return Unknown()
    kind = parser.actions if call.args[0] == "action" else parser.types
    known_ = kind.get(call.args[1]) if isinstance(call.args[1], str) else None
    return known_ or (call.args[2] if len(call.args) > 2 else call.args[1])


def _remove_action(machine: Machine, call: Call, parser: Parser) -> None:
    action = call.args[0] if call.args else None
    if isinstance(action, Action) and action.argument in parser.arguments:
        parser.arguments.remove(action.argument)


_PARSER_METHODS: dict[str, Behaviour] = {
    "__init__": _parser_init,
    "add_argument": _add_argument,
    "_add_action": _add_action,
    "add_argument_group": _add_group,
    "add_mutually_exclusive_group": _add_exclusive,
    "add_subparsers": _add_subparsers,
    "set_defaults": _set_defaults,
    "get_default": _get_default,
    "parse_args": _parse_strictly,
    "parse_known_args": _parse_known,
    "parse_intermixed_args": _parse_strictly,
    "parse_known_intermixed_args": _parse_known,
    "_add_container_actions": _add_container,
    "error": _exit,
    "exit": _exit,
    "print_help": _nothing,
    "print_usage": _nothing,
    "format_help": _nothing,
    "format_usage": _nothing,
    "register": _register,
    "_registry_get": _registered,
    "_remove_action": _remove_action,
    "_handle_conflict_resolve": _nothing,
    "_get_option_tuples": _nothing,
    "_check_value": _nothing,
    "_get_formatter": _nothing,
    "_print_message": _nothing,
    "convert_arg_line_to_args": _nothing,
}
_GROUP_METHODS: dict[str, Behaviour] = {
    "__init__": _group_init,
    "add_argument": lambda machine, call, group: _add(machine, group.parser, call, group),
    "add_argument_group": lambda machine, call, group: Group(
        group.parser, call.args[0] if call.args else call.keywords.get("title"), outer=group
    ),
    "add_mutually_exclusive_group": _add_exclusive,
    "set_defaults": lambda machine, call, group: _set_defaults(machine, call, group.parser),
    "get_default": lambda machine, call, group: _get_default(machine, call, group.parser),
    "register": lambda machine, call, group: _register(machine, call, group.parser),
    "_add_action": _add_action,
}


def _add_parser(machine: Machine, call: Call, subparsers: Subparsers) -> Any:
    name = call.args[0] if call.args else call.keywords.get("name")
    if not isinstance(name, str):
        why = f"the name of the subcommand {why_unknown(name)}"
        machine.tell("argument-not-followed", call.place, why=why)
        name = "?"
    owner = subparsers.parser
    words = {
        key: value
        for key, value in call.keywords.items()
        if key not in ("name", "aliases", "help", "deprecated")
    }
    parser = _made_parser(machine, subparsers, Call(call.node, call.script, [], words))
    parser.subcommand = (*owner.subcommand, name)
    parser.used = True
    if "prefix_chars" not in call.keywords and parser.cls is None:
        parser.prefix_chars = owner.prefix_chars
    subparsers.parsers[name] = parser
    return parser


def _made_parser(machine: Machine, subparsers: Subparsers, call: Call) -> Parser:
    """A parser of a subcommand: of `parser_class`, else of the class of the parser around it."""
    cls = subparsers.keywords.get("parser_class") or subparsers.parser.cls
    if isinstance(cls, Class) and cls.inherits("argparse.ArgumentParser"):
        made = instantiate(machine, cls, call)
        if isinstance(made, Parser):
            return made
    parser = Parser(call.place, call.keywords)
    parser.family = subparsers.parser.family
    parser.actions.update(subparsers.parser.actions)
    _inherit(machine, parser, call)
    return parser


def type_name(value: Any) -> str | None:
    """argparse's word for a type; None when it is not known."""
    if isinstance(value, External):
        return value.name.rpartition(".")[2]
    if isinstance(value, Function | Class):
        return value.name
    if isinstance(value, FileType):
        return "FileType"
    if isinstance(value, Partial):
        return type_name(value.function)
    if isinstance(value, Method):
        return value.name
    return None


def enum_text(value: Any) -> Any:
    """A member of an enum as its value, everything else as it is."""
    return value.value if isinstance(value, EnumMember) else value
