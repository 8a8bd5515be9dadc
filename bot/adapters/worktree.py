"""A folder as git sees it: which of its files a push would hold, if everything new in it were committed."""

from __future__ import annotations

import os
from pathlib import Path

MAX_LISTED_BYTES = 16 * 1024 * 1024
"""Bytes of git's list of paths; of a longer one nothing is taken."""

LIST_SECONDS = 20
"""Seconds that git may take to list them."""


def work_tree_of(folder: Path) -> Path | None:
    """The folder that git looks after and that holds this one, which may be the same; None for none."""
    here = Path(os.path.realpath(folder))
    return next((above for above in (here, *here.parents) if (above / ".git").exists()), None)


def pushed_paths(folder: Path, only_tracked: bool = False) -> tuple[str, ...] | None:
    """Paths of the folder that git tracks, and those that it neither tracks nor ignores; from the folder, in order.

    `only_tracked`: without the latter.

    None where git does not decide: the folder is in no work tree, or is itself ignored there, or there is no git.
    """
    if work_tree_of(folder) is None:
        return None
    here = folder.absolute()
    # Imported here because most folders that are described for a program are in no work tree.
    import subprocess

    from bot.adapters.checkout import HERE

    # Neither a hook of the folder may run, nor does it matter to whom it belongs.
    options = ("safe.directory=*", "core.fsmonitor=false", "core.hooksPath=/dev/null")
    command = ["git", "-C", str(here), *(word for option in options for word in ("-c", option))]
    others = () if only_tracked else ("--others", "--exclude-standard")
    wish = ("ls-files", "-z", "--cached", *others, "--deduplicate")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | HERE
    try:
        listed = subprocess.run(
            [*command, *wish],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if listed.returncode or not listed.stdout or len(listed.stdout) > MAX_LISTED_BYTES:
        return None
    # A repository inside of this one ends in a slash: its files are not pushed with it.
    names = (name for name in listed.stdout.split(b"\0") if name and not name.endswith(b"/"))
    real = _Real(here)
    return tuple(sorted(name for name in map(os.fsdecode, names) if real.holds(name.rpartition("/")[0])))


class _Real:
    """Which folders below one are reached without a link: git may still know files where a link out of it is now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = {"": True}

    def holds(self, path: str) -> bool:
        """Whether no part of the path is a link."""
        new: list[str] = []
        while path and path not in self._known:
            new.append(path)
            path = path.rpartition("/")[0]
        good = self._known[path]
        for one in reversed(new):
            good = good and not self._is_link(one)
            self._known[one] = good
        return good

    def _is_link(self, path: str) -> bool:
        try:
            return (self._folder / path).is_symlink()
        except OSError:
            # Too long for this system, so nothing is there.
            return True
