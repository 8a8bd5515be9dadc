"""Worker processes on a store, started and killed by tests, and what they wrote down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.adapters.store import Store
from bot.domain.events import Event, Push, subject, to_dict

PROGRAM = Path(__file__).with_name("worker_program.py")
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 40.0


def push(sha: int, branch: str = "main", project: int = 1, before: int = 0) -> Push:
    """A push to a default branch, told apart by a small number."""
    return Push(project, f"refs/heads/{branch}", f"{before:040x}", f"{sha:040x}", 7, branch, None)


@dataclass(frozen=True)
class Line:
    """A line of the program's log."""

    what: str
    kind: str
    branch: str
    sha: str
    attempt: int
    time: float

    @property
    def number(self) -> int:
        return int(self.sha, 16)


class Forked:
    """A worker process, by the names of subprocess.Popen."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self._ended = folder / f"ended-{pid}"

    def poll(self) -> int | None:
        text = self._ended.read_text() if self._ended.exists() else ""
        return int(text) if text.endswith("\n") else None

    def wait(self, timeout: float = PATIENCE_SECONDS) -> int:
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            assert time.monotonic() < deadline, f"worker {self.pid} does not end"
            time.sleep(0.01)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


@cache
def forkery() -> subprocess.Popen[str]:
    """The program that forks workers, one for the whole run; it ends with its standard input."""
    return subprocess.Popen(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class Bench:
    """A folder with a store, and worker processes that are started and killed on it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.store = Store.prepare(url)
        self.processes: list[Forked] = []
        self.script({})

    def script(self, script: dict[str, Any]) -> None:
        (self.folder / "script.json").write_text(json.dumps(script))

    def start(self) -> Forked:
        program = forkery()
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(f"{self.folder} {self.store.url}\n")
        program.stdin.flush()
        process = Forked(int(program.stdout.readline()), self.folder)
        self.processes.append(process)
        ready = self.folder / f"ready-{process.pid}"
        self.wait(lambda: ready.exists() or process.poll() is not None)
        return process

    def tell(self, event: Event, key: str | None = None) -> None:
        self.store.accept(key or f"key {time.time_ns()}", to_dict(event), subject(event))

    def change(self, statement: str, **values: object) -> None:
        engine = sa.create_engine(self.store.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(statement), values)

    def lines(self, what: str = "") -> list[Line]:
        file = self.folder / "log.txt"
        if not file.exists():
            return []
        split = (line.split() for line in file.read_text().splitlines())
        lines = [Line(a, b, c, d, int(e), float(f)) for a, b, c, d, e, f in split]
        return [line for line in lines if line.what.startswith(what)]

    def wait(self, for_what: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not for_what():
            assert time.monotonic() < deadline, self.folder.joinpath("stderr.txt").read_text()[-4000:]
            time.sleep(0.01)

    def wait_for(self, count: int, what: str = "end") -> None:
        self.wait(lambda: len(self.lines(what)) >= count)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.store.close()
