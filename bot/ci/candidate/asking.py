"""Runs a command of the image, never for longer than it may, and says how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

TAIL_BYTES = 256 * 1024
"""Bytes of a command's output that are kept."""

END_SECONDS = 5
"""Seconds that the output of an ended command is waited for."""

SHOWN_LINES = 12
"""Lines of a command's output that are shown when it fails."""

_OURS = ("CI_", "GITLAB_", "MLREEF_", "FF_", "RUNNER_", "DOCKER_AUTH", "TRACEPARENT")


class Answer:
    """How a command ended: `why` is None when well, else words; its exit code; and the end of what it printed."""

    def __init__(self, why: str | None, text: str, code: int | None = None) -> None:
        self.why = why
        self.text = text
        self.code = code


def ask(
    command: Sequence[str], directory: str, seconds: float, keep_open: Sequence[int] = (), good: int = 0
) -> Answer:
    """Runs a command to its end. `good`: the exit code that counts as well; `keep_open`: descriptors it may use."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    # its folder stays as it is in the image, for scripts that look into it
    environment.update(COLUMNS="100", PYTHONDONTWRITEBYTECODE="1")
    try:
        process = subprocess.Popen(
            list(command),
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(keep_open),
        )
    except OSError as error:
        return Answer(f"it cannot be started: {error}", "")
    tail = bytearray()
    reader = threading.Thread(target=_keep_tail, args=(process, tail), daemon=True)
    reader.start()
    why = None
    code = None
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        why = f"it did not end within {seconds} seconds"
    else:
        if code < 0:
            why = f"it was ended by {_signal_name(-code)}"
        elif code != good:
            why = f"it ended with exit code {code}"
    _end(process)
    reader.join(END_SECONDS)
    return Answer(why, bytes(tail).decode("utf-8", "replace"), code)


def _keep_tail(process: subprocess.Popen[bytes], tail: bytearray) -> None:
    stream = process.stdout
    while stream is not None:
        piece = os.read(stream.fileno(), 65536)
        if not piece:
            return
        tail += piece
        del tail[:-TAIL_BYTES]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and everything that it started in its own group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def say(line: str) -> None:
    """Prints a line; control characters of foreign output are spelled out."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
    sys.stdout.buffer.write((shown[:2000] + "\n").encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def quote(text: str) -> None:
    """Prints the last lines of what a command said."""
    for line in [line for line in text.splitlines() if line.strip()][-SHOWN_LINES:]:
        say("       | " + line)
