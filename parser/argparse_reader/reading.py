"""Which parser reads the command line that the script was started with."""

from __future__ import annotations

from typing import Any

from parser.argparse_reader.objects import Parser
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import External, Unknown

GIVEN = "is given on the command line"


def _parse(machine: Machine, call: Call, parser: Parser) -> Any:
    given = call.args[0] if call.args else call.keywords.get("args")
    if _is_command_line(given) or (isinstance(given, Unknown | External) and not parser.others_read(machine)):
        parser.reads_command_line = True
        parser.reads_if = tuple(machine.conditions)
    else:
        parser.used = True
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
    args = _parse(machine, call, parser)
    return (args, Unknown(GIVEN))
