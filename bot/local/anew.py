"""Files that a command makes anew: whole, or not at all, and never in the place of another."""

from __future__ import annotations

from pathlib import Path


def write_anew(file: Path, content: bytes) -> None:
    """Makes a file, with the folders above it. FileExistsError where one is; OSError, and nothing is left of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # made here or not at all: somebody may have been quicker, and behind a link lies somebody else's file
    with file.open("xb") as stream:
        try:
            stream.write(content)
            stream.flush()
        except BaseException:
            # a full disk, or Ctrl-C: half a file would be taken for somebody's own when the command is run again
            file.unlink(missing_ok=True)
            raise
