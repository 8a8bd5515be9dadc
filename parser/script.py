"""One Python file of the repository, parsed with care: bytes → syntax tree, whatever the bytes are."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

from parser.model import Place, Problem
from parser.problems import ascii_controls, problem
from parser.source import Source, Undecodable, read_text

MAX_BRACKETS = 100
"""Depth of brackets in one expression; Python itself stops at 200."""

MAX_PREFIXES = 200
"""Prefix operators in a row (`- - - x`, `not not x`); more makes a parser's stack grow."""

MAX_TOKENS = 260_000
"""Words, signs and line ends of one file; Python's syntax tree takes up to 900 bytes for each."""

MAX_SOURCE_SHOWN = 80
"""Characters of an expression quoted in a message."""

_CORRECT = "Correct the syntax; `python -m py_compile` shows the same."

_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+"""'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'(?:[^'\\\n]|\\.)*+'"
    r"|#[^\n]*+"
    r"|[\[({]|[\])}]",
    re.DOTALL,
)
_PREFIXES = re.compile(
    rf"(?:[-+~]\s*+){{{MAX_PREFIXES}}}"
    rf"|(?:\b(?:not|await|yield)\b\s*+){{{MAX_PREFIXES}}}"
    rf"|(?:\blambda\s*:\s*+){{{MAX_PREFIXES}}}"
)
_OPERATORS = re.compile(rb"[-+~](?:\s*+[-+~]){%d}" % (MAX_PREFIXES - 1))
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))
_WORD = re.compile(r"\w+")
_WORDS = re.compile(rb"[\w\x80-\xff]+")
_NO_SIGNS = bytes(
    byte for byte in range(256) if byte >= 0x80 or chr(byte).isalnum() or chr(byte) in "_ \t\f\r\\"
)
_ENOUGH = "the Python files before it are as much as is read of one repository"
_NO_NODES = frozenset(
    (
        *("ctx", "op", "ops", "id", "attr", "arg", "name", "names", "asname", "module", "level", "kind"),
        *("type_comment", "type_ignores", "conversion", "simple", "is_async", "rest", "kwd_attrs"),
    )
)
_LEAVES = frozenset([type(None), str, int, ast.Constant, ast.Pass, ast.Break, ast.Continue])


class _Children(dict[type, tuple[str, ...]]):
    """Which fields of a kind of node hold nodes."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        fields = tuple(name for name in getattr(kind, "_fields", ()) if name not in _NO_NODES)
        self[kind] = fields
        return fields


_CHILDREN = _Children()
_NEWER = (
    ((3, 12), re.compile(r"^\s*type\s+\w+\s*(?:\[[^]]*\])?\s*=|^\s*(?:async\s+)?(?:def|class)\s+\w+\s*\[")),
    (
        (3, 14),
        re.compile(r"(?<!\w)(?:[tT][rR]?|[rR][tT])['\"]|^\s*except\s+[A-Z][\w.]*(?:\s*,\s*[A-Z][\w.]*)+\s*:"),
    ),
)
"""Line of the error → the Python that knows this syntax."""

_NEWER_MESSAGES = (((3, 12), re.compile(r"^f-string expression part cannot include")),)
_PYTHON2 = re.compile(
    r"^\s*(?:print\s+[^(=\s]|exec\s+[\"']|raise\s+\w+\s*,|except\s+[\w.]+\s*,)", re.MULTILINE
)


