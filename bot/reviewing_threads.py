"""Discussions on the lines of a merge request: begin, resolve and reopen them, and say what is left for the note.

Every step may be done again: before anything is begun, GitLab is asked what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from bot.adapters.talk import PositionRefused
from bot.domain import threads as rules
from bot.domain.diff import git_line, read_diff
from bot.domain.fingerprints import fingerprints, kind_of
from bot.domain.gitlab import DiffRefs, MergeRequest, Topic
from bot.domain.thread_pairs import paired
from bot.domain.thread_words import thread_body
from bot.domain.threads import State, Thread, Threads
from bot.errors import Gone, Refused, TryAgain
from bot.world import World
from parser.model import Place, Problem

log = structlog.get_logger()

DIFF_SECONDS = 2.0
"""After this time GitLab is asked again for a diff that it has not made yet."""


def discuss(
    request: MergeRequest,
    problems: Sequence[Problem],
    contents: Mapping[str, bytes],
    limit: int,
    world: World,
    mended: Callable[[Problem], Problem] = lambda problem: problem,
) -> tuple[Problem, ...]:
    """Say each problem on its line, where the diff shows it, and give those that are left for the note.

    `problems` are those of the request's head, the most important first; `contents` are its files, out of which
    suggestions are cut. With a limit of 0 no discussion is to stand, and the bot resolves its own. GitLab is called
    only when something is new or mended, and the first time. `mended` may give a problem edits that take time to find;
    it is asked only before a discussion begins. Raises TryAgain while GitLab makes the diff.
    """
    names = fingerprints(problems)
    wanted = {
        name: problem
        for name, problem in zip(names, problems, strict=True)
        if limit and rules.may_have_thread(problem)
    }
    kept = rules.read_threads(world.store.review(request.project_id, request.iid).threads)
    spots = {name: _spot(name, problem, contents, request) for name, problem in wanted.items()}
    threads = kept or Threads()
    if kept is None or _todo(threads, wanted, spots, limit):
        topic = Topic(request.project_id, "MergeRequest", str(request.iid))
        discussions = world.talk.fetch_discussions(topic)
        places = {name: (kind_of(problem), _line(problem, contents)[0]) for name, problem in wanted.items()}
        lines = {one.id: one.new_line for one in discussions}
        threads = paired(rules.learn(kept, discussions, world.user_id), places, lines)
        todo = _todo(threads, wanted, spots, limit)
        threads = _settled(threads, todo, topic, world)
        if todo.begin:
            new = {name: wanted[name] for name in todo.begin}
            threads = _begun(threads, new, spots, contents, limit, request, world, mended)
        here = frozenset(spots.values())
        threads = replace(threads, outside=threads.outside & here)
        world.store.keep_review(request.project_id, request.iid, threads=rules.write_threads(threads))
    return rules.left_for_note(problems, names, threads, limit)


def _todo(
    threads: Threads, wanted: Mapping[str, Problem], spots: Mapping[str, str], limit: int
) -> rules.Todo:
    outside = {name for name, spot in spots.items() if spot in threads.outside}
    return rules.what_to_do(threads, tuple(wanted), outside, limit)


def _settled(threads: Threads, todo: rules.Todo, topic: Topic, world: World) -> Threads:
    """Discussions of what was mended are resolved, those of what came back stand open again."""
    known = dict(threads.known)
    for name in (*todo.resolve, *todo.reopen):
        thread, mended = known[name], name in todo.resolve
        try:
            world.talk.resolve(topic, thread.discussion, mended)
            known[name] = replace(thread, state=State.MENDED if mended else State.OPEN)
        except (Refused, Gone) as refusal:
            # too few rights, or a person deleted it just now
            log.info(
                "discussion_left", merge_request=topic.id, discussion=thread.discussion, why=str(refusal)
            )
            known[name] = replace(thread, state=State.LEFT)
    return replace(threads, known=known)


def _begun(
    threads: Threads,
    new: Mapping[str, Problem],
    spots: Mapping[str, str],
    contents: Mapping[str, bytes],
    limit: int,
    request: MergeRequest,
    world: World,
    mended: Callable[[Problem], Problem],
) -> Threads:
    """A discussion for each new problem whose line the diff shows, as long as there is room."""
    paths = {problem.place.file for problem in new.values() if problem.place}
    files = read_diff(world.forge.fetch_diff(request.project_id, request.iid, paths))
    refs = _refs(request, world)
    topic = Topic(request.project_id, "MergeRequest", str(request.iid))
    known, outside = dict(threads.known), set(threads.outside)
    for name, problem in new.items():
        line, content = _line(problem, contents)
        where = rules.position(problem, line, files, refs)
        if where is None:
            outside.add(spots[name])
        elif len(known) < limit:
            body = f"{rules.marker(name)}\n{thread_body(mended(problem), line, content or b'')}"
            try:
                known[name] = Thread(State.OPEN, world.talk.start_discussion(topic, body, where).id)
            except PositionRefused as refusal:
                log.info("position_refused", merge_request=request.iid, line=line, why=str(refusal))
                outside.add(spots[name])
    return Threads(known, frozenset(outside))


def _line(problem: Problem, contents: Mapping[str, bytes]) -> tuple[int, bytes | None]:
    """The problem's line by git's count, and the content of its file, None where it was not read."""
    place = problem.place or Place("")
    content = contents.get(place.file)
    return git_line(place.line, content), content


def _spot(name: str, problem: Problem, contents: Mapping[str, bytes], request: MergeRequest) -> str:
    line, content = _line(problem, contents)
    return rules.spot(name, line, content, request.diff_refs, request.sha)


def _refs(request: MergeRequest, world: World) -> DiffRefs:
    """The commits that name lines of the head's diff, as GitLab says them; TryAgain while it has not made that diff."""
    refs = request.diff_refs
    if refs is None or refs.head_sha != request.sha:
        refs = world.forge.fetch_diff_refs(request.project_id, request.iid)
    if refs is None or refs.head_sha != request.sha:
        raise TryAgain("GitLab has not made the diff of the merge request's head yet", DIFF_SECONDS)
    return refs
