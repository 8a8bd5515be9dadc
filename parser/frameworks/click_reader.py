"""click's commands: decorated functions, groups and their subcommands, and which of them a script runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from parser.argparse_reader import CommandLine
from parser.frameworks.click_options import KINDS, Declared, read_declared
from parser.frameworks.click_types import ROOTS, type_models
from parser.interpreter.calls import call_value
from parser.interpreter.containers import items_of
from parser.interpreter.flow import Call
from parser.interpreter.machine import ByHeart, Machine
from parser.interpreter.modules import Modules
from parser.interpreter.values import External, Function, Method, Modelled, Scope, Unknown, why_unknown
from parser.model import Parameter, Place, Problem
from parser.problems import problem, shown
from parser.script import Script, nodes_of
from parser.source import Source

KEYWORDS = frozenset({"click", "option", "argument", "command", "group", "add_command"})
"""Names that make code worth following."""

MAX_COMMANDS = 100
"""Commands of one script; further ones are left out."""

MAX_CALLS = 4
"""Functions through which the call of a command is looked for."""

_SUFFIXES = ("command", "cmd", "group", "grp")
_PASSING = frozenset({"pass_context", "pass_obj", "make_pass_decorator"})
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Command(Modelled):
    """A function on its way through its decorators, and the command that it becomes."""

    def __init__(self, node: _Definition, script: Script) -> None:
        self.node = node
        self.script = script
        self.name = ""
        self.made: Place | None = None
        self.group = False
        self.declared: list[Declared] = []
        self.children: dict[str, Command] = {}
        self.problems: list[Problem] = []
        self.complete = True
        self.attributes: dict[str, Any] = {"__name__": node.name, "__doc__": ast.get_docstring(node)}


class _Decorator(Modelled):
    """What `click.option(…)` or `click.command(…)` gives, to be called with a function."""

    def __init__(self, kind: str, made: Call) -> None:
        self.kind = kind
        self.made = made
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Any]:
        return {"__call__": _decorate}


def _decorate(machine: Machine, call: Call, decorator: _Decorator) -> Any:
    target = call.args[0] if call.args else None
    if not isinstance(target, Command):
        return target if target is not None else Unknown()
    if decorator.kind in KINDS:
        # Decorators run from the bottom; the uppermost one is the first in click's help.
        target.declared.insert(0, Declared(decorator.kind, decorator.made, tuple(machine.conditions)))
        return target
    _become(machine, target, decorator.kind, decorator.made)
    return target


def _become(machine: Machine, target: Command, kind: str, made: Call) -> None:
    target.made = made.place
    target.group = kind == "group"
    name = made.args[0] if made.args else made.keywords.get("name")
    if not isinstance(name, str):
        name = target.node.name.lower().replace("_", "-")
        stem, dash, suffix = name.rpartition("-")
        if dash and suffix in _SUFFIXES:
            name = stem
    target.name = name
    params = items_of(machine, made.keywords.get("params", [])) or []
    extra = [one.declared for one in params if isinstance(one, _Parameter)]
    if len(extra) != len(params):
        target.complete = False
        why = "it is among `params`, which cannot be followed"
        target.problems.append(problem("argument-not-followed", made.place, why=why))
    target.declared[:0] = extra
    own = made.keywords.get("cls")
    if own is not None and not (isinstance(own, External) and own.name.partition(".")[0] in ROOTS):
        target.complete = False
        what = "commands" if target.group else "options"
        why = f"the class that `cls=` gives may add {what} of its own"
        target.problems.append(problem("argument-not-followed", made.place, why=why))


class _Parameter(Modelled):
    """`click.Option([…], …)` as an object."""

    def __init__(self, kind: str, call: Call) -> None:
        first = call.args[0] if call.args else call.keywords.pop("param_decls", [])
        flags = list(first) if isinstance(first, list | tuple) else [first]
        self.declared = Declared(
            kind, Call(call.node, call.script, flags, call.keywords, nodes=call.nodes), ()
        )
        self.attributes: dict[str, Any] = {}


def _models() -> dict[str, Any]:
    def decorator(kind: str) -> Any:
        return lambda machine, call: Method(_Decorator(kind, call), "__call__")

    def parameter(kind: str) -> Any:
        return lambda machine, call: _Parameter(kind, call)

    def wrapped(machine: Machine, call: Call) -> Any:
        return call.args[1] if len(call.args) > 1 else Unknown()

    found: dict[str, Any] = {**type_models(), "functools.update_wrapper": wrapped}
    for root in ROOTS:
        for kind in (*KINDS, "command", "group"):
            found[f"{root}.{kind}"] = decorator(kind)
            found[f"{root}.decorators.{kind}"] = decorator(kind)
        found[f"{root}.Option"] = parameter("option")
        found[f"{root}.Argument"] = parameter("argument")
    return found


@dataclass(slots=True)
class _Commands:
    """Every command that is looked at, made of its function when it is first asked for."""

    machine: Machine
    made: dict[int, Command | None] = field(default_factory=dict)

    def of(self, value: Any) -> Command | None:
        """The command that a function of the repository became; None when it is no command."""
        if not isinstance(value, Function) or not isinstance(value.node, _Definition):
            return None
        if id(value.node) not in self.made:
            self.made[id(value.node)] = None
            if len(self.made) <= MAX_COMMANDS:
                self.made[id(value.node)] = self._make(value.node, value.scope)
        found = self.made[id(value.node)]
        return found if found is not None and found.made is not None else None

    def _make(self, node: _Definition, scope: Scope) -> Command | None:
        command: Command = Command(node, scope.script)
        for decorator in reversed(node.decorator_list):
            self._apply(command, decorator, scope)
        return command

    def _apply(self, command: Command, decorator: ast.expr, scope: Scope) -> None:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(target, ast.Attribute) and target.attr in ("command", "group"):
            parent = self.of(self.value(target.value, scope))
            if parent is not None:
                call = self._call_of(decorator, scope)
                _become(self.machine, command, target.attr, call)
                parent.children[command.name] = command
                return
        value = self.value(decorator, scope)
        if isinstance(value, External) and value.name in self.machine.models:
            # `@click.command` without brackets.
            value = self.machine.models[value.name](self.machine, Call(decorator, scope.script, [], {}))
        if isinstance(value, Function | Method):
            self._through(command, value, decorator, scope)
        elif isinstance(value, External) and not _harmless(value):
            command.complete = False
            command.problems.append(
                problem("parser-escapes", scope.script.place(decorator), function=value.name)
            )
        elif isinstance(value, Unknown):
            self._lose(command, decorator, scope, value)

    def _lose(self, command: Command, decorator: ast.expr, scope: Scope, value: Any) -> None:
        """Says that a decorator may declare what was not seen."""
        command.complete = False
        source = scope.script.source(decorator.func if isinstance(decorator, ast.Call) else decorator)
        why = f"what `@{source}` adds {why_unknown(value)}"
        command.problems.append(problem("argument-not-followed", scope.script.place(decorator), why=why))

    def _through(self, command: Command, value: Function | Method, decorator: ast.expr, scope: Scope) -> None:
        before = len(command.declared), command.made
        result = self.machine.safely(
            lambda: call_value(self.machine, value, Call(decorator, scope.script, [command], {}))
        )
        if result is command or (len(command.declared), command.made) != before:
            return
        if isinstance(result, Function) and isinstance(result.node, _Definition):
            if not _wraps(result.node):
                # A wrapper that hides what the decorators below it declared.
                command.declared.clear()
            for one in reversed(result.node.decorator_list):
                self._apply(command, one, result.scope)
        elif isinstance(result, Unknown):
            self._lose(command, decorator, scope, result)

    def _call_of(self, decorator: ast.expr, scope: Scope) -> Call:
        call = Call(decorator, scope.script, [], {})
        if isinstance(decorator, ast.Call):
            call.args = [self.value(one, scope) for one in decorator.args if not isinstance(one, ast.Starred)]
            call.keywords = {one.arg: self.value(one.value, scope) for one in decorator.keywords if one.arg}
        return call

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """What an expression is worth, decorated functions as they were before they were decorated."""
        found = self.machine.safely(lambda: self.machine.evaluate(node, scope))
        if isinstance(node, ast.Name) and not isinstance(found, Function):
            for one in scope.script.tree.body:
                if isinstance(one, _Definition) and one.name == node.id and one.decorator_list:
                    return self.machine.safely(partial(self.machine.function, one, one.name, scope))
        return found

    def defined(self, node: _Definition, scope: Scope) -> Command | None:
        """The command that a function definition makes."""
        return self.of(self.machine.safely(lambda: self.machine.function(node, node.name, scope)))


def _wraps(node: _Definition) -> bool:
    """Whether functools.wraps carries over what was declared."""
    targets = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    names = [one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in targets]
    return "wraps" in names


def _harmless(value: External) -> bool:
    """Whether a decorator from elsewhere surely declares nothing."""
    root, _, name = value.name.partition(".")
    if root in ROOTS:
        return name.rpartition(".")[2] in _PASSING or name not in KINDS
    return root in sys.stdlib_module_names or root in (
        "builtins",
        "torch",
        "tensorflow",
        "jax",
        "numba",
        "mlreef",
    )


def read_click(source: Source, script: Script) -> CommandLine:
    """The options and arguments of the command that the script runs; `found` when there is one."""
    modules = Modules(source, script.path, KEYWORDS, frozenset(ROOTS))
    machine = Machine(modules, ByHeart(_models(), {}, KEYWORDS, {}), script.path)
    scope = machine.run(script)
    commands = _Commands(machine)
    own = [
        command
        for node in script.tree.body
        if isinstance(node, _Definition) and node.decorator_list
        if (command := commands.defined(node, scope)) is not None
    ]
    _join(commands, script, scope)
    main = _run_command(commands, script, scope)
    problems: list[Problem] = []
    if main is None:
        children = {id(child) for one in own for child in one.children.values()}
        free = [one for one in own if id(one) not in children]
        if len(free) == 1:
            main = free[0]
            call = f"{main.node.name}()"
            problems.append(problem("command-not-run", main.made, file=script.path, call=call))
        elif free:
            names = ", ".join(one.node.name for one in free[:5])
            problems.append(problem("several-commands", free[0].made, file=script.path, names=names))
    parameters: list[Parameter] = []
    complete = main is not None
    if main is not None:
        complete = _read(machine, main, (), parameters, problems, set())
    problems = [*machine.problems, *modules.problems, *problems]
    place = (main.made if main else None) or Place(script.path)
    found = main is not None
    return CommandLine(
        tuple(parameters), tuple(problems), found, complete, place, scope, machine, framework="click"
    )


def _read(
    machine: Machine,
    command: Command,
    subcommand: tuple[str, ...],
    parameters: list[Parameter],
    problems: list[Problem],
    seen: set[int],
) -> bool:
    """Reads a command and those below it; whether nothing was lost."""
    if id(command) in seen or len(seen) > MAX_COMMANDS:
        return True
    seen.add(id(command))
    complete = command.complete
    problems.extend(command.problems)
    for declared in command.declared:
        made, told = read_declared(machine, declared, subcommand)
        problems.extend(told)
        complete = complete and not any(one.code == "argument-not-followed" for one in told)
        if made is not None:
            parameters.append(made)
    if command.children:
        names = ", ".join(shown(name) for name in command.children)
        problems.append(problem("subcommands", command.made, names=names))
    for name, child in command.children.items():
        complete = _read(machine, child, (*subcommand, name), parameters, problems, seen) and complete
    return complete


def _join(commands: _Commands, script: Script, scope: Scope) -> None:
    """`group.add_command(command)` of the script, and commands of imported modules that name the group."""
    _join_in(commands, script, scope)
    for value in list(scope.names.values()):
        path = getattr(value, "path", None)
        if isinstance(path, str) and (inner := commands.machine.module(path)) is not None:
            _join_in(commands, inner.script, inner)


def _join_in(commands: _Commands, script: Script, scope: Scope) -> None:
    for node in script.tree.body:
        if isinstance(node, _Definition) and node.decorator_list:
            commands.defined(node, scope)
        if isinstance(node, _Definition | ast.ClassDef):
            continue
        for one in nodes_of(node):
            if (
                isinstance(one, ast.Call)
                and isinstance(one.func, ast.Attribute)
                and one.func.attr == "add_command"
            ):
                parent = commands.of(commands.value(one.func.value, scope))
                child = commands.of(commands.value(one.args[0], scope)) if one.args else None
                if parent is None:
                    continue
                if child is None:
                    parent.complete = False
                    why = "the command that is added here cannot be followed"
                    parent.problems.append(problem("argument-not-followed", script.place(one), why=why))
                    continue
                name = commands.value(one.args[1], scope) if len(one.args) > 1 else child.name
                for keyword in one.keywords:
                    if keyword.arg == "name":
                        name = commands.value(keyword.value, scope)
                parent.children[name if isinstance(name, str) else child.name] = child


def _run_command(commands: _Commands, script: Script, scope: Scope) -> Command | None:
    """The command that the script's own lines call, directly or through its functions."""
    body = [node for node in script.tree.body if not isinstance(node, _Definition | ast.ClassDef)]
    return _called_in(commands, list(body), scope, 0)


def _called_in(commands: _Commands, body: list[ast.stmt], scope: Scope, depth: int) -> Command | None:
    for statement in body:
        for node in nodes_of(statement):
            if not isinstance(node, ast.Call):
                continue
            target = node.func
            if isinstance(target, ast.Attribute) and target.attr in ("main", "__call__"):
                target = target.value
            value = commands.value(target, scope)
            found = commands.of(value)
            own = value.node if isinstance(value, Function) and depth < MAX_CALLS else None
            if found is None and isinstance(own, _Definition):
                found = _called_in(commands, own.body, value.scope, depth + 1)
            if found is not None:
                return found
    return None
