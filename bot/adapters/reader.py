"""Reads repositories in children of a process of its own, where a hostile file can end nothing but its own reading."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

import bot
from bot.adapters.nursery import (
    ANSWER,
    END,
    HEADER,
    OUT_OF_MEMORY,
    PATIENCE,
    REPORT,
    TRACEBACK,
    TRAILER,
)
from bot.errors import TryAgain
from parser.model import Place, Problem, Report, Settings
from parser.packing import pack_source, unpack_report
from parser.problems import ascii_controls, problem
from parser.source import Source

SIDE_BY_SIDE = 4
"""Repositories read at the same moment; reading is work for a core, and more would only share them."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
START_SECONDS = 60.0
"""How long the process may take to load what reading needs."""

GRACE_SECONDS = 10.0
"""How much longer than its own clock a child is waited for."""

SPARE = SIDE_BY_SIDE
"""Children that wait for work; each reads one repository."""

TRIES = 2
"""Times a reading is begun when the process around it is gone."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What reading one repository may take: seconds of a core, and bytes of memory besides the program itself."""

    seconds: float = 10.0
    memory_bytes: int = 300 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Answer:
    """One of: a packed report; the traceback of a fault of ours; an exit status and the path looked into last."""

    report: bytes | None = None
    traceback: str | None = None
    status: int = 0
    last: str = ""


class Reader:
    """`read(source, project_name)` as the parser has it, in a child process. To be closed; safe for many threads."""

    def __init__(self, allowance: Allowance | None = None) -> None:
        self._allowance = allowance or Allowance()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(SIDE_BY_SIDE)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Have the process ready before the first repository comes."""
        with self._lock:
            self._ensure_process()

    def close(self) -> None:
        """End the process; readings that go on end with it or by their own clocks."""
        with self._lock:
            self._drop()

    def read(self, source: Source, project_name: str) -> Report:
        """What the repository says. One that takes too much, or breaks the reader, has that as its only problem.

        Raises TryAgain when the machine is at fault.
        """
        with self._room:
            for _ in range(TRIES):
                answer = self._ask(source, project_name)
                if answer is not None:
                    return self._judge(answer)
        raise TryAgain("the process that reads repositories has ended")

    def _ask(self, source: Source, project_name: str) -> _Answer | None:
        """What a child says, or how it ended; None when nobody is there to tell."""
        ours = self._take_child()
        with ours:
            ends = time.monotonic() + self._allowance.seconds * PATIENCE + GRACE_SECONDS
            # a child that ends before it has heard all still says how it ended
            with suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
                self._send(ours, source, project_name, ends)
            answer = _answer(ours, ends)
        self._replace_child(answer is None)
        return answer

    def _take_child(self) -> socket.socket:
        """The socket of a child that waits for work; those that ended while they waited are passed over."""
        for _ in range(SPARE):
            child = self._next_child()
            if not select.select([child], [], [], 0)[0]:
                return child
            child.close()
            self._replace_child(False)
        return self._next_child()

    def _next_child(self) -> socket.socket:
        with self._lock:
            try:
                control = self._ensure_process()
                _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            except OSError:
                descriptors = []
            if not descriptors:
                self._drop()
                raise TryAgain("the process that reads repositories does not start")
            return socket.socket(fileno=descriptors[0])

    def _replace_child(self, lost: bool) -> None:
        """Have the next one made ready, now that the one before does not need the core any more."""
        with self._lock:
            try:
                if lost or self._control is None:
                    raise ConnectionError
                self._control.send(b".")
            except OSError:
                self._drop()

    def _send(self, ours: socket.socket, source: Source, project_name: str, ends: float) -> None:
        header, contents = pack_source(source, project_name)
        first = HEADER.pack(self._allowance.seconds, self._allowance.memory_bytes, len(header))
        for piece in (first + header, *contents):
            ours.settimeout(max(0.1, ends - time.monotonic()))
            ours.sendall(piece)

    def _judge(self, answer: _Answer) -> Report:
        status, last = answer.status, answer.last
        if answer.report is not None:
            try:
                return unpack_report(answer.report)
            except ValueError as error:
                log.error("reader_answered_nonsense", why=str(error)[:200])
                return _given_up("the reader's answer could not be understood", "")
        if answer.traceback is not None:
            log.error("reader_failed", traceback=answer.traceback)
            return _given_up("the reader itself failed, and the operator of the bot has been told", "")
        log.warning("reading_given_up", status=status, file=last)
        if status == OUT_OF_MEMORY:
            return _given_up(
                f"it took more than {self._allowance.memory_bytes // 1024**2} MiB of memory", last
            )
        if status == -signal.SIGPROF:
            return _given_up(f"it took more than {self._allowance.seconds:g} seconds", last)
        if status in (-signal.SIGALRM, -signal.SIGKILL, -signal.SIGTERM):
            # ended by the machine's state, or by a person; the repository may be as good as any
            raise TryAgain("the machine is too busy to read a repository")
        return _given_up("Python's own parser crashed on it", last)

    def _ensure_process(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._drop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bot.adapters.nursery", str(theirs.fileno())],
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        ours.settimeout(START_SECONDS)
        for _ in range(SPARE):
            ours.send(b".")
        self._control = ours
        return ours

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _environment() -> dict[str, str]:
    """Nothing of ours but what starts Python: a reader has no use for tokens and passwords."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    # A locale of its own would map an archive of locales into every child's memory.
    return {**kept, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(Path(bot.__file__).parents[1])}


def _answer(ours: socket.socket, ends: float) -> _Answer | None:
    """The answer as soon as it is whole, or how the child ended; None when neither comes, or not in time."""
    content = bytearray()
    whole: int | None = None
    while len(content) < MAX_ANSWER_BYTES and (left := ends - time.monotonic()) > 0:
        ours.settimeout(left)
        try:
            piece = ours.recv(1024 * 1024)
        except TimeoutError:
            return None
        except ConnectionResetError:
            # a child that ended before it had heard all: what it was not told is lost, how it ended is not
            piece = b""
        content += piece
        if whole is None and len(content) >= ANSWER.size and content[:1] in (REPORT, TRACEBACK):
            whole = ANSWER.size + ANSWER.unpack_from(content)[1]
        if whole is not None and len(content) >= whole:
            told = bytes(content[ANSWER.size : whole])
            if content[:1] == REPORT:
                return _Answer(report=told)
            return _Answer(traceback=told.decode("ascii", "replace"))
        if not piece:
            break
    if len(content) < TRAILER.size or not content.endswith(END):
        return None
    status, length, path, _ = TRAILER.unpack(content[-TRAILER.size :])
    return _Answer(status=status, last=path[:length].decode(errors="replace"))


def _given_up(why: str, last: str) -> Report:
    shown = ascii_controls(last)
    told: Problem = problem(
        "reading-given-up",
        Place(last) if last else None,
        why=f"{why}; {shown} was read last" if shown else why,
        mend="Move generated code and large tables out of the Python files, into data files.",
    )
    return Report(None, Settings(), (told,))
