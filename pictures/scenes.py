"""Every situation that docs/merge-requests.md shows, in the product's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from bot.domain import failure_words, published_words, reports
from bot.domain.commands import Name, Unknown
from bot.domain.gitlab import CiJob
from bot.domain.making import Making, explained
from bot.domain.replies import explain_reply, unknown_reply
from bot.domain.review import Reviewed
from bot.domain.review_note import check_status, folded_body, review_body
from bot.domain.settings_edit import Edited, Offer
from bot.domain.steps import CHECK_STATUS, PUBLISH_STATUS
from bot.domain.sticky import marked, with_review
from bot.domain.thread_words import thread_body
from bot.domain.withdrawal import not_allowed_reply
from bot.domain.wizard import SETUP_BRANCH
from bot.domain.wizard_words import edit_reply, setup_description, setup_title
from parser.model import Problem
from parser.settings import PATH as SETTINGS
from pictures.page import Comment, Lines, Scene
from pictures.sample import (
    BROKEN,
    DIGEST,
    ENVIRONMENT,
    GOOD,
    HEAD,
    IMAGE,
    LOCK,
    MENDED,
    MISTAKES,
    MOVED,
    NEW_PROJECT,
    PIPELINE,
    UNPINNED,
    module_of,
    report_of,
    review_of,
    setup_of,
)

BOT, ALICE = "mlreef-bot", "alice"
TITLE = "Choose how strong the noise is"
LINES_ABOVE = 2
PROJECT = PIPELINE.web_url.partition("/-/")[0]

SMOKE_LOG = b"""\
Trying python add_noise.py \xe2\x80\xa6 --help, with every parameter in its turn; its body is not run.
  no --help: it ended with exit code 1
       | Traceback (most recent call last):
       |   File "/module/add_noise.py", line 3, in <module>
       |     import cv2
       | ImportError: libGL.so.1: cannot open shared object file: No such file or directory
