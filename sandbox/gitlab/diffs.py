"""What GitLab shows of the difference between two commits: file by file, renames found, and no more than its limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.gitlab.git import Repository
from sandbox.gitlab.git_objects import Change

MAX_PATCH_BYTES = 200 * 1024
"""GitLab's diff_max_patch_bytes: of a larger patch of one file nothing is shown."""

MAX_FILES = 3000
"""GitLab's most for diff_max_files: further files are not there."""

DIFFS_REMEMBERED = 64


@dataclass(frozen=True)
class FileDiff:
    """A file that differs, and its hunks; these are empty for what is binary, or only renamed."""

    change: Change
    hunks: str

    @property
    def too_large(self) -> bool:
        return len(self.hunks.encode()) > MAX_PATCH_BYTES


@lru_cache(DIFFS_REMEMBERED)
def file_diffs(git: Repository, old: str, new: str) -> tuple[FileDiff, ...]:
    """All of them, in git's order."""
    changes, patches = git.changes(old, new), _sections(git.patch(old, new))
    # what changes its type (a file, a link) is told as one removed and one added
    return tuple(
        FileDiff(change, "".join(next(patches, "") for _ in range(2 if change.kind == "T" else 1)))
        for change in changes
    )


def _sections(patch: str) -> Iterator[str]:
    """The hunks of each file of a patch, without what stands before them."""
    for part in f"\n{patch}".split("\ndiff --git ")[1:]:
        start = part.find("\n@@")
        yield part[start + 1 :].rstrip("\n") + "\n" if start >= 0 else ""


def diff_value(diff: FileDiff) -> dict[str, Any]:
    """One file's difference, in the form that compare, commits and merge requests share."""
    change = diff.change
    return {
        "diff": "" if diff.too_large else diff.hunks,
        "collapsed": False,
        "too_large": diff.too_large,
        "new_path": change.new_path,
        "old_path": change.old_path,
        "a_mode": change.old_mode,
        "b_mode": change.new_mode,
        "new_file": change.kind == "A",
        "renamed_file": change.kind == "R",
        "deleted_file": change.kind == "D",
        "generated_file": False,
    }


def diff_values(git: Repository, old: str, new: str) -> list[dict[str, Any]]:
    """The differences that are shown."""
    return [diff_value(diff) for diff in file_diffs(git, old, new)[:MAX_FILES]]
