"""The likely cause of a failed job, by its log's last lines and GitLab's reason; None rather than a wrong one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.cause_helps import help_for
from bot.domain.cause_kinds import GENERAL, REASONS, STUCK_OR_SILENT, Kind, Who
from bot.domain.cause_roots import root
from bot.domain.cause_signs import signs
from bot.domain.cause_words import WORDS
from bot.domain.job_log import read_ending
from bot.domain.text import plain
from bot.domain.tracebacks import End, Line, ends, is_got_over

LAST_LINES = 80
"""Lines from a log's end in which a sign counts."""

ROOT_LINES = 400
"""Lines before a sign in which its root is looked for."""

MAX_LINE_CHARS = 2500
"""Of a longer line no more is looked at."""

MAX_THING_CHARS = 150

_STEP = r"#\d+ (?:\d+\.\d+ )?"
_GUTTER = re.compile(rf"(?:{_STEP}|[\s|│├╰─▶>×]|E {{3,}})*")
"""Before a line that a program passes on: BuildKit's number and seconds, pip's bars and ours, pytest's E."""

_CAUSE = re.compile(r"(?P<label>cause: )?Because ")
"""Begins what uv concludes, a sentence that it breaks into lines of the terminal's width."""

_NO_ERROR = re.compile(r"(?:\S{1,60} ){0,3}[\[(]?(?:WARNING|WARN|INFO|DEBUG)\b[\])]?[: ]")
"""Begins a line of which its program says itself that it went on."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a job failed, most likely, and what to do about it: two sentences in which foreign text is in backticks."""

    kind: Kind
    why: str
    mend: str
    who: Who


def likely_cause(trace: bytes, reason: str | None = None) -> Cause | None:
    """The cause by a job's log, which anybody may have written, and by GitLab's `failure_reason`."""
    ending = read_ending(trace)
    if ending.is_cut:
        return _cause(REASONS.get(reason or "", Kind.LOG_CUT), "")
    return cause_of_lines(ending.lines, reason)


def cause_of_lines(lines: Sequence[str], reason: str | None = None) -> Cause | None:
    """`likely_cause` of lines that are all of the failing command, without times."""
    by_reason = REASONS.get(reason or "")
    if reason == STUCK_OR_SILENT and any(line.strip() for line in lines):
        # a log shows that a runner had it
        by_reason = Kind.RUNNER
    if by_reason is not None and by_reason not in GENERAL:
        return _cause(by_reason, "")
    found = _by_signs(_unbroken([_bare(line) for line in lines[-ROOT_LINES:]]))
    if found is not None and (by_reason is None or found.kind not in GENERAL):
        return found
    return _cause(by_reason, "") if by_reason is not None else None


def _bare(line: str) -> Line:
    """Without gutter and colours; the seconds that BuildKit writes first have no place in its column."""
    shown = plain(line[:MAX_LINE_CHARS])
    gutter = _GUTTER.match(shown)
    passed = gutter.end() if gutter is not None else 0
    steps = sum(len(step) for step in re.findall(_STEP, shown[:passed]))
    return Line(passed - steps, shown[passed:].rstrip())


def _unbroken(lines: Sequence[Line]) -> list[Line]:
    """Each line as it was before its program broke it: what goes on stands below the word that it began with."""
    whole: list[Line] = []
    column = None
    for line in lines:
        if line.column == column:
            before = whole[-1]
            whole[-1] = Line(before.column, f"{before.text} {line.text}"[:MAX_LINE_CHARS])
            continue
        begin = _CAUSE.match(line.text)
        column = line.column + len(begin["label"] or "") if begin is not None else None
        whole.append(line)
    return whole


def _by_signs(lines: Sequence[Line]) -> Cause | None:
    general: Cause | None = None
    got_over, ended, texts = False, ends(lines), [line.text for line in lines]
    for at in range(len(lines) - 1, max(len(lines) - LAST_LINES, 0) - 1, -1):
        text, end = texts[at], ended.get(at)
        if end is End.IGNORED:
            continue
        found = _sign(text)
        if found is None:
            got_over = got_over or end is End.ITS_OWN
            continue
        if got_over and is_got_over(text):
            continue
        behind = root(found, texts[:at], texts[at + 1 :])
        if behind is None:
            continue
        kind, thing = behind
        if kind not in GENERAL:
            return _cause(kind, thing)
        general = general or _cause(kind, thing)
    return general


def _sign(line: str) -> tuple[Kind, str] | None:
    """The kind that a line is a sign of, and what it names."""
    if _NO_ERROR.match(line):
        return None
    for kind, sign in signs():
        match = sign.match(line)
        if match is not None:
            return kind, match.groupdict().get("thing") or ""
    return None


def _cause(kind: Kind, thing: str) -> Cause:
    words = WORDS[kind]
    named = thing.replace("`", "'").strip()[:MAX_THING_CHARS]
    shown = f"`{named}`" if named else words.thing
    mend = help_for(kind, thing) or words.mend
    why, mend = (text.replace("{thing}", shown) for text in (words.why, mend))
    return Cause(kind, why[0].upper() + why[1:], mend, words.who)
