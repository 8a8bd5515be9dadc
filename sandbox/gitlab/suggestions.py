"""Suggestions in notes on a diff: read out of the text as GitLab's Markdown gives it, and applied as one commit."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.gitlab.committing import CommitRequest, commit
from sandbox.gitlab.git import Repository
from sandbox.gitlab.http import ApiError, forbidden, not_found
from sandbox.gitlab.values import MergeRequest, Note, Project, Suggestion, User

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

MAX_AROUND = 100
"""Lines above and below that a suggestion may take in; a larger number counts as this one."""

LINE_BREAK = re.compile(r"\r\n|\r|\n")
FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})[ \t]*(.*?)[ \t]*$")
AROUND = re.compile(r"(?:-(\d+))?(?:\+(\d+))?$")
RARE_BLANKS = dict.fromkeys(map(ord, "\u00a0\u1680\u180e\u202f\u205f\u3000"), " ")
RARE_BLANKS |= dict.fromkeys(range(0x2000, 0x200B), " ")


def read_suggestions(body: str) -> Iterator[tuple[int, int, str]]:
    """The suggestions of a note: lines above, lines below, and the text as its HTML shows it."""
    info, fence, indent, kept = "", "", 0, list[str]()
    lines = LINE_BREAK.split(body)
    for line in lines[:-1] if not lines[-1] else lines:
        match = FENCE.match(line)
        if not fence:
            if match and not (match[2][0] == "`" and "`" in match[3]):
                indent, fence, info, kept = len(match[1]), match[2], match[3], []
        elif match and match[2].startswith(fence) and not match[3]:
            yield from _suggestion(info, kept)
            fence = ""
        else:
            kept.append(line[min(indent, len(line) - len(line.lstrip(" "))) :])
    if fence:
        yield from _suggestion(info, kept)


def _suggestion(info: str, lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    language, _, around = info.partition(" ")[0].partition(":")
    if language == "suggestion":
        match = AROUND.match(around)
        above, below = (int(match[1] or 0), int(match[2] or 0)) if match else (0, 0)
        # GitLab's page shows rare blanks as plain ones, and what it shows is what it applies
        yield min(above, MAX_AROUND), min(below, MAX_AROUND), "\n".join(lines).translate(RARE_BLANKS)


def lines_of_file(content: bytes) -> list[bytes]:
    """Lines with their ends; a carriage return alone ends none."""
    return [line for line in re.split(rb"(?<=\n)", content) if line]


@dataclass(frozen=True)
class Suggestions:
    """Keeps what notes suggest, and does it when somebody wants it."""

    core: Core

    def keep(self, note: Note) -> None:
        """Take a note's suggestions in, those of an earlier text away."""
        state = self.core.state
        with state.lock:
            for old in self.of(note):
                del state.suggestions[old.id]
            place = note.position
            if place is None or place.get("position_type") != "text" or place.get("new_line") is None:
                return
            content = self._git(note).file(str(place["head_sha"]), str(place["new_path"]))
            for above, below, text in read_suggestions(note.body):
                first, last = max(1, place["new_line"] - above), place["new_line"] + below
                before = b"".join(lines_of_file(content or b"")[first - 1 : last])
                number = state.next_id("suggestion")
                state.suggestions[number] = Suggestion(
                    number, note.id, above, below, before, replacement(text, before)
                )

    def of(self, note: Note) -> list[Suggestion]:
        """A note's suggestions, in their order."""
        return [found for found in self.core.state.suggestions.values() if found.note_id == note.id]

    def find(self, number: int) -> Suggestion:
        found = self.core.state.suggestions.get(number)
        if found is None or found.note_id not in self.core.state.notes:
            raise not_found("Not Found")
        return found

    def span(self, suggestion: Suggestion) -> tuple[int, int]:
        """First and last line, from 1."""
        line = int((self._note(suggestion).position or {})["new_line"])
        return max(1, line - suggestion.above), line + suggestion.below

    def why_not(self, suggestion: Suggestion) -> str | None:
        """Why it cannot be applied now; None when it can."""
        note = self._note(suggestion)
        request = self._request(note)
        place = note.position or {}
        first, last = self.span(suggestion)
        if suggestion.commit_id is not None:
            return "Can't apply this suggestion."
        if request.state != "opened":
            return (
                f"This merge request was {request.state}. To apply this suggestion, edit this file directly."
            )
        if self.core.git(self._source(request)).branch(request.source_branch) is None:
            return "Can't apply as the source branch was deleted."
        content = self._git(note).file(request.sha, str(place["new_path"])) or b""
        if note.outdated or b"".join(lines_of_file(content)[first - 1 : last]) != suggestion.before:
            return "Can't apply as this line was changed in a more recent version."
        if suggestion.before == suggestion.after:
            return "This suggestion already matches its content."
        return None

    def apply(self, suggestions: Sequence[Suggestion], user: User, message: str | None) -> None:
        """One commit by whoever applies them, authored by whoever suggested them; ApiError as GitLab refuses it."""
        notes = [self._note(one) for one in suggestions]
        request = self._request(notes[0])
        source = self._source(request)
        for one, note in zip(suggestions, notes, strict=True):
            if not self.core.state.may_push(user, self._source(self._request(note)), request.source_branch):
                raise forbidden()
            if self._request(note) is not request:
                raise ApiError(400, "Suggestions must all be on the same branch.")
            if reason := self.why_not(one):
                raise ApiError(400, reason)
        contents = self._mended(suggestions, request)
        authors = {note.author_id for note in notes}
        author = self.core.state.user(authors.pop()) if len(authors) == 1 else user
        co = "" if author is user else f"\n\nCo-authored-by: {author.name} <{author.email}>"
        count, files = len(suggestions), len(contents)
        said = message or f"Apply {count} suggestion(s) to {files} file(s){co}"
        actions = tuple(
            {
                "action": "update",
                "file_path": path,
                "content": base64.b64encode(content).decode(),
                "encoding": "base64",
            }
            for path, content in contents.items()
        )
        wanted = CommitRequest(
            request.source_branch, said, actions, author_name=author.name, author_email=author.email
        )
        made = commit(self.core, source, user, wanted)
        for one in suggestions:
            one.commit_id = made

    def _mended(self, suggestions: Sequence[Suggestion], request: MergeRequest) -> dict[str, bytes]:
        """Each file as it will be; ApiError when suggestions overlap."""
        by_path: dict[str, list[Suggestion]] = {}
        for one in suggestions:
            by_path.setdefault(str((self._note(one).position or {})["new_path"]), []).append(one)
        made = {}
        for path, group in by_path.items():
            git = self.core.git(self._source(request))
            lines = lines_of_file(git.file(request.sha, path) or b"")
            group.sort(key=self.span, reverse=True)
            taken: int | None = None
            for one in group:
                first, last = self.span(one)
                if taken is not None and last >= taken:
                    raise ApiError(400, "Suggestions are not applicable as their lines cannot overlap.")
                lines[first - 1 : last] = [one.after]
                taken = first
            made[path] = b"".join(lines)
        return made

    def _note(self, suggestion: Suggestion) -> Note:
        return self.core.state.notes[suggestion.note_id]

    def _request(self, note: Note) -> MergeRequest:
        return self.core.state.merge_requests[(note.project_id, note.noteable_iid or 0)]

    def _source(self, request: MergeRequest) -> Project:
        return self.core.state.projects[request.source_project_id]

    def _git(self, note: Note) -> Repository:
        return self.core.git(self.core.state.projects[note.project_id])


def replacement(text: str, before: bytes) -> bytes:
    """What comes in place of the lines: with the last one's end, and nothing at all where the text is blank."""
    if not text.strip():
        return b""
    end = re.search(rb"\r\n|\r|\n", (lines_of_file(before) or [b""])[-1])
    return text.encode() + (end[0] if end else b"")
