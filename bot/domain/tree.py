"""What of a commit is read, decided in one place: the bot reads over GitLab's API, the jobs read a checkout, and
both must come to the same module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from parser.source import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, Entry, Source, wanted


def bounded_source(entries: Iterable[Entry], contents: Mapping[str, bytes]) -> Source:
    """The Source of a commit: in order of path, within the reader's limits, whatever order it was fetched in.

    The bot refuses a commit of more than MAX_FILES before it comes here.
    """
    kept = sorted(entries, key=lambda entry: entry.path)[:MAX_FILES]
    room = MAX_TOTAL_BYTES
    texts: dict[str, bytes] = {}
    for entry in kept:
        content = contents.get(entry.path) if entry.kind == "file" and wanted(entry.path) else None
        if content is not None and len(content) <= min(MAX_FILE_BYTES, room):
            texts[entry.path] = content
            room -= len(content)
    return Source({entry.path: entry for entry in kept}, texts)
