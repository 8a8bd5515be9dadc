"""Programs that the demo starts: each in a process group of its own, and none outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import requests

END_SECONDS = 10.0
"""Time between the request to end and the kill."""

KILL_SECONDS = 2.0
"""A killed process is gone after this time, or waits for its disk and cannot be helped."""

TAIL_LINES = 30
"""Lines of a log that are shown when its program failed."""


class DemoError(Exception):
    """The demo cannot go on; the message is for the person in front of it."""


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs while the block does, printing to `log`; its whole group is ended after."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        end_group(child)


def end_group(child: subprocess.Popen[bytes], patience: float = END_SECONDS) -> None:
    """End a program and all that it started: asked first, killed when it does not listen."""
    _signal_group(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(patience)
    # A child that ended may leave others of its group behind.
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()
    end = time.monotonic() + KILL_SECONDS
    while _signal_group(child.pid, 0) and time.monotonic() < end:
        time.sleep(0.01)


def _signal_group(group: int, number: int) -> bool:
    """Whether there was anybody left to be signalled."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def run(
    command: Sequence[str],
    *,
    tell: Callable[[str], None] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
) -> tuple[int, str]:
    """Run a program to its end and return exit code and output; its lines are told as they come.

    With `check` an exit code other than 0 is a DemoError that carries the end of the output.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    lines: list[str] = []
    assert child.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        for raw in child.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            lines.append(line)
            if tell:
                tell(line)
        code = child.wait()
    except BaseException:
        end_group(child)
        raise
    finally:
        child.stdout.close()
    if check and code != 0:
        tail = "\n".join(lines[-TAIL_LINES:])
        raise DemoError(f"`{' '.join(command[:3])} …` ended with exit code {code}:\n{tail}")
    return code, "\n".join(lines)


def free_port() -> int:
    """A TCP port on the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(url: str, child: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait for a 200 from `url`; DemoError when the program ends before, or the time does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if child.poll() is not None:
            raise DemoError(f"the bot ended with exit code {child.returncode}:\n{tail(log)}")
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=2).status_code == 200:
                return
        time.sleep(0.05)
    raise DemoError(f"{url} did not answer within {seconds:.0f} seconds:\n{tail(log)}")


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The end of a log file."""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
