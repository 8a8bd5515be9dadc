"""What stands behind a sign: some failures are told by one line and explained by another, earlier or later."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.utils import canonicalize_name

from bot.domain.cause_kinds import Kind

Found = tuple[Kind, str]

_RETRYING = re.compile(
    r"WARNING: Retrying .{1,300} after connection broken by '(?P<error>\w+)\(.{1,1000}: (?P<path>/\S{1,300})$"
)
"""pip's warning about one try; it goes on, and says in the end that the package is nowhere."""

_DENIED = re.compile(
    r"(?:WARNING: 40[13] Error, Credentials not correct for|(?:ERROR: )?.{0,60}40[13] Client Error: .{1,60} for url:)"
    r" (?P<path>\S{1,300}?)/?$"
)
"""pip's warning about an index that does not let it in; it goes on, too."""

_IGNORED = r"(?:: |; ){version} Requires-Python (?P<thing>[^;]{{1,60}})"
"""In pip's line about versions that it may not take, `version` in the form of a pattern."""

_IGNORING = "ERROR: Ignored the following versions that require a different python version: "

_UNSATISFIED = "ERROR: Could not find a version that satisfies the requirement "
"""Stands between that line and the one that ends it."""

_NOT_FETCHED = re.compile(
    r"W: (?:Failed to fetch |Some index files failed to download)|E: The repository '.{1,300}' does not have a Release"
)
"""apt's warnings about an archive; it goes on, and does not find packages then."""

_END_OF_OUTPUT = "[end of output]"
_UV_CALLS = re.compile(r"cause: Call to `.{1,200}` failed ")
BUILD_LINES = 80
"""Lines between what a build of a package prints and who started it."""

_NOT_FOUND = re.compile(
    r"(?:\S{1,60}: )?(?:line )?(?:\d+: )?(?P<thing>[\w.+/-]{1,80}): (?:command )?not found$"
)
PROGRAM_LINES = 30
"""Lines before the exit code for a missing program in which a shell says which."""

_COMPILERS = frozenset({"gcc", "g++", "cc", "c++", "clang", "cmake", "make", "cargo", "rustc"})


def root(found: Found, earlier: Sequence[str], later: Sequence[str]) -> Found | None:
    """What is behind a sign, itself where nothing is; None where it says nothing without more."""
    kind, thing = found
    if kind is Kind.NO_DISTRIBUTION:
        return (_why_no_version(thing, earlier) if thing else None) or found
    if kind is Kind.NO_DEBIAN_PACKAGE:
        unfetched = any(_NOT_FETCHED.match(line) for line in earlier)
        return (Kind.NO_DEBIAN_ARCHIVE, "") if unfetched else found
    if kind is Kind.NO_MODULE:
        return (Kind.BUILD_NEEDS, thing) if _is_in_a_build(earlier, later) else found
    return _missing_program(thing or _not_found(earlier)) if kind is Kind.NO_PROGRAM else found


def _why_no_version(wanted: str, earlier: Sequence[str]) -> Found | None:
    """Why pip found no version although there may be one: no index answered, it needs another Python or index."""
    name, _, version = wanted.partition("==")
    for line in reversed(earlier):
        retried = _RETRYING.match(line)
        denied = _DENIED.match(line)
        if denied is not None and _is_page_of(denied["path"], name):
            return Kind.INDEX_DENIED, ""
        if retried is not None and _is_page_of(retried["path"], name):
            refused = retried["error"] == "SSLError" and "CERTIFICATE_VERIFY_FAILED" in line
            return (Kind.CERTIFICATE if refused else Kind.NO_INDEX), ""
    ignored = re.compile(_IGNORED.format(version=re.escape(version) if version else r"[\w.!+]{1,60}"))
    if len(earlier) > 1 and earlier[-2].startswith(_IGNORING) and earlier[-1].startswith(_UNSATISFIED):
        found = ignored.search(earlier[-2])
        if found is not None:
            return Kind.OTHER_PYTHON, found["thing"]
    return (Kind.OTHER_INDEX, wanted) if "+" in version else None


def _is_page_of(path: str, name: str) -> bool:
    """Whether an index lists a package at this path. `name` may go on with what is wanted of it."""
    bare = re.split(r"[^\w.-]", name, maxsplit=1)[0]
    return canonicalize_name(path.rstrip("/").rpartition("/")[2]) == canonicalize_name(bare)


def _is_in_a_build(earlier: Sequence[str], later: Sequence[str]) -> bool:
    """Whether pip or uv passes on what the build of a package said."""
    return _END_OF_OUTPUT in later[:3] or any(_UV_CALLS.match(line) for line in earlier[-BUILD_LINES:])


def _not_found(earlier: Sequence[str]) -> str:
    """The program that a shell did not find last, "" where there was none."""
    matches = (_NOT_FOUND.match(line) for line in reversed(earlier[-PROGRAM_LINES:]))
    return next((match["thing"] for match in matches if match is not None), "")


def _missing_program(program: str) -> Found | None:
    name = program.rpartition("/")[2]
    if name in _COMPILERS:
        return Kind.NO_COMPILER, ""
    if name == "nvidia-smi":
        return Kind.NO_GPU, ""
    return (Kind.NO_PROGRAM, name) if name else None
