"""A data pipeline: modules one after the other, as a data scientist writes them into `mlreef-pipeline.yml`.

    name: Noisy and small
    kind: data                    # or: experiment, visualization
    data: images                  # a folder or file of this repository
    steps:
      - module: group/add-noise@1.2.0
        with: {mode: speckle, variance: 0.1}
      - module: group/shrink@1
      - module: group/forest@2
        entry: infer              # of a module with several entry points

Each step reads what the step before it wrote, the first one reads `data`. `needs` names other steps than that.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from bot.domain.data_pipeline_values import (
    MAX_NAME_CHARS,
    MAX_STEPS,
    MAX_VALUES,
    NOT_NAMES,
    PipelineKind,
    Wrong,
    read_kind,
    read_line,
    read_list,
    read_module,
    read_path,
    read_step_name,
    read_typed,
)
from bot.domain.uses import PIPELINE_FILE
from parser.model import Place
from parser.problems import ascii_controls, shown

MAX_BYTES = 64 * 1024
"""Bytes of the file; it holds some lines for each step."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the file: where, what, and what to do."""

    place: Place
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Step:
    """One module at work. `ref`: a version, `1`, `1.2` or `~latest`; `values` as they were typed.

    `needs`: names of earlier steps; it reads what the first of them wrote, or the pipeline's data where there is none.
    `places`: where `module`, `name`, `entry`, `needs` and each value (`with.mode`) is written. `entry`: which of the
    module's entry points runs, where it has several.
    """

    name: str
    path: str
    ref: str
    values: Mapping[str, str]
    needs: tuple[str, ...]
    place: Place
    places: Mapping[str, Place] = field(default_factory=dict)
    entry: str = ""

    def at(self, what: str) -> Place:
        """Where it is written, or at least the step."""
        return self.places.get(what, self.place)


@dataclass(frozen=True, slots=True)
class DataPipeline:
    """A whole pipeline, its steps in the order of the file."""

    name: str
    kind: PipelineKind
    data: str
    steps: tuple[Step, ...]
    places: Mapping[str, Place] = field(default_factory=dict)


_KEYS = ("name", "kind", "data", "steps")
_STEP_KEYS = ("module", "name", "entry", "with", "needs")

_Value = TypeVar("_Value")


def read_data_pipeline(
    content: bytes, file: str = PIPELINE_FILE
) -> tuple[DataPipeline | None, tuple[Fault, ...]]:
    """The pipeline (None where it cannot be made out) and everything wrong with the file, in its order."""
    try:
        if len(content) > MAX_BYTES:
            raise Wrong(f"it has more than {MAX_BYTES // 1024} KiB", "Keep it short.")
        root = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except Wrong as wrong:
        return None, (Fault(Place(file), str(wrong), wrong.mend),)
    except UnicodeDecodeError:
        return None, (Fault(Place(file), "it is not text", "Save the file as UTF-8 text."),)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column) if mark else Place(file)
        why = ascii_controls(error.problem or error.context or "it is not YAML")
        return None, (Fault(place, why, "Correct the YAML."),)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, (Fault(Place(file), ascii_controls(str(error))[:200], "Correct the YAML."),)
    return _Reading(file).pipeline(root)


