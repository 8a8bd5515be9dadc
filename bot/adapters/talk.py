"""What people and the bot say to each other on merge requests, issues and commits.

Whoever writes looks first whether it is said already: a write whose answer was lost may have taken effect. Here that
is done for the lost answer itself (what was meant to be written is looked for before the loss is reported).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from bot.adapters.gitlab_client import PER_PAGE, Answer, GitlabClient, get_what_is_there, gone_or_refused
from bot.domain.gitlab import Discussion, Note, Position, Reaction, Topic
from bot.errors import Refused, TryAgain

MAX_TALK_PAGES = 20
"""Pages of 100 notes, or of 100 discussions; of more the oldest are read."""

MAX_DISCUSSIONS = MAX_TALK_PAGES * PER_PAGE
"""Discussions that are read; where there are so many, there may be more."""

_PLACES = {"MergeRequest": "merge_requests", "Issue": "issues", "Commit": "repository/commits"}
_OLDEST_FIRST = {"sort": "asc", "order_by": "created_at"}

_TAKEN = "already been taken"
"""GitLab's words for an emoji that the same user put there before."""

# Of a commit's notes REST knows no emoji.
_REACT = """
mutation react($note: AwardableID!, $name: String!) {
  awardEmojiAdd(input: {awardableId: $note, name: $name}) { errors }
}
"""
_REACTIONS = """
query reactions($note: NoteID!) { note(id: $note) { awardEmoji { nodes { name user { id } } } } }
"""

_BAD_POSITION = (400, 422)
"""What GitLab answers to a line that is not in the diff, or no longer in that version of it."""

_T = TypeVar("_T")


class PositionRefused(Refused):
    """GitLab does not take a discussion on that line."""


