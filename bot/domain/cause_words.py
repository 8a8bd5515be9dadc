"""The words for each common failure of a job: what happened, what to do, and who can."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.cause_kinds import Kind, Words
from bot.domain.cause_words_of_builds import BUILDS
from bot.domain.cause_words_of_runs import RUNS
from bot.domain.text import row

WORDS: Mapping[Kind, Words] = {**BUILDS, **RUNS}


def cause_table() -> list[str]:
    """All causes as the rows of a Markdown table, for the documentation."""
    rows = [
        row(f"`{kind}`", _shown(words.why, words), _shown(words.mend, words), str(words.who))
        for kind, words in WORDS.items()
    ]
    return [row("", "what happened", "what to do", "who can"), row(*["---"] * 4), *rows]


def _shown(text: str, words: Words) -> str:
    shown = text.replace("{thing}", words.thing)
    return shown[0].upper() + shown[1:]
