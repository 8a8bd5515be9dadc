"""Whether the modules of a data pipeline go together: kinds, types of data, parameters, versions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.component import component_inputs, input_path, only_role, output_path
from bot.domain.data_pipeline import DataPipeline, Fault, Step
from bot.domain.data_pipeline_values import PipelineKind
from bot.domain.input_values import component_values
from bot.domain.own_inputs import ENTRY, NAME, NEEDS, STAGE
from bot.domain.uses import NEWEST
from parser.model import Kind, Module
from parser.problems import shown

ANY, NOTHING = "ANY", "NONE"

OUT = "mlreef-out"
"""The folder in which each step has its own for what it writes."""


@dataclass(frozen=True, slots=True)
class Found:
    """A module as the catalogue has it, in one exact version; `path` as GitLab writes it."""

    path: str
    version: str
    module: Module


Modules = Mapping[tuple[str, str], Found | None]
"""What was found of each path and version that steps name; None for what is not there, or hidden."""


def check_pipeline(pipeline: DataPipeline, modules: Modules) -> tuple[Fault, ...]:
    """Everything wrong with how the steps go together, in the file's order."""
    known = {step.name: modules.get((step.path, step.ref)) for step in pipeline.steps}
    faults = [*_kinds(pipeline, known)]
    for step in pipeline.steps:
        found = known[step.name]
        if found is None and step.path:
            asked = "" if step.ref == NEWEST else f" in version {step.ref}"
            faults.append(
                Fault(
                    step.at("module"),
                    f"there is no published module {shown(step.path)}{asked}, or you may not see it",
                    "Look it up in the catalogue; whoever runs the pipeline must be able to read its project.",
                )
            )
        if found is None:
            continue
        entry = _entry(step, found.module)
        if entry is not None:
            faults.append(entry)
            continue
        faults += _types(pipeline, step, found, known)
        faults += _values(pipeline, step, found.module)
    return tuple(sorted(faults, key=lambda fault: (fault.place.line, fault.place.column)))


def inputs_of(pipeline: DataPipeline, step: Step, module: Module) -> dict[str, str]:
    """What a step hands to its component, as one would type it: its own values, and where it reads and writes."""
    role = entry_of(step, module)
    reads, writes = input_path(module, role), output_path(module, role)
    source = f"{OUT}/{step.needs[0]}" if step.needs else pipeline.data
    return {
        NAME: step.name,
        STAGE: step.name,
        NEEDS: " ".join(step.needs),
        **({reads.name: source} if reads and source else {}),
        **values_of(step, module),
        **({ENTRY: role} if role else {}),
        **({writes.name: f"{OUT}/{step.name}"} if writes else {}),
    }


def entry_of(step: Step, module: Module) -> str:
    """The entry point that a step runs; empty where its module has but one script, or nobody said which."""
    roles = [point.role for point in module.entry_points] if module.launched else []
    return step.entry if step.entry in roles else only_role(module)


def values_of(step: Step, module: Module) -> dict[str, str]:
    """A step's values by names of inputs."""
    full = full_names(step, module)
    return {full[name]: value for name, value in step.values.items()}


def full_names(step: Step, module: Module) -> dict[str, str]:
    """The inputs that a step's values mean: those of its entry point may be written without its name before them."""
    role = entry_of(step, module)
    names = {one.name for one in component_inputs(module)} if role else set()
    return {
        name: f"{role}-{name}" if name not in names and f"{role}-{name}" in names else name
        for name in step.values
    }


def given_by_pipeline(module: Module, role: str = "") -> frozenset[str]:
    """The inputs that are no step's own to give."""
    writes = output_path(module, role)
    entry = {ENTRY} if module.launched else set()
    return frozenset({NAME, STAGE, NEEDS} | entry | ({writes.name} if writes else set()))


def _kinds(pipeline: DataPipeline, known: Mapping[str, Found | None]) -> Iterable[Fault]:
    kinds = {name: found.module.kind for name, found in known.items() if found is not None}
    for step in pipeline.steps:
        kind = kinds.get(step.name)
        if kind is Kind.ALGORITHM and pipeline.kind is not PipelineKind.EXPERIMENT:
            yield Fault(
                step.at("module"),
                f"{shown(step.path)} is a model, and this is a pipeline of the kind {pipeline.kind}",
                "Write `kind: experiment`, or leave the model out.",
            )
        for name in step.needs:
            if kinds.get(name) is Kind.VISUALIZATION:
                yield Fault(
                    step.at("needs"),
                    f"{shown(step.name)} reads from the visualization {shown(name)}",
                    "Put visualizations last; let this step need the one before it, by `needs`.",
                )
    wanted = {PipelineKind.EXPERIMENT: Kind.ALGORITHM, PipelineKind.VISUALIZATION: Kind.VISUALIZATION}
    missing = wanted.get(pipeline.kind)
    if missing is not None and missing not in kinds.values() and None not in known.values():
        what = "model" if missing is Kind.ALGORITHM else "visualization"
        yield Fault(
            pipeline.places.get("kind", pipeline.steps[0].place),
            f"a pipeline of the kind {pipeline.kind} has a {what}, and no step is one",
            f"Add a step whose module is a {what}, or change `kind`.",
        )