class Talk:
    """Notes, discussions and reactions of one GitLab, as the bot's own user.

    Raises TryAgain, OperatorError, Gone (what it is about is not there) or Refused.
    """

    def __init__(self, client: GitlabClient, user_id: int) -> None:
        """`user_id` is the bot's own: only what that user said counts as said by the bot."""
        self._client = client
        self._user_id = user_id

    def fetch_notes(self, topic: Topic) -> tuple[Note, ...]:
        """All notes, the oldest first; nothing where the topic is not there."""
        if topic.kind == "Commit":  # GitLab lists a commit's notes by their discussions only
            return tuple(note for thread in self.fetch_discussions(topic) for note in thread.notes)
        return tuple(_note(item) for item in self._list(f"{_path(topic)}/notes", **_OLDEST_FIRST))

    def fetch_note(self, topic: Topic, note_id: int) -> Note | None:
        """One note of a merge request or an issue; None when it is not there."""
        try:
            return _note(self._client.get(f"{_path(topic)}/notes/{note_id}"))
        except Answer as answer:
            if answer.status == 404:
                return None
            raise gone_or_refused(answer, f"note {note_id}") from answer

    def create_note(self, topic: Topic, body: str) -> Note:
        """Say something in a note of its own."""
        if topic.kind == "Commit":
            return self._start(topic, {"body": body}).notes[0]
        path = f"{_path(topic)}/notes"
        try:
            return self._surely(
                lambda: _note(self._client.post(path, {"body": body})),
                lambda: _newest(note for note in self.fetch_notes(topic) if self._said(note, body)),
            )
        except Answer as answer:
            raise gone_or_refused(answer, f"a note on {topic.kind} {topic.id}") from answer

    def edit_note(self, topic: Topic, note_id: int, body: str) -> Note:
        """Give a note of the bot's another text; doing it twice is doing it once. Gone when it was deleted."""
        try:
            return _note(self._client.put(f"{_path(topic)}/notes/{note_id}", {"body": body}))
        except Answer as answer:
            raise gone_or_refused(answer, f"note {note_id}") from answer

    def fetch_discussions(self, topic: Topic) -> tuple[Discussion, ...]:
        """All discussions, the oldest first; notes that nobody can answer are discussions of one note."""
        return tuple(_discussion(item) for item in self._list(f"{_path(topic)}/discussions"))

    def fetch_discussion(self, topic: Topic, discussion_id: str) -> Discussion | None:
        """One discussion, None when it is not there."""
        try:
            return _discussion(self._client.get(f"{_path(topic)}/discussions/{discussion_id}"))
        except Answer as answer:
            if answer.status == 404:
                return None
            raise gone_or_refused(answer, f"discussion {discussion_id}") from answer

    def start_discussion(self, topic: Topic, body: str, position: Position | None = None) -> Discussion:
        """Begin a discussion, on a line of the diff where a position is given.

        PositionRefused when GitLab will not have it there: a line out of the diff, or a version that is over.
        """
        data: dict[str, Any] = {"body": body}
        if position is not None:
            place = {name: value for name, value in asdict(position).items() if value is not None}
            data["position"] = {"position_type": "text", **place}
        return self._start(topic, data)

    def reply(self, topic: Topic, discussion_id: str, body: str) -> Note:
        """Answer in a discussion."""
        path = f"{_path(topic)}/discussions/{discussion_id}"

        def find() -> Note | None:
            notes = next((d.notes for d in self.fetch_discussions(topic) if d.id == discussion_id), ())
            return _newest(note for note in notes if self._said(note, body))

        try:
            return self._surely(
                lambda: _note(self._client.post(f"{path}/notes", {"body": body}), discussion_id), find
            )
        except Answer as answer:
            raise gone_or_refused(answer, f"an answer in {discussion_id}") from answer

    def resolve(self, topic: Topic, discussion_id: str, resolved: bool = True) -> None:
        """Resolve a merge request's discussion, or open it again."""
        try:
            self._client.put(f"{_path(topic)}/discussions/{discussion_id}", {"resolved": resolved})
        except Answer as answer:
            raise gone_or_refused(answer, f"discussion {discussion_id}") from answer

    def react(self, topic: Topic, note_id: int, name: str) -> bool:
        """Put an emoji on a note; False where GitLab has none for it. Being there already is as good."""
        try:
            if topic.kind == "Commit":
                done = self._client.mutate(_REACT, {"note": _note_gid(note_id), "name": name})[
                    "awardEmojiAdd"
                ]
                return all(_TAKEN in error for error in done["errors"])
            self._client.post(f"{_path(topic)}/notes/{note_id}/award_emoji", {"name": name})
        except Answer as answer:
            if topic.kind == "Commit":  # GraphQL is switched off, or too old
                return False
            if _TAKEN not in answer.message:
                raise gone_or_refused(answer, f"an emoji on note {note_id}") from answer
        return True

    def fetch_reactions(self, topic: Topic, note_id: int) -> tuple[Reaction, ...]:
        """The emoji on a note; none where the note is not there."""
        if topic.kind == "Commit":
            return self._commit_reactions(note_id)
        items = self._list(f"{_path(topic)}/notes/{note_id}/award_emoji")
        return tuple(Reaction(item["name"], _author(item, "user")) for item in items)

    def _commit_reactions(self, note_id: int) -> tuple[Reaction, ...]:
        try:
            note = self._client.graphql(_REACTIONS, {"note": _note_gid(note_id)})["note"]
        except Answer:
            return ()
        nodes = note["awardEmoji"]["nodes"] if note else ()
        return tuple(Reaction(one["name"], int(one["user"]["id"].rpartition("/")[2])) for one in nodes)

    def _start(self, topic: Topic, data: Mapping[str, Any]) -> Discussion:
        path = f"{_path(topic)}/discussions"

        def find() -> Discussion | None:
            return _newest(d for d in self.fetch_discussions(topic) if self._said(d.notes[0], data["body"]))

        try:
            return self._surely(lambda: _discussion(self._client.post(path, data)), find)
        except Answer as answer:
            if "position" in data and answer.status in _BAD_POSITION:
                raise PositionRefused(f"GitLab takes no discussion there: {answer.message}") from answer
            raise gone_or_refused(answer, f"a discussion on {topic.id}") from answer

    def _surely(self, write: Callable[[], _T], find: Callable[[], _T | None]) -> _T:
        """What `write` gives; when its answer was lost, what `find` finds of it. TryAgain when that is nothing."""
        try:
            return write()
        except TryAgain:
            found = find()
            if found is None:
                raise
            return found

    def _said(self, note: Note, body: str) -> bool:
        return note.author_id == self._user_id and note.body.strip() == body.strip()

    def _list(self, path: str, **query: Any) -> Sequence[Any]:
        return get_what_is_there(self._client, path, MAX_TALK_PAGES, **query)


def _path(topic: Topic) -> str:
    return f"/projects/{topic.project_id}/{_PLACES[topic.kind]}/{topic.id}"


def _note_gid(note_id: int) -> str:
    return f"gid://gitlab/Note/{note_id}"


def _author(data: Mapping[str, Any], key: str = "author") -> int:
    return int((data.get(key) or {}).get("id") or 0)


def _note(data: Mapping[str, Any], discussion_id: str | None = None) -> Note:
    return Note(
        id=int(data["id"]),
        author_id=_author(data),
        body=data.get("body") or "",
        system=bool(data.get("system")),
        discussion_id=discussion_id,
    )


def _discussion(data: Mapping[str, Any]) -> Discussion:
    items = data["notes"]
    position = items[0].get("position") or {}
    resolvers = [_author(item, "resolved_by") for item in items if item.get("resolved_by")]
    resolvable = [item for item in items if item.get("resolvable")]
    return Discussion(
        id=str(data["id"]),
        notes=tuple(_note(item, str(data["id"])) for item in items),
        resolved=bool(resolvable) and all(item.get("resolved") for item in resolvable),
        resolved_by=resolvers[-1] if resolvers else None,
        new_line=position.get("new_line"),
    )


def _newest(found: Iterable[_T]) -> _T | None:
    return next(reversed(list(found)), None)
