"""Text from repositories and logs, made harmless and legible for people.

Notes are Markdown that GitLab reads for quick actions (a line that starts with `/`), mentions, references
and HTML. So foreign text goes into a note only as a code span, as escaped prose, or as lines behind a gutter;
never at the start of a line of its own. What is Markdown already says so in its name or docstring.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from bot.domain.references import find_core
from parser.model import Problem

MAX_SPAN_CHARS = 200
MAX_PROSE_CHARS = 2000
MAX_LOG_LINE_CHARS = 300
STATUS_CHARS = 255
"""GitLab's limit for the description of a commit status."""

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_SECTION = re.compile(r"section_(?:start|end):\d+:[\w.\[\]=,-]*\r?")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [0-9a-f]{2}[OE]([ +]?)")
"""Before a line since GitLab 17: when it came, by which stream, and whether it goes on with the line before."""
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn"})
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~$#!&@%^])")
_SPANS = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"\S+")
_BACKTICKS = re.compile("`+")
_ADDRESS = "%/:=&?~#+!$,;@-._"
_QUICK_ACTION = re.compile(r"(?:[\s>*+\-\d.)]|\[[ xX]\])*/\w")
_SIGILS = tuple("@#~%&^")
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that are letters or signs by name and show nothing."""


def visible(text: str) -> str:
    """The text on one line, with every control, direction and zero-width character spelled out."""
    return "".join(_spell(c) if unicodedata.category(c) in _HIDDEN or c in _UNSEEN else c for c in text)


def _spell(char: str) -> str:
    return char.encode("unicode_escape").decode()


def plain(line: str) -> str:
    """A line of a terminal without its colours and cursor moves."""
    return _ANSI.sub("", line)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the cut shown by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shorten_visible(text: str, limit: int) -> str:
    """`visible` of at most `limit` characters; of a long text no more is looked at than is shown."""
    return shorten(visible(text[: limit + 1]), limit)


def span(text: str, limit: int = MAX_SPAN_CHARS) -> str:
    """Markdown that shows the text as code, anywhere but at a line's start; also in a table's cell."""
    shown = shorten_visible(text, limit)
    if not shown.strip():
        return "*(empty)*" if not shown else "*(blank)*"
    return _code(shown)


def _code(shown: str) -> str:
    # a table's cell ends at `|` also in code, and a backslash that kept it would be seen elsewhere
    return r"\|".join(_code_span(part) if part else "" for part in shown.split("|"))


def _code_span(shown: str) -> str:
    ticks = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    ends = shown[0] + shown[-1]
    # a reader takes one blank off both ends
    pad = " " if "`" in ends or (ends == "  " and shown.strip(" ")) else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def prose(text: str, limit: int = MAX_PROSE_CHARS) -> str:
    """A sentence that may hold foreign text, as Markdown, anywhere but at a line's start.

    Code becomes what is in backticks, and what GitLab would call somebody or link something by; the rest is escaped.
    No digit may follow at once: with it an end such as `!` would name something.
    """
    pieces: list[tuple[bool, str]] = []
    for code, piece in _pieces(shorten_visible(text, limit)):
        if pieces and pieces[-1][0] == code:
            piece = pieces.pop()[1] + piece
        pieces.append((code, piece))
    return "".join(_code(piece) if code else _MARKUP.sub(r"\\\1", piece) for code, piece in pieces)


def _pieces(shown: str) -> Iterator[tuple[bool, str]]:
    """The text in order, each piece with whether it is code; two of a kind can follow each other."""
    end = 0
    for match in _SPANS.finditer(shown):
        yield from _words(shown[end : match.start()])
        yield True, match.group(1)
        end = match.end()
    yield from _words(shown[end:], is_last=True)


def _words(piece: str, is_last: bool = False) -> Iterator[tuple[bool, str]]:
    end = 0
    for match in _WORD.finditer(piece):
        core = find_core(match.group())
        if core is None and is_last and match.end() == len(piece) and piece.endswith(_SIGILS):
            core = (0, len(match.group()))  # what is written behind the sentence would touch it
        if core is None:
            continue
        first, last = match.start() + core[0], match.start() + core[1]
        if end < first:
            yield False, piece[end:first]
        yield True, piece[first:last]
        end = last
    if end < len(piece):
        yield False, piece[end:]


def link(words: str, url: str) -> str:
    """A link of ours: `words` are Markdown already, the address cannot end the link."""
    return f"[{words}]({quote(url, safe=_ADDRESS)})"


def row(*cells: str) -> str:
    """A table's row; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def fenced(text: str, language: str = "text") -> list[str]:
    """The lines of a code block that no text can end; what a code block cannot show as it is, is spelled out."""
    ticks = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    return [f"{ticks}{language}", *(_in_fence(line) for line in text.rstrip("\n").split("\n")), ticks]


def may_stand_in_fence(text: str) -> bool:
    """Whether a code block shows the text exactly: nothing hidden in it, and no line that reads as a command."""
    return all(_in_fence(line) == line for line in text.split("\n"))


def _in_fence(line: str) -> str:
    shown = "\t".join(visible(part) for part in line.split("\t"))
    # older GitLabs look for commands in code as well when its fence is not exactly three backticks
    return shown.replace("/", r"\x2f", 1) if is_command(shown) else shown


def is_command(line: str) -> bool:
    """Whether some reader could take the line for one of GitLab's quick actions, behind markers of lists and quotes."""
    return _QUICK_ACTION.match(line) is not None


def log_lines(trace: bytes) -> list[str]:
    """The lines of a job's log as GitLab shows them: without colours, folds, and the times that runners note."""
    return [seen(_SECTION.sub("", line)) for line in joined_lines(trace)]


def joined_lines(trace: bytes) -> list[str]:
    """The lines of a job's log as its programs wrote them, without the times that runners note before them."""
    lines: list[str] = []
    for line in trace.decode("utf-8", "replace").split("\n"):
        stamp = _STAMP.match(line)
        if stamp is None:
            lines.append(line)
        elif stamp[1] == "+" and lines:
            lines[-1] += line[stamp.end() :]
        else:
            lines.append(line[stamp.end() :])
    return lines


def seen(line: str) -> str:
    """A line of a log as a terminal leaves it, without colours."""
    # a carriage return overwrites the line: what stands after the last one is what is seen
    return plain(line.rstrip("\r").rpartition("\r")[2])


def log_block(trace: bytes, lines: int) -> str:
    """The last lines of a job's log as a code block; the gutter keeps foreign text off the lines' starts."""
    kept = [line.rstrip() for line in log_lines(trace) if line.strip()][-lines:]
    return "\n".join(["```text", *(f"| {shorten_visible(line, MAX_LOG_LINE_CHARS)}" for line in kept), "```"])


def status_line(text: str) -> str:
    """A commit status's description: plain text on one line, cut to GitLab's limit."""
    return shorten_visible(text, STATUS_CHARS).replace("`", "'")


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
