"""What the two commands of an mlopen control file accept: their own paths, and what `get_params` declares."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from parser.annotations import read_annotations
from parser.argparse_reader import CommandLine
from parser.confusables import confusable_names
from parser.control_file import ASK, FUNCTIONS, RUN, TRAIN, ControlFile, signature_problems
from parser.control_parameters import Declared, declared
from parser.entry import EntryRead, evaluator
from parser.interpreter.flow import Call
from parser.interpreter.machine import ByHeart, Machine
from parser.interpreter.modules import Modules
from parser.interpreter.values import MISSING, Function, Scope, Unknown
from parser.merge import merge
from parser.model import MLOPEN, Parameter, Place
from parser.script import Script
from parser.source import Source
from parser.undefined import notebook_commands, undefined_annotations

_ROLES = {TRAIN: "train", RUN: "run"}
"""Function → the word that selects it."""

_DATA = {
    TRAIN: "the data to train on: a file, or a folder of files",
    RUN: "the data to run on: a file, or a folder of files",
}
_MODEL = "the bundle that train wrote, with its hash: FILE@sha256:HASH"
_OUTPUT = {
    TRAIN: "where the bundle of what was learnt is written",
    RUN: "where preds.json, preds.csv and report.html are written",
}


def read_control_file(source: Source, control: ControlFile) -> list[EntryRead]:
    """The entry points of a control file: `train`, where there is such a function, and `run`. Never raises."""
    script = control.script
    machine, scope = _followed(source, script)
    place = Place(script.path)
    line = CommandLine((), (), True, True, place, scope, machine, MLOPEN)
    annotations = read_annotations(script, evaluator(line))
    bound = {name for name in FUNCTIONS if name in control.functions or scope.lookup(name) is not MISSING}
    roles = [name for name in (TRAIN, RUN) if name == RUN or name in bound]
    problems = [*signature_problems(control, bound), *annotations.problems, *undefined_annotations(script)]
    problems.extend(notebook_commands(script))
    lines = [_command_line(line, control, name, TRAIN in bound) for name in roles]
    named = {one.name for each in lines for one in each.parameters}
    entries: list[EntryRead] = []
    for name, each in zip(roles, lines, strict=True):
        own = {one.name for one in each.parameters}
        # what neither command takes is told once, of the first
        theirs = [
            one
            for one in annotations.parameters
            if one.name in own or (one.name not in named and not entries)
        ]
        parameters, more = merge(tuple(theirs), each)
        told = (*(() if entries else problems), *each.problems, *more, *confusable_names(parameters))
        entries.append(EntryRead(_ROLES[name], script, MLOPEN, annotations, parameters, tuple(told)))
    return entries


def _followed(source: Source, script: Script) -> tuple[Machine, Scope]:
    words = frozenset({ASK})
    modules = Modules(source, script.path, words, frozenset())
    machine = Machine(modules, ByHeart({}, {}, words, {}), script.path)
    return machine, machine.run(script)


def _command_line(line: CommandLine, control: ControlFile, name: str, trains: bool) -> CommandLine:
    """What one command accepts: its paths, then what `get_params` declares for it."""
    script = control.script
    node = control.functions.get(name)
    at = script.place(node) if node is not None else Place(script.path)
    at = Place(at.file, at.line, at.column, at.line, len(script.line(at.line)))
    own = [_path("input-path", _DATA[name], at)]
    if name == RUN and trains:
        own.append(_path("model", _MODEL, at, needed=False, metavar="BUNDLE"))
    own.append(_path("output-path", _OUTPUT[name], at, metavar="FOLDER"))
    found = _declared(line.machine, line.scope, control, name)
    complete = not any(one.code == "control-parameters-unknown" for one in found.problems)
    return replace(
        line,
        parameters=(*own, *found.parameters),
        problems=tuple(found.problems),
        complete=complete,
        place=at,
    )


def _path(name: str, said: str, at: Place, *, needed: bool = True, metavar: str = "FILE") -> Parameter:
    return Parameter(
        name=name,
        flags=(f"--{name}",),
        dest=name.replace("-", "_"),
        type="str",
        default=None,
        required=needed,
        choices=None,
        nargs=None,
        action="store",
        help=said,
        place=at,
        metavar=metavar,
        printed_help=said,
    )


def _declared(machine: Machine, scope: Scope, control: ControlFile, name: str) -> Declared:
    """What `get_params` gives for one command."""
    script = control.script
    function = scope.lookup(ASK)
    node = control.functions.get(ASK)
    if function is MISSING and node is None:
        return Declared()
    at = script.place(node) if node is not None else Place(script.path)
    at = Place(at.file, at.line, at.column, at.line, len(script.line(at.line)))
    origin = machine.call_from_nowhere()
    value: Any = Unknown("is not reached when the file is followed")
    if isinstance(function, Function) and origin is not None:
        call = Call(origin.node, origin.script, [name == RUN], {})
        value = machine.safely(lambda: machine.call(function, call.args, call.keywords, call))
    elif function is not MISSING:
        value = Unknown("is given by something that is not a function of this repository")
    return declared(value, at, dict(_names(function)), _ROLES[name])


def _names(function: Any) -> Iterator[tuple[str, Place]]:
    """Texts in a function and where each is written first: the names of parameters are among them."""
    if not isinstance(function, Function):
        return
    found: dict[str, Place] = {}
    script = function.scope.script
    for node in ast.walk(function.node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.setdefault(node.value, script.place(node))
    yield from found.items()