class Refused(Exception):
    """The file cannot be read as Python; carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Script:
    """A parsed file: its path, its text and its tree."""

    path: str
    text: str
    tree: ast.Module
    lines: list[str] = field(default_factory=list)
    _nodes: list[ast.AST] = field(default_factory=list)

    @property
    def nodes(self) -> list[ast.AST]:
        """Every statement and expression of the file, gathered once."""
        if not self._nodes:
            self._nodes = nodes_of(self.tree)
        return self._nodes

    def words(self, node: ast.AST) -> set[str]:
        """All words on the node's lines: every name it uses, and more."""
        first: int = getattr(node, "lineno", 1)
        last: int = getattr(node, "end_lineno", None) or first
        self.line(first)
        return set(_WORD.findall("\n".join(self.lines[first - 1 : last])))

    def place(self, node: ast.AST) -> Place:
        """Where a node begins and ends, with columns counted in characters."""
        line: int = getattr(node, "lineno", 1)
        column: int = getattr(node, "col_offset", 0)
        end_line: int | None = getattr(node, "end_lineno", None)
        end_column: int | None = getattr(node, "end_col_offset", None)
        if not self.text.isascii():
            column = self._characters(line, column)
            if end_line is not None and end_column is not None:
                end_column = self._characters(end_line, end_column)
        return Place(self.path, line, column, end_line, end_column)

    def _characters(self, line: int, column: int) -> int:
        """The column in characters of a column in bytes of UTF-8."""
        return len(self.line(line).encode()[:column].decode(errors="replace")) if column else 0

    def source(self, node: ast.AST) -> str:
        """The node's own text on one line, shortened."""
        first: int = getattr(node, "lineno", 1)
        last: int = getattr(node, "end_lineno", None) or first
        start: int = getattr(node, "col_offset", 0)
        end: int | None = getattr(node, "end_col_offset", None)
        lines = [self.line(number).encode() for number in range(first, min(last, first + 10) + 1)]
        if last == first + len(lines) - 1:
            lines[-1] = lines[-1][:end]
        lines[0] = lines[0][start:]
        text = " ".join(line.decode(errors="replace").strip() for line in lines)
        return text if len(text) <= MAX_SOURCE_SHOWN else text[: MAX_SOURCE_SHOWN - 1] + "…"

    def line(self, number: int) -> str:
        """A line from 1 on, without its end; empty where there is none."""
        if not self.lines:
            # Python ends a line at \r, \n and \r\n only; str.splitlines knows more.
            self.lines = re.split(r"\r\n|\r|\n", self.text)
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """The tree's nodes without its leaves (contexts, operators, constants); ast.walk takes four times as long."""
    found: list[ast.AST] = [tree]
    for node in found:
        for name in _CHILDREN[type(node)]:
            child: Any = getattr(node, name, None)
            if child.__class__ is list:
                found.extend(one for one in child if one.__class__ not in _LEAVES)
            elif child.__class__ not in _LEAVES:
                found.append(child)
    return found


class TooMuch(Refused):
    """The file was not parsed: as much of the repository as is read has been read."""


def read_script(source: Source, path: str) -> Script:
    """Parses one file of the source, once. Raises Refused, and nothing else, for every content."""
    parsed = source.ledger.parsed
    if path not in parsed:
        try:
            parsed[path] = _parse(source, path)
        except Refused as refused:
            parsed[path] = refused
    found = parsed[path]
    if isinstance(found, Refused):
        raise type(found)(found.problem)
    script: Script = found
    return script


