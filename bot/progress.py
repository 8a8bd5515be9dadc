"""What people see of a long build: one line that changes on a terminal, now and then a whole line elsewhere."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from typing import TextIO

from bot.domain.text import visible

LARGE_BYTES = 16 * 1024 * 1024
"""What is smaller is not told of in a log."""

LINE_SECONDS = 15.0
"""Seconds between two lines of a log about the same thing."""

TERMINAL_SECONDS = 0.1
"""Seconds between two changes of the line on a terminal."""


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1024:
        return f"{count} bytes"
    if count < 1024**2:
        return f"{count / 1024:.1f} KiB"
    return f"{count / 1024**2:.1f} MiB" if count < 1024**3 else f"{count / 1024**3:.2f} GiB"


class Lines:
    """For a log: a line when something large begins to move, a line each quarter of a minute, one at its end."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def say(self, sentence: str = "") -> None:
        """One line."""
        with self._lock:
            self._write(visible(sentence))

    def end(self) -> None:
        """Nothing to take away: lines stay."""

    def moving(self, what: str, done: int, whole: int) -> None:
        """A line now and then."""
        if whole < LARGE_BYTES:
            return
        with self._lock:
            now, last = self._clock(), self._told.get(what)
            if last is None or done >= whole or now - last >= LINE_SECONDS:
                self._told[what] = now
                self._write(visible(f"  {what}: {size(done)} of {size(whole)}"))


class Screen:
    """For a terminal: sentences stay, and below them one line shows what is on its way."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._moving: dict[str, tuple[int, int]] = {}
        self._drawn = 0.0
        self._shown = False
        self._lock = threading.Lock()

    def say(self, sentence: str = "") -> None:
        """A line that stays."""
        with self._lock:
            self._clear()
            self._stream.write(f"{visible(sentence)}\n")
            self._stream.flush()

    def end(self) -> None:
        """Takes the line away, so that what others write next does not stand behind it."""
        with self._lock:
            self._moving.clear()
            self._clear()
            self._stream.flush()

    def moving(self, what: str, done: int, whole: int) -> None:
        """Draws the line anew, not too often; what is through leaves it."""
        with self._lock:
            self._moving[what] = (done, whole)
            if done >= whole:
                del self._moving[what]
            now = self._clock()
            if now - self._drawn < TERMINAL_SECONDS and self._moving:
                return
            self._drawn = now
            self._clear()
            if self._moving:
                width = shutil.get_terminal_size().columns
                parts = (f"{each} {size(at)} of {size(of)}" for each, (at, of) in self._moving.items())
                self._stream.write(visible("  " + " · ".join(parts))[: width - 1])
                self._shown = True
            self._stream.flush()

    def _clear(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._shown = False
