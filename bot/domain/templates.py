"""Repositories to begin with: which there are, and how one becomes somebody's own, by name, description and data types.

The files themselves are in `repository_templates/`; here it is only decided what of them is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

from parser.annotations import DATA_TYPES

Visibility = Literal["private", "internal", "public"]
"""Who may see a project in GitLab: its members, everybody who has signed in, everybody."""

VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)

MAX_NAME_CHARS = 100
"""Characters of a module's name; GitLab takes 255 of a project's."""

MAX_DESCRIPTION_CHARS = 500
"""Characters of a description; GitLab takes 2000 of a project's."""

MAX_PATH_CHARS = 255
"""Characters of a project's path in GitLab, without its group."""

UNTOLD_TYPES = frozenset({"ANY", "NONE"})
"""Types of data that say nothing about a project."""

TOPIC = "mlreef"
"""The topic that every project begins with which is made of a template."""

_README = "README.md"
_FILLED = (".py", ".yaml")
# what GitLab takes as the name of a project
_NAME = re.compile(r"[^\W][\w.+ \u2010-\u2015\u00a9-\U0001f9ff-]*\Z")
# as GitLab takes the path of a project: no two of these signs stand together, none begins or ends it
_PATH = re.compile(r"[A-Za-z0-9]+(?:[_.-][A-Za-z0-9]+)*\Z")
_TAKEN_ENDS = (".git", ".atom")


@dataclass(frozen=True, slots=True)
class Template:
    """A repository to begin with, and what it says of itself as it is; `about` is one line for those who choose."""

    about: str
    name: str
    description: str
    input_type: str
    output_type: str
    topic: str = ""


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "model": Template(
            "a model that is trained: a classifier of tables",
            "New Model",
            "Learns to tell classes apart by the numbers in a table.",
            "TABULAR",
            "MODEL",
            "model",
        ),
        "operation": Template(
            "an operation, of which data comes out as other data: tables are cleaned",
            "New Operation",
            "Fills what is missing in tables, and brings their numbers to one scale.",
            "TABULAR",
            "TABULAR",
            "operation",
        ),
        "visualization": Template(
            "a visualization: pictures of tables",
            "New Visualization",
            "Draws the columns of tables over one of them, as lines or points.",
            "TABULAR",
            "IMAGE",
            "visualization",
        ),
        "mlopen": Template(
            "a control file as mlopen had them, with train and run_pipeline",
            "New Pipeline",
            "Tells classes apart by the nearest of their middles.",
            "TABULAR",
            "TABULAR",
            "model",
        ),
        "blank": Template(
            "as little as possible: a script with a command line",
            "New Module",
            "Lists files with their sizes.",
            "ANY",
            "ANY",
        ),
    }
)
"""Every template, by the name of its folder."""


@dataclass(frozen=True, slots=True)
class TemplateWish:
    """A template with what somebody wants in it; "" is left as the template has it."""

    template: str
    name: str = ""
    description: str = ""
    input_type: str = ""
    output_type: str = ""
    visibility: Visibility = "private"

    def filled(self) -> TemplateWish:
        """The same with nothing left open."""
        usual = TEMPLATES[self.template]
        return replace(
            self,
            name=self.name or usual.name,
            description=self.description or usual.description,
            input_type=self.input_type or usual.input_type,
            output_type=self.output_type or usual.output_type,
        )

    @property
    def topics(self) -> tuple[str, ...]:
        """What the project is about, in GitLab's sense: its kind, and its types of data."""
        whole = self.filled()
        types = (whole.input_type, whole.output_type)
        told = (one.lower().replace("_", "-") for one in types if one not in UNTOLD_TYPES)
        kind = TEMPLATES[self.template].topic
        return tuple(dict.fromkeys((TOPIC, *((kind,) if kind else ()), *told)))


@dataclass(frozen=True, slots=True)
class Begun:
    """What there is to write: files that are `missing`, and those that are there `otherwise`, so nothing is written."""

    files: Mapping[str, bytes]
    missing: tuple[str, ...]
    otherwise: tuple[str, ...]


