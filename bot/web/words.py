"""The pages' words for states, kinds, times and stages: what stands there is never told by a colour alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from bot.domain.catalogue import VersionState


@dataclass(frozen=True, slots=True)
class Word:
    """A state as people read it. `tone` chooses colour and sign: good, busy, warn, bad or off."""

    text: str
    tone: str
    about: str


STATES: Mapping[VersionState, Word] = {
    VersionState.CREATION_FAILED: Word("Not started", "bad", "Nothing could be prepared for its pipeline."),
    VersionState.CREATED: Word("Created", "busy", "It waits for its pipeline."),
    VersionState.PENDING: Word("Waiting", "busy", "Its pipeline waits for a runner."),
    VersionState.STARTING: Word("Starting", "busy", "Its pipeline begins."),
    VersionState.STARTED: Word("Building", "busy", "Its pipeline runs."),
    VersionState.FINISHING: Word("Finishing", "busy", "The image is there; its names are being given."),
    VersionState.FAILED: Word("Failed", "bad", "Its pipeline failed, so nothing was published."),
    VersionState.PUBLISHED: Word("Published", "good", "The image is there and is what was published."),
    VersionState.INCONSISTENT: Word(
        "Inconsistent",
        "bad",
        "Its tag or its image is gone from the registry, or another image has its name.",
    ),
    VersionState.OUTDATED: Word("Outdated", "warn", "The branch has moved on since; the image still works."),
    VersionState.PIPELINE_MISSING: Word("No pipeline", "warn", "GitLab does not know its pipeline any more."),
    VersionState.UNPUBLISHED: Word("Unpublished", "off", "It was taken back; its number stays used."),
    VersionState.UNPUBLISHING: Word("Being unpublished", "busy", "Its names are being taken away."),
    VersionState.REPUBLISHING: Word("Being republished", "busy", "It is being brought back."),
}

STAGES: Mapping[str, Word] = {
    "success": Word("done", "good", ""),
    "running": Word("running", "busy", ""),
    "failed": Word("failed", "bad", ""),
    "canceled": Word("cancelled", "bad", ""),
    "canceling": Word("being cancelled", "bad", ""),
    "skipped": Word("skipped", "off", ""),
    "manual": Word("waits for somebody", "warn", ""),
}
WAITING = Word("waiting", "off", "")

KINDS: Mapping[str, str] = {
    "ALGORITHM": "Model",
    "OPERATION": "Operation",
    "VISUALIZATION": "Visualization",
}
"""MLReef's kinds as people call them."""

LEVELS = (
    Word(
        "No change", "off", "Whoever uses {before} sees no difference: only code, texts or packages changed."
    ),
    Word("Patch", "good", "Only titles or texts changed: every use of {before} goes on as it is."),
    Word("Minor", "good", "There is something new: every use of {before} still works."),
    Word("Major", "warn", "What works with {before} may not work with {after}."),
)
"""How much a change asks of those who use the module, by its level."""

VISIBILITIES: Mapping[str, str] = {
    "public": "Public project",
    "internal": "Internal project: for everybody who is signed in",
    "private": "Private project",
}
"""For whom a project is, by its visibility in GitLab."""

_SPANS = ((365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3600, "hour"), (60, "minute"))


def state_word(state: VersionState) -> Word:
    """How a version stands, in one word, with a sentence."""
    return STATES[state]


def stage_word(state: str) -> Word:
    """How a job stands, in a word; GitLab has many words for one that has not begun."""
    return STAGES.get(state, WAITING)


def plain_word(word: str) -> str:
    """A word of a closed list as people write it: `TIME_SERIES` as `time series`."""
    return word.replace("_", " ").lower()


def kind_word(kind: str) -> str:
    """A kind of modules as people call it; one that nobody knows is shown as it is."""
    return KINDS.get(kind, kind)


def coded(text: str) -> Markup:
    """Words in which something stands in backticks, as HTML; the text may be anybody's."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        # one of them has no partner, and stays
        pieces[-2:] = ["`".join(pieces[-2:])]
    return Markup().join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )


def ago(at: float | None, now: float | None = None) -> str:
    """How long ago a moment was, in its largest unit; empty for none."""
    if at is None:
        return ""
    past = (time.time() if now is None else now) - at
    for seconds, unit in _SPANS:
        if past >= seconds:
            count = int(past // seconds)
            return f"{count} {unit}{'s' if count != 1 else ''} ago"
    return "just now"


def moment(at: float | None) -> str:
    """A moment as machines and tooltips read it, in UTC."""
    return "" if at is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
