"""The interface of a module → the inputs of its GitLab CI/CD component, and how each is handed to the script."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from bot.domain.arguments import ENDINGS, Handed, LeftOut, express, must_be_given
from bot.domain.component_words import MAX_DESCRIPTION_CHARS
from bot.domain.inputs import Input as Input  # people look for it beside its makers
from bot.domain.own_inputs import ENTRY, OWN, own_inputs
from bot.domain.text import shorten, visible
from parser.model import MLOPEN, EntryPoint, Module, Parameter

MAX_NAME_CHARS = 80
"""Characters of an input's name that come from a parameter's."""

PLANNED_KEPT = 16
"""Modules whose components stay planned: those of the pages that are looked at now."""

_INPUTS = ("input-path", "input-dir", "input-folder", "input-data", "input", "data-path", "data-dir", "data")
_OUTPUTS = (
    "output-path",
    "output-dir",
    "output-folder",
    "output",
    "out-path",
    "out-dir",
    "out",
    "results-dir",
)
_MODELS = frozenset(
    {"model-path", "model-file", "model-dir", "weights", "weights-path", "checkpoint", "checkpoint-path"}
)


@dataclass(frozen=True, slots=True)
class Component:
    """What a module's component takes: all inputs, how the script gets them, and what no input stands for."""

    inputs: tuple[Input, ...]
    handed: tuple[Handed, ...]
    left_out: tuple[LeftOut, ...]


def component_inputs(module: Module) -> tuple[Input, ...]:
    """All inputs of the module's component: those of its parameters, then the component's own."""
    return plan_component(module).inputs


def input_path(module: Module, role: str = "") -> Input | None:
    """The input that says where the script finds its data, by the names that such parameters have.

    `role`: the entry point that runs, where the module has several.
    """
    return _named(_of(plan_component(module).inputs, role), _INPUTS)


def output_path(module: Module, role: str = "") -> Input | None:
    """The input that says where the script puts its results; what lies there is kept as artifacts."""
    return output_of(plan_component(module).inputs, role)


def output_of(inputs: Iterable[Input], role: str = "") -> Input | None:
    """The same, of inputs that are known already."""
    return next((one for one in _of(inputs, role) if one.always), None)


def model_path(inputs: Iterable[Input], role: str, framework: str) -> Input | None:
    """The input that says where the script finds a model, by its name."""
    # elsewhere, `model` is as often the name of a kind of model
    names = _MODELS | {"model"} if framework == MLOPEN else _MODELS
    return next((one for one in _of(inputs, role) if _is_model_path(one, names)), None)


def role_of(module: Module, one: Input) -> str:
    """The entry point that an input belongs to; empty where it belongs to all, or there is but one script."""
    return one.parameter.subcommand[0] if module.launched and one.parameter is not None else ""


def only_role(module: Module) -> str:
    """The entry point that runs when nobody chooses one; empty where somebody has to, and where nobody can."""
    return module.entry_points[0].role if module.launched and len(module.entry_points) == 1 else ""


def needed_inputs(module: Module, role: str) -> tuple[Input, ...]:
    """The inputs that must be given to one of several entry points."""
    return tuple(
        one
        for one in component_inputs(module)
        if one.parameter is not None
        and one.parameter.subcommand == (role,)
        and not one.always
        and must_be_given(replace(one.parameter, subcommand=()))
    )


def _of(inputs: Iterable[Input], role: str) -> Sequence[Input]:
    """The inputs of an entry point's parameters; all of them where none is chosen."""
    if not role:
        return tuple(inputs)
    return tuple(
        one for one in inputs if one.parameter is not None and one.parameter.subcommand[:1] == (role,)
    )


def _is_model_path(one: Input, names: frozenset[str]) -> bool:
    return one.parameter is not None and one.type == "string" and _plain(one.parameter.name) in names


def plan_component(module: Module) -> Component:
    """The whole component of a module."""
    # a page asks for it a dozen times: the same module is not looked at again
    for known, component in tuple(_planned):
        if known is module:
            return component
    component = _plan(module)
    _planned.append((module, component))
    return component


_planned: deque[tuple[Module, Component]] = deque(maxlen=PLANNED_KEPT)


def _plan(module: Module) -> Component:
    inputs: list[Input] = []
    handed: list[Handed] = []
    left_out: list[LeftOut] = []
    taken = {ENTRY} if module.launched else set[str]()
    last: dict[str, int] = {}
    frameworks = {point.role: point.framework for point in module.entry_points}
    outputs = {id(one) for one in _outputs(module)}
    for parameter in module.parameters:
        role = parameter.subcommand[0] if module.launched else ""
        framework = frameworks.get(role, module.framework)
        name = _name(parameter, taken, last)
        found = express(parameter, name, framework, id(parameter) in outputs, role)
        if isinstance(found, LeftOut):
            left_out += [] if parameter.action in ENDINGS else [found]
            continue
        taken.add(found[0].name)
        inputs.append(found[0])
        handed.append(found[1])
    return Component((*_choice(module), *inputs, *own_inputs(module)), tuple(handed), tuple(left_out))


def _choice(module: Module) -> Iterable[Input]:
    """The input that selects an entry point, where there are several."""
    if module.launched:
        roles = tuple(point.role for point in module.entry_points)
        files = ", ".join(f"{one.role} ({_about(module, one)})" for one in module.entry_points)
        about = shorten(f"Which entry point runs: {files}.", MAX_DESCRIPTION_CHARS)
        yield Input(ENTRY, "string", about, only_role(module) or None, options=roles)


def _about(module: Module, point: EntryPoint) -> str:
    """Its file, and its types of data where these are others than the module's."""
    own = point.input_type is not None or point.output_type is not None
    return visible(f"{point.file}, {' → '.join(module.types_of(point.role))}" if own else point.file)


def _name(parameter: Parameter, taken: Set[str], last: dict[str, int]) -> str:
    """A name for the parameter's input: of small letters, digits and dashes, and no other's.

    `last`: of names that several would have, the number that the last one got.
    """
    words = " ".join((*parameter.subcommand, parameter.name)).lower()
    name = re.sub(r"[^a-z0-9]+", "-", words)[:MAX_NAME_CHARS].strip("-")
    if not name or name.startswith(OWN) or not name[0].isalpha():
        name = f"arg-{name}".rstrip("-")
    number = last.get(name, 1)
    free = name if number == 1 else f"{name}-{number}"
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    last[name] = number
    return free


def _outputs(module: Module) -> Iterable[Parameter]:
    """The parameters that say where results go: one at most for each entry point."""
    if not module.launched:
        return filter(None, [_output(module.parameters, ())])
    return filter(None, (_output(module.parameters, (point.role,)) for point in module.entry_points))


def _output(parameters: Sequence[Parameter], under: tuple[str, ...]) -> Parameter | None:
    """The parameter that says where results go, if one can be told by its name."""
    for name in _OUTPUTS:
        for one in parameters:
            single = one.action in (None, "store") and one.nargs in (None, "?") and one.choices is None
            always = (
                one.condition is None
                and one.subcommand == under
                and not {"nargs", "action"} & set(one.unknown)
            )
            if _plain(one.name) == name and single and always and one.type not in ("int", "float", "bool"):
                return one
    return None


def _named(inputs: Sequence[Input], names: Sequence[str]) -> Input | None:
    for name in names:
        for one in inputs:
            if one.parameter is not None and one.type == "string" and _plain(one.parameter.name) == name:
                return one
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
