"""How parsers come to be: by their constructor, from their parents, and as subcommands."""

from __future__ import annotations

from functools import cache
from typing import Any

from parser.argparse_reader.actions import Wrong
from parser.argparse_reader.adding import put
from parser.argparse_reader.objects import Parser, Subparsers
from parser.interpreter.classes import instantiate
from parser.interpreter.containers import items_of
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import Class, External, why_unknown

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


def constructor_words(call: Call) -> dict[str, Any]:
    """What ArgumentParser is given, by name."""
    return {**dict(zip(_CONSTRUCTOR, call.args, strict=False)), **call.keywords}


def inherit(machine: Machine, parser: Parser, call: Call) -> None:
    """Takes over the arguments of `parents=[…]`."""
    parents = constructor_words(call).get("parents", [])
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
        adopt(machine, parser, parent, call)


def adopt(machine: Machine, parser: Parser, other: Parser, call: Call) -> None:
    """Takes over another parser's arguments and defaults."""
    other.used = True
    try:
        if other.add_help is True and parser.add_help is True and not parser.resolves:
            raise Wrong("both the parser and its parent have -h; make the parent with add_help=False")
        for argument in other.arguments:
            # The very same action, as argparse has it: what is set on it later is seen by both.
            put(parser, argument)
            if argument.exclusive is not None and not _titles_are_inherited():
                parser.untitled.append(argument)
    except Wrong as wrong:
        machine.tell("argument-refused", call.place, why=str(wrong))
    parser.defaults.update(other.defaults)
    parser.further_defaults = parser.further_defaults or other.further_defaults


@cache
def _titles_are_inherited() -> bool:
    """Whether arguments that exclude each other keep their group's title in a child; Pythons differ, so it is asked."""
    import argparse

    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument_group("titled").add_mutually_exclusive_group().add_argument("--flag")
    child = argparse.ArgumentParser(add_help=False, parents=[parent])
    return any(group.title == "titled" and group._group_actions for group in child._action_groups)


def parser_init(machine: Machine, call: Call, parser: Parser) -> None:
    """`super().__init__(…)` in a subclass of ArgumentParser."""
    if isinstance(call.keywords.get("parser_class"), Class | External):
        call.keywords = {key: value for key, value in call.keywords.items() if key != "parser_class"}
    parser.configure({**parser.keywords, **constructor_words(call)})
    inherit(machine, parser, call)


def add_parser(machine: Machine, call: Call, subparsers: Subparsers) -> Any:
    """`subparsers.add_parser(name, …)`."""
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
    inherit(machine, parser, call)
    return parser
