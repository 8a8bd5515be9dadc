"""Discussions on lines of a merge request: which problems get one, and what becomes of those that are there.

A discussion is known by the fingerprint of its problem, which stands in a comment in its first note. Anybody can paste
that comment, so only what the bot itself wrote counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.diff import ShownFile, git_line
from bot.domain.gitlab import DiffRefs, Discussion, MergeRequest, Position
from parser.model import Place, Problem, Severity

_MARKER = re.compile(r"<!-- mlreef-bot:thread ([0-9a-f]{64}) -->(?:\r?\n|$)")


class State(StrEnum):
    """What became of a discussion: it stands open, the bot resolved it, or a person resolved or deleted it."""

    OPEN = "open"
    MENDED = "mended"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Thread:
    """A discussion that the bot began, by GitLab's id of it."""

    state: State
    discussion: str


@dataclass(frozen=True, slots=True)
class Threads:
    """What is known of a merge request's discussions: by fingerprint, and where none can stand.

    `outside` names a problem together with all that its place in the diff rests on (see `spots`), so that the diff is
    not asked for again while none of that changed.
    """

    known: Mapping[str, Thread] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Todo:
    """Fingerprints: of problems to begin a discussion of, of discussions to resolve, of those to open again."""

    begin: tuple[str, ...]
    resolve: tuple[str, ...]
    reopen: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.begin or self.resolve or self.reopen)


def marker(fingerprint: str) -> str:
    """First line of a discussion's first note."""
    return f"<!-- mlreef-bot:thread {fingerprint} -->"


def write_threads(threads: Threads) -> str:
    """As the store keeps them."""
    known = {name: [thread.state, thread.discussion] for name, thread in threads.known.items()}
    return json.dumps({"known": known, "outside": sorted(threads.outside)})


def read_threads(text: str) -> Threads | None:
    """Back from the store; None where nothing is kept, or nothing that can be read: then GitLab is asked."""
    try:
        kept = json.loads(text)
        known = {
            str(name): Thread(State(state), str(where)) for name, (state, where) in kept["known"].items()
        }
        return Threads(known, frozenset(map(str, kept["outside"])))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def learn(
    kept: Threads | None, discussions: Iterable[Discussion], user_id: int, all_of_them: bool = True
) -> Threads:
    """What is known after GitLab was asked for all discussions: its word counts; what is gone a person deleted.

    Of very many discussions not all are read: what is not among those is as it was.
    """
    before = kept or Threads()
    known: dict[str, Thread] = {}
    for one in discussions:
        first = one.notes[0] if one.notes else None
        found = _MARKER.match(first.body) if first is not None and first.author_id == user_id else None
        # the oldest of two stays the one that counts
        if found and found[1] not in known:
            known[found[1]] = Thread(_state(one, before.known.get(found[1]), user_id), one.id)
    gone = {
        name: Thread(State.LEFT if all_of_them else thread.state, thread.discussion)
        for name, thread in before.known.items()
        if name not in known
    }
    return Threads({**known, **gone}, before.outside)


def _state(one: Discussion, before: Thread | None, user_id: int) -> State:
    if not one.resolved:
        return State.OPEN
    by_bot = one.resolved_by == user_id
    # where GitLab does not say who it was, the bot's own memory does
    unsaid = one.resolved_by is None and before is not None and before.state is State.MENDED
    return State.MENDED if by_bot or unsaid else State.LEFT


def what_to_do(threads: Threads, wanted: Sequence[str], outside: Collection[str], limit: int) -> Todo:
    """From the fingerprints of what is wrong on lines, the most important first, and those the diff does not show.

    A discussion that a person resolved or deleted is left alone for good. None is begun once there is no room.
    """
    state = {name: thread.state for name, thread in threads.known.items()}
    new = tuple(name for name in wanted if name not in state and name not in outside)
    return Todo(
        new if room(threads, limit) else (),
        tuple(name for name in state if state[name] is State.OPEN and name not in wanted),
        tuple(name for name in wanted if state.get(name) is State.MENDED),
    )


def room(threads: Threads, limit: int) -> int:
    """How many more discussions a merge request may have; what the bot began counts, whatever became of it."""
    return max(0, limit - len(threads.known))


def may_have_thread(problem: Problem) -> bool:
    """Whether a problem is worth a discussion: it has a place, and something is wrong or mended at one click."""
    return problem.place is not None and (problem.severity is not Severity.INFO or bool(problem.edits))


def lines_to_stand_on(problem: Problem, content: bytes | None) -> tuple[int, ...]:
    """Lines of the problem's file, by git's count, that a discussion may stand on, the best first; at least one.

    What is about a file as a whole is best told where its mend would be.
    """
    place = problem.place or Place("")
    ours = [place.line]
    if place.end_line is None and content and all(edit.place.file == place.file for edit in problem.edits):
        ours = [*(edit.place.line for edit in problem.edits[:1]), place.line]
    last = content.count(b"\n") + (not content.endswith(b"\n")) if content else max(ours)
    return tuple(dict.fromkeys(min(git_line(line, content), last) for line in ours))


def shown_line(problem: Problem, lines: Iterable[int], files: Mapping[str, ShownFile]) -> int | None:
    """The first of these lines of the problem's file that the diff shows."""
    file = files.get(problem.place.file) if problem.place else None
    return next((line for line in lines if file is not None and line in file.lines), None)


def position(problem: Problem, line: int, files: Mapping[str, ShownFile], refs: DiffRefs) -> Position | None:
    """Where a discussion of the problem stands on a shown line; None when the diff does not show it."""
    file = files.get(problem.place.file) if problem.place else None
    if file is None or line not in file.lines:
        return None
    return Position(
        refs.base_sha, refs.start_sha, refs.head_sha, file.old_path, file.new_path, file.lines[line], line
    )


def spots(
    problems: Mapping[str, Problem],
    lines: Mapping[str, Sequence[int]],
    contents: Mapping[str, bytes],
    request: MergeRequest,
) -> dict[str, str]:
    """For each problem (by fingerprint) a name for its line in this state of its file, against this base.

    While it stays the same, so does whether the diff shows the line. 24 hex digits.
    """
    base = request.diff_refs.base_sha if request.diff_refs else request.sha
    files = {problem.place.file for problem in problems.values() if problem.place}
    states = {path: hashlib.sha256(contents[path]).hexdigest() for path in files if path in contents}
    found = {}
    for name, problem in problems.items():
        state = states.get(problem.place.file if problem.place else "", request.sha)
        parts = (name, ",".join(map(str, lines[name])), base, state)
        found[name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    return found


def left_for_note(
    problems: Sequence[Problem], names: Sequence[str], threads: Threads, limit: int
) -> tuple[Problem, ...]:
    """The problems, each with its fingerprint, that the note has to tell: those that no discussion tells.

    What a person resolved or deleted is not said again, unless it stands in the way of the publication.
    """

    def is_told(problem: Problem, name: str) -> bool:
        thread = threads.known.get(name)
        if thread is None or not limit:
            return False
        return thread.state is State.OPEN or (
            thread.state is State.LEFT and problem.severity is not Severity.ERROR
        )

    return tuple(problem for problem, name in zip(problems, names, strict=True) if not is_told(problem, name))
