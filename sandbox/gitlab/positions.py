"""Where a diff note may stand: the rules that GitLab puts on a position."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from sandbox.gitlab.diffs import file_diffs
from sandbox.gitlab.git import Repository
from sandbox.gitlab.http import ApiError
from sandbox.gitlab.values import MergeRequest, MergeRequestVersion

NO_SUCH_LINE = '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'

WHOLE_FILE = 1_000_000
"""Lines of context that take in any file."""

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def lines_of(patch: str) -> set[tuple[int | None, int | None]]:
    """The lines of a unified diff as (old, new) numbers: added have no old, removed no new, context both."""
    found: set[tuple[int | None, int | None]] = set()
    old = new = 0
    inside = False
    for line in patch.split("\n"):
        hunk = HUNK.match(line)
        if hunk:
            old, new, inside = int(hunk[1]), int(hunk[2]), True
        elif inside and line.startswith("+"):
            found.add((None, new))
            new += 1
        elif inside and line.startswith("-"):
            found.add((old, None))
            old += 1
        elif inside and line.startswith(" "):
            found.add((old, new))
            old, new = old + 1, new + 1
    return found


def check_position(git: Repository, found: MergeRequest, given: Any) -> dict[str, Any]:
    """A position as it is kept; ApiError 400 where GitLab cannot find the line."""
    if not isinstance(given, Mapping):
        raise ApiError(400, {"error": "position is invalid"})
    missing = [name for name in ("base_sha", "start_sha", "head_sha", "position_type") if not given.get(name)]
    if missing:
        raise ApiError(400, {"error": ", ".join(f"position[{name}] is missing" for name in missing)})
    known = {(version.base, version.start, version.head) for version in found.versions}
    old_line, new_line = _number(given, "old_line"), _number(given, "new_line")
    if (given["base_sha"], given["start_sha"], given["head_sha"]) not in known:
        raise ApiError(400, NO_SUCH_LINE)
    if given["position_type"] == "text":
        shown = lines_between(git, str(given["base_sha"]), str(given["head_sha"]), _path(given))
        if (old_line, new_line) not in shown:
            raise ApiError(400, NO_SUCH_LINE)
    return _kept({**given, "old_line": old_line, "new_line": new_line})


def lines_between(git: Repository, base: str, head: str, path: str) -> set[tuple[int | None, int | None]]:
    """The lines that the diff shows of the file that has this path now, or had it before it was removed."""
    for diff in file_diffs(git, base, head):
        if path in (diff.change.new_path, diff.change.old_path):
            return lines_of(diff.hunks)
    return set()


def follow(
    git: Repository, position: Mapping[str, Any], version: MergeRequestVersion
) -> dict[str, Any] | None:
    """The position in a newer version of the diff; None where its line is no more, or is shown no more: outdated."""
    line, path, head = position["new_line"], str(position.get("new_path") or ""), str(position["head_sha"])
    moved = next((diff for diff in file_diffs(git, head, version.head) if diff.change.old_path == path), None)
    if moved is not None and moved.change.kind == "D":
        return None
    if moved is not None:
        patch = git.patch(f"{head}:{path}", f"{version.head}:{moved.change.new_path}", context=WHOLE_FILE)
        path = moved.change.new_path
        line = {old: new for old, new in lines_of(patch) if old is not None}.get(line) if patch else line
    shown = {new: old for old, new in lines_between(git, version.base, version.head, path) if new is not None}
    if line not in shown:
        return None
    shas = {"base_sha": version.base, "start_sha": version.start, "head_sha": version.head}
    return _kept({**position, **shas, "new_path": path, "old_line": shown[line], "new_line": line})


def _path(given: Mapping[str, Any]) -> str:
    return str(given.get("new_path") or given.get("old_path") or "")


def _kept(position: Mapping[str, Any]) -> dict[str, Any]:
    name = hashlib.sha1(_path(position).encode()).hexdigest()  # noqa: S324 - GitLab's own format
    line_code = f"{name}_{position['old_line'] or 0}_{position['new_line'] or 0}"
    return {**position, "line_code": line_code}


def _number(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    return None if value in (None, "") else int(str(value))
