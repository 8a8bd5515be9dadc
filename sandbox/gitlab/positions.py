"""Where a diff note may stand: the rules that GitLab puts on a position."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from sandbox.gitlab.git import Repository
from sandbox.gitlab.http import ApiError
from sandbox.gitlab.values import MergeRequest

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
    path = str(given.get("new_path") or given.get("old_path") or "")
    line_code = f"{hashlib.sha1(path.encode()).hexdigest()}_{old_line or 0}_{new_line or 0}"  # noqa: S324 - GitLab's own format
    if (given["base_sha"], given["start_sha"], given["head_sha"]) not in known:
        raise ApiError(
            400, '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'
        )
    if given["position_type"] == "text":
        patch = git.patch(str(given["base_sha"]), str(given["head_sha"]), path)
        if (old_line, new_line) not in lines_of(patch):
            raise ApiError(
                400, '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'
            )
    return {**given, "line_code": line_code, "old_line": old_line, "new_line": new_line}


def _number(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    return None if value in (None, "") else int(str(value))
