"""The one note of a merge request: how it is known again, and whether a person has changed it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.gitlab import Note

OLD_MARKER = "<!-- mlreef-bot:publication -->"
"""What earlier versions of the bot marked their notes with; nothing tells whether a person changed such a one."""

MAX_TEXT_CHARS = 500_000
"""Characters of an outcome together with the review before it; GitLab takes a million."""

_MARK = re.compile(r"\A\s*<!-- mlreef-bot:(note|outcome|runs) sha256=([0-9a-f]{64}) -->[ \t]*(?:\r\n?|\n|\Z)")
_REVIEW_FOLLOWS = "<!-- mlreef-bot:review -->"
_REVIEW_BEGINS = (
    f"\n\n<details>\n<summary>What I said before it was merged</summary>\n\n{_REVIEW_FOLLOWS}\n\n"
)
_REVIEW_ENDS = "\n\n</details>"


@dataclass(frozen=True, slots=True)
class Mark:
    """The bot's mark on a note: the digest of what the bot said there, and whether it still stands there so.

    `outcome`: it tells what became of a publication, not what merging would publish. `runs`: it is the note of its own
    that tells what runs measured.
    """

    digest: str
    untouched: bool
    outcome: bool = False
    runs: bool = False


def digest_of(body: str) -> str:
    """What tells one body from another, in 64 hex digits; ends of lines and blanks around it make no difference."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n")
    return hashlib.sha256(lines.strip().encode("utf-8", "replace")).hexdigest()


def marked(body: str, outcome: bool = False) -> str:
    """The body as it is written: below the bot's mark, which no reader sees."""
    return _below_mark("outcome" if outcome else "note", body)


def marked_runs(body: str) -> str:
    """What runs measured, as it is written: below the bot's mark for that."""
    return _below_mark("runs", body)


def _below_mark(kind: str, body: str) -> str:
    return f"<!-- mlreef-bot:{kind} sha256={digest_of(body)} -->\n{body}"


def with_review(outcome: str, before: str) -> str:
    """What became of a publication, and folded below it the review that stands in the note so far (`before`)."""
    mark = read_mark(before)
    if mark is None or not mark.digest:
        return outcome
    text = before[before.index("-->") + len("-->") :].strip()
    if mark.outcome:
        text = text.partition(_REVIEW_BEGINS)[2].removesuffix(_REVIEW_ENDS)
    whole = f"{outcome}{_REVIEW_BEGINS}{text}{_REVIEW_ENDS}"
    return whole if "\n" in text and len(whole) <= MAX_TEXT_CHARS else outcome


def read_mark(text: str) -> Mark | None:
    """The bot's mark on a note's text; None where there is none. A mark is no proof: anybody can paste one."""
    found = _MARK.match(text)
    if found is not None:
        untouched = digest_of(text[found.end() :]) == found[2]
        return Mark(found[2], untouched, found[1] == "outcome", found[1] == "runs")
    return Mark("", True) if text.lstrip().startswith(OLD_MARKER) else None


def own_notes(notes: Sequence[Note], user_id: int, runs: bool = False) -> tuple[Note, ...]:
    """Those that the bot, the user of that id, wrote as its note, or as the one of `runs`; in the order given."""
    marks = ((note, read_mark(note.body)) for note in notes if note.author_id == user_id)
    return tuple(note for note, mark in marks if mark is not None and mark.runs == runs)


def is_untouched(note: Note) -> bool:
    """Whether the note still says what the bot wrote there."""
    mark = read_mark(note.body)
    return mark is not None and mark.untouched


def says(note: Note, digest: str) -> bool:
    """Whether the bot wrote the body of that digest there; a person may have changed it since."""
    mark = read_mark(note.body)
    return mark is not None and mark.digest == digest
