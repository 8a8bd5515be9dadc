"""Every situation that docs/merge-requests.md shows, in the product's own words."""

from __future__ import annotations

from difflib import SequenceMatcher

from bot.domain import reports
from bot.domain.steps import PUBLISH_STATUS
from bot.domain.thread_words import thread_body
from parser.model import Problem
from pictures.page import Comment, Lines, Scene
from pictures.sample import DIGEST, GOOD, HEAD, IMAGE, MISTAKES, PIPELINE, module_of, report_of

BOT, ALICE = "mlreef-bot", "alice"
LINES_ABOVE = 2


def scenes() -> tuple[Scene, ...]:
    """All of them, in the order of the page."""
    return (_discussions(), _published(), _refused())


def _discussions() -> Scene:
    problems = report_of(MISTAKES).problems
    return Scene(
        "discussions",
        "Choose how strong the noise is",
        "Open",
        "strength",
        ALICE,
        tuple(_thread(problem) for problem in problems if problem.place),
    )


def _thread(problem: Problem) -> Comment:
    place = problem.place
    assert place is not None  # noqa: S101 -- problems without a place have no thread
    content = MISTAKES[place.file].encode()
    return Comment(BOT, thread_body(problem, place.line, content), _lines(place.file, place.line))


def _lines(file: str, line: int) -> Lines:
    """The lines of the changed file above a discussion; those that are not in the published one are added."""
    before, after = GOOD[file].splitlines(), MISTAKES[file].splitlines()
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {block.b + offset + 1 for block in blocks for offset in range(block.size)}
    first = max(line - LINES_ABOVE, 1)
    shown = range(first, line + 1)
    return Lines(file, first, tuple(after[number - 1] for number in shown), frozenset(shown) - kept)


def _published() -> Scene:
    published = reports.Published(IMAGE, DIGEST, 2, ("main-2", "latest"))
    return Scene(
        "published",
        "Choose how strong the noise is",
        "Merged",
        "strength",
        ALICE,
        (Comment(BOT, reports.published_note(module_of(GOOD), (), published, PIPELINE)),),
        check=(PUBLISH_STATUS, "success", reports.published_status(published)),
    )


def _refused() -> Scene:
    problems = report_of(MISTAKES).problems
    return Scene(
        "refused",
        "Choose how strong the noise is",
        "Merged",
        "strength",
        ALICE,
        (Comment(BOT, reports.refused_note(HEAD, problems)),),
        check=(PUBLISH_STATUS, "failed", reports.refused_status(problems)),
    )
