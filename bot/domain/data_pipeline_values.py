"""The single values that stand in a data pipeline's file: YAML node → value, or what is wrong with it."""

from __future__ import annotations

import difflib
import re
import shlex
from enum import StrEnum

import yaml

from bot.domain.uses import MAX_PATH, NEWEST
from parser.problems import shown

MAX_STEPS = 50
"""Steps of one pipeline; GitLab takes 150 includes."""

MAX_VALUES = 200
"""Values of one step, and words of one value."""

MAX_VALUE_CHARS = 4000
"""Characters of one value."""

MAX_NAME_CHARS = 63
"""Characters of a step's name, which is a job's, a stage's and a folder's, too."""


class PipelineKind(StrEnum):
    """What a pipeline is for, in MLReef's words."""

    DATA = "data"
    EXPERIMENT = "experiment"
    VISUALIZATION = "visualization"


_PART = r"(?!\.+(?:/|\Z))[A-Za-z0-9_.][A-Za-z0-9_.-]*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})+")
_REF = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){0,2}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_NEWEST = ("latest", NEWEST)

NOT_NAMES = frozenset(
    {
        *(
            "after-script",
            "before-script",
            "cache",
            "default",
            "image",
            "include",
            "pages",
            "services",
            "spec",
        ),
        *("stages", "types", "variables", "workflow", "true", "false", "nil"),
    }
)
"""Words that GitLab takes for something else than a job."""


class Wrong(ValueError):
    """A value that cannot be meant: why, and in `mend` what to do."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(why)
        self.mend = mend


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
        raise Wrong("this must be text", "Write one value.")
    text = str(node.value)
    if len(text) > MAX_VALUE_CHARS:
        raise Wrong(f"this has more than {MAX_VALUE_CHARS} characters", "Put long values into a file.")
    return text


def read_line(node: yaml.Node) -> str:
    """One line of text, without spaces around it. This and all below raise Wrong."""
    return as_line(_text(node).strip())


def as_line(text: str) -> str:
    """The same text, if a line of the file can hold it."""
    if not text or not text.isprintable():
        raise Wrong("this must be one line of text", "Write one line.")
    return text


def read_kind(node: yaml.Node) -> PipelineKind:
    """What the pipeline is for, in capital or small letters."""
    text = read_line(node).lower()
    if text not in tuple(PipelineKind):
        near = difflib.get_close_matches(text, tuple(PipelineKind), 1)
        mend = f"Is {near[0]} meant?" if near else f"Use one of {', '.join(PipelineKind)}."
        raise Wrong(f"the kind {shown(text)} is not known", mend)
    return PipelineKind(text)


def read_path(node: yaml.Node) -> str:
    """A path inside the repository, `.` for all of it."""
    return as_path(read_line(node))


def as_path(line: str) -> str:
    """A line as a path inside the repository, written in the shortest way."""
    text = line.removesuffix("/").removeprefix("./") or "."
    parts = text.split("/")
    if text != "." and (text.startswith("-") or any(part in ("", ".", "..") for part in parts)):
        raise Wrong(
            f"{shown(text)} is no path inside the repository",
            "Write it from the repository's root, as in `data/images`.",
        )
    return text


def read_module(node: yaml.Node) -> tuple[str, str]:
    """A module's project and the version that is meant, NEWEST where none is said."""
    path, at, ref = read_line(node).partition("@")
    if len(path) > MAX_PATH or not _PATH.fullmatch(path):
        raise Wrong(
            f"{shown(path)} is no project's path",
            "Write the module's project as its address in GitLab shows it, as in `group/add-noise@1.2.0`.",
        )
    if not at or ref in _NEWEST:
        return path, NEWEST
    if not _REF.fullmatch(ref):
        raise Wrong(f"{shown(ref)} is no version", "Write `@1.2.0`, or `@1` for the newest that begins so.")
    return path, ref


def read_step_name(node: yaml.Node) -> str:
    """A name that GitLab takes for a job."""
    text = read_line(node)
    if len(text) > MAX_NAME_CHARS or not _NAME.fullmatch(text) or text in NOT_NAMES:
        raise Wrong(
            f"a step cannot be called {shown(text)}",
            f"Use small letters, digits and dashes, at most {MAX_NAME_CHARS}; not a word of GitLab's own.",
        )
    return text


def read_list(node: yaml.Node) -> list[yaml.Node]:
    """The entries of a list; nothing at all is an empty one."""
    if node.tag == "tag:yaml.org,2002:null":
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise Wrong("this must be a list", "Write `[one, two]`, or lines that begin with a dash.")
    if len(node.value) > MAX_STEPS:
        raise Wrong(f"this has more than {MAX_STEPS} entries", "Shorten it.")
    return list(node.value)


def read_typed(node: yaml.Node) -> str:
    """A value as one would type it into a form: the text as written; lists as words, quoted where they must be."""
    if not isinstance(node, yaml.SequenceNode):
        return _text(node)
    if len(node.value) > MAX_VALUES:
        raise Wrong(f"this has more than {MAX_VALUES} words", "Shorten it.")
    return shlex.join(_text(each) for each in node.value)
