"""The one note that a merge request gets of the bot, whatever there is to say: written, edited, or left alone.

What is decided here is whose text it is. A note that a person deleted is written again only for news; one that a
person changed is that person's, and news goes to a new one. That a lost answer, a lost database or a second worker
does not make two notes is seen to by looking first, one at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from bot.adapters.database import POOL_SIZE
from bot.domain.gitlab import Note, Topic
from bot.domain.sticky import (
    digest_of,
    is_untouched,
    marked,
    marked_runs,
    own_notes,
    says,
    with_review,
)
from bot.errors import Gone, TryAgain
from bot.world import World

NOTE_BUSY_SECONDS = 1.0
"""Pause when another worker writes the same note, and how long to wait for room."""

NOTES_AT_A_TIME = POOL_SIZE
"""Notes that one process writes at a time: each holds a connection to the database, and needs another now and then."""

REWORDED = "note as GitLab keeps it"
"""Begins the names of facts about notes whose text GitLab changed by itself."""

_writers = threading.BoundedSemaphore(NOTES_AT_A_TIME)

log = structlog.get_logger()


def ensure_note(
    project_id: int,
    iid: int,
    body: str,
    world: World,
    news: bool = True,
    outcome: bool = False,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Have the merge request's one note say `body`; without `news` none is begun for it. Nothing to do costs no call.

    `outcome`: it is what became of the publication, and the review that the note holds is kept, folded below it.
    `ready` is called before anything is written, which it may prevent by raising.
    Raises TryAgain while another worker writes there; Refused or Gone when GitLab takes no notes.
    """
    digest = digest_of(body)
    if world.store.review(project_id, iid).note_digest == digest:
        return
    with _room(), world.store.turn(f"note {project_id} {iid}") as mine:
        if not mine:
            raise TryAgain("another worker writes the note of this merge request", NOTE_BUSY_SECONDS)
        known = world.store.review(project_id, iid)
        if known.note_digest == digest:
            return
        topic = Topic(project_id, "MergeRequest", str(iid))
        note_id = _write(topic, known.note_id, body, world, news, outcome, ready)
        world.store.keep_review(project_id, iid, note_id=note_id, note_digest=digest)


def ensure_runs_note(project_id: int, iid: int, body: str, world: World) -> None:
    """Have the merge request's note of what runs measured say `body`; one that a person changed is left to them.

    Raises TryAgain while another worker writes there; Refused or Gone when GitLab takes no notes.
    """
    with _room(), world.store.turn(f"runs {project_id} {iid}") as mine:
        if not mine:
            raise TryAgain("another worker writes this note", NOTE_BUSY_SECONDS)
        topic = Topic(project_id, "MergeRequest", str(iid))
        notes = own_notes(world.talk.fetch_notes(topic), world.user_id, runs=True)
        if notes and says(notes[-1], digest_of(body)):
            return
        if notes and _is_ours(notes[-1], world):
            try:
                _kept(world.talk.edit_note(topic, notes[-1].id, marked_runs(body)), world)
                return
            except Gone:
                pass  # deleted since it was looked at
        _kept(world.talk.create_note(topic, marked_runs(body)), world)


@contextmanager
def _room() -> Iterator[None]:
    if not _writers.acquire(timeout=NOTE_BUSY_SECONDS):
        raise TryAgain("this worker writes many notes just now", NOTE_BUSY_SECONDS)
    try:
        yield
    finally:
        _writers.release()


def _write(
    topic: Topic,
    known_id: int | None,
    body: str,
    world: World,
    news: bool,
    outcome: bool,
    ready: Callable[[], None],
) -> int | None:
    """The id of the note that says it, or of the one that is left as it is; None where there is none."""
    note = _find(topic, known_id, world)
    ours = note is not None and _is_ours(note, world)
    whole = with_review(body, note.body) if outcome and note is not None and ours else body
    if note is not None and says(note, digest_of(whole)):
        return note.id
    if note is not None and ours:
        ready()
        try:
            return _kept(world.talk.edit_note(topic, note.id, marked(whole, outcome)), world)
        except Gone:
            note = None  # deleted since it was looked at
    if not news:
        return known_id if note is None else note.id
    if note is not None:
        log.info("a person changed the note, so the news goes to a new one", iid=topic.id, note=note.id)
    ready()
    return _kept(world.talk.create_note(topic, marked(body, outcome)), world)


def _kept(note: Note, world: World) -> int:
    """The id of a note just written. A GitLab that keeps other words than it was given must not look like a person."""
    if not is_untouched(note):
        log.warning("GitLab keeps another text than was written", note=note.id)
        world.store.keep_fact(f"{REWORDED} {note.id}", digest_of(note.body))
    return note.id


def _is_ours(note: Note, world: World) -> bool:
    return is_untouched(note) or world.store.fact(f"{REWORDED} {note.id}") == digest_of(note.body)


def _find(topic: Topic, known_id: int | None, world: World) -> Note | None:
    """The note to write in: the known one, else the newest that is still the bot's, else one that a person changed."""
    note = world.talk.fetch_note(topic, known_id) if known_id is not None else None
    if note is not None and note.author_id != world.user_id:
        note = None  # written by the user that the bot was before; nobody else may edit it
    if note is not None and _is_ours(note, world):
        return note
    # the known one is gone or no longer ours; a later one may be there whose writing nobody could note down
    later = own_notes(world.talk.fetch_notes(topic), world.user_id)
    mine = [one for one in later if _is_ours(one, world)]
    return mine[-1] if mine else (note or next(reversed(later), None))
