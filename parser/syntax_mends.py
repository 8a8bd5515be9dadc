"""Faults of syntax whose mend is plain: a block that is not indented, and a comma that is missing at a line's end."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from parser.model import Edit, Place
from parser.problems import shown

MAX_TRIED = 5
"""Lines of one statement at whose end a comma is tried: each costs a reading of the whole file."""

MAX_SHOWN = 3
"""Mended lines that a hint shows; the edit has all of them."""

_INDENT = re.compile(r"expected an indented block after .* on line (\d+)")
_COMMA = re.compile(r"[Pp]erhaps you forgot a comma")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_NEXT = re.compile(r"(?:async\s+def|def|class|@|if\s+__name__)\b")


@dataclass(frozen=True, slots=True)
class SyntaxMend:
    """What to do, in a sentence, and the edit that does it."""

    hint: str
    edit: Edit


def mend_syntax(path: str, text: str, error: SyntaxError) -> SyntaxMend | None:
    """The mend of Python's error, where the file can be parsed up to a later place with it."""
    if not error.lineno:
        return None
    lines = [found.group() for found in _LINE.finditer(text)]
    message = str(error.msg)
    if (found := _INDENT.search(message)) is not None:
        return _indented(path, lines, int(found.group(1)))
    if _COMMA.search(message):
        return _with_comma(path, lines, error.lineno, error.end_lineno or error.lineno)
    return None


def _indented(path: str, lines: list[str], header: int) -> SyntaxMend | None:
    """Indents what follows the line of a statement, to the file's end or to what plainly begins anew."""
    if not 1 <= header < len(lines):
        return None
    around = _blanks(lines[header - 1])
    step = "\t" if around.startswith("\t") else "    "
    for end in _ends(lines, header, around):
        body = lines[header:end]
        inside = _in_texts(body, around)
        block = [
            f"{step}{line}" if line.strip() and index not in inside else line
            for index, line in enumerate(body)
        ]
        wrong = _parse("".join([*lines[:header], *block, *lines[end:]]))
        if wrong is not None and wrong <= end:
            continue
        if _same(body, block, around):
            last = max(index for index, line in enumerate(block) if line.strip())
            return _told(path, header + 1, body[: last + 1], block[: last + 1])
    return None


def _ends(lines: list[str], header: int, around: str) -> Iterator[int]:
    """How many lines there may be up to the block's end, the likeliest first."""
    if not any(line.strip() for line in lines[header:]):
        return
    for index in range(header + 1, len(lines)):
        line = lines[index]
        if _blanks(line) == around and _NEXT.match(line[len(around) :]):
            yield index
            break
    yield len(lines)


def _in_texts(body: list[str], around: str) -> frozenset[int]:
    """Which lines, from 0, go on with a text that began on a line before: a blank more would be one of the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse("".join(line.removeprefix(around) for line in body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    texts = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
    )
    return frozenset(line for node in texts for line in range(node.lineno, node.end_lineno or node.lineno))


def _same(body: list[str], block: list[str], around: str) -> bool:
    """Whether the block says the same as before: no text that goes over several lines is changed."""
    plain = "".join(line.removeprefix(around) for line in body)
    inside = "if True:\n" + "".join(line.removeprefix(around) for line in block)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = ast.parse(plain)
            (after,) = ast.parse(inside).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(after, ast.If) and [ast.dump(one) for one in before.body] == [
        ast.dump(one) for one in after.body
    ]


def _told(path: str, first: int, body: list[str], block: list[str]) -> SyntaxMend:
    last = first + len(body) - 1
    ending = len(body[-1]) - len(body[-1].rstrip("\r\n"))
    place = Place(path, first, 0, last, len(body[-1]) - ending)
    text = "".join(block)
    edit = Edit(place, text[: len(text) - ending])
    said = [line.rstrip("\r\n") for line in block if line.strip()]
    some = ", ".join(shown(line) for line in said[:MAX_SHOWN]) + (", …" if len(said) > MAX_SHOWN else "")
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    return SyntaxMend(f"Indent what belongs to it, {where}: {some}.", edit)


def _with_comma(path: str, lines: list[str], first: int, last: int) -> SyntaxMend | None:
    """A comma at the end of one of the lines."""
    tried = 0
    for number in range(first, min(last, len(lines))):
        line = lines[number - 1]
        plain = line.rstrip()
        if not plain or "#" in plain or plain.endswith(("(", "[", "{", ",", "\\")):
            continue
        if tried == MAX_TRIED:
            return None
        tried += 1
        mended = [*lines[: number - 1], f"{plain},{line[len(plain) :]}", *lines[number:]]
        wrong = _parse("".join(mended))
        if wrong is None or wrong > last:
            place = Place(path, number, len(plain), number, len(plain))
            hint = f"Write a comma at the end of line {number}: {shown(plain.strip() + ',')}."
            return SyntaxMend(hint, Edit(place, ","))
    return None


def _parse(text: str) -> int | None:
    """The line of the first error; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return 1
    return None


def _blanks(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
