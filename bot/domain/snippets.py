"""How a published module is used: texts to copy, with values as people type them into a form."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.component import component_inputs, needed_inputs, only_role, plan_component
from bot.domain.component_file import shape
from bot.domain.input_values import InputValue, component_values
from bot.domain.input_values import Refusal as Refusal  # people look for it beside the snippet
from bot.domain.inputs import plain_text
from bot.domain.own_inputs import ARGUMENTS, COMMAND, ENTRY
from bot.domain.yaml_text import dump_yaml
from ci_templates.component_arguments import NotHandedOver, command_line
from parser.model import Module

MAX_LINE_CHARS = 100
"""Characters of a line, behind which a command goes on in the next one."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to copy, without what was refused; and every value that was refused."""

    text: str
    problems: tuple[Refusal, ...] = ()


def component_reference(path: str, slug: str, version: str) -> str:
    """What `include: component:` names, of a version that is exact."""
    return f"$CI_SERVER_FQDN/{path}/{slug}@{version}"


def component_snippet(module: Module, path: str, version: str, values: Mapping[str, str]) -> Snippet:
    """The lines of a `.gitlab-ci.yml` that run the module with these values, by name of input."""
    given, refused = component_values(module, values)
    problems = _all(module, given, refused)
    wrong = {one.field for one in problems}
    held = {name: value for name, value in given.items() if name not in wrong}
    return Snippet(include_text(component_reference(path, module.slug, version), held), problems)


def include_text(reference: str, given: Mapping[str, InputValue]) -> str:
    """The lines that include one component with such inputs."""
    one = {"component": reference, **({"inputs": dict(given)} if given else {})}
    return dump_yaml({"include": [one]}, ascii_only=False)


def component_example(module: Module, path: str, version: str) -> str:
    """The lines to begin with: what must be given stands there in capitals."""
    given: dict[str, InputValue] = {}
    inputs = component_inputs(module)
    needed = needed_inputs(module, module.entry_points[0].role) if module.launched else ()
    for one in inputs:
        if one.required or one in needed:
            usual: InputValue = one.options[0] if one.options else one.name.upper().replace("-", "_")
            given[one.name] = {"number": 1, "boolean": True}.get(one.type, usual)
    return include_text(component_reference(path, module.slug, version), given)


def docker_line(image: str, module: Module, values: Mapping[str, str]) -> Snippet:
    """A line for a shell that runs the module on the folder one is in; paths are relative to that."""
    given, refused = component_values(module, values)
    problems = _all(module, given, refused)
    words = [] if problems else _words(module, given)
    start = 'docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" -w /data'
    lines = [start, f"  {shlex.quote(image)}"]
    for word in map(shlex.quote, words):
        if len(lines[-1]) + len(word) > MAX_LINE_CHARS:
            lines.append("  ")
        lines[-1] += word if lines[-1].isspace() else f" {word}"
    return Snippet(" \\\n".join(lines) + "\n", problems)


def _words(module: Module, given: Mapping[str, InputValue]) -> list[str]:
    texts = {name: plain_text(value) for name, value in given.items() if not isinstance(value, list)}
    return command_line(shape(module, plan_component(module), ()), texts)


def _all(
    module: Module, given: Mapping[str, InputValue], refused: tuple[Refusal, ...]
) -> tuple[Refusal, ...]:
    """What was refused, and what shows only when all values are put together."""
    if module.launched and ENTRY not in given and not only_role(module):
        return refused  # nobody knows yet which values belong together
    try:
        _words(module, given)
    except NotHandedOver as error:
        field = next((name for name in given if str(error).startswith((f"{name}:", f"{name} "))), "")
        return (*refused, Refusal(field or (COMMAND if COMMAND in given else ARGUMENTS), str(error)))
    return refused
