"""The part of a job's log that is about its failure: the step that failed, from the command that did.

A runner marks the steps of a job, and writes every command of a script before what it prints. A script ends with the
first command that fails; what came before was got over, and what comes afterwards is not why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.text import joined_lines, seen

_MARK = re.compile(r"section_(start|end):\d+:([\w.-]+)(?:\[[^\]]*\])?\r?")

_STEPS = frozenset(
    {
        *("prepare_executor", "prepare_script", "get_sources", "download_artifacts"),
        *("step_script", "build_script", "upload_artifacts_on_success"),
    }
)
"""Steps of a job that end it when they fail; when one begins, those before it went well."""

_BESIDE = frozenset(
    {
        *("restore_cache", "after_script", "archive_cache", "archive_cache_on_failure"),
        *("upload_artifacts_on_failure", "cleanup_file_variables"),
    }
)
"""Steps that fail without ending a job."""

_COMMAND = re.compile(r"(?:\x1b\[0K)?\x1b\[32;1m\$ ")
"""Before a command of the script, as runners write it; in this colour, as other programs do not."""

_CUT = re.compile(r"Job's log exceeded limit of \d{1,20} bytes\.$")
_AFTER_CUT = frozenset({"", "Job execution will continue but no more output will be collected."})


@dataclass(frozen=True, slots=True)
class Ending:
    """The lines from the failing command on, as they are seen, and whether GitLab kept no more of the log."""

    lines: tuple[str, ...]
    is_cut: bool = False


def read_ending(trace: bytes) -> Ending:
    """Of a job's log, which anybody may have written. Without marks and commands, all of it."""
    kept: list[str] = []
    beside = ""
    for line in joined_lines(trace):
        text = []
        for piece, mark, name in _pieces(line):
            if not beside:
                text.append(piece)
            if mark == "start" and name in _STEPS:
                kept, text, beside = [], [], ""
            elif mark == "start" and name in _BESIDE and not beside:
                beside = name
            elif mark == "end" and name == beside:
                beside = ""
        if not text:
            continue
        shown = "".join(text)
        if _COMMAND.match(shown):
            kept = []
        kept.append(seen(shown))
    return Ending(tuple(kept), _is_cut(kept))


def _pieces(line: str) -> Iterator[tuple[str, str, str]]:
    """What stands before each of the runner's marks, with the mark; and what stands behind the last."""
    begin = 0
    for match in _MARK.finditer(line):
        yield line[begin : match.start()], match[1], match[2]
        begin = match.end()
    yield line[begin:], "", ""


def _is_cut(lines: list[str]) -> bool:
    for line in reversed(lines):
        if _CUT.match(line):
            return True
        if line.strip() not in _AFTER_CUT:
            return False
    return False
