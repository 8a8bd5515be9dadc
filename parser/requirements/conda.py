"""environment.yml: conda's packages, and those that it leaves to pip."""

from __future__ import annotations

import yaml

from parser.model import Place, Problem, Requirement
from parser.requirements.lines import Line
from parser.requirements.listed import Listed, Text, invalid, made, unreadable
from parser.requirements.names import CONDA_ONLY, CONDA_TO_PIP
from parser.requirements.pip_file import Reading, read_pip_line
from parser.requirements.versions import conda_parts, conda_specifier
from parser.source import Source
from parser.yaml_nodes import items, member

MAX_BYTES = 64 * 1024
"""Bytes of the file; YAML is slow to read, and a thousand packages need less."""


CUDA = frozenset(("pytorch-cuda", "cudatoolkit", "cuda-version"))
"""Packages that say which CUDA is wanted, and so what they have to run on."""


def read_conda(source: Source, file: str) -> Listed:
    """The packages of a conda environment. Raises Refused when the file cannot be read."""
    text = Text(source, file)
    if len(text.text) > MAX_BYTES:
        raise unreadable(file, 1, f"it has more than {MAX_BYTES // 1024} KiB", "Keep it short.")
    try:
        root = yaml.compose(text.text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = f"it is not YAML: {error.problem or error.context}"
        raise unreadable(file, mark.line + 1 if mark else 1, why, "Correct it.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise unreadable(file, 1, f"it is not YAML: {error}", "Correct it.") from None
    reading = Reading(source)
    for node in items(member(root, "dependencies")):
        if isinstance(node, yaml.MappingNode):
            for inner in items(member(node, "pip")):
                if isinstance(inner, yaml.ScalarNode):
                    read_pip_line(reading, Line(inner.value.strip(), _place(file, inner), straight=False))
        elif isinstance(node, yaml.ScalarNode):
            item = _item(str(node.value), _place(file, node), reading.problems)
            if item is not None:
                reading.items.append(item)
    return Listed("conda", tuple(reading.items), None, tuple(reading.problems))


def _item(text: str, place: Place, problems: list[Problem]) -> Requirement | None:
    """What pip would call it; None for what is no package of Python."""
    parts = conda_parts(text)
    if parts is None:
        invalid(problems.append, place, f"{text!r} names no package", "Write it as conda does: `numpy=2.1`.")
        return None
    name = parts[0]
    if name in ("python", "pip", "setuptools", "wheel"):
        return None
    if name not in CUDA and (name in CONDA_ONLY or name.startswith(("_", "lib"))):
        return None
    return made(CONDA_TO_PIP.get(name, name), conda_specifier(parts[1]) or "", place)


def _place(file: str, node: yaml.Node) -> Place:
    start, end = node.start_mark, node.end_mark
    return Place(file, start.line + 1, start.column, end.line + 1, end.column)
