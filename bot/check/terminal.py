"""Problems as a compiler prints them: the place, the sentence, the line itself and a caret below it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from parser.model import Place, Problem, Severity
from parser.source import Source, Undecodable, read_text

MAX_COLUMNS = 120
"""Columns of a source line that are shown; of a longer one, those around the place."""

MARGIN = 20
"""Columns shown before the place when a line is cut."""

TAB = 4
"""Columns of a tab."""

_RESET, _BOLD, _FAINT = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_COLOURS: Mapping[Severity, str] = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.INFO: "\x1b[1;36m",
}
_LINE_END = re.compile(r"\r\n|\r|\n")


def problem_lines(problems: Sequence[Problem], source: Source, colours: bool) -> Iterator[str]:
    """The lines of a report; whatever a repository says cannot move or colour the terminal."""
    paint = _painted if colours else _plain
    files: dict[str, list[str]] = {}
    for problem in problems:
        word = paint(f"{problem.severity}:", _COLOURS[problem.severity])
        where = paint(f"{_where(problem.place)}: ", _BOLD) if problem.place else ""
        code = paint(f"[{problem.code}]", _FAINT)
        yield f"{where}{word} {harmless(problem.message)} {code}"
        if problem.place:
            yield from _excerpt(problem.place, source, files, _COLOURS[problem.severity] if colours else "")
        for place in problem.also:
            yield f"      see {harmless(_where(place))}"
            yield from _excerpt(place, source, files, _COLOURS[Severity.INFO] if colours else "")
        if problem.hint:
            mended = paint(" (--fix does it)", _FAINT) if problem.edits else ""
            yield f"      → {harmless(problem.hint)}{mended}"


def summary(problems: Sequence[Problem], refused: bool) -> str:
    """What the problems come to, in one sentence."""
    counts = [(sum(p.severity is severity for p in problems), severity.value) for severity in Severity]
    words = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    found = f" {', '.join(words).capitalize()}." if words else ""
    mendable = sum(bool(problem.edits) for problem in problems)
    fix = f" {mendable} of these can be mended with --fix." if mendable else ""
    return f"{'This would be refused.' if refused else 'This can be published.'}{found}{fix}"


def harmless(text: str) -> str:
    """The text with everything that does not print spelled out."""
    return "".join(char if char.isprintable() else _spelled(char) for char in text)


def _spelled(char: str) -> str:
    return f"\\u{ord(char):04x}"


def _painted(text: str, colour: str) -> str:
    return f"{colour}{harmless(text)}{_RESET}"


def _plain(text: str, _colour: str) -> str:
    return harmless(text)


def _where(place: Place) -> str:
    return f"{place.file}:{place.line}:{place.column + 1}"


def _excerpt(place: Place, source: Source, files: dict[str, list[str]], colour: str) -> Iterator[str]:
    """The line of a place with its number, and a caret with a tail below; nothing when there is no such line."""
    if place.file not in files:
        files[place.file] = _lines(source.contents.get(place.file, b""))
    lines = files[place.file]
    if not 1 <= place.line <= len(lines) or not lines[place.line - 1].strip():
        return
    if (place.line, place.column) == (1, 0) and place.end_line is None:
        # the whole file is meant, not its first line
        return
    line = lines[place.line - 1]
    begin = min(place.column, len(line))
    last = place.end_column if place.end_line == place.line and place.end_column is not None else None
    if place.end_line is None:
        last = begin + 1
    end = max(begin + 1, len(line.rstrip()) if last is None else min(last, len(line)))
    shown, left, width = _cut(line, begin, end)
    number = str(place.line)
    mark = "^" + "~" * (width - 1)
    yield f"{number:>5} | {shown}"
    yield f"      | {' ' * left}{colour}{mark}{_RESET if colour else ''}"


def _lines(content: bytes) -> list[str]:
    try:
        return _LINE_END.split(read_text(content))
    except Undecodable:
        return []


def _cut(line: str, begin: int, end: int) -> tuple[str, int, int]:
    """The line as it is shown, columns before the caret, and columns that caret and tail take."""
    cells = [_cell(char) for char in line[: end + MAX_COLUMNS]]
    first = 0
    while _width(cells[first:begin]) > MAX_COLUMNS - MARGIN:
        first += max(1, (begin - first) // 2 if begin - first > 2 * MAX_COLUMNS else 1)
    front = "…" if first else ""
    kept: list[str] = []
    room = MAX_COLUMNS
    for cell in cells[first:]:
        room -= _width([cell])
        if room < 0:
            kept.append("…")
            break
        kept.append(cell)
    left = len(front) + _width(cells[first:begin])
    width = max(1, min(_width(cells[begin:end]), MAX_COLUMNS + len(front) - left))
    return (front + "".join(kept)).rstrip(), left, width


def _cell(char: str) -> str:
    return " " * TAB if char == "\t" else harmless(char)


def _width(cells: Sequence[str]) -> int:
    """Columns on a terminal: East Asian letters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for cell in cells
        for char in cell
    )
