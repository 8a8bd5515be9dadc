"""What a repository's own papers say of how it is run: README commands, and scripts that its packaging installs."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parser.model import Place
from parser.script import Refused, read_script
from parser.source import Source, Undecodable, read_text

MAX_ADVICE = 200
"""Pieces of advice taken from one repository."""

MAX_LINE = 1000
"""Characters of a README line that are looked at."""

_STARTS = re.compile(r"(?:\bpython[0-9.]*|\btorchrun|\baccelerate[ ]+launch|\bdeepspeed)[ ]+(.*)")
_DIRECT = re.compile(r"(?:^|[\s`$>])\./([\w./-]+\.py)\b")
_FILE = re.compile(r"(?:^|[\s`\"'])((?:\./)?[\w./-]+\.py)\b")
_MODULE = re.compile(r"(?:^|\s)-m[ ]+([A-Za-z_][\w.]*)")
_TOOLS = frozenset(
    {"pip", "venv", "virtualenv", "pytest", "unittest", "build", "http", "torch", "json", "ipykernel"}
)
_TARGET = re.compile(r"([A-Za-z_][\w.]*)\s*(?::\s*([A-Za-z_][\w.]*))?")


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence of the repository about itself: this file is run, as that place says.

    `function` is what a packaging's command calls; None where the file itself is run.
    """

    file: str
    place: Place
    why: str
    function: str | None = None


def read_advice(source: Source) -> tuple[Advice, ...]:
    """All such sentences, packaging first; a path that is not in the repository is left out."""
    found: list[Advice] = []
    for one in (*_of_packaging(source), *_of_readmes(source)):
        if len(found) < MAX_ADVICE and one not in found:
            found.append(one)
    return tuple(found)


def _of_readmes(source: Source) -> Iterator[Advice]:
    for path in sorted(source.contents):
        if "/" in path or not path.upper().startswith("README"):
            continue
        for number, line in enumerate(_text(source, path).splitlines(), 1):
            for file in _run_by(source, line[:MAX_LINE]):
                yield Advice(file, Place(path, number), f"{path} runs it in line {number}")


def _run_by(source: Source, line: str) -> Iterator[str]:
    """Files of the repository that a line of text runs."""
    words = [found.group(1) for found in _STARTS.finditer(line)]
    for rest in words:
        module = _MODULE.search(rest)
        file = _FILE.search(rest)
        if file and not (module and module.start() < file.start() and module.group(1) in _MODULES_OF_MODULES):
            yield from _existing(source, file.group(1))
        elif module and module.group(1).partition(".")[0] not in _TOOLS:
            yield from _modules(source, module.group(1))
    if not words:
        for found in _DIRECT.finditer(line):
            yield from _existing(source, found.group(1))


_MODULES_OF_MODULES = frozenset({"pip", "pytest", "unittest", "venv", "virtualenv"})
"""Modules that are handed a file without running it."""


def _existing(source: Source, written: str) -> list[str]:
    """The file that is meant: from the root, or the one file whose path ends so."""
    path = posixpath.normpath(written)
    if path in source.entries:
        return [path]
    ends = [one for one in source.entries if one.endswith(f"/{path}")]
    return ends if len(ends) == 1 else []


def _modules(source: Source, dotted: str) -> list[str]:
    stem = dotted.replace(".", "/")
    for folder in ("", "src/"):
        for path in (f"{folder}{stem}.py", f"{folder}{stem}/__main__.py", f"{folder}{stem}/__init__.py"):
            if path in source.entries:
                return [path]
    return []


def _of_packaging(source: Source) -> Iterator[Advice]:
    for path, read in (("pyproject.toml", _pyproject), ("setup.cfg", _setup_cfg), ("setup.py", _setup_py)):
        if path not in source.contents:
            continue
        text = _text(source, path)
        for name, target in read(source, text):
            found = _TARGET.fullmatch(target.partition("[")[0].strip())
            if found is None:
                files, function = _existing(source, target.strip()), None
            else:
                files, function = _modules(source, found.group(1)), found.group(2)
            for file in files:
                why = f"{path} installs it as the command {name}"
                yield Advice(file, Place(path, _line_of(text, name, target)), why, function)


def _line_of(text: str, name: str, target: str) -> int:
    at = text.find(target.strip())
    at = at if at >= 0 else max(0, text.find(name))
    return text.count("\n", 0, at) + 1


def _pyproject(source: Source, text: str) -> list[tuple[str, str]]:
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    poetry = _inner(data, "tool", "poetry", "scripts")
    return [*_pairs(_inner(data, "project", "scripts")), *_pairs(poetry)]


def _inner(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _pairs(table: Any) -> list[tuple[str, str]]:
    if not isinstance(table, Mapping):
        return []
    return [(name, value) for name, value in table.items() if isinstance(value, str)]


def _setup_cfg(source: Source, text: str) -> list[tuple[str, str]]:
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parsed.read_string(text)
    except configparser.Error:
        return []
    return _lines(parsed.get("options.entry_points", "console_scripts", fallback=""))


def _setup_py(source: Source, text: str) -> list[tuple[str, str]]:
    try:
        script = read_script(source, "setup.py")
    except Refused:
        return []
    found: list[tuple[str, str]] = []
    for node in script.nodes:
        if not isinstance(node, ast.keyword) or node.arg not in ("entry_points", "scripts"):
            continue
        try:
            value = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if node.arg == "scripts" and isinstance(value, list | tuple):
            found += [(posixpath.basename(one), one) for one in value if isinstance(one, str)]
        elif isinstance(value, dict):
            lines = value.get("console_scripts", [])
            lines = lines.splitlines() if isinstance(lines, str) else lines
            found += _lines("\n".join(one for one in lines if isinstance(one, str)))
        elif isinstance(value, str):
            section = value.partition("[console_scripts]")[2].partition("[")[0]
            found += _lines(section)
    return found


def _lines(text: str) -> list[tuple[str, str]]:
    """`name = package.module:function` lines."""
    pairs = [line.partition("=") for line in text.splitlines() if "=" in line]
    return [(name.strip(), target.strip()) for name, _, target in pairs]


def _text(source: Source, path: str) -> str:
    try:
        return read_text(source.contents[path])
    except (Undecodable, KeyError):
        return ""
