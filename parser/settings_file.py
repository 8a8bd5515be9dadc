"""The file `.mlreef.yaml`, read strictly and with the place of each fault."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import yaml

from parser.annotations import DATA_TYPES
from parser.env import env_faults
from parser.model import Edit, Kind, Place, Problem, Settings
from parser.problems import ascii_controls, problem, shown
from parser.script import Refused, read_content
from parser.settings import PATH
from parser.source import Source, Undecodable, read_text

MAX_BYTES = 64 * 1024
"""Bytes of the file; it holds a few lines."""

MAX_ENTRIES = 100
"""Entries of one mapping."""

_KEYS = (
    *("entry_points", "requirements_file", "environment", "env", "name", "kind"),
    *("input_type", "output_type", "description", "quiet"),
)


class _Fault(ValueError):
    def __init__(self, why: str, mend: str, meant: str | None = None) -> None:
        super().__init__(why)
        self.mend = mend
        self.meant = meant


def read_settings_file(source: Source) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings and everything wrong with them."""
    try:
        content = read_content(source, PATH)
        if len(content) > MAX_BYTES:
            return Settings(), (_invalid(f"it has more than {MAX_BYTES // 1024} KiB", "Keep it short."),)
        root = yaml.compose(read_text(content), Loader=yaml.SafeLoader)
    except Refused as refused:
        return Settings(), (refused.problem,)
    except Undecodable as error:
        return Settings(), (_invalid(str(error), "Save the file as UTF-8 text."),)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(PATH, mark.line + 1, mark.column) if mark else Place(PATH)
        why = ascii_controls(error.problem or error.context or "it is not YAML")
        return Settings(), (_invalid(why, "Correct the YAML.", place),)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return Settings(), (_invalid(ascii_controls(str(error))[:200], "Correct the YAML."),)
    if root is None:
        return Settings(), ()
    if not isinstance(root, yaml.MappingNode):
        return Settings(), (_invalid("it is not a mapping of keys to values", "Write lines like `name: …`."),)
    return _read_mapping(root)


def _invalid(why: str, mend: str, place: Place | None = None) -> Problem:
    return problem("settings-invalid", place or Place(PATH), why=why, mend=mend)


def _read_mapping(root: yaml.MappingNode) -> tuple[Settings, tuple[Problem, ...]]:
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for key_node, value_node in root.value[:MAX_ENTRIES]:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
        place = _place(key_node)
        reader = _READERS.get(key)
        if reader is None:
            near = difflib.get_close_matches(key, _KEYS, 1)
            mend = f"Is `{near[0]}` meant?" if near else f"Known keys are {', '.join(_KEYS)}."
            given = {one.value for one, _ in root.value if isinstance(one, yaml.ScalarNode)}
            edits = [Edit(place, near[0])] if near and near[0] not in given else []
            problems.append(problem("settings-unknown", place, edits=edits, key=shown(key), mend=mend))
            continue
        if key in values:
            why, mend = "is given twice", "Keep one of the two."
            problems.append(problem("settings-value", place, key=key, why=why, mend=mend))
        try:
            values[key] = reader(value_node)
        except _Fault as fault:
            at = _place(value_node)
            edits = [Edit(at, fault.meant)] if fault.meant else []
            words = {"key": key, "why": str(fault), "mend": fault.mend}
            problems.append(problem("settings-value", at, None, edits=edits, **words))
    settings = Settings(**values, places=_places(root))
    env_at = settings.places.get("env", Place(PATH))
    for name, why in env_faults(settings.env).items():
        problems.append(problem("env-refused", env_at, name=shown(name), why=why))
    return settings, tuple(problems)


def _places(root: yaml.MappingNode) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for key, value in root.value[:MAX_ENTRIES]:
        if isinstance(key, yaml.ScalarNode) and key.value in _READERS:
            found[key.value] = _place(value)
            if key.value == "entry_points" and isinstance(value, yaml.MappingNode):
                for role, file in value.value[:MAX_ENTRIES]:
                    if isinstance(role, yaml.ScalarNode):
                        found[f"entry_points.{role.value}"] = _place(file)
    return found


def _place(node: yaml.Node) -> Place:
    begin, end = node.start_mark, node.end_mark
    return Place(PATH, begin.line + 1, begin.column, end.line + 1, end.column)


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
        raise _Fault("must be text", "Write one value behind the colon.")
    text = str(node.value)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _Fault("holds characters that are not text", "Remove them.")
    return text


def _optional_text(node: yaml.Node) -> str | None:
    return None if node.tag == "tag:yaml.org,2002:null" else _text(node)


def _mapping(node: yaml.Node) -> dict[str, str]:
    if node.tag == "tag:yaml.org,2002:null":
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise _Fault("must be a mapping", "Write `key: value` lines, indented below it.")
    if len(node.value) > MAX_ENTRIES:
        raise _Fault(f"has more than {MAX_ENTRIES} entries", "Shorten it.")
    found: dict[str, str] = {}
    for key, value in node.value:
        name = _text(key)
        if name in found:
            raise _Fault(f"has {shown(name)} twice", "Keep one of the two.")
        # The text as written: `1.10` stays 1.10, `yes` stays yes.
        found[name] = _text(value)
    return found


def _flag(node: yaml.Node) -> bool:
    if node.tag != "tag:yaml.org,2002:bool":
        raise _Fault("must be true or false", "Write true or false, without quotes.")
    return str(node.value).lower() in ("true", "yes", "on")


def _one_of(words: tuple[str, ...]) -> Callable[[yaml.Node], str]:
    def read(node: yaml.Node) -> str:
        text = _text(node).strip().upper()
        if text not in words:
            near = difflib.get_close_matches(text, words, 1)
            if near:
                raise _Fault(f"is {shown(text)}, which is not known", f"Is {near[0]} meant?", near[0])
            raise _Fault(f"is {shown(text)}, which is not known", f"Use one of {', '.join(words)}.")
        return text

    return read


def _kind(node: yaml.Node) -> Kind:
    return Kind(_one_of(tuple(Kind))(node))


_READERS: dict[str, Callable[[yaml.Node], Any]] = {
    "entry_points": _mapping,
    "requirements_file": _optional_text,
    "environment": _optional_text,
    "env": _mapping,
    "name": _optional_text,
    "kind": _kind,
    "input_type": _one_of(DATA_TYPES),
    "output_type": _one_of(DATA_TYPES),
    "description": _optional_text,
    "quiet": _flag,
}
