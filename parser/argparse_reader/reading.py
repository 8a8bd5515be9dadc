"""Which parser reads the command line that the script was started with."""

from __future__ import annotations

from copy import copy
from typing import Any

from parser.argparse_reader.actions import SUPPRESS
from parser.argparse_reader.objects import Parser
from parser.interpreter.attributes import find_attribute
from parser.interpreter.containers import items_of
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import MISSING, Class, External, Given, Instance, Scope, Unknown

GIVEN = "is given on the command line"


def _parse(machine: Machine, call: Call, parser: Parser) -> Any:
    given = call.args[0] if call.args else call.keywords.get("args")
    # A list whose items are not all seen may well be what was given, put into another order.
    open_ = isinstance(given, Unknown | External) or (
        isinstance(given, list) and items_of(machine, given) is None
    )
    if _is_command_line(given) or (open_ and not parser.others_read(machine)):
        conditions = tuple(machine.conditions)
        if not parser.reads_command_line or len(conditions) < len(parser.reads_if):
            parser.reads_if = conditions
        parser.reads_command_line = True
        parser.reads_at = 1 + max((one.reads_at for one in parser.family), default=0)
    else:
        parser.used = True
        parser.reads_own_words = True
    namespace = call.args[1] if len(call.args) > 1 else call.keywords.get("namespace")
    if call.args_unknown or call.keywords_unknown:
        namespace = Unknown(GIVEN)
    if namespace is None:
        return Given(GIVEN, absent=lambda name: _when_absent(parser, name))
    return Given(GIVEN, absent=lambda name: _in_namespace(machine, parser, namespace, name))


def _in_namespace(machine: Machine, parser: Parser, namespace: Any, name: str) -> Any:
    """The same where the script hands over the object that takes the values: what that has stays."""
    own = namespace.part(name) if isinstance(namespace, Given) else find_attribute(machine, namespace, name)
    return _when_absent(parser, name) if own is MISSING else own


def namespace(machine: Machine, call: Call) -> Any:
    """`Namespace(name=value, …)`: an object that holds what it is given."""
    if call.keywords_unknown or call.args:
        return Unknown(GIVEN)
    made = Class("Namespace", Scope(call.script), [External("argparse.Namespace")])
    return machine.own(Instance(made, dict(call.keywords)))


def _when_absent(parser: Parser, name: str) -> Any:
    """What argparse makes of an argument that is not given; Unknown where that takes more than a look."""
    found = next((one for one in parser.arguments if one.dest == name), None)
    if found is None:
        known_else = parser.defaults.get(name, MISSING)
        return Unknown(GIVEN) if parser.subparsers else known_else
    value = found.default
    if found.model is not None:
        value = found.model.attributes.get("default", value)
    if found.conditions or found.required is not False or value == SUPPRESS:
        return Unknown(GIVEN)
    convert = found.keywords.get("type")
    if not isinstance(value, str) or convert is None or convert == External("builtins.str"):
        return copy(value) if isinstance(value, list | dict | set) else value
    return Unknown(GIVEN)


def _is_command_line(given: Any) -> bool:
    """Whether what is parsed is what the script was started with."""
    if isinstance(given, External):
        return given.name.startswith("sys.argv")
    return given is None or (isinstance(given, Unknown) and given.why == GIVEN)


def parse_strictly(machine: Machine, call: Call, parser: Parser) -> Any:
    """`parse_args()`: what this parser does not accept is refused, so nothing that comes later adds to it."""
    result = _parse(machine, call, parser)
    if _is_command_line(call.args[0] if call.args else call.keywords.get("args")):
        machine.finish()
    return result


def parse_known(machine: Machine, call: Call, parser: Parser) -> Any:
    """`parse_known_args()`: what this parser does not accept may be another's, which is still to come."""
    args = _parse(machine, call, parser)
    return (args, Unknown(GIVEN))
