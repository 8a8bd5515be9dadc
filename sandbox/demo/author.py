"""What the author of a repository does: commits, pushes, opens a merge request and merges it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.demo.children import DemoError, run

LEFT_BEHIND = {".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".tox"}
"""Folders of a directory without git that are no part of a repository."""


@dataclass(frozen=True, slots=True)
class Clone:
    """A working copy on the author's disk, with the remote that it pushes to."""

    directory: Path
    url: str

    def git(self, *arguments: str) -> str:
        """Run git as the author, untouched by the configuration of whoever runs the demo."""
        _, out = run(
            ["git", *arguments], cwd=self.directory, env=_ENVIRONMENT | {"HOME": str(self.directory)}
        )
        return out

    def commit(self, message: str) -> str:
        """Commit everything and return the sha."""
        self.git("add", "--all", "--force", ".")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.git("rev-parse", "HEAD").strip()

    def push(self, branch: str) -> str:
        """Push the checked-out commit to a branch of the remote; returns what git said."""
        return self.git("push", self.url, f"HEAD:refs/heads/{branch}")


_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "LANG": "C.UTF-8",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
}


def new_clone(directory: Path, url: str, branch: str) -> Clone:
    """An empty working copy with one branch."""
    directory.mkdir(parents=True)
    clone = Clone(directory, url)
    clone.git("init", "--quiet", f"--initial-branch={branch}")
    return clone


def copy_tree(source: Path, target: Path) -> int:
    """Copy what a repository would hold: what git tracks or does not ignore; without git all but clutter.

    Symbolic links are copied as links. Returns the number of files; DemoError when there are none.
    """
    count = 0
    for path in _listed(source):
        destination = target / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / path, destination, follow_symlinks=False)
        count += 1
    if not count:
        raise DemoError(f"{source} holds no files to publish")
    return count


def _listed(source: Path) -> Iterator[Path]:
    asked = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source,
        capture_output=True,
        check=False,
    )
    if asked.returncode == 0:
        listed = sorted(set(asked.stdout.split(b"\0")) - {b""})
        paths = [Path(os.fsdecode(name)) for name in listed]
        there = [path for path in paths if (source / path).is_symlink() or (source / path).is_file()]
        if there:
            yield from there
            return
    for here, folders, names in os.walk(source):
        links = [name for name in folders if Path(here, name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in LEFT_BEHIND and name not in links)
        yield from (Path(here, name).relative_to(source) for name in sorted([*names, *links]))
