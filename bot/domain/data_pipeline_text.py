"""A data pipeline as GitLab runs it: a CI file that includes one component for each step, in exact versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.component import input_path, only_role
from bot.domain.data_pipeline import DataPipeline, Step
from bot.domain.data_pipeline_check import Modules, entry_of, given_by_pipeline, inputs_of
from bot.domain.data_pipeline_values import PipelineKind, Wrong, as_line, as_path
from bot.domain.input_values import component_values
from bot.domain.own_inputs import ENTRY, NAME
from bot.domain.snippets import Snippet, component_reference
from bot.domain.uses import PIPELINE_FILE
from bot.domain.yaml_text import dump_yaml
from parser.model import Kind, Module, Place

MAX_NAME_CHARS = 255
"""Characters of a pipeline's name, in GitLab."""

_KINDS = {Kind.ALGORITHM: PipelineKind.EXPERIMENT, Kind.VISUALIZATION: PipelineKind.VISUALIZATION}

HEAD = """\
# Written by `mlreef-bot pipeline render {file}`: change that file, and render again.
"""


def render_pipeline(pipeline: DataPipeline, modules: Modules, file: str = PIPELINE_FILE) -> str:
    """The text of `.gitlab-ci.yml`. Every module was found, and the pipeline checked."""
    included = []
    for step in pipeline.steps:
        found = modules[step.path, step.ref]
        if found is None:
            raise ValueError(f"{step.path} was not found")
        inputs, _ = component_values(found.module, inputs_of(pipeline, step, found.module))
        reference = component_reference(found.path, found.module.slug, found.version)
        # named also where it is the component's own name: others need it by that
        included.append({"component": reference, "inputs": {NAME: step.name, **inputs}})
    stages = [step.name for step in pipeline.steps]
    document: dict[str, Any] = {"stages": stages, "include": included}
    if pipeline.name:
        # GitLab puts variables into it
        document = {"workflow": {"name": pipeline.name.replace("$", "")[:MAX_NAME_CHARS]}, **document}
    return HEAD.format(file=file) + dump_yaml(document, ascii_only=False)


def pipeline_yaml(path: str, module: Module, version: str, values: Mapping[str, str]) -> Snippet:
    """The file of a data pipeline whose only step is this module; `values` as they were typed into a form."""
    role = values.get(ENTRY) or only_role(module)
    reads = input_path(module, role)
    place = (values.get(reads.name) if reads else None) or "data"
    data = _data_of(place)
    taken = given_by_pipeline(module, role) | ({reads.name} if reads and data else set())
    typed = {name: value for name, value in values.items() if name not in taken}
    one = Step("step", path, version, typed, (), Place(PIPELINE_FILE), entry=role)
    whole = DataPipeline("", _KINDS.get(module.kind, PipelineKind.DATA), data, (one,))
    own, problems = component_values(module, inputs_of(whole, one, module))
    own = {name: value for name, value in own.items() if name not in taken}
    step: dict[str, Any] = {"module": f"{path}@{version}"}
    if role := entry_of(one, module):
        step["entry"] = role
    if own:
        step["with"] = own
    head: dict[str, Any] = {"kind": str(whole.kind), **({"data": data} if data else {})}
    return Snippet(dump_yaml({**head, "steps": [step]}, ascii_only=False), problems)


def _data_of(typed: str) -> str:
    """What was typed for where a module reads, as the `data` of a pipeline; empty where only the step can say it."""
    try:
        return as_path(as_line(typed)) if typed == typed.strip() else ""
    except Wrong:
        return ""