def _parse(source: Source, path: str) -> Script:
    content = read_content(source, path)
    _spend(source, path, content)
    try:
        text = read_text(content)
    except Undecodable as error:
        raise _unreadable(path, str(error), "Save the file as UTF-8 text.") from None
    _check_depth(path, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The text, not the bytes: a coding line has been obeyed already.
            return Script(path, text, ast.parse(text, path))
    except SyntaxError as error:
        raise Refused(_syntax_problem(source, path, text, error)) from None
    except (RecursionError, MemoryError):
        why = "Python's own parser gives up on it"
        raise Refused(problem("file-too-complex", Place(path), file=path, why=why)) from None
    except ValueError as error:
        raise Refused(
            problem("syntax-error", Place(path), file=path, why=ascii_controls(str(error)), mend=_CORRECT)
        ) from None


def read_content(source: Source, path: str) -> bytes:
    """The bytes of a file that is in the tree. Raises Refused when they could not be had."""
    content = source.contents.get(path)
    entry = source.entries.get(path)
    if entry is not None and entry.kind == "symlink":
        raise _unreadable(path, "it is a symbolic link", "Replace the link by the file itself.")
    if entry is not None and entry.kind == "submodule":
        raise _unreadable(path, "it is a submodule", "Add the files themselves to this repository.")
    if path in source.closed:
        why, mend = f"it cannot be opened here: {source.closed[path]}", "Correct its rights and look again."
        raise _unreadable(path, why, mend)
    if content is None or len(content) > source.limits.file_bytes:
        why = f"it is larger than {source.limits.file_bytes // 1024} KiB or could not be fetched"
        raise _unreadable(path, why, "Keep code and data apart; large data does not belong into this file.")
    return content


def _unreadable(path: str, why: str, mend: str) -> Refused:
    return Refused(problem("file-unreadable", Place(path), file=path, why=why, mend=mend))


def _spend(source: Source, path: str, content: bytes) -> None:
    """Refuses what would make a syntax tree of hundreds of megabytes, before Python makes it."""
    tokens = _count_tokens(content)
    if tokens > MAX_TOKENS:
        why = f"it holds more than {MAX_TOKENS} words and signs"
        raise Refused(problem("file-too-complex", Place(path), file=path, why=why))
    source.ledger.tokens -= tokens
    if source.ledger.tokens < 0:
        raise TooMuch(_unreadable(path, _ENOUGH, "Name the script in .mlreef.yaml.").problem)


def _count_tokens(content: bytes) -> int:
    """Words, signs and line ends, about as many as there are nodes in the syntax tree."""
    return len(_WORDS.findall(content)) + len(content.translate(None, _NO_SIGNS))


def _check_depth(path: str, text: str) -> None:
    """Refuses what could overflow the stack of Python's parser, before that sees it."""
    if _plainly_shallow(text):
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        char = token.group()
        if char in "([{":
            depth += 1
            if depth > MAX_BRACKETS:
                line = text.count("\n", 0, token.start()) + 1
                why = f"more than {MAX_BRACKETS} brackets are open in line {line}"
                raise Refused(problem("file-too-complex", Place(path, line), file=path, why=why))
        elif char in ")]}":
            depth = max(0, depth - 1)
    if found := _PREFIXES.search(text):
        line = text.count("\n", 0, found.start()) + 1
        why = f"more than {MAX_PREFIXES} operators follow each other in line {line}"
        raise Refused(problem("file-too-complex", Place(path, line), file=path, why=why))


def _plainly_shallow(text: str) -> bool:
    """The cheap answer for nearly every file: its brackets vanish pair by pair, no long row of operators is there."""
    data = text.encode()
    brackets = data.translate(None, _NO_BRACKETS)
    for _ in range(MAX_BRACKETS // 4):
        if len(brackets) <= MAX_BRACKETS // 2:
            break
        brackets = brackets.replace(b"()", b"").replace(b"[]", b"").replace(b"{}", b"")
    words = sum(data.count(word) for word in (b"not", b"await", b"yield", b"lambda"))
    return len(brackets) <= MAX_BRACKETS // 2 and words < MAX_PREFIXES and not _OPERATORS.search(data)


def _newer(text: str, line: int, message: str) -> str | None:
    """The Python, newer than this one, whose syntax stands in the line of an error."""
    lines = re.split(r"\r\n|\r|\n", text)
    shown = lines[line - 1] if line <= len(lines) else ""
    for version, pattern in _NEWER:
        if version > sys.version_info[:2] and pattern.search(shown):
            return ".".join(map(str, version))
    for version, pattern in _NEWER_MESSAGES:
        if version > sys.version_info[:2] and pattern.search(message):
            return ".".join(map(str, version))
    return None


def _syntax_problem(source: Source, path: str, text: str, error: SyntaxError) -> Problem:
    # few files have one, and looking for its mend is another matter
    from parser.syntax_mends import mend_syntax

    line = max(1, error.lineno or 1)
    column = max(0, (error.offset or 1) - 1)
    why = ascii_controls(str(error.msg or "invalid syntax")).rstrip("?.")
    if newer := _newer(text, line, str(error.msg)):
        why += f" (this looks like Python {newer}; it is read with Python {sys.version_info[0]}.{sys.version_info[1]})"
    elif "".join(text.split("\n")[line - 1 : line]).lstrip().startswith(("!", "%")):
        why += " (lines that begin with ! or % are a notebook's, and no Python)"
    elif _PYTHON2.search(text):
        why += " (this looks like Python 2)"
    source.ledger.mended_chars -= len(text)
    mend = mend_syntax(path, text, error) if source.ledger.mended_chars >= 0 else None
    words = {"file": path, "why": why, "mend": _CORRECT if mend is None else mend.hint}
    edits = [] if mend is None else [mend.edit]
    end_line, end_column = error.end_lineno, error.end_offset
    if not end_line or not end_column or (end_line, end_column - 1) <= (line, column):
        return problem("syntax-error", Place(path, line, column), None, edits=edits, **words)
    place = Place(path, line, column, end_line, end_column - 1)
    return problem("syntax-error", place, None, edits=edits, **words)
