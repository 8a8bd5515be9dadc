"""Discussions on the lines of a merge request: begin, resolve and reopen them, and say what is left for the note.

Every step may be done again: before anything is begun, GitLab is asked what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.adapters.talk import MAX_DISCUSSIONS, PositionRefused
from bot.domain import threads as rules
from bot.domain.diff import read_diff
from bot.domain.fingerprints import fingerprints, kind_of
from bot.domain.gitlab import DiffRefs, MergeRequest, Position, Topic
from bot.domain.thread_pairs import paired
from bot.domain.thread_words import thread_body
from bot.domain.threads import State, Thread, Threads
from bot.errors import Gone, Refused, TryAgain
from bot.world import World
from parser.model import Problem

log = structlog.get_logger()

DIFF_SECONDS = 2.0
"""After this time GitLab is asked again for a diff that it has not made yet."""

Mended = Callable[[Problem], Problem]
"""Gives a problem edits that take time to find."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A merge request's head, its files, and the problems that may be told on lines, by fingerprint."""

    request: MergeRequest
    contents: Mapping[str, bytes]
    wanted: Mapping[str, Problem]
    lines: Mapping[str, tuple[int, ...]]
    spots: Mapping[str, str]
    limit: int

    @property
    def topic(self) -> Topic:
        return Topic(self.request.project_id, "MergeRequest", str(self.request.iid))

    def todo(self, threads: Threads) -> rules.Todo:
        outside = {name for name, spot in self.spots.items() if spot in threads.outside}
        return rules.what_to_do(threads, tuple(self.wanted), outside, self.limit)


def discuss(
    request: MergeRequest,
    problems: Sequence[Problem],
    contents: Mapping[str, bytes],
    limit: int,
    world: World,
    mended: Mended = lambda problem: problem,
    ready: Callable[[], None] = lambda: None,
) -> tuple[Problem, ...]:
    """Say each problem on its line, where the diff shows it, and give those that are left for the note.

    `problems` are those of the request's head, the most important first; `contents` are its files, out of which
    suggestions are cut. With a limit of 0 no discussion is to stand, and the bot resolves its own. GitLab is called
    only when something is new or mended, and the first time; `mended` only before a discussion begins; `ready` before
    a diff is read or anything is written, which it may prevent by raising. Raises TryAgain while GitLab makes the diff.
    """
    names = fingerprints(problems)
    every = dict(zip(names, problems, strict=True))
    wanted = {name: one for name, one in every.items() if limit and rules.may_have_thread(one)}
    lines = {name: rules.lines_to_stand_on(one, _content(one, contents)) for name, one in wanted.items()}
    spots = rules.spots(wanted, lines, contents, request)
    case = _Case(request, contents, wanted, lines, spots, limit)
    kept = rules.read_threads(world.store.review(request.project_id, request.iid).threads)
    threads = kept or Threads()
    if kept is None or case.todo(threads):
        threads = _brought_up(threads, kept, case, world, mended, ready)
        threads = replace(threads, outside=threads.outside & frozenset(spots.values()))
        world.store.keep_review(request.project_id, request.iid, threads=rules.write_threads(threads))
    return rules.left_for_note(problems, names, threads, limit)


def _brought_up(
    threads: Threads,
    kept: Threads | None,
    case: _Case,
    world: World,
    mended: Mended,
    ready: Callable[[], None],
) -> Threads:
    """The discussions as they are to be. GitLab is not asked for all of them when none is to be touched."""
    todo = case.todo(threads)
    if todo:
        ready()  # a diff of another head would mislead, too
    places = _places(todo.begin, case, world)
    outside = threads.outside | {case.spots[name] for name, where in places.items() if where is None}
    threads = replace(threads, outside=outside)
    if kept is None or case.todo(threads):
        threads = replace(_learned(kept, case, world), outside=outside)
        todo = case.todo(threads)
        if todo:
            ready()
        threads = _settled(threads, todo, case.topic, world)
        places |= _places([name for name in todo.begin if name not in places], case, world)
        threads = _begun(threads, {name: places[name] for name in todo.begin}, case, world, mended)
    return threads


