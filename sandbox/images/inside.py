"""Runs one command inside an unpacked image, cut off from the machine by namespaces: `python -I inside.py < ORDER`.

Needs nothing but the standard library, so that it can be started with as little as possible around it. The order is
JSON on standard input:

    {"root": folder, "folder": where the command starts, "binds": [[here, there, writable], …], "command": […],
     "scratch": [there, …], "variables": {…}, "user": 10001}

The command sees its own processes, no network, the image read-only, empty folders in memory (`/tmp` and those of
`scratch`) and the bound folders. It is the image's
user, has no rights and gains none. As root that user is a real one; for everybody else it is oneself, renamed by a
user namespace. Exit code: the command's, or 125 when it could not be put there; standard error says why.

Without a command the program only tries whether this machine lets it: exit code 0 or 125.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

NOT_POSSIBLE = 125

# From <sched.h>, <sys/mount.h> and <sys/prctl.h>.
NEW_MOUNTS, NEW_NAME, NEW_IPC, NEW_USER = 0x00020000, 0x04000000, 0x08000000, 0x10000000
NEW_PROCESSES, NEW_NETWORK = 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS, REMOUNT = 1, 2, 4, 8, 32
BIND, RECURSIVE, PRIVATE = 4096, 16384, 1 << 18
DIE_WITH_PARENT, NO_NEW_RIGHTS = 1, 38

DEVICES = ("null", "zero", "full", "random", "urandom")
SCRATCH = "mode=1777,size=1g"
"""What is larger belongs into a bound folder."""

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, what: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    _call(
        "mount",
        f"mount {target}",
        source.encode(),
        bytes(target),
        kind.encode(),
        flags,
        data.encode() or None,
    )


def separate(user: int) -> None:
    """Take this process out of the machine's namespaces. OSError where the machine does not let it."""
    flags = NEW_MOUNTS | NEW_NAME | NEW_IPC | NEW_PROCESSES | NEW_NETWORK
    real_user, real_group = os.geteuid(), os.getegid()
    try:
        _call("unshare", "unshare", flags if real_user == 0 else flags | NEW_USER)
    except PermissionError:
        if real_user != 0:
            raise
        # The root of a container has fewer rights than its name says.
        _call("unshare", "unshare", flags | NEW_USER)
    if os.geteuid() != real_user or real_user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {real_user} 1")
        Path("/proc/self/gid_map").write_text(f"{user} {real_group} 1")
    # Nothing that is mounted from here on is seen outside.
    mount("none", Path("/"), "", RECURSIVE | PRIVATE)


def mount_point(root: Path, there: str) -> Path:
    """A folder of the image to mount on; made where it is missing. Never through the image's own links."""
    place = root
    for name in there.strip("/").split("/"):
        if name in ("", ".", ".."):
            raise ValueError(f"{there!r} is no folder of an image")
        place = place / name
        if not os.path.lexists(place):
            place.mkdir()
        if not stat.S_ISDIR(place.lstat().st_mode):
            raise ValueError(
                f"{there}: the image has something else than a folder at {place.relative_to(root)}"
            )
    return place


def furnish(root: Path, binds: Sequence[Sequence[Any]], scratch: Sequence[str]) -> None:
    """Mount what the command needs beside the image, and the image itself read-only."""
    mount(str(root), root, "", BIND)
    devices = mount_point(root, "dev")
    bound = [(str(here), mount_point(root, there), writable) for here, there, writable in binds]
    empty = [mount_point(root, there) for there in ("tmp", *scratch)]
    mount_point(root, "proc")
    mount("none", root, "", BIND | REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES)
    mount("tmpfs", devices, "tmpfs", NO_SUID, "mode=755,size=64k")
    for name in DEVICES:
        (devices / name).touch()
        mount(f"/dev/{name}", devices / name, "", BIND)
    for name, number in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (devices / name).symlink_to(f"/proc/self/fd{number}")
    (devices / "shm").mkdir()
    mount("tmpfs", devices / "shm", "tmpfs", NO_SUID | NO_DEVICES, SCRATCH)
    for folder in empty:
        mount("tmpfs", folder, "tmpfs", NO_SUID | NO_DEVICES, SCRATCH)
    for here, target, writable in bound:
        mount(here, target, "", BIND)
        flags = 0 if writable else READ_ONLY
        mount("none", target, "", BIND | REMOUNT | NO_SUID | NO_DEVICES | flags)


def become(user: int) -> None:
    """Give up all rights for good."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _call("prctl", "prctl", NO_NEW_RIGHTS, 1, 0, 0, 0)
    # Only now: a change of user would have taken it back.
    _call("prctl", "prctl", DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def live(order: dict[str, Any]) -> NoReturn:
    """The first process of the new namespaces: finish what only it can, and become the command."""
    root = Path(order["root"])
    try:
        mount("proc", root / "proc", "proc", NO_SUID | NO_DEVICES | NO_PROGRAMS)
    except PermissionError:
        # Inside another container: there the command does without.
        sys.stderr.write("(without /proc, which this machine does not give)\n")
    os.chroot(root)
    os.chdir(order["folder"])
    become(order["user"])
    variables = {str(name): str(value) for name, value in order["variables"].items()}
    os.environ["PATH"] = variables.get("PATH", os.defpath)
    os.execvpe(order["command"][0], order["command"], variables)  # noqa: S606 - what this program is for


def main() -> int:
    """See the module's first lines."""
    try:
        order = json.load(sys.stdin)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        separate(order["user"])
        if not order.get("command"):
            return 0
        furnish(Path(order["root"]), order["binds"], order["scratch"])
        child = os.fork()
        if child == 0:
            live(order)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return NOT_POSSIBLE

    def end(_number: int, _frame: FrameType | None) -> None:
        # All processes of the namespace end with its first one.
        os.kill(child, signal.SIGKILL)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)
