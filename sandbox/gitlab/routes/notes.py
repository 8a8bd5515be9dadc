"""Notes and discussions on merge requests and issues, and discussions on commits."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, forbidden, not_found
from sandbox.gitlab.positions import check_position
from sandbox.gitlab.routes.merge_requests import merge_request_of
from sandbox.gitlab.routes.repository import code, commit_of
from sandbox.gitlab.values import DEVELOPER, GUEST, MAINTAINER, Issue, Note

routes = Routes()

NOTES = "/projects/:id/merge_requests/:iid/notes"
DISCUSSIONS = "/projects/:id/merge_requests/:iid/discussions"
ISSUE_NOTES = "/projects/:id/issues/:issue_iid/notes"
ISSUE_DISCUSSIONS = "/projects/:id/issues/:issue_iid/discussions"
COMMIT_DISCUSSIONS = "/projects/:id/repository/commits/:sha/discussions"


def _may_write(call: Call) -> None:
    user, project = call.who(), call.project()
    if project.visibility == "private" and call.core.state.rights(user, project) < GUEST:
        raise forbidden()


def _note(call: Call, notes: list[Note]) -> Note:
    for note in notes:
        if str(note.id) == call.params["note_id"]:
            return note
    raise not_found("Note")


def _issue(call: Call) -> Issue:
    project, number = call.project(), call.params["issue_iid"]
    found = call.core.state.issues.get((project.id, int(number))) if number.isdigit() else None
    if found is None:
        raise not_found("Issue")
    return found


def _notes(call: Call) -> list[Note]:
    if "issue_iid" in call.params:
        return call.core.notes.of_issue(_issue(call))
    return call.core.notes.of_merge_request(merge_request_of(call))


def _list(call: Call, notes: list[Note]) -> Response:
    key = call.text("order_by") or "created_at"
    if key not in ("created_at", "updated_at"):
        raise ApiError(400, {"error": "order_by does not have a valid value"})
    newest_first = call.text("sort", "desc") == "desc"
    found = sorted(notes, key=lambda note: (getattr(note, key), note.id), reverse=newest_first)
    return call.page(found, call.core.present_review.note)


def _add(call: Call, **more: Any) -> Response | Note:
    notes, user, body = call.core.notes, call.who(), call.required("body")
    note, done = (
        notes.on_issue(_issue(call), user, body, **more)
        if "issue_iid" in call.params
        else notes.on_merge_request(merge_request_of(call), user, body, **more)
    )
    if note is None:
        return answer({"commands_changes": {}, "summary": done}, 202)
    return note


@routes.on("GET", NOTES)
@routes.on("GET", ISSUE_NOTES)
def notes(call: Call) -> Response:
    return _list(call, _notes(call))


@routes.on("POST", NOTES)
@routes.on("POST", ISSUE_NOTES)
def create(call: Call) -> Response:
    _may_write(call)
    made = _add(call, internal=call.flag("internal") or call.flag("confidential"))
    return made if isinstance(made, Response) else answer(call.core.present_review.note(made), 201)


@routes.on("GET", f"{NOTES}/:note_id")
@routes.on("GET", f"{ISSUE_NOTES}/:note_id")
def read(call: Call) -> Response:
    return answer(call.core.present_review.note(_note(call, _notes(call))))


def _edit(call: Call, note: Note) -> Response:
    user, project = call.who(), call.project()
    if note.author_id != user.id and call.core.state.rights(user, project) < MAINTAINER:
        raise forbidden()
    call.core.notes.edit(note, user, call.required("body"))
    return answer(call.core.present_review.note(note))


def _delete(call: Call, note: Note) -> Response:
    user, project = call.who(), call.project()
    if note.author_id != user.id and call.core.state.rights(user, project) < MAINTAINER:
        raise forbidden()
    with call.core.state.lock:
        del call.core.state.notes[note.id]
    return answer(None, 204)


@routes.on("PUT", f"{NOTES}/:note_id")
@routes.on("PUT", f"{ISSUE_NOTES}/:note_id")
def edit(call: Call) -> Response:
    return _edit(call, _note(call, _notes(call)))


@routes.on("DELETE", f"{NOTES}/:note_id")
@routes.on("DELETE", f"{ISSUE_NOTES}/:note_id")
def delete(call: Call) -> Response:
    return _delete(call, _note(call, _notes(call)))


@routes.on("GET", f"{NOTES}/:note_id/award_emoji")
@routes.on("GET", f"{ISSUE_NOTES}/:note_id/award_emoji")
def reactions(call: Call) -> Response:
    note = _note(call, _notes(call))
    return call.page(note.emoji, lambda item: _reaction(call, note, item))


def _reaction(call: Call, note: Note, item: tuple[int, int, str]) -> dict[str, Any]:
    number, user_id, name = item
    shown = call.core.present.user(user_id)
    return {"id": number, "name": name, "user": shown, "awardable_id": note.id, "awardable_type": "Note"}


@routes.on("POST", f"{NOTES}/:note_id/award_emoji")
@routes.on("POST", f"{ISSUE_NOTES}/:note_id/award_emoji")
def react(call: Call) -> Response:
    _may_write(call)
    note, name, user = _note(call, _notes(call)), call.required("name"), call.who()
    if any(item[1:] == (user.id, name) for item in note.emoji):
        raise ApiError(404, "404 Award Emoji Name has already been taken Not Found")
    item = (call.core.state.next_id("emoji"), user.id, name)
    note.emoji.append(item)
    return answer(_reaction(call, note, item), 201)


@routes.on("DELETE", f"{NOTES}/:note_id/award_emoji/:emoji_id")
@routes.on("DELETE", f"{ISSUE_NOTES}/:note_id/award_emoji/:emoji_id")
def unreact(call: Call) -> Response:
    note, user = _note(call, _notes(call)), call.who()
    for item in note.emoji:
        if str(item[0]) == call.params["emoji_id"] and item[1] == user.id:
            note.emoji.remove(item)
            return answer(None, 204)
    raise not_found("Award Emoji")


# Discussions of merge requests


def _thread(call: Call, notes: list[Note]) -> list[Note]:
    for thread in call.core.notes.discussions(notes):
        if thread[0].discussion_id == call.params["discussion_id"]:
            return thread
    raise not_found("Discussion")


@routes.on("GET", DISCUSSIONS)
@routes.on("GET", ISSUE_DISCUSSIONS)
def discussions(call: Call) -> Response:
    return call.page(call.core.notes.discussions(_notes(call)), call.core.present_review.discussion)


@routes.on("GET", f"{DISCUSSIONS}/:discussion_id")
@routes.on("GET", f"{ISSUE_DISCUSSIONS}/:discussion_id")
def discussion(call: Call) -> Response:
    return answer(call.core.present_review.discussion(_thread(call, _notes(call))))


@routes.on("POST", DISCUSSIONS)
@routes.on("POST", ISSUE_DISCUSSIONS)
def start(call: Call) -> Response:
    _may_write(call)
    position = call.arg("position")
    if "issue_iid" in call.params:
        made = _add(call, individual=False)
    else:
        if position is not None:
            _, git = code(call)
            position = check_position(git, merge_request_of(call), position)
        made = _add(call, individual=False, resolvable=True, position=position)
    return made if isinstance(made, Response) else answer(call.core.present_review.discussion([made]), 201)


@routes.on("PUT", f"{DISCUSSIONS}/:discussion_id")
def resolve(call: Call) -> Response:
    user, project, thread = call.who(), call.project(), _thread(call, _notes(call))
    found = merge_request_of(call)
    if call.core.state.rights(user, project) < DEVELOPER and found.author_id != user.id:
        raise forbidden()
    if call.arg("resolved") is None:
        raise ApiError(400, {"error": "resolved is missing"})
    call.core.notes.resolve(thread, user, call.flag("resolved"))
    return answer(call.core.present_review.discussion(thread))


@routes.on("POST", f"{DISCUSSIONS}/:discussion_id/notes")
@routes.on("POST", f"{ISSUE_DISCUSSIONS}/:discussion_id/notes")
def reply(call: Call) -> Response:
    _may_write(call)
    first = _thread(call, _notes(call))[0]
    first.individual = False
    more = {"discussion_id": first.discussion_id, "individual": False, "position": first.position}
    made = _add(call, resolvable=first.resolvable, resolved=first.resolved, **more)
    return made if isinstance(made, Response) else answer(call.core.present_review.note(made), 201)


@routes.on("GET", f"{DISCUSSIONS}/:discussion_id/notes/:note_id")
def read_reply(call: Call) -> Response:
    return answer(call.core.present_review.note(_note(call, _thread(call, _notes(call)))))


@routes.on("PUT", f"{DISCUSSIONS}/:discussion_id/notes/:note_id")
def edit_reply(call: Call) -> Response:
    note = _note(call, _thread(call, _notes(call)))
    body, resolved = call.arg("body"), call.arg("resolved")
    if (body is None) == (resolved is None):
        raise ApiError(
            400, {"error": "body, resolved are mutually exclusive, at least one parameter must be provided"}
        )
    if body is not None:
        return _edit(call, note)
    call.core.notes.resolve([note], call.who(), call.flag("resolved"))
    return answer(call.core.present_review.note(note))


@routes.on("DELETE", f"{DISCUSSIONS}/:discussion_id/notes/:note_id")
def delete_reply(call: Call) -> Response:
    return _delete(call, _note(call, _thread(call, _notes(call))))


# Discussions of commits: the only way to change or remove a commit comment


def _commit_notes(call: Call) -> list[Note]:
    project, git = code(call)
    return call.core.notes.of_commit(project, commit_of(git, call.params["sha"]))


@routes.on("GET", COMMIT_DISCUSSIONS)
def commit_discussions(call: Call) -> Response:
    return call.page(call.core.notes.discussions(_commit_notes(call)), call.core.present_review.discussion)


@routes.on("POST", COMMIT_DISCUSSIONS)
def start_on_commit(call: Call) -> Response:
    _may_write(call)
    project, git = code(call)
    sha = commit_of(git, call.params["sha"])
    note = call.core.notes.on_commit(project, call.who(), sha, call.required("body"), individual=False)
    return answer(call.core.present_review.discussion([note]), 201)


@routes.on("POST", f"{COMMIT_DISCUSSIONS}/:discussion_id/notes")
def reply_on_commit(call: Call) -> Response:
    _may_write(call)
    project, git = code(call)
    thread = _thread(call, _commit_notes(call))
    if thread[0].individual:
        # of single notes only those on merge requests and issues become a discussion by an answer
        raise ApiError(400, "400 Bad request - Discussion can not be replied to.")
    more = {"discussion_id": thread[0].discussion_id, "individual": False}
    note = call.core.notes.on_commit(
        project, call.who(), commit_of(git, call.params["sha"]), call.required("body"), **more
    )
    return answer(call.core.present_review.note(note), 201)


@routes.on("GET", f"{COMMIT_DISCUSSIONS}/:discussion_id")
def commit_discussion(call: Call) -> Response:
    return answer(call.core.present_review.discussion(_thread(call, _commit_notes(call))))


@routes.on("GET", f"{COMMIT_DISCUSSIONS}/:discussion_id/notes/:note_id")
def read_on_commit(call: Call) -> Response:
    return answer(call.core.present_review.note(_note(call, _thread(call, _commit_notes(call)))))


@routes.on("PUT", f"{COMMIT_DISCUSSIONS}/:discussion_id/notes/:note_id")
def edit_on_commit(call: Call) -> Response:
    return _edit(call, _note(call, _thread(call, _commit_notes(call))))


@routes.on("DELETE", f"{COMMIT_DISCUSSIONS}/:discussion_id/notes/:note_id")
def delete_on_commit(call: Call) -> Response:
    return _delete(call, _note(call, _thread(call, _commit_notes(call))))
