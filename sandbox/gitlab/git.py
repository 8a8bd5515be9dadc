"""One bare repository: reading through a long-lived reader, writing by git's plumbing commands."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sandbox.gitlab.git_objects import Change, Commit, FileAction, TreeEntry, read_commit, read_tree
from sandbox.gitlab.git_reader import Readers

ZEROS = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
FULL_SHA = re.compile(r"[0-9a-f]{40}")
SHORT_SHA = re.compile(r"[0-9a-f]{4,39}")
TREES_REMEMBERED = 4096
COMMITS_REMEMBERED = 8192

# Nothing of whoever runs the sandbox may change what git does in it.
QUIET_GIT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


class GitFailed(Exception):
    """A git command that ended badly; the text is its standard error."""


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **QUIET_GIT, **(extra or {})}


def run_git(directory: Path, *arguments: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments],
        input=stdin,
        capture_output=True,
        env=git_environment(),
        check=False,
    )
    if done.returncode not in ok:
        raise GitFailed(done.stderr.decode("utf-8", "replace").strip() or f"git ended with {done.returncode}")
    return done.stdout


class Repository:
    """A bare repository. Whoever moves its refs holds `write_lock`, so that pushes and API commits take turns."""

    def __init__(self, directory: Path, readers: Readers) -> None:
        self.directory = directory
        self.write_lock = threading.RLock()
        self._readers = readers
        self._commit = lru_cache(COMMITS_REMEMBERED)(self._load_commit)
        self._tree = lru_cache(TREES_REMEMBERED)(self._load_tree)
        self.last_commit_of = lru_cache(COMMITS_REMEMBERED)(self._last_commit_of)
        self.merge_base = lru_cache(COMMITS_REMEMBERED)(self._merge_base)
        self.changes = lru_cache(COMMITS_REMEMBERED)(self._changes)
        self.merged_tree = lru_cache(COMMITS_REMEMBERED)(self._merged_tree)

    @classmethod
    def create(cls, directory: Path, readers: Readers, default_branch: str, hooks: Path) -> Repository:
        directory.mkdir(parents=True)
        run_git(directory, "init", "--quiet", "--bare", f"--initial-branch={default_branch}")
        settings = {
            "core.hooksPath": str(hooks),
            "http.receivepack": "true",
            "receive.advertisePushOptions": "true",
            "receive.denyDeleteCurrent": "false",
            "uploadpack.allowFilter": "true",
            "uploadpack.allowAnySHA1InWant": "true",
            "gc.auto": "0",
            "receive.autogc": "false",
            "core.logAllRefUpdates": "false",
        }
        lines = []
        for key, value in settings.items():
            section, name = key.split(".")
            lines.append(f'[{section}]\n\t{name} = "{value}"\n')
        with (directory / "config").open("a") as config:
            config.writelines(lines)
        return cls(directory, readers)

    def close(self) -> None:
        self._readers.forget(self.directory)

    # Reading

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch, tag, sha, short sha or expression means, as 40 digits."""
        if not revision or revision.startswith(("-", ":")) or ":" in revision:
            return None
        if FULL_SHA.fullmatch(revision):
            return revision if self.commit(revision) is not None else self._peel(revision)
        found = self._peel(revision)
        if found is None and SHORT_SHA.fullmatch(revision):
            # A long-lived reader knows short names only of the objects that were there when it first looked.
            answer = run_git(
                self.directory, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", ok=(0, 1)
            )
            found = answer.decode().strip() or None
        return found

    def _peel(self, revision: str) -> str | None:
        found = self._readers.ask(self.directory, revision + "^{commit}", contents=False)
        return None if found is None else found.oid

    def branch(self, name: str) -> str | None:
        """The commit at the head of a branch."""
        if not name or name.startswith("-") or any(character in name for character in "^~: \n"):
            return None
        found = self._readers.ask(self.directory, f"refs/heads/{name}", contents=False)
        return None if found is None else found.oid

    def tag(self, name: str) -> str | None:
        if not name or any(character in name for character in "^~: \n"):
            return None
        return self._peel(f"refs/tags/{name}")

    def refs(self, prefix: str) -> dict[str, str]:
        """Ref names below a prefix, without it, and the commits that they lead to."""
        shape = "--format=%(objectname) %(*objectname) %(refname)"
        found = {}
        for line in (
            run_git(self.directory, "for-each-ref", shape, prefix).decode("utf-8", "replace").splitlines()
        ):
            direct, peeled, name = line.split(" ", 2)
            found[name.removeprefix(prefix)] = peeled or direct
        return found

    def branches(self) -> dict[str, str]:
        return self.refs("refs/heads/")

    def _load_commit(self, sha: str) -> Commit:
        found = self._readers.ask(self.directory, sha, contents=True)
        if found is None or found.kind != "commit":
            # Raised, not returned: what is not there yet may come, and only what was found is remembered.
            raise LookupError(sha)
        return read_commit(sha, found.content)

    def commit(self, sha: str) -> Commit | None:
        """A commit by its full sha."""
        try:
            return self._commit(sha)
        except LookupError:
            return None

    def _load_tree(self, oid: str) -> tuple[TreeEntry, ...]:
        found = self._readers.ask(self.directory, oid, contents=True)
        return read_tree(found.content) if found is not None and found.kind == "tree" else ()

    def entry(self, sha: str, path: str) -> TreeEntry | None:
        """What is at a path of a commit; the root is a tree with an empty path."""
        commit = self.commit(sha)
        if commit is None:
            return None
        current = TreeEntry("040000", "tree", commit.tree, "")
        for name in [part for part in path.split("/") if part]:
            if current.kind != "tree":
                return None
            below = next((entry for entry in self._tree(current.oid) if entry.path == name), None)
            if below is None:
                return None
            current = below
        return TreeEntry(current.mode, current.kind, current.oid, path.strip("/"))

    def walk(self, sha: str, path: str = "", recursive: bool = False) -> list[TreeEntry] | None:
        """The entries below a path, folders among them; None where the path is no folder."""
        top = self.entry(sha, path)
        if top is None or top.kind != "tree":
            return None
        return list(self._below(top.oid, top.path, recursive))

    def _below(self, oid: str, prefix: str, recursive: bool) -> Iterator[TreeEntry]:
        for entry in self._tree(oid):
            full = f"{prefix}/{entry.path}" if prefix else entry.path
            yield TreeEntry(entry.mode, entry.kind, entry.oid, full)
            if recursive and entry.kind == "tree":
                yield from self._below(entry.oid, full, recursive)

    def blob(self, oid: str) -> bytes | None:
        found = self._readers.ask(self.directory, oid, contents=True)
        return found.content if found is not None and found.kind == "blob" else None

    def file(self, sha: str, path: str) -> bytes | None:
        entry = self.entry(sha, path)
        return self.blob(entry.oid) if entry is not None and entry.kind == "blob" else None

    def _last_commit_of(self, sha: str, path: str) -> str | None:
        found = run_git(self.directory, "--literal-pathspecs", "log", "-1", "--format=%H", sha, "--", path)
        return found.decode().strip() or None

    def log(
        self,
        revisions: Sequence[str],
        *,
        limit: int = 0,
        skip: int = 0,
        path: str = "",
        extra: Sequence[str] = (),
    ) -> list[Commit]:
        """Commits, newest first."""
        bounds = [f"--max-count={limit}"] if limit else []
        bounds += [f"--skip={skip}"] if skip else []
        rest = ["--", path] if path else ["--"]
        command = ["--literal-pathspecs", "rev-list", *bounds, *extra, *revisions, *rest]
        shas = run_git(self.directory, *command).decode().split()
        return [commit for sha in shas if (commit := self.commit(sha)) is not None]

    def count(self, *revisions: str) -> int:
        return int(run_git(self.directory, "rev-list", "--count", *revisions, "--"))

    def _merge_base(self, *shas: str) -> str | None:
        return run_git(self.directory, "merge-base", "--octopus", *shas, ok=(0, 1)).decode().strip() or None

    def is_ancestor(self, old: str, new: str) -> bool:
        return old == new or self.merge_base(old, new) == old

    def _changes(self, old: str, new: str) -> tuple[Change, ...]:
        """Files that differ between two commits or trees; renames are found."""
        out = run_git(self.directory, "diff-tree", "-r", "-z", "-M", "--raw", "--no-commit-id", old, new)
        fields = out.decode("utf-8", "surrogateescape").split("\0")
        found, position = [], 0
        while position < len(fields) and fields[position].startswith(":"):
            old_mode, new_mode, _, _, kind = fields[position][1:].split(" ")
            first = fields[position + 1]
            moved = kind[0] in "RC"
            second = fields[position + 2] if moved else first
            position += 3 if moved else 2
            found.append(Change(kind[0], first, second, old_mode, new_mode))
        return tuple(found)

    def patch(self, old: str, new: str, path: str | None = None, context: int = 3) -> str:
        """The unified diff between two commits or trees, of one path or of all."""
        only = ["--", path] if path is not None else []
        command = [
            "--literal-pathspecs",
            "diff",
            "-M",
            f"-U{context}",
            "--no-color",
            "--no-ext-diff",
            old,
            new,
            *only,
        ]
        return run_git(self.directory, *command).decode("utf-8", "replace")

    def containing(self, sha: str, kind: str = "branch") -> list[str]:
        """The branches, or the tags (`kind` tag), that hold a commit, by name."""
        shape, where = "--format=%(refname:lstrip=2)", "refs/tags/" if kind == "tag" else "refs/heads/"
        out = run_git(self.directory, "for-each-ref", shape, f"--contains={sha}", where)
        return out.decode("utf-8", "replace").splitlines()

    # Writing

    def commit_files(
        self,
        branch: str,
        parent: str | None,
        actions: Sequence[FileAction],
        message: str,
        author: tuple[str, str],
        committer: tuple[str, str],
        force: bool = False,
    ) -> str:
        """Put one commit on a branch and give its sha; GitFailed when the branch moved meanwhile."""
        stamp = f"{int(datetime.now().timestamp())} +0000"
        text = message.encode("utf-8", "surrogateescape")
        script = [
            f"commit refs/heads/{branch}\nmark :1\n".encode(),
            b"author %s %s\n" % (_signature(author), stamp.encode()),
            b"committer %s %s\n" % (_signature(committer), stamp.encode()),
            b"data %d\n%s\n" % (len(text), text),
        ]
        if parent is not None:
            script.append(f"from {parent}\n".encode())
        for action in actions:
            script += self._script_of(action, parent)
        script.append(b"\nget-mark :1\ndone\n")
        forced = ["--force"] if force else []
        command = ["fast-import", "--quiet", "--done", "--date-format=raw", *forced]
        return run_git(self.directory, *command, stdin=b"".join(script)).decode().strip()

    def _script_of(self, action: FileAction, parent: str | None) -> list[bytes]:
        quoted = _quoted(action.path)
        source = action.previous_path if action.action == "move" and action.previous_path else action.path
        before = self.entry(parent, source) if parent is not None else None
        mode = before.mode if before is not None else "100644"
        if action.executable is not None:
            mode = "100755" if action.executable else "100644"
        if action.action == "delete":
            return [b"D %s\n" % quoted]
        lines = []
        if action.action == "move":
            lines.append(b"R %s %s\n" % (_quoted(source), quoted))
        if action.content is not None:
            head = f"M {mode} inline ".encode()
            lines.append(head + b"%s\ndata %d\n%s\n" % (quoted, len(action.content), action.content))
        elif action.action == "chmod" and before is not None:
            lines.append(f"M {mode} {before.oid} ".encode() + quoted + b"\n")
        return lines

    def update_ref(self, ref: str, new: str, old: str | None = None) -> None:
        """Move, make or (with zeros) remove a ref; with `old`, only when it still is there."""
        arguments = ["update-ref", "-d", ref] if new == ZEROS else ["update-ref", ref, new]
        run_git(self.directory, *arguments, *([old] if old is not None else []))

    def set_head(self, branch: str) -> None:
        run_git(self.directory, "symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def fetch(self, other: Repository, sha: str, ref: str) -> None:
        """Bring a commit of another repository here under a ref."""
        run_git(self.directory, "fetch", "--quiet", "--no-tags", str(other.directory), f"+{sha}:{ref}")

    def _merged_tree(self, ours: str, theirs: str) -> str | None:
        """The tree of a merge, or None where the two conflict."""
        done = run_git(self.directory, "merge-tree", "--write-tree", "--no-messages", ours, theirs, ok=(0, 1))
        tree = done.decode().split("\n")[0]
        return tree if len(done.decode().splitlines()) == 1 else None

    def commit_tree(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: tuple[str, str],
        committer: tuple[str, str],
    ) -> str:
        who = {
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_COMMITTER_NAME": committer[0],
            "GIT_COMMITTER_EMAIL": committer[1],
        }
        command = ["git", "-C", str(self.directory), "commit-tree", tree]
        for parent in parents:
            command += ["-p", parent]
        done = subprocess.run(
            command, input=message.encode(), capture_output=True, env=git_environment(who), check=True
        )
        return done.stdout.decode().strip()


def _signature(person: tuple[str, str]) -> bytes:
    name, email = (re.sub(r"[<>\n\0]", "", part).strip() for part in person)
    return f"{name} <{email}>".encode("utf-8", "surrogateescape")


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return b'"' + escaped.encode("utf-8", "surrogateescape") + b'"'
