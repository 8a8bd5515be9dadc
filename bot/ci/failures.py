"""What a build's last lines mean, in sentences that say what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.cause_kinds import Kind
from bot.domain.cause_signs import APT_REFUSES
from bot.domain.cause_words import WORDS
from bot.domain.causes import cause_of_lines

SHOWN_LINES = 15
"""Lines of a build's output that are repeated beneath the sentence."""


def pip_cause(lines: Sequence[str]) -> str:
    """The likely cause of a failed installation, from its last lines."""
    return build_cause(lines) or "pip could not install the requirements; its last lines say why."


def apt_cause(lines: Sequence[str]) -> str:
    """What apt refused, in its own words, and what to do."""
    cause = cause_of_lines(lines)
    if cause is not None and cause.kind is not Kind.NO_DEBIAN_PACKAGE:
        return f"{cause.why} {cause.mend}"
    said = next((line[found.end() :] for line in lines if (found := re.match(APT_REFUSES, line))), "")
    told = f"apt says: {said.rstrip('.')}. " if said else ""
    return f"{told}{WORDS[Kind.NO_DEBIAN_PACKAGE].mend}"


def build_cause(lines: Sequence[str]) -> str:
    """The likely cause of a failed instruction and what to do about it; empty where it is not known."""
    cause = cause_of_lines(lines)
    return f"{cause.why} {cause.mend}" if cause is not None else ""
