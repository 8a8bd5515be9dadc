"""A requirements file's bytes → the lines that pip sees, each with its place in the file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from parser.model import Place
from parser.source import Undecodable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks; UTF-32's begins like UTF-16's and so stands before it."""

_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_ENDS = ("\n", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """What pip takes for one line: joined at backslashes, without comment and outer blanks."""

    text: str
    place: Place
    straight: bool
    """Whether `text[n]` is the character at `place.column + n`, so that a part of it can be pointed at."""

    def part(self, start: int, end: int) -> Place:
        """The place of `text[start:end]`; the whole line's where that cannot be said."""
        if not self.straight:
            return self.place
        at, line = self.place.column, self.place.line
        return Place(self.place.file, line, at + start, line, at + end)


def read_pip_text(content: bytes) -> str:
    """Decodes as pip does: byte-order mark, coding comment in the first two lines, else UTF-8. Raises Undecodable."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decode(content[len(mark) :], encoding)
    for line in content.split(b"\n")[:2]:
        if line[:1] == b"#" and (found := _CODING.search(line)):
            return _decode(content, found.group(1).decode("ascii"))
    return _decode(content, "utf-8")


def _decode(content: bytes, encoding: str) -> str:
    try:
        if not codecs.lookup(encoding)._is_text_encoding:
            raise Undecodable(f"its coding line names {encoding[:40]!r}, which is no text encoding")
        return content.decode(encoding)
    except LookupError:
        raise Undecodable(f"its coding line names the unknown encoding {encoding[:40]!r}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Undecodable(f"line {line} is not {encoding}") from None
    except (ValueError, UnicodeError) as error:
        raise Undecodable(f"it is not {encoding}: {error}") from None


def logical_lines(text: str, file: str) -> Iterator[Line]:
    """Exactly pip's rules, the odd ones included; places count lines as editors do."""
    pending: list[tuple[str, int, int]] = []
    for raw, number, column in _physical(text):
        comment = raw is not None and raw.lstrip().startswith("#")
        if raw is not None and raw.endswith("\\") and not comment:
            pending.append((raw, number, column))
            continue
        if not pending:
            if raw is not None and (line := _single(raw, number, column, file)):
                yield line
            continue
        # A comment ends what was to be continued, and is no part of it.
        last = [] if raw is None else [(f" {raw}" if comment else raw, number, column)]
        joined = _without_comment(
            "".join([part.strip("\\") for part, _, _ in pending] + [p for p, _, _ in last])
        )
        if stripped := joined.strip():
            yield Line(stripped, _span([*pending, *(last if not comment else [])], file), straight=False)
        pending = []


def _without_comment(line: str) -> str:
    """The line up to its comment, which begins the line or follows a blank."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return line if at < 0 else line[:at].rstrip()


def _single(raw: str, number: int, column: int, file: str) -> Line | None:
    text = _without_comment(raw)
    start = column + len(text) - len(text.lstrip())
    text = text.strip()
    return Line(text, Place(file, number, start, number, start + len(text)), straight=True) if text else None


def _span(parts: list[tuple[str, int, int]], file: str) -> Place:
    first, number, column = parts[0]
    last, end_number, end_column = parts[-1]
    start = column + len(first) - len(first.lstrip())
    return Place(file, number, start, end_number, end_column + len(last.rstrip("\\").rstrip()))


def _physical(text: str) -> Iterator[tuple[str | None, int, int]]:
    """Lines as `str.splitlines` has them, with an editor's line number and column; None after the last.

    A form feed ends a line for pip, but not for an editor.
    """
    number, column = 1, 0
    for kept in text.splitlines(keepends=True):
        ends = len(kept) - (2 if kept.endswith("\r\n") else 1 if kept.splitlines()[0] != kept else 0)
        yield kept[:ends], number, column
        if kept.endswith(_ENDS):
            number, column = number + 1, 0
        else:
            column += len(kept)
    yield None, number, column