Not published: the script does not even print its help, it ended with exit code 1. ImportError: libGL.so.1: \
cannot open shared object file: No such file or directory
ERROR: Job failed: exit code 1
"""
"""What the test of a candidate prints when a library of the system is missing."""


def scenes() -> tuple[Scene, ...]:
    """All of them, in the order of the page."""
    return (
        _first(),
        _mistakes(),
        _interface(),
        _folded(),
        _published(),
        _refused(),
        _failed(),
        _fork(),
        _commands(),
        _wizard(),
    )


def _scene(name: str, reviewed: Reviewed, comments: tuple[Comment, ...], title: str = TITLE) -> Scene:
    """An open merge request with its check."""
    state = "success" if reviewed.good else "failed"
    check = (CHECK_STATUS, state, check_status(reviewed))
    return Scene(name, title, "Open", reviewed.request.source_branch, ALICE, comments, check=check)


def _first() -> Scene:
    reviewed = review_of(GOOD, current=None, branch="noise")
    return _scene("first", reviewed, (Comment(BOT, review_body(reviewed)),), "Add noise to images")


def _mistakes() -> Scene:
    reviewed = review_of(MISTAKES)
    threads = tuple(_thread(problem, MISTAKES) for problem in reviewed.problems if problem.place)
    note = review_body(reviewed, on_lines=len(threads))
    return _scene("mistakes", reviewed, (Comment(BOT, note), *threads))


def _interface() -> Scene:
    reviewed = review_of(BROKEN, branch="kinds")
    note = review_body(reviewed, reviewed.problems)
    return _scene("interface", reviewed, (Comment(BOT, note),), "Other kinds of noise")


def _folded() -> Scene:
    threads = (_thread(problem, UNPINNED) for problem in review_of(UNPINNED).problems if problem.place)
    resolved = tuple(replace(thread, resolved_by=BOT) for thread in threads)
    reviewed = review_of(MOVED, branch="newer-numpy")
    return _scene("folded", reviewed, (Comment(BOT, folded_body(reviewed)), *resolved), "Newer numpy")


def _fork() -> Scene:
    reviewed = review_of(MENDED, fork=True)
    note = Comment(BOT, review_body(reviewed, reviewed.problems))
    return replace(_scene("fork", reviewed, (note,)), author="bob", check=None)


def _thread(problem: Problem, files: Mapping[str, str]) -> Comment:
    place = problem.place
    assert place is not None  # noqa: S101 -- problems without a place have no thread
    text = files[place.file]
    return Comment(BOT, thread_body(problem, place.line, text.encode()), _lines(place.file, place.line, text))


def _lines(file: str, line: int, text: str) -> Lines:
    """The lines of a changed file above a discussion; those that are not in the published one are added."""
    before, after = GOOD[file].splitlines(), text.splitlines()
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {block.b + offset + 1 for block in blocks for offset in range(block.size)}
    first = max(line - LINES_ABOVE, 1)
    shown = range(first, line + 1)
    return Lines(file, first, tuple(after[number - 1] for number in shown), frozenset(shown) - kept)


def _published() -> Scene:
    published = published_words.Published(IMAGE, DIGEST, 4, ("main-4", "1.1.0", "latest"), version="1.1.0")
    reviewed = review_of(MENDED)
    making = Making("layers", environment="python-3.12", size=101_000_000, layers=9, seconds=14.0, lock=LOCK)
    making = explained(making, reviewed.report, ENVIRONMENT, "layers", "")
    outcome = published_words.published_note(module_of(MENDED), (), published, PIPELINE, making)
    note = with_review(outcome, marked(review_body(reviewed)))
    return Scene(
        "published",
        TITLE,
        "Merged",
        "strength",
        ALICE,
        (Comment(BOT, note),),
        check=(PUBLISH_STATUS, "success", published_words.published_status(published, making)),
    )


def _refused() -> Scene:
    problems = report_of(MISTAKES).problems
    return Scene(
        "refused",
        TITLE,
        "Merged",
        "strength",
        ALICE,
        (Comment(BOT, reports.refused_note(HEAD, problems)),),
        check=(PUBLISH_STATUS, "failed", reports.refused_status(problems)),
    )


def _failed() -> Scene:
    job = CiJob(5_021, "mlreef-smoke", "failed", False, f"{PROJECT}/-/jobs/5021", "script_failure")
    note = failure_words.failed_note(HEAD, job, PIPELINE, SMOKE_LOG)
    status = failure_words.failed_status(job, SMOKE_LOG)
    comments = (Comment(BOT, note),)
    return Scene(
        "failed", TITLE, "Merged", "strength", ALICE, comments, check=(PUBLISH_STATUS, "failed", status)
    )


def _commands() -> Scene:
    """A few comments that ask for something; the second one is by somebody who may not."""
    retype = Edited(SETTINGS, b"", "environment: torch-2.9\n", "torch-2.9", True)
    offer = Offer(retype, "strength", HEAD, "")
    said = (
        Comment(ALICE, "/mlreef check", reactions=("eyes", "white_check_mark")),
        _asked("/mlreef pubish", unknown_reply(Unknown("pubish", Name.PUBLISH)), "x"),
        _asked("/mlreef unpublish 1.0.2", not_allowed_reply("unpublish"), "x"),
        _asked("/mlreef environment torch-2.9", edit_reply(offer)),
        _asked("/mlreef explain parameter-type", explain_reply("parameter-type")),
    )
    return Scene("commands", TITLE, "Open", "strength", ALICE, said)


def _asked(command: str, reply: str, end: str = "white_check_mark") -> Comment:
    return Comment(ALICE, command, reactions=("eyes", end), replies=(Comment(BOT, reply),))


def _wizard() -> Scene:
    description = setup_description(setup_of(NEW_PROJECT), "main", "")
    return Scene("wizard", setup_title(), "Open", SETUP_BRANCH, BOT, description=description)
