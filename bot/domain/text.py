"""Text from repositories and logs, made harmless and legible for people.

Notes are Markdown that GitLab reads for quick actions (a line that starts with `/`), mentions, references
and HTML. So foreign text goes into a note only as a code span, as escaped prose, or as lines behind a gutter;
never at the start of a line of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from parser.model import Problem

MAX_SPAN_CHARS = 200
MAX_LOG_LINE_CHARS = 300
STATUS_CHARS = 255
"""GitLab's limit for the description of a commit status."""

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_SECTION = re.compile(r"section_(?:start|end):\d+:[\w.\[\]=,-]*\r?")
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn"})
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~$#!&@%^])")
_REFERENCE = re.compile(r"([@#!~%&^$]|://|\bwww\.)(?=\w)")
_WORD_JOINER = "\u2060"
_SPANS = re.compile(r"`([^`]*)`")


def visible(text: str) -> str:
    """The text on one line, with every control, direction and zero-width character spelled out."""
    return "".join(_spell(char) if unicodedata.category(char) in _HIDDEN else char for char in text)


def _spell(char: str) -> str:
    return char.encode("unicode_escape").decode() if char != "\ufeff" else r"\ufeff"


def plain(line: str) -> str:
    """A line of a terminal without its colours and cursor moves."""
    return _ANSI.sub("", line)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the cut shown by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def span(text: str, limit: int = MAX_SPAN_CHARS) -> str:
    """A Markdown code span that holds the text, also inside a table's cell."""
    shown = shorten(visible(text), limit)
    if not shown.strip():
        return "*(empty)*" if not shown else "*(blank)*"
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}".replace("|", r"\|")


def prose(text: str, limit: int = 2000) -> str:
    """A sentence that may hold foreign text: what is in backticks becomes a code span, the rest is escaped."""
    shown = shorten(visible(text), limit)
    parts: list[str] = []
    end = 0
    for match in _SPANS.finditer(shown):
        parts += [_escape(shown[end : match.start()]), span(match.group(1), limit)]
        end = match.end()
    parts.append(_escape(shown[end:]))
    return "".join(parts)


def _escape(text: str) -> str:
    # a reference or an address needs its sigil to touch a word; the joiner is invisible and parts them
    return _MARKUP.sub(r"\\\1", _REFERENCE.sub(rf"\1{_WORD_JOINER}", text))


def log_block(trace: bytes, lines: int) -> str:
    """The last lines of a job's log as a code block; the gutter keeps foreign text off the lines' starts."""
    text = _SECTION.sub("", trace.decode("utf-8", "replace"))
    # a carriage return overwrites the line on a terminal: what stands after the last one is what is seen
    shown = [plain(line.rstrip("\r").rpartition("\r")[2]) for line in text.split("\n")]
    kept = [shorten(visible(line.rstrip()), MAX_LOG_LINE_CHARS) for line in shown if line.strip()][-lines:]
    return "\n".join(["```text", *(f"| {line}" for line in kept), "```"])


def status_line(text: str) -> str:
    """A commit status's description: plain text on one line, cut to GitLab's limit."""
    return shorten(visible(text).replace("`", "'"), STATUS_CHARS)


def problem_lines(problems: Iterable[Problem]) -> Iterator[str]:
    """For a terminal: one line for each problem, where it is and what it is, and one with what to do."""
    for one in problems:
        place = one.place
        where = f"{place.file}:{place.line}:{place.column + 1}: " if place else ""
        yield printable(f"{where}{one.severity} [{one.code}] {one.message}")
        if one.hint:
            yield printable(f"    → {one.hint}")


def printable(text: str) -> str:
    """The text with everything spelled out that would move a terminal's cursor or colour its lines."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def size_words(size: int) -> str:
    """Bytes as people say them: `212 MB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{size} bytes"


def time_words(seconds: float) -> str:
    """Seconds as people say them: `0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
