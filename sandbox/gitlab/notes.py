"""Notes and discussions on merge requests, issues and commits, with GitLab's habit of obeying what they say.

Quick actions in a body are carried out and mentions are remembered, generously: a test that finds none of either in
`state.quick_actions` and `state.mentions` knows that no text of a stranger slipped through.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.gitlab.http import ApiError
from sandbox.gitlab.positions import follow
from sandbox.gitlab.values import Issue, Mention, MergeRequest, Note, Project, QuickAction, User, now

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

MAX_BODY = 1_000_000
NAMES = (
    "close reopen merge label labels unlabel remove_label relabel assign unassign reassign assign_reviewer"
    " unassign_reviewer title draft ready done todo subscribe unsubscribe approve unapprove rebase target_branch"
    " milestone lock unlock estimate spend react award tag copy_metadata cc shrug tableflip submit_review"
)
COMMANDS = frozenset(NAMES.split())
# Characters that look like nothing at a line's start: a wary reading, as one day a GitLab may strip them.
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
LINE_BREAK = re.compile(r"\r\n|[\r\n\u2028\u2029\x0b\x0c\x85]")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
COMMAND = re.compile(r"/(\w+)(?:[ \t]+(.*?))?\s*$")
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
MENTION = re.compile(r"(?<![\w@])@([A-Za-z0-9_][A-Za-z0-9_.-]*[A-Za-z0-9_]|[A-Za-z0-9_])")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def _outside_fences(body: str) -> Iterator[tuple[str, bool]]:
    """The lines of a body, each with whether it is text (not in a fenced block)."""
    fence = ""
    for line in LINE_BREAK.split(body):
        match = FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not line[match.end() :].strip():
                fence = ""
            yield line, False
        elif match and "`" not in (line[match.end() :] if match[1][0] == "`" else ""):
            fence = match[1]
            yield line, False
        else:
            yield line, True


def read_quick_actions(body: str) -> tuple[list[tuple[str, str]], str]:
    """The commands of a body as (name, argument), and what is left of the body without their lines."""
    found, rest = [], []
    for line, text in _outside_fences(body):
        match = COMMAND.match(line.lstrip(" \t" + INVISIBLE)) if text else None
        if match and match[1].lower() in COMMANDS:
            found.append((match[1].lower(), match[2] or ""))
        else:
            rest.append(line)
    return found, "\n".join(rest) if found else body


def read_mentions(body: str) -> list[str]:
    """The names that a body calls with an @, outside of code and comments."""
    text = "\n".join(line for line, plain in _outside_fences(body) if plain)
    return MENTION.findall(INLINE_CODE.sub(" ", COMMENT.sub(" ", text)))


@dataclass(frozen=True)
class Notes:
    """Writes notes, obeys them, and finds them again."""

    core: Core

    # Reading

    def of_merge_request(self, merge_request: MergeRequest) -> list[Note]:
        """Oldest first."""
        with self.core.state.lock:
            return [
                note
                for note in self.core.state.notes.values()
                if note.noteable_type == "MergeRequest" and note.noteable_id == merge_request.id
            ]

    def of_issue(self, issue: Issue) -> list[Note]:
        """Oldest first."""
        with self.core.state.lock:
            notes = self.core.state.notes.values()
            return [note for note in notes if (note.noteable_type, note.noteable_id) == ("Issue", issue.id)]

    def of_commit(self, project: Project, sha: str) -> list[Note]:
        with self.core.state.lock:
            notes = self.core.state.notes.values()
            return [note for note in notes if note.commit_id == sha and note.project_id == project.id]

    def discussions(self, notes: list[Note]) -> list[list[Note]]:
        threads: dict[str, list[Note]] = {}
        for note in notes:
            threads.setdefault(note.discussion_id, []).append(note)
        return list(threads.values())

    def unresolved(self, merge_request: MergeRequest) -> bool:
        return any(note.resolvable and not note.resolved for note in self.of_merge_request(merge_request))

    # Writing

    def on_merge_request(
        self, merge_request: MergeRequest, user: User, body: str, **more: Any
    ) -> tuple[Note | None, list[str]]:
        """Add a note; gives None and what was done where the body was nothing but quick actions."""
        project = self.core.state.projects[merge_request.project_id]
        actions, rest = self._read(project, user, body, f"!{merge_request.iid}")
        done = [self._obey(merge_request, user, name, argument) for name, argument in actions]
        if actions and not rest.strip():
            return None, done
        about = {
            "noteable_type": "MergeRequest",
            "noteable_id": merge_request.id,
            "noteable_iid": merge_request.iid,
        }
        note = self._add(project, user, rest, **about, **more)
        merge_request.updated_at = now()
        self._tell(note, user, "create")
        return note, done

    def on_commit(self, project: Project, user: User, sha: str, body: str, **more: Any) -> Note:
        _, rest = self._read(project, user, body, sha)
        note = self._add(project, user, rest, noteable_type="Commit", noteable_id=None, commit_id=sha, **more)
        self._tell(note, user, "create")
        return note

    def on_issue(self, issue: Issue, user: User, body: str, **more: Any) -> tuple[Note | None, list[str]]:
        """Add a note; quick actions are remembered, and do nothing here."""
        project = self.core.state.projects[issue.project_id]
        actions, rest = self._read(project, user, body, f"#{issue.iid}")
        if actions and not rest.strip():
            return None, [f"Applied {name} command." for name, _ in actions]
        about = {"noteable_type": "Issue", "noteable_id": issue.id, "noteable_iid": issue.iid}
        note = self._add(project, user, rest, **about, **more)
        issue.updated_at = now()
        self._tell(note, user, "create")
        return note, []

    def edit(self, note: Note, user: User, body: str) -> None:
        """Change a note's text, or remove it where nothing but quick actions is left."""
        project = self.core.state.projects[note.project_id]
        sigil = {"MergeRequest": "!", "Issue": "#"}.get(note.noteable_type)
        where = f"{sigil}{note.noteable_iid}" if sigil else str(note.commit_id)
        actions, rest = self._read(project, user, body, where)
        merge_request = self.core.state.merge_requests.get((project.id, note.noteable_iid or 0))
        if merge_request is not None and note.noteable_type == "MergeRequest":
            for name, argument in actions:
                self._obey(merge_request, user, name, argument)
        note.body, note.updated_at = rest, now()
        self.core.suggestions.keep(note)
        self._tell(note, user, "update")

    def resolve(self, notes: list[Note], user: User, resolved: bool) -> None:
        for note in notes:
            if note.resolvable:
                note.resolved, note.resolved_by = resolved, user.id if resolved else None
                note.updated_at = now()
        request = self.core.state.merge_requests.get((notes[0].project_id, notes[0].noteable_iid or 0))
        if request is not None and resolved and not self.unresolved(request):
            self.system(request, user, "resolved all threads")

    def follow(self, merge_request: MergeRequest, user: User) -> None:
        """After new code: notes on the diff move with their lines, or are outdated where these were changed."""
        git = self.core.git(self.core.state.projects[merge_request.project_id])
        version = merge_request.versions[-1]
        for notes in self.discussions(self.of_merge_request(merge_request)):
            place = notes[0].position
            if place is None or notes[0].outdated or place.get("position_type") != "text":
                continue
            new = follow(git, place, version)
            for note in notes:
                note.outdated, note.position = new is None, new or note.position
            if new is None:
                number = len(merge_request.versions)
                said = f"changed this line in version {number} of the diff"
                self.system(merge_request, user, said, discussion_id=notes[0].discussion_id)

    def system(self, merge_request: MergeRequest, user: User, body: str, **more: Any) -> None:
        """What GitLab itself writes below a merge request; it starts no note hook."""
        project = self.core.state.projects[merge_request.project_id]
        about = {
            "noteable_type": "MergeRequest",
            "noteable_id": merge_request.id,
            "noteable_iid": merge_request.iid,
        }
        self._add(project, user, body, system=True, **about, **more)

    def _add(self, project: Project, user: User, body: str, **more: Any) -> Note:
        state = self.core.state
        with state.lock:
            number = state.next_id("note")
            thread = more.pop("discussion_id", "") or hashlib.sha1(f"note {number}".encode()).hexdigest()  # noqa: S324 - an identifier, no secret
            note = Note(number, project.id, user.id, body, discussion_id=thread, **more)
            state.notes[number] = note
            self.core.suggestions.keep(note)
            return note

    def _read(self, project: Project, user: User, body: str, where: str) -> tuple[list[tuple[str, str]], str]:
        if not body.strip():
            raise ApiError(400, {"message": {"note": ["can't be blank"]}})
        if len(body) > MAX_BODY:
            raise ApiError(400, {"message": {"note": [f"is too long (maximum is {MAX_BODY} characters)"]}})
        actions, rest = read_quick_actions(body)
        state = self.core.state
        with state.lock:
            for name, argument in actions:
                state.quick_actions.append(QuickAction(project.id, user.id, where, name, argument))
            for name in read_mentions(rest):
                if name.lower() == "all" or state.user_named(name) is not None:
                    state.mentions.append(Mention(project.id, user.id, where, name))
        return actions, rest

    def _tell(self, note: Note, user: User, action: str) -> None:
        bodies = self.core.bodies_review
        switch = "confidential_note_events" if self.is_hidden(note) else "note_events"
        self.core.hooks.fire(note.project_id, switch, lambda: bodies.note(note, user, action))

    def is_hidden(self, note: Note) -> bool:
        """Whether not everybody who sees the project may read it: an internal note, or a confidential issue's."""
        issue = self.core.state.issues.get((note.project_id, note.noteable_iid or 0))
        return note.internal or (note.noteable_type == "Issue" and issue is not None and issue.confidential)

    def _obey(self, merge_request: MergeRequest, user: User, name: str, argument: str) -> str:
        """Carry out one quick action where its author may; the rest is only remembered."""
        core, state = self.core, self.core.state
        project = state.projects[merge_request.project_id]
        try:
            if name in ("close", "reopen"):
                core.merging.set_state(merge_request, user, name)
            elif name == "merge":
                core.merging.merge(merge_request, user, {})
            elif name in ("label", "labels"):
                labels = [
                    label.strip('~" ') for label in re.split(r"[ ,]+(?=~)|,", argument) if label.strip()
                ]
                core.merging.edit(merge_request, user, {"labels": [*merge_request.labels, *labels]})
            elif name in ("unlabel", "remove_label"):
                kept = [label for label in merge_request.labels if argument and label not in argument]
                core.merging.edit(merge_request, user, {"labels": kept})
            elif name in ("assign", "reassign", "assign_reviewer"):
                names = ["@" + user.username if part == "me" else part for part in argument.split()]
                people = [found.id for part in names if (found := state.user_named(part.lstrip("@")))]
                field = "reviewers" if name == "assign_reviewer" else "assignees"
                core.merging.edit(merge_request, user, {field: [*getattr(merge_request, field), *people]})
            elif name == "unassign":
                core.merging.edit(merge_request, user, {"assignees": []})
            elif name == "title" and argument:
                core.merging.edit(merge_request, user, {"title": argument})
            elif name == "target_branch" and core.git(project).branch(argument):
                core.merging.edit(merge_request, user, {"target_branch": argument})
            elif name == "draft":
                core.merging.edit(merge_request, user, {"title": f"Draft: {merge_request.title}"})
        except ApiError as refused:
            return f"Could not apply {name} command: {refused}"
        return f"Applied {name} command."