class _Reading:
    """One file; what is wrong is gathered on the way."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._faults: list[Fault] = []

    def pipeline(self, root: yaml.Node | None) -> tuple[DataPipeline | None, tuple[Fault, ...]]:
        if not isinstance(root, yaml.MappingNode):
            start = Place(self._file)
            return None, (
                Fault(start, "it is not a mapping of keys to values", "Write `steps:` and below it a list."),
            )
        found = self._mapping(root, _KEYS, "")
        kind = self._read(found.get("kind"), read_kind, PipelineKind.DATA)
        name = self._read(found.get("name"), read_line, "")
        data = self._read(found.get("data"), read_path, "")
        listed = found.get("steps")
        steps = self._read(listed, read_list, list[yaml.Node]())
        if not steps and not self._faults:
            place = self._place(listed or root)
            self._faults.append(
                Fault(place, "it has no steps", "Write `steps:` and below it `- module: group/name`.")
            )
        made: list[Step] = []
        for node in steps:
            step = self._step(node, made)
            if step is not None:
                made.append(step)
        places = {key: self._place(node) for key, node in found.items()}
        pipeline = DataPipeline(name, kind, data, tuple(made), places)
        faults = tuple(sorted(self._faults, key=lambda fault: (fault.place.line, fault.place.column)))
        return pipeline if made else None, faults

    def _step(self, node: yaml.Node, before: list[Step]) -> Step | None:
        if isinstance(node, yaml.ScalarNode):
            # `- group/add-noise@1` says all that must be said
            found: dict[str, yaml.Node] = {"module": node}
        elif isinstance(node, yaml.MappingNode):
            found = self._mapping(node, _STEP_KEYS, "a step's ")
        else:
            self._fault(node, "a step must be a mapping", "Write `- module: group/name`.")
            return None
        if "module" not in found:
            self._fault(
                node, "this step has no module", "Write `module: group/name`, as the catalogue names it."
            )
            return None
        path, ref = self._read(found["module"], read_module, ("", ""))
        known = [step.name for step in before]
        name = self._read(found.get("name"), read_step_name, "")
        if name in known:
            self._fault(
                found["name"], f"there is a step {shown(name)} before it", "Give each step its own name."
            )
            name = ""
        places = {key: self._place(value) for key, value in found.items()}
        values: dict[str, str] = {}
        for key, value in self._pairs(found.get("with"), "a value's "):
            values[key] = self._read(value, read_typed, "")
            places[f"with.{key}"] = self._place(value)
        needs = self._needs(found.get("needs"), known)
        entry = self._read(found.get("entry"), read_line, "")
        return Step(name or _free(path, known), path, ref, values, needs, self._place(node), places, entry)

    def _needs(self, node: yaml.Node | None, known: list[str]) -> tuple[str, ...]:
        if node is None:
            return tuple(known[-1:])
        names = []
        items = (
            [node] if isinstance(node, yaml.ScalarNode) else self._read(node, read_list, list[yaml.Node]())
        )
        for item in items:
            name = self._read(item, read_line, "")
            if name in known and name not in names:
                names.append(name)
            elif name:
                near = difflib.get_close_matches(name, known, 1)
                mend = f"Is {shown(near[0])} meant?" if near else "Name steps that stand before it."
                why = "is named twice" if name in names else "is no step before this one"
                self._fault(item, f"{shown(name)} {why}", mend)
        return tuple(names)

    def _mapping(self, node: yaml.MappingNode, keys: tuple[str, ...], whose: str) -> dict[str, yaml.Node]:
        found = {}
        for key, value in self._pairs(node, whose):
            if key in keys:
                found[key] = value
                continue
            near = difflib.get_close_matches(key, keys, 1)
            mend = f"Is `{near[0]}` meant?" if near else f"Known keys are {', '.join(keys)}."
            at = next(name for name, one in node.value if one is value)
            self._fault(at, f"{whose}key {shown(key)} is not known", mend)
        return found

    def _pairs(self, node: yaml.Node | None, whose: str) -> list[tuple[str, yaml.Node]]:
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return []
        if not isinstance(node, yaml.MappingNode):
            self._fault(node, "this must be a mapping", "Write lines of `name: value`, indented below it.")
            return []
        if len(node.value) > MAX_VALUES:
            self._fault(node, f"this has more than {MAX_VALUES} entries", "Shorten it.")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value[:MAX_VALUES]:
            name = self._read(key, read_line, "")
            if name in found:
                self._fault(key, f"{whose}key {shown(name)} is given twice", "Keep one of the two.")
            if name:
                found[name] = value
        return list(found.items())

    def _read(
        self, node: yaml.Node | None, reader: Callable[[yaml.Node], _Value], otherwise: _Value
    ) -> _Value:
        if node is None:
            return otherwise
        try:
            return reader(node)
        except Wrong as wrong:
            self._fault(node, str(wrong), wrong.mend)
            return otherwise

    def _fault(self, node: yaml.Node, why: str, mend: str) -> None:
        self._faults.append(Fault(self._place(node), why, mend))

    def _place(self, node: yaml.Node) -> Place:
        begin, end = node.start_mark, node.end_mark
        return Place(self._file, begin.line + 1, begin.column, end.line + 1, end.column)


def _free(path: str, known: list[str]) -> str:
    """A name for a step that has none: its project's, with a number behind it if that is taken."""
    slug = (
        re.sub(r"[^a-z0-9]+", "-", path.rpartition("/")[2].lower())
        .strip("-")[: MAX_NAME_CHARS - 8]
        .strip("-")
    )
    plain = "step" if not slug else f"{slug}-step" if slug in NOT_NAMES else slug
    names = (plain, *(f"{plain}-{number}" for number in range(2, MAX_STEPS + 2)))
    return next(name for name in names if name not in known)
