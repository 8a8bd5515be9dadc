"""One comment that is a command, top to bottom: who asks, may they, do it, answer.

Seen is told by an emoji at once, done or not done by another at the end; words only where those do not say it all, and
then once, in the same discussion. A job that is repeated finds emoji and answer, and gives neither twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from bot.branches import is_published
from bot.commands import publishing, withdrawing
from bot.commands.changing import entry_point, environment, init
from bot.commands.standing import status
from bot.commands.values import Asked, Awaited, Done, Outcome, Place, Undone, fetch_place
from bot.domain import replies
from bot.domain.codes import read_code
from bot.domain.commands import Command, Misused, Name, Unknown, read_command
from bot.domain.gitlab import Discussion, Topic
from bot.domain.jobs import COMMAND, Answer, Check, Later, merge_request_lane
from bot.errors import Gone, Refused
from bot.review import review
from bot.world import World

SEEN, DONE, NOT_DONE = "eyes", "white_check_mark", "x"
"""Emoji, as GitLab spells them."""

MARK = "<!-- mlreef-bot:answer {note_id} -->"
"""Begins an answer of the bot's, so that it is found again; it counts only in what the bot itself wrote."""

log = structlog.get_logger()


def answer(job: Answer, world: World) -> tuple[Later, ...]:
    """Do what the comment asks for, if its author may, and say so there."""
    asked = read_command(job.line, world.username)
    if asked is None:
        return ()  # it calls somebody else, which was not known when it came
    topic = _topic(job)
    if job.looks:
        look = withdrawing.look_again if _is_about_versions(asked) else publishing.look_again
        return _finish(_unless_refused(lambda: look(job, world), job), job, topic, world)
    person = world.forge.fetch_person(job.user_id)
    if person is None or person.bot or person.id == world.user_id:
        log.info("comment_of_a_program", project=job.project_id, note=job.note_id)
        return ()
    given = {
        one.name for one in world.talk.fetch_reactions(topic, job.note_id) if one.user_id == world.user_id
    }
    if given & {DONE, NOT_DONE}:
        log.info("comment_answered_already", project=job.project_id, note=job.note_id)
        return ()
    if SEEN not in given:
        _react(SEEN, job, topic, world)
    log.info("command", project=job.project_id, note=job.note_id, line=job.line, user=job.user_id)
    return _finish(_obey(asked, job, world), job, topic, world)


def tell_answer_given_up(job: Answer, world: World) -> None:
    """Say below the comment that the bot tries no longer."""
    _finish(Undone(replies.given_up_reply()), job, _topic(job), world)


def _obey(asked: Command | Misused | Unknown, job: Answer, world: World) -> Outcome:
    match asked:
        case Unknown():
            return Undone(replies.unknown_reply(asked))
        case Misused():
            return Undone(replies.misused_reply(asked))
        case Command(name, argument) if name in _PLAIN:
            return _PLAIN[name](argument, world)
    if asked.level and world.forge.fetch_level(job.project_id, job.user_id) < asked.level:
        return Undone(replies.forbidden_reply(asked))
    deed = _DEEDS[asked.name]
    return _unless_refused(lambda: deed(fetch_place(job, world), asked.argument, job, world), job)


def _unless_refused(deed: Callable[[], Outcome], job: Answer) -> Outcome:
    try:
        return deed()
    except (Refused, Gone) as refusal:
        log.warning("command_refused", project=job.project_id, note=job.note_id, why=str(refusal))
        return Undone(replies.refused_reply(str(refusal)))


def _help(_argument: str, world: World) -> Outcome:
    return Done(replies.help_reply(world.policy.docs_url))


def _explain(code: str, _world: World) -> Outcome:
    reply = replies.explain_reply(code)
    return Done(reply) if read_code(code) else Undone(reply)


def _check(place: Place, _argument: str, job: Answer, world: World) -> Outcome:
    request = place.request
    if request is None:
        return Undone(replies.elsewhere_reply(Name.CHECK))
    if not request.open:
        return Undone(replies.not_open_reply())
    if place.project.archived:
        return Undone(replies.archived_reply())
    if not is_published(place.project, place.branch, world):
        return Undone(replies.not_published_reply(place.branch))
    check = Check(job.project_id, merge_request_lane(request.iid), request.iid, request.sha, cause=COMMAND)
    return Done(later=review(check, world))


def _retry(place: Place, argument: str, job: Answer, world: World) -> Outcome:
    given_up = [one for one in world.store.parked() if _is_check_of(one.job, job)]
    if given_up:
        outcome = _check(place, argument, job, world)
        for one in given_up:
            world.store.unpark(one.job_id)
        return outcome
    return publishing.retry(place, world)


