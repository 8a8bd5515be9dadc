"""One entry point: its script's command line and what is annotated → the parameters that people can give."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any

from parser.annotations import Annotations, Evaluate, Processor, read_annotations
from parser.argparse_reader import CommandLine, read_command_line
from parser.confusables import confusable_names
from parser.frameworks import other_framework, read_other_command_line
from parser.interpreter.flow import Exhausted, Stopped, TooDeep
from parser.interpreter.values import Unknown
from parser.merge import merge
from parser.model import Parameter, Place, Problem
from parser.nameless import named
from parser.problems import problem
from parser.script import Script
from parser.source import Source
from parser.stand_ins import FOLLOWS, stand_in_problems
from parser.undefined import notebook_commands, undefined_annotations


@dataclass(frozen=True, slots=True)
class EntryRead:
    """What was read of one entry point; `parameters` are those behind the word that selects it."""

    role: str
    script: Script
    framework: str
    annotations: Annotations
    parameters: tuple[Parameter, ...]
    problems: tuple[Problem, ...]

    @property
    def processor(self) -> Processor | None:
        """Its `@data_processor`."""
        return self.annotations.processor


def read_entry(
    source: Source, script: Script, role: str, described: Annotations | None = None, *, own: bool = True
) -> EntryRead:
    """Reads the script of an entry point. Never raises.

    `described` is what another file says of it; `own`: whether what the script itself is annotated with is for it.
    """
    command_line = read_command_line(source, script)
    if not command_line.found or any(one.code == "never-parsed" for one in command_line.problems):
        command_line = read_other_command_line(source, script, command_line)
    annotations = read_annotations(script, evaluator(command_line), None if own else ())
    if described is not None:
        annotations = _joined(described, annotations)
    problems = [*command_line.problems, *annotations.problems, *undefined_annotations(script)]
    problems.extend(notebook_commands(script))
    parameters: tuple[Parameter, ...] = ()
    if command_line.found:
        parameters, contradictions = merge(annotations.parameters, command_line)
        taken = [one.name for one in annotations.parameters]
        problems = named(problems, annotations.nameless, parameters, taken)
        problems.extend(contradictions)
    elif not any(one.code in ("other-framework", "several-commands") for one in problems):
        foreign = other_framework(script)
        problems.append(foreign or problem("no-argparse", Place(script.path), file=script.path))
    lost = stand_in_problems(script, evaluator(command_line))
    if lost:
        problems = [*lost, *(one for one in problems if one.code not in FOLLOWS)]
    problems.extend(confusable_names(parameters))
    return EntryRead(role, script, command_line.framework, annotations, parameters, tuple(problems))


def _joined(described: Annotations, own: Annotations) -> Annotations:
    """What another file says of a script, and what that says besides; it has no `@data_processor` of its own."""
    told = tuple(one for one in own.problems if one.code != "annotation-without-processor")
    return replace(
        described,
        parameters=(*described.parameters, *own.parameters),
        metrics=(*described.metrics, *own.metrics),
        problems=(*described.problems, *told),
        nameless=(*described.nameless, *own.nameless),
    )


def evaluator(command_line: CommandLine) -> Evaluate:
    """Gives what expressions of a script that was followed are worth, at its end."""

    def evaluate(node: ast.expr) -> Any:
        try:
            return command_line.machine.evaluate(node, command_line.scope)
        except (Stopped, Exhausted, TooDeep, RecursionError):
            return Unknown()

    return evaluate
