"""Git objects as values, and reading them from their raw form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone


@dataclass(frozen=True)
class Person:
    """An author or committer, with the time and zone of their clock."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True)
class Commit:
    """A commit object."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str

    @property
    def title(self) -> str:
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True)
class TreeEntry:
    """One entry of a tree; the path is full or bare, as whoever made it says."""

    mode: str
    kind: str
    oid: str
    path: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Change:
    """A file that differs between two commits; `kind` is git's letter A, M, D, R or T."""

    kind: str
    old_path: str
    new_path: str
    old_mode: str
    new_mode: str


@dataclass(frozen=True)
class FileAction:
    """One action of the Commits API, ready to be done: content is bytes."""

    action: str
    path: str
    content: bytes | None = None
    previous_path: str | None = None
    executable: bool | None = None


def _person(text: str) -> Person:
    head, _, rest = text.rpartition("> ")
    name, _, email = head.partition("<")
    seconds, _, zone = rest.partition(" ")
    sign = -1 if zone.startswith("-") else 1
    digits = zone.lstrip("+-").rjust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * sign
    return Person(name.strip(), email, datetime.fromtimestamp(int(seconds), timezone(offset)))


def read_commit(sha: str, content: bytes) -> Commit:
    """A commit object's text as a value."""
    head, _, message = content.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        fields.setdefault(key, []).append(value)
    return Commit(
        sha,
        fields["tree"][0],
        tuple(fields.get("parent", ())),
        _person(fields["author"][0]),
        _person(fields["committer"][0]),
        message,
    )


def read_tree(content: bytes) -> tuple[TreeEntry, ...]:
    """A tree object's entries, in git's order; the path is the bare name."""
    entries, position = [], 0
    while position < len(content):
        space = content.index(b" ", position)
        end = content.index(b"\0", space)
        mode = content[position:space].decode().rjust(6, "0")
        name = content[space + 1 : end].decode("utf-8", "surrogateescape")
        oid = content[end + 1 : end + 21].hex()
        kind = {"040000": "tree", "160000": "commit"}.get(mode, "blob")
        entries.append(TreeEntry(mode, kind, oid, name))
        position = end + 21
    return tuple(entries)
