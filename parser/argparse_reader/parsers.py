"""argparse by heart: what a script calls, and the methods of what it gets."""

from __future__ import annotations

from typing import Any

from parser.argparse_reader.adding import add, add_action
from parser.argparse_reader.making import add_parser, adopt, constructor_words, inherit, parser_init
from parser.argparse_reader.objects import Action, Group, Parser, Subparsers
from parser.argparse_reader.reading import parse_known, parse_strictly
from parser.interpreter.flow import Call, Stopped
from parser.interpreter.machine import Machine
from parser.interpreter.values import Class, External, Function, Unknown


class Registry:
    """All parsers that were made, in order."""

    def __init__(self) -> None:
        self.parsers: list[Parser] = []

    def make(self, machine: Machine, call: Call) -> Parser:
        """`argparse.ArgumentParser(…)`."""
        parser = Parser(call.place, constructor_words(call))
        self.parsers.append(parser)
        parser.family = self.parsers
        inherit(machine, parser, call)
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


def _add_argument(machine: Machine, call: Call, parser: Parser) -> Any:
    return add(machine, parser, call, None)


def _add_group(machine: Machine, call: Call, parser: Parser) -> Any:
    title = call.args[0] if call.args else call.keywords.get("title")
    group = Group(parser, title)
    parser.groups.append(group)
    return group


def _add_exclusive(machine: Machine, call: Call, parser: Parser | Group) -> Any:
    required = call.keywords.get("required", call.args[0] if call.args else False)
    if isinstance(parser, Group):
        return Group(parser.parser, parser.title, True, required, parser)
    return Group(parser, None, True, required)


def _set_defaults(machine: Machine, call: Call, parser: Parser) -> None:
    if machine.supposing:
        return
    values = dict(call.keywords)
    if machine.conditions:
        values = {name: Unknown(f"depends on `{machine.conditions[-1]}`") for name in values}
    parser.defaults.update(values)
    if call.keywords_unknown:
        source, tick, why = call.keywords_unknown.rpartition("` ")
        parser.further_defaults = f"may be set by {source}{tick.rstrip()}{', which ' if tick else ''}{why}"
    for argument in parser.arguments:
        if call.keywords_unknown and parser.further_defaults:
            argument.default = Unknown(parser.further_defaults)
        if argument.dest in values:
            argument.default = values[argument.dest]
            if argument.model is not None:
                argument.model.attributes.pop("default", None)
            argument.sources = {**argument.sources, "default": (call, argument.dest)}


def _add_subparsers(machine: Machine, call: Call, parser: Parser) -> Any:
    made = Subparsers(parser, call.place, call.keywords)
    parser.subparsers.append(made)
    return made


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
        adopt(machine, parser, other, call)


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


Parser.behaviours = {
    "__init__": parser_init,
    "add_argument": _add_argument,
    "_add_action": add_action,
    "add_argument_group": _add_group,
    "add_mutually_exclusive_group": _add_exclusive,
    "add_subparsers": _add_subparsers,
    "set_defaults": _set_defaults,
    "get_default": _get_default,
    "parse_args": parse_strictly,
    "parse_known_args": parse_known,
    "parse_intermixed_args": parse_strictly,
    "parse_known_intermixed_args": parse_known,
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


Group.behaviours = {
    "__init__": _group_init,
    "add_argument": lambda machine, call, group: add(machine, group.parser, call, group),
    "add_argument_group": lambda machine, call, group: Group(
        group.parser, call.args[0] if call.args else call.keywords.get("title"), outer=group
    ),
    "add_mutually_exclusive_group": _add_exclusive,
    "set_defaults": lambda machine, call, group: _set_defaults(machine, call, group.parser),
    "get_default": lambda machine, call, group: _get_default(machine, call, group.parser),
    "register": lambda machine, call, group: _register(machine, call, group.parser),
    "_add_action": add_action,
}
Subparsers.behaviours = {"add_parser": add_parser}