def _learned(kept: Threads | None, case: _Case, world: World) -> Threads:
    """What GitLab knows of the bot's discussions."""
    found = world.talk.fetch_discussions(case.topic)
    places = {name: (kind_of(problem), case.lines[name][0]) for name, problem in case.wanted.items()}
    return paired(
        rules.learn(kept, found, world.user_id, len(found) < MAX_DISCUSSIONS),
        places,
        {one.id: one.new_line for one in found},
    )


def _settled(threads: Threads, todo: rules.Todo, topic: Topic, world: World) -> Threads:
    """Discussions of what was mended are resolved, those of what came back stand open again."""
    known = dict(threads.known)
    for name in (*todo.resolve, *todo.reopen):
        thread, is_mended = known[name], name in todo.resolve
        try:
            world.talk.resolve(topic, thread.discussion, is_mended)
            known[name] = replace(thread, state=State.MENDED if is_mended else State.OPEN)
        except (Refused, Gone) as refusal:
            # too few rights, or a person deleted it just now
            log.info(
                "discussion_left", merge_request=topic.id, discussion=thread.discussion, why=str(refusal)
            )
            known[name] = replace(thread, state=State.LEFT)
    return replace(threads, known=known)


def _places(names: Sequence[str], case: _Case, world: World) -> dict[str, Position | None]:
    """Where the diff shows these problems; None for those that it does not show."""
    if not names:
        return {}
    request = case.request
    paths = {problem.place.file for name in names if (problem := case.wanted[name]).place}
    files = read_diff(world.forge.fetch_diff(request.project_id, request.iid, paths))
    shown = {name: rules.shown_line(case.wanted[name], case.lines[name], files) for name in names}
    if not any(shown.values()):
        return dict.fromkeys(names)
    refs = _refs(request, world)
    return {
        name: rules.position(case.wanted[name], line, files, refs) if line else None
        for name, line in shown.items()
    }


def _begun(
    threads: Threads, places: Mapping[str, Position | None], case: _Case, world: World, mended: Mended
) -> Threads:
    """A discussion for each new problem whose line the diff shows, as long as there is room."""
    known, outside = dict(threads.known), set(threads.outside)
    for name, where in places.items():
        if where is None:
            outside.add(case.spots[name])
        elif len(known) < case.limit:
            problem = mended(case.wanted[name])
            said = thread_body(problem, where.new_line or 1, _content(problem, case.contents) or b"")
            try:
                made = world.talk.start_discussion(case.topic, f"{rules.marker(name)}\n{said}", where)
                known[name] = Thread(State.OPEN, made.id)
            except PositionRefused as refusal:
                log.info("position_refused", merge_request=case.topic.id, why=str(refusal))
                outside.add(case.spots[name])
            except Refused as refusal:
                # not this line but any: too few rights, or the discussion is locked
                log.info("discussions_refused", merge_request=case.topic.id, why=str(refusal))
                return Threads(known, frozenset(outside | {case.spots[one] for one in places}))
    return Threads(known, frozenset(outside))


def _content(problem: Problem, contents: Mapping[str, bytes]) -> bytes | None:
    """What the problem's file holds; None where it was not read."""
    return contents.get(problem.place.file) if problem.place else None


def _refs(request: MergeRequest, world: World) -> DiffRefs:
    """The commits that name lines of the head's diff, as GitLab says them; TryAgain while it has not made that diff."""
    refs = request.diff_refs
    if refs is None or refs.head_sha != request.sha:
        refs = world.forge.fetch_diff_refs(request.project_id, request.iid)
    if refs is None or refs.head_sha != request.sha:
        raise TryAgain("GitLab has not made the diff of the merge request's head yet", DIFF_SECONDS)
    return refs