def _entry(step: Step, module: Module) -> Fault | None:
    """What is wrong with the choice of an entry point."""
    roles = [point.role for point in module.entry_points]
    if not module.launched:
        if not step.entry:
            return None
        why = f"{shown(step.path)} has but one script, and nothing to choose from"
        return Fault(step.at("entry"), why, "Leave `entry` out.")
    if step.entry in roles or (not step.entry and only_role(module)):
        return None
    if step.entry:
        near = difflib.get_close_matches(step.entry, roles, 1)
        mend = f"Is `{near[0]}` meant?" if near else f"It has {', '.join(roles)}."
        return Fault(step.at("entry"), f"{shown(step.entry)} is no entry point of {shown(step.path)}", mend)
    why = f"{shown(step.path)} has several entry points: {', '.join(roles)}"
    return Fault(step.at("module"), why, f"Say which one runs: `entry: {roles[0]}`.")


def _types(
    pipeline: DataPipeline, step: Step, found: Found, known: Mapping[str, Found | None]
) -> Iterable[Fault]:
    role = entry_of(step, found.module)
    wanted, reads = found.module.types_of(role)[0], input_path(found.module, role)
    elsewhere = reads is not None and reads.name in values_of(step, found.module)
    if not step.needs:
        if wanted != NOTHING and not pipeline.data and reads and not elsewhere:
            yield Fault(
                step.at("module"),
                f"{shown(step.name)} reads {wanted}, and nothing says where from",
                "Write `data:` with a folder of this repository, beside `steps:`.",
            )
        return
    if wanted == NOTHING:
        yield Fault(
            step.at("needs"),
            f"{shown(step.name)} reads no data, so it can take none from {shown(step.needs[0])}",
            "Write `needs: []` at this step.",
        )
        return
    # who says where a step reads needs the others for what else they write, such as a model
    for name in step.needs[:1] if not elsewhere else ():
        before = known[name]
        other = next(one for one in pipeline.steps if one.name == name)
        written = None if before is None else before.module.types_of(entry_of(other, before.module))[1]
        if written is not None and not fits(written, wanted):
            yield Fault(
                step.at("module"),
                f"{shown(step.name)} reads {wanted}, and {shown(name)} writes {written}",
                "Put a module between them that turns the one into the other, or let it need another step.",
            )


def fits(written: str, wanted: str) -> bool:
    """Whether a module that reads one type of data can read what another wrote."""
    if NOTHING in (written, wanted):
        return False
    return written == wanted or ANY in (written, wanted)


def _values(pipeline: DataPipeline, step: Step, module: Module) -> Iterable[Fault]:
    role = entry_of(step, module)
    reads, taken = input_path(module, role), given_by_pipeline(module, role)
    own = [each.name for each in component_inputs(module) if each.name not in taken]
    written: dict[str, str] = {}
    for short, name in full_names(step, module).items():
        if name in written:
            why = f"{shown(short)} and {shown(written[name])} are the same"
            yield Fault(step.at(f"with.{short}"), why, "Keep one of the two.")
        written[name] = short
        if name in own:
            continue
        if name in taken:
            mend = "Say it by `entry`, beside `module`." if name == ENTRY else "Leave it out."
            why = "is given by the pipeline itself"
        else:
            near = difflib.get_close_matches(name.replace("_", "-").lstrip("-"), own, 1)
            why = f"is no parameter of {shown(module.name)}"
            mend = f"Is `{near[0]}` meant?" if near else f"It has {', '.join(own) or 'none'}."
        yield Fault(step.at(f"with.{short}"), f"{shown(short)} {why}", mend)
    given = inputs_of(pipeline, step, module)
    _, refused = component_values(module, given)
    strangers = written.keys() - set(own)
    for refusal in refused:
        unsaid = reads is not None and refusal.field == reads.name and reads.name not in given
        if refusal.field in strangers or unsaid:
            continue
        short = written.get(refusal.field, refusal.field)
        yield Fault(
            step.at(f"with.{short}"),
            f"{shown(short)}: {refusal.message}",
            "Correct it under `with`; the catalogue shows what the module takes.",
        )
