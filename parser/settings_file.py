"""The file `.mlreef.yaml`, read strictly and with the place of each fault."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Callable
from typing import Any

import yaml

from parser.annotations import DATA_TYPES
from parser.branch_names import REFS, name_fault
from parser.env import env_faults
from parser.model import (
    ENGINES,
    ML_CATEGORIES,
    MODEL_TYPES,
    QUIETS,
    Edit,
    Engine,
    Kind,
    Place,
    Problem,
    Quiet,
    Settings,
    Stages,
)
from parser.problems import ascii_controls, problem, shown
from parser.script import Refused, read_content
from parser.settings import GENERATED, MAX_ROLES, PATH, ROLE, is_ci_file
from parser.source import Source, Undecodable, read_text

MAX_BYTES = 64 * 1024
"""Bytes of the file; it holds a few lines."""

MAX_SAMPLE_CHARS = 4000
"""Characters of all words of `sample` together."""

MAX_ENTRIES = 100
"""Entries of one mapping."""

_KEYS = (
    *("entry_points", "parameters_file", "requirements_file", "environment", "env", "name", "kind"),
    *("input_type", "output_type", "model_type", "ml_category", "description", "quiet"),
    *("engine", "dockerfile", "apt", "build_sdists", "stages", "sample", "tests", "branches"),
)

MAX_PACKAGES = 100
"""Debian packages of one module."""

MAX_BUILT = 50
"""Packages of Python that are built of their sources."""

MAX_STAGE_FILES = 10
"""CI files before the build, and as many after it."""

MAX_BRANCHES = 20
"""Names of branches that are published besides the default one."""

# apt takes a name that ends in a dash for one to remove.
_PACKAGE = re.compile(r"[a-z0-9](?:[a-z0-9.+-]*[a-z0-9+])(?:=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?\Z")
_PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:==[A-Za-z0-9][A-Za-z0-9.+!_-]*)?\Z")


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
            if key.value == "sample" and isinstance(value, yaml.SequenceNode) and value.value:
                found["sample.0"] = _place(value.value[0])
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


def _roles(node: yaml.Node) -> dict[str, str]:
    found = _mapping(node)
    if len(found) > MAX_ROLES:
        raise _Fault(f"names {len(found)} entry points", f"A module has at most {MAX_ROLES}.")
    for role in found:
        if not ROLE.match(role):
            raise _Fault(
                f"has the role {shown(role)}, which nobody could give as a word",
                "A role begins with a lower-case letter, goes on with those, digits and dashes, and has at most 31"
                " characters: `train`.",
            )
    paths = [posixpath.normpath(file.strip()) for file in found.values()]
    twice = next(
        (file for file, path in zip(found.values(), paths, strict=True) if paths.count(path) > 1), None
    )
    if twice is not None:
        raise _Fault(
            f"names {shown(twice)} for two roles, and the script could not tell them apart",
            "Name each script once; one script may have subcommands of its own.",
        )
    return found


def _flag(node: yaml.Node) -> bool:
    if node.tag != "tag:yaml.org,2002:bool":
        raise _Fault("must be true or false", "Write true or false, without quotes.")
    return str(node.value).lower() in ("true", "yes", "on")


def _quiet(node: yaml.Node) -> Quiet:
    if node.tag == "tag:yaml.org,2002:bool":
        return "problems" if _flag(node) else "no"
    text = _text(node).strip().lower()
    if text not in QUIETS:
        near = difflib.get_close_matches(text, QUIETS, 1)
        mend = f"Is `{near[0]}` meant?" if near else "Use true, false, problems or everything."
        raise _Fault(f"is {shown(text)}, which is not known", mend, near[0] if near else None)
    return text


def _one_of(words: tuple[str, ...]) -> Callable[[yaml.Node], str]:
    def read(node: yaml.Node) -> str:
        return _known(_text(node).strip().upper(), words)

    return read


def _phrase(words: tuple[str, ...]) -> Callable[[yaml.Node], str | None]:
    """Reads one of the words, in which blanks and dashes may stand for `_`; or nothing."""

    def read(node: yaml.Node) -> str | None:
        text = _optional_text(node)
        if text is None:
            return None
        return _known(re.sub(r"[\s_-]+", "_", text.strip()).upper(), words)

    return read


def _known(text: str, words: tuple[str, ...]) -> str:
    if text in words:
        return text
    near = difflib.get_close_matches(text, words, 1)
    if near:
        raise _Fault(f"is {shown(text)}, which is not known", f"Is {near[0]} meant?", near[0])
    raise _Fault(f"is {shown(text)}, which is not known", f"Use one of {', '.join(words)}.")


def _kind(node: yaml.Node) -> Kind:
    return Kind(_one_of(tuple(Kind))(node))


def _list(node: yaml.Node, most: int) -> list[yaml.Node]:
    if node.tag == "tag:yaml.org,2002:null":
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise _Fault("must be a list", "Write `[one, two]`, or lines that begin with a dash.")
    if len(node.value) > most:
        raise _Fault(f"has more than {most} entries", "Shorten it.")
    return list(node.value)


def _engine(node: yaml.Node) -> Engine:
    text = _text(node).strip().lower()
    if text not in ENGINES:
        near = difflib.get_close_matches(text, ENGINES, 1)
        mend = f"Is {near[0]} meant?" if near else f"Use one of {', '.join(ENGINES)}."
        raise _Fault(f"is {shown(text)}, which is not known", mend, near[0] if near else None)
    return text


def _dockerfile(node: yaml.Node) -> str | None:
    text = _optional_text(node)
    if text is not None and (not text or any(part in ("", ".", "..") for part in text.split("/"))):
        raise _Fault(
            f"is {shown(text)}, which is no path inside the repository", "Write it as in `docker/Dockerfile`."
        )
    return text


def _packages(node: yaml.Node) -> tuple[str, ...]:
    names = [_text(each).strip() for each in _list(node, MAX_PACKAGES)]
    for name in names:
        if not _PACKAGE.match(name):
            raise _Fault(
                f"names {shown(name)}, which is no Debian package",
                "Write names as in `libgl1`, or with a version as in `ffmpeg=7:5.1.6-0+deb12u1`; no options.",
            )
    return tuple(sorted(set(names)))


def _build_sdists(node: yaml.Node) -> tuple[str, ...]:
    names = [_text(each).strip() for each in _list(node, MAX_BUILT)]
    for name in names:
        if not _PROJECT.match(name):
            raise _Fault(
                f"names {shown(name)}, which is no package of Python",
                "Write names as in `antlr4-python3-runtime`, or with a version as in `gym==0.21.0`; no options.",
            )
    return tuple(sorted(set(names)))


def _sample(node: yaml.Node) -> tuple[str, ...] | None:
    if node.tag == "tag:yaml.org,2002:null":
        return None
    words = tuple(_text(each) for each in _list(node, MAX_ENTRIES))
    if sum(map(len, words)) > MAX_SAMPLE_CHARS:
        raise _Fault(f"has more than {MAX_SAMPLE_CHARS} characters", "Put long values into a file.")
    return words


def _branches(node: yaml.Node) -> tuple[str, ...]:
    names = [_text(each).strip() for each in _list(node, MAX_BRANCHES)]
    for name in names:
        if name.startswith(REFS):
            short = name.removeprefix(REFS)
            raise _Fault(f"names {shown(name)}, git's long name of a branch", f"Write {shown(short)}.")
        why = name_fault(name)
        if why is not None:
            raise _Fault(
                f"names {shown(name)}, which {why}",
                'Write names of branches as in `[stable, "release/*"]`; `*` stands for any text.',
            )
    return tuple(dict.fromkeys(names))


def _stages(node: yaml.Node) -> Stages:
    if node.tag == "tag:yaml.org,2002:null":
        return Stages()
    known = ("before", "after")
    if not isinstance(node, yaml.MappingNode) or any(_text(key) not in known for key, _ in node.value):
        raise _Fault(
            "must have the keys `before` and `after`, or one of them", "Write `before: [ci/lint.yml]`."
        )
    found = {
        key.value: tuple(_ci_file(file) for file in _list(files, MAX_STAGE_FILES))
        for key, files in node.value
    }
    if len(found) < len(node.value):
        raise _Fault("has one of its keys twice", "Keep one of the two.")
    stages = Stages(**found)
    if len(set(stages.files)) < len(stages.files):
        raise _Fault("names one file twice", "Name each file once.")
    return stages


def _ci_file(node: yaml.Node) -> str:
    text = _text(node).removeprefix("/")
    if not is_ci_file(text):
        raise _Fault(
            f"names {shown(text)}, which is no CI file of this repository",
            "Write a path from its root that ends in .yml, of letters, digits, `-`, `_`, `.` and `/`, such as "
            "`ci/lint.yml`.",
        )
    if text == GENERATED:
        raise _Fault(f"names {GENERATED}, which is the bot's own", "Name a file of your own.")
    return text


_READERS: dict[str, Callable[[yaml.Node], Any]] = {
    "entry_points": _roles,
    "parameters_file": _optional_text,
    "requirements_file": _optional_text,
    "environment": _optional_text,
    "env": _mapping,
    "name": _optional_text,
    "kind": _kind,
    "input_type": _one_of(DATA_TYPES),
    "output_type": _one_of(DATA_TYPES),
    "model_type": _phrase(MODEL_TYPES),
    "ml_category": _phrase(ML_CATEGORIES),
    "description": _optional_text,
    "quiet": _quiet,
    "engine": _engine,
    "dockerfile": _dockerfile,
    "apt": _packages,
    "build_sdists": _build_sdists,
    "stages": _stages,
    "sample": _sample,
    "tests": _flag,
    "branches": _branches,
}
