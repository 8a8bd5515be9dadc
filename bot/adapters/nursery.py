"""The process that readers are born in: `python -m bot.adapters.nursery SOCKET`, started by bot.adapters.reader.

It has everything loaded that reading takes, reads nothing itself, and forks a child for each repository, a little
ahead of time. A child that crashes, takes too long or too much memory is the end of nothing but its own reading.
"""

from __future__ import annotations

import gc
import importlib
import mmap
import os
import pkgutil
import resource
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import parser
from parser.packing import pack_report, unpack_source
from parser.read import read
from parser.source import Entry, Source

HEADER = struct.Struct("!dQQ")
"""What a request begins with: CPU seconds, bytes of memory, bytes of the packed source's header."""

ANSWER = struct.Struct("!cQ")
"""What an answer begins with: REPORT or TRACEBACK, and how many bytes of it follow."""

REPORT, TRACEBACK = b"r", b"t"

TRAILER = struct.Struct("!iH254s4s")
"""What comes instead of an answer, or of its rest, from the nursery: exit status of the child (negative: signal), the
path that it looked into last, END."""

END = b"end\n"

PATIENCE = 6
"""Wall-clock seconds a child has for each CPU second: on a busy machine it has to wait for its turn."""

OUT_OF_MEMORY, FAULT = 3, 4
"""Exit statuses of a child."""

FEW_FILES = 16
"""Files that a child may have open."""

MAX_DESCRIPTORS = 65_536

MAX_TRACEBACK = 8000
"""Characters of a traceback, its end."""

WARM_UPS = 20
"""Times the sample is read: Python makes code faster that has run a few times."""

COLLECT_AFTER = 100_000
"""New objects after which a child looks for garbage; it lives for milliseconds, and leaves little."""

_WARM_UP = {
    "run.py": b"import argparse\n\n\n@data_processor(name='x', type='OPERATION')\ndef main():\n"
    b"    parser = argparse.ArgumentParser()\n    parser.add_argument('--input-path', type=int, default='1')\n"
    b"    parser.parse_args()\n\n\nif __name__ == '__main__':\n    main()\n",
    "requirements.txt": b"numpy==2.1 ; python_version > '3'\n",
    ".mlreef.yaml": b"name: x\n",
}


class _Watched(dict[str, bytes]):
    """Contents that note in shared memory which of them was asked for last."""

    def __init__(self, contents: Mapping[str, bytes], page: mmap.mmap) -> None:
        super().__init__(contents)
        self._page = page

    def __getitem__(self, path: str) -> bytes:
        self._note(path)
        return super().__getitem__(path)

    def get(self, path: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]  # one form of two
        self._note(path)
        return super().get(path, default)

    def _note(self, path: str) -> None:
        name = path.encode()[:254]
        self._page[: 2 + len(name)] = struct.pack("!H", len(name)) + name


def main(descriptor: int) -> None:
    """Have a child for each byte that comes over the control socket, and send back the socket it listens on.

    Ends when the control socket is closed.
    """
    for ignored in (signal.SIGINT, signal.SIGTERM):
        # the end of the control socket ends this process; children have their own clocks
        signal.signal(ignored, signal.SIG_IGN)
    for module in pkgutil.walk_packages(parser.__path__, "parser."):
        # some are loaded by the reader only when a script needs them
        importlib.import_module(module.name)
    for _ in range(WARM_UPS):
        warm_up()
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    control = socket.socket(fileno=descriptor)
    children: dict[int, tuple[socket.socket, mmap.mmap]] = {}
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if woken in ready:
            with suppress(BlockingIOError):
                woken.recv(4096)
            for pid, status in _ended():
                job, page = children.pop(pid)
                _tell(job, status, page)
        if control in ready:
            if not _is_asked(control):
                return
            theirs, job = socket.socketpair()
            page = mmap.mmap(-1, mmap.PAGESIZE)
            pid = os.fork()
            if pid == 0:
                _live(job, page)
            children[pid] = (job, page)
            with theirs, suppress(ConnectionError):
                socket.send_fds(control, [b"."], [theirs.fileno()])


def _is_asked(control: socket.socket) -> bool:
    """Whether one more child is wanted; nobody wants any when the other end is closed."""
    try:
        return bool(control.recv(1))
    except ConnectionError:
        return False


def warm_up() -> None:
    """Have Python make the reader's code fast; in a child, touch the memory that reading changes."""
    source = Source({path: Entry(path, "file") for path in _WARM_UP}, _WARM_UP)
    pack_report(read(source, "x"))


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _tell(job: socket.socket, status: int, page: mmap.mmap) -> None:
    (length,) = struct.unpack("!H", page[:2])
    # whoever asked may be gone, or not listening any more
    job.settimeout(1.0)
    with suppress(OSError):
        job.sendall(TRAILER.pack(status, length, page[2 : 2 + min(length, 254)], END))
    job.close()
    page.close()


def _live(job: socket.socket, page: mmap.mmap) -> None:
    """The life of a child: takes one source, answers with its report, and ends."""
    status = FAULT
    try:
        signal.set_wakeup_fd(-1)
        _let_go(job)
        warm_up()
        status = _answer(job, page)
    except MemoryError:
        status = OUT_OF_MEMORY
    except BaseException:  # noqa: BLE001 -- nothing may return into the nursery's loop
        with suppress(BaseException):
            told = traceback.format_exc()[-MAX_TRACEBACK:].encode("ascii", "backslashreplace")
            job.sendall(ANSWER.pack(TRACEBACK, len(told)) + told)
    finally:
        os._exit(status)


def _let_go(job: socket.socket) -> None:
    """Close what belongs to the nursery and to other children: while it is open here, their end would not be seen."""
    os.closerange(3, job.fileno())
    os.closerange(job.fileno() + 1, MAX_DESCRIPTORS)
    # Python's last words on a crash are for nobody
    os.dup2(1, 2)


def _answer(job: socket.socket, page: mmap.mmap) -> int:
    with job.makefile("rb") as stream:
        asked = stream.read(HEADER.size)
        if not asked:
            return 0
        seconds, memory, length = HEADER.unpack(asked)
        confine(seconds, memory)
        source, project_name = unpack_source(stream.read(length), stream.read)
    watched = Source(source.entries, _Watched(source.contents, page), source.limits)
    report = pack_report(read(watched, project_name))
    job.sendall(ANSWER.pack(REPORT, len(report)) + report)
    return 0


def confine(seconds: float, memory: int) -> None:
    """Bound what this process may take; the kernel ends it by a signal, or Python by a MemoryError."""
    # the default action of both ends the process wherever it is, in C code too
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE)
    for what, most in (
        (resource.RLIMIT_AS, _address_space() + memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, FEW_FILES),
        (resource.RLIMIT_NPROC, 0),
    ):
        # a system that lacks one of them, or has a lower one already, is as good
        with suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


def _address_space() -> int:
    """Bytes that the process has mapped already."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        # without a proc file system: what Python and its libraries take at most
        return 512 * 1024 * 1024


if __name__ == "__main__":
    main(int(sys.argv[1]))