def _is_check_of(parked: object, job: Answer) -> bool:
    return isinstance(parked, dict) and (
        (parked.get("kind"), parked.get("project_id"), parked.get("branch"))
        == ("check", job.project_id, job.branch)
    )


_PLAIN: dict[Name, Callable[[str, World], Outcome]] = {Name.HELP: _help, Name.EXPLAIN: _explain}
"""What needs to know neither who asks nor where."""

_DEEDS: dict[Name, Callable[[Place, str, Answer, World], Outcome]] = {
    Name.STATUS: lambda place, _argument, _job, world: status(place, world),
    Name.CHECK: _check,
    Name.PUBLISH: lambda place, _argument, _job, world: publishing.publish(place, world),
    Name.RETRY: _retry,
    Name.UNPUBLISH: withdrawing.unpublish,
    Name.REPUBLISH: withdrawing.republish,
    Name.CANCEL: lambda place, _argument, _job, world: publishing.cancel(place, world),
    Name.ENTRYPOINT: lambda place, file, job, world: entry_point(place, file, job.user_id, world),
    Name.ENVIRONMENT: lambda place, name, job, world: environment(place, name, job.user_id, world),
    Name.INIT: lambda place, skeleton, _job, world: init(place, skeleton, world),
}


def _is_about_versions(asked: Command | Misused | Unknown) -> bool:
    return isinstance(asked, Command) and asked.name in (Name.UNPUBLISH, Name.REPUBLISH)


def _finish(outcome: Outcome, job: Answer, topic: Topic, world: World) -> tuple[Later, ...]:
    if isinstance(outcome, Asked):
        looked = replace(job, looks=job.looks + 1, attempt=0)
        pause = publishing.pause_before(job.looks)
        return (*outcome.later, Later(looked, pause, "waits for a version to come back"))
    if isinstance(outcome, Awaited):
        again = replace(
            job,
            looks=job.looks + 1,
            awaited_branch=outcome.branch,
            awaited_sha=outcome.sha,
            since=outcome.since,
            rerun=outcome.rerun,
            attempt=0,
        )
        pause = 0.0 if outcome.rerun else publishing.pause_before(job.looks)
        return (*outcome.later, Later(again, pause, "waits for a publication's end"))
    try:
        if outcome.reply:
            _ensure_reply(outcome.reply, job, topic, world)
    except (Refused, Gone) as refusal:
        log.warning("not_answered", project=job.project_id, note=job.note_id, reason=str(refusal))
    # last, as it stands for all of it
    _react(DONE if isinstance(outcome, Done) else NOT_DONE, job, topic, world)
    return outcome.later if isinstance(outcome, Done) else ()


def _react(name: str, job: Answer, topic: Topic, world: World) -> None:
    try:
        world.talk.react(topic, job.note_id, name)
    except (Refused, Gone) as refusal:
        log.warning("no_emoji", project=job.project_id, note=job.note_id, emoji=name, reason=str(refusal))


def _ensure_reply(reply: str, job: Answer, topic: Topic, world: World) -> None:
    """Answer in the comment's discussion, unless it was done; where that takes no answers, in a note beside it."""
    mark = MARK.format(note_id=job.note_id)
    thread = _fetch_thread(job, topic, world)
    if thread is None:
        return  # the comment was deleted
    if _is_answered(thread, mark, world):
        return
    body = f"{mark}\n\n{reply}"
    try:
        world.talk.reply(topic, thread.id, body)
    except Refused:
        # a single comment on a commit cannot be answered
        if any(_is_answered(one, mark, world) for one in world.talk.fetch_discussions(topic)):
            return
        world.talk.create_note(topic, body)


def _fetch_thread(job: Answer, topic: Topic, world: World) -> Discussion | None:
    if job.discussion_id:
        return world.talk.fetch_discussion(topic, job.discussion_id)
    # older hooks do not name it
    threads = world.talk.fetch_discussions(topic)
    return next((one for one in threads if any(note.id == job.note_id for note in one.notes)), None)


def _is_answered(thread: Discussion, mark: str, world: World) -> bool:
    return any(note.author_id == world.user_id and note.body.startswith(mark) for note in thread.notes)


def _topic(job: Answer) -> Topic:
    match job.target:
        case "MergeRequest":
            return Topic(job.project_id, "MergeRequest", str(job.iid))
        case "Issue":
            return Topic(job.project_id, "Issue", str(job.iid))
    return Topic(job.project_id, "Commit", job.sha)