def name_of_folder(folder: str) -> str:
    """A module's name for a folder's: `my-first_model` becomes `My First Model`; "" where there is none in it."""
    words = re.sub(r"[^\w.+]+|_+", " ", folder).split()
    name = " ".join(word[:1].upper() + word[1:] for word in words)[:MAX_NAME_CHARS].strip()
    return name if not faults_of(TemplateWish("blank", name)) else ""


def path_of_name(name: str) -> str:
    """The last part of a project's path for its name; "" where nothing of the name may stand there."""
    path = re.sub(r"[^a-z0-9]+", lambda signs: "_" if signs[0] == "_" else "-", name.lower()).strip("-_")
    return "" if fault_of_path(path) else path


def fault_of_path(path: str) -> str:
    """Why GitLab would not take it as the last part of a project's path; "" where it would."""
    if not _PATH.match(path):
        return "it may hold letters and digits, with one `-`, `_` or `.` at a time between them."
    if path.lower().endswith(_TAKEN_ENDS):
        return f"it may not end in {' or '.join(_TAKEN_ENDS)}."
    return "" if len(path) <= MAX_PATH_CHARS else f"it has more than {MAX_PATH_CHARS} characters."


def faults_of(wish: TemplateWish) -> tuple[str, ...]:
    """What cannot be as somebody wants it, each with what to write instead."""
    faults = []
    if wish.name and not (_NAME.match(wish.name) and wish.name.isprintable() and wish.name[-1] != " "):
        faults.append(
            "--name: it may hold letters, digits, blanks, dots, dashes, `+` and `_`, and begins with a letter or digit."
        )
    if len(wish.name) > MAX_NAME_CHARS:
        faults.append(f"--name: it has more than {MAX_NAME_CHARS} characters; take a shorter one.")
    if not wish.description.isprintable() or "%(" in wish.description:
        faults.append("--description: write one line without control characters, and without `%(`.")
    if len(wish.description) > MAX_DESCRIPTION_CHARS:
        faults.append(
            f"--description: it has more than {MAX_DESCRIPTION_CHARS} characters; the README has room."
        )
    for option, value in (("--input-type", wish.input_type), ("--output-type", wish.output_type)):
        if value and value not in DATA_TYPES:
            faults.append(f"{option}: it is one of {', '.join(DATA_TYPES)}.")
    return tuple(faults)


def fill(files: Mapping[str, bytes], wish: TemplateWish) -> dict[str, bytes]:
    """A template's files with what somebody wants in them; `faults_of` has nothing against the wish."""
    usual, wanted = TEMPLATES[wish.template], wish.filled()
    words = {
        _literal(usual.name): _literal(wanted.name),
        _literal(usual.description): _literal(wanted.description),
    }
    for field in ("input_type", "output_type"):
        before, after = getattr(usual, field), getattr(wanted, field)
        words |= {f'{field}="{before}"': f'{field}="{after}"', f"\n{field}: {before}": f"\n{field}: {after}"}
    # MLReef's annotation knows two words for it; who may see the project says GitLab alone
    words['visibility="PRIVATE"'] = f'visibility="{"PUBLIC" if wish.visibility == "public" else "PRIVATE"}"'
    titles = {
        f"# {usual.name}\n\n{usual.description}\n": f"# {wanted.name}\n\n{wanted.description}\n",
    }
    return {
        path: _replace(content, titles if path == _README else words)
        if path.endswith(_FILLED) or path == _README
        else content
        for path, content in files.items()
    }


def plan_files(files: Mapping[str, bytes], there: Mapping[str, bytes | None]) -> Begun:
    """What is to be written, where some paths are `there` already; None as content is no readable file at all."""
    return Begun(
        files,
        tuple(path for path in sorted(files) if path not in there),
        tuple(path for path in sorted(files) if path in there and there[path] != files[path]),
    )


def _literal(text: str) -> str:
    """A printable text as both Python and YAML read it."""
    return json.dumps(text, ensure_ascii=False)


def _replace(content: bytes, words: Mapping[str, str]) -> bytes:
    """Every text at once, so that what was put in is not looked at again."""
    pattern = re.compile("|".join(map(re.escape, words)))
    return pattern.sub(lambda found: words[found[0]], content.decode()).encode()
