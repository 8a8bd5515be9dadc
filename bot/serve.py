"""One supervisor with its children, door, worker and web pages: it opens the ports, starts them again, and ends them.

The supervisor holds the listening sockets, so that a door that dies loses no caller: they wait in its backlog.
Each child holds one end of a pipe; when the supervisor is gone, however it died, they notice and end.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bot.domain.facts import SHARED_COUNTS
from bot.errors import OperatorError
from bot.logs import get

BACKLOG = 2048
SPARE_SECONDS = 3.0
"""How much longer than a worker's running jobs children may take to end after SIGTERM, before they are killed."""

STEADY_SECONDS = 30.0
"""A child that lived this long is started again at once; one that dies sooner waits longer each time."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LOOK_SECONDS = 0.1

MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder with an unguessable name is made in it
"""Where shared counts are kept when it can be: on a full disk, writing to them would kill the process."""

COUNTS = "mlreef-bot-metrics-"
HELD = "held"
"""How folders of shared counts begin, and the file in each that its supervisor keeps locked."""

LIFELINE = "MLREEF_LIFELINE_FD"
"""Environment variable that tells a child the pipe by which it notices that its supervisor is gone."""

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep alive: its name, its command line, and file descriptors that it inherits."""

    name: str
    command: Sequence[str]
    descriptors: tuple[int, ...] = ()


def open_socket(listen: str, setting: str = "webhook.listen") -> socket.socket:
    """Listen on `host:port`, port 0 for any free one. Raises OperatorError (of that setting) when it cannot be had."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise OperatorError(
            f"{setting}: cannot listen on {listen}: {error}",
            "stop what uses that port, or choose another one",
        ) from error


def address_of(server: socket.socket) -> str:
    """The web address at which a listening socket is reached from this machine."""
    host, port = server.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def supervise(children: Sequence[Child], end_seconds: float) -> int:
    """Keep the children alive until SIGTERM or SIGINT; returns 0 when all ended by themselves then, in time."""
    stop = threading.Event()

    def request_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    reading, writing = os.pipe()
    running = [_Running(child, reading) for child in children]
    try:
        while not stop.wait(LOOK_SECONDS):
            for process in running:
                process.keep_alive()
    finally:
        clean = _end(running, end_seconds)
        os.close(writing)
        os.close(reading)
    return 0 if clean else 1


def watch_lifeline(on_loss: Callable[[], None]) -> None:
    """Call `on_loss` once the supervisor is gone; does nothing in a process that has none."""
    descriptor = os.environ.pop(LIFELINE, "")
    if not descriptor.isdigit():
        return

    def wait() -> None:
        # Nothing is ever written: the read returns when the last writer, the supervisor, is gone.
        os.read(int(descriptor), 1)
        on_loss()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


class _Running:
    """One child, and when to start it again."""

    def __init__(self, child: Child, lifeline: int) -> None:
        self.child = child
        self._lifeline = lifeline
        self._pause = 0.0
        self._start()

    def _start(self) -> None:
        self._due: float | None = None
        self._started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.child.command,
            pass_fds=(*self.child.descriptors, self._lifeline),
            env={**os.environ, LIFELINE: str(self._lifeline)},
            stdin=subprocess.DEVNULL,
            # A terminal's Ctrl-C reaches the supervisor alone, which ends its children in order.
            start_new_session=True,
        )

    def keep_alive(self) -> None:
        """Start the child again if it died, after a pause that grows while it keeps dying."""
        status = self.process.poll()
        if status is None:
            return
        now = time.monotonic()
        if self._due is None:
            steady = now - self._started_at > STEADY_SECONDS
            self._pause = (
                0.0 if steady else min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            )
            self._due = now + self._pause
            _log.error("child died", child=self.child.name, status=status, starts_again_in=self._pause)
        if now >= self._due:
            self._start()


def _end(running: Sequence[_Running], seconds: float) -> bool:
    alive = [item for item in running if item.process.poll() is None]
    for item in alive:
        item.process.terminate()
    deadline = time.monotonic() + seconds
    clean = True
    for item in alive:
        try:
            item.process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            _log.error("child does not end and is killed", child=item.child.name)
            item.process.kill()
            item.process.wait()
            clean = False
    return clean


def serve(
    listen: str,
    config_file: Path | None,
    shutdown_seconds: float,
    with_worker: bool = True,
    catalogue_listen: str = "",
) -> int:
    """Run door and worker, or the door alone, until told to stop; prints the addresses. Returns the exit code.

    `shutdown_seconds` is how long running jobs may take to end after that. `catalogue_listen`: where web pages are
    served besides; empty for none.
    """
    option = ("--config", str(config_file)) if config_file else ()
    # -P: a folder named `bot` where the service happens to be started is not this program.
    python = (sys.executable, "-P", "-m", "bot")

    def listener(name: str, server: socket.socket) -> Child:
        server.set_inheritable(True)
        descriptor = server.fileno()
        return Child(name, (*python, name, "--descriptor", str(descriptor), *option), (descriptor,))

    server = open_socket(listen)
    pages = open_socket(catalogue_listen, "catalogue.listen") if catalogue_listen else None
    children = [listener("door", server)]
    if with_worker:
        children.append(Child("worker", (*python, "worker", *option)))
    _say(f"mlreef-bot listens on {address_of(server)}/webhooks/gitlab")
    if pages is not None:
        children.append(listener("web", pages))
        _say(f"mlreef-bot shows its catalogue on {address_of(pages)}")
    with shared_counts() as folder:
        os.environ[SHARED_COUNTS] = str(folder)
        return supervise(children, shutdown_seconds + SPARE_SECONDS)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 -- said to a person, also where logs are JSON


@contextmanager
def shared_counts(parent: Path | None = None) -> Iterator[Path]:
    """A folder for the counts of one supervisor's children; those of supervisors that were killed are removed."""
    parent = parent or (MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
    for left in parent.glob(f"{COUNTS}*"):
        if _is_nobodys(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=COUNTS, dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # held for as long as this process lives, however it ends
        with (folder / HELD).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder


def _is_nobodys(folder: Path) -> bool:
    try:
        with (folder / HELD).open() as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # somebody holds it, or is just making it, or it is another user's
        return False
    return True
