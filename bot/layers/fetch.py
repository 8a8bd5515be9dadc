"""Wheels over HTTPS to files: several at a time, gone on with where they broke off, kept only as they are locked."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from bot.errors import BotError, OperatorError, TryAgain
from bot.layers.indexes import plan_indexes
from bot.layers.lock import LockedWheel
from bot.layers.lock_key import ResolveInputs
from bot.layers.web import Answer, Denied, Missing, Web, host_of
from parser.model import Problem
from parser.problems import problem

PARALLEL = 6
"""Wheels that are fetched at one time."""

PIECE = 256 * 1024
"""Bytes that are read and written at one time."""

ATTEMPTS = 5
"""How often one wheel is begun or gone on with."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and those of all wheels together; from several threads, one at a time."""


class WheelGone(BotError):
    """A wheel of the lock that its index does not have, or not any more: a new lock is needed."""

    def __init__(self, wheel: LockedWheel, why: str) -> None:
        super().__init__(f"{wheel.filename} cannot be fetched: {why}.")
        self.wheel = wheel
        self.why = why

    @property
    def problem(self) -> Problem:
        """What to tell the author where the lock is new, so that no newer one can help."""
        return problem(
            "requirement-unresolved", None, wanted=f"{self.wheel.name} {self.wheel.version}", why=self.why
        )


def open_web(inputs: ResolveInputs, variables: Mapping[str, str], index_url: str = "") -> Web:
    """The servers of the requirements' packages, with the accounts that the job's variables hold."""
    indexes, _ = plan_indexes(inputs.requirements, variables, index_url)
    return Web(indexes.accounts, variables)


def fetch_wheels(web: Web, wheels: Mapping[LockedWheel, Path], progress: Progress | None = None) -> None:
    """Fetches each wheel to its path. What is there already and is as locked is not fetched again.

    One that was built for this repository must be there: its path is below the checkout.

    Raises TryAgain when a server is away, WheelGone when a wheel is, OperatorError when the disk is full.
    """
    told = _Told(sum(wheel.size for wheel in wheels), progress)
    largest_first = sorted(wheels, key=lambda wheel: -wheel.size)
    with ThreadPoolExecutor(PARALLEL) as pool:
        running = [pool.submit(_fetch, web, wheel, wheels[wheel], told) for wheel in largest_first]
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        for one in running:
            one.cancel()
        if any(one.exception() for one in done):
            told.stopped = True
    for one in done:
        one.result()


def fetch_wheel(web: Web, wheel: LockedWheel, target: Path, progress: Progress | None = None) -> None:
    """Fetches one wheel; errors as `fetch_wheels`."""
    fetch_wheels(web, {wheel: target}, progress)


def fetch_size(web: Web, url: str) -> int:
    """The bytes of a file that its index does not give: by HEAD, or by counting. Raises TryAgain, Denied, Missing."""
    try:
        with web.ask("HEAD", url, {"Accept-Encoding": "identity"}) as answer:
            length = answer.headers.get("Content-Length", "")
    except Missing:
        # Some servers have no HEAD.
        length = ""
    if length.isascii() and length.isdigit() and int(length):
        return int(length)
    with web.ask("GET", url, {"Accept-Encoding": "identity"}) as answer:
        return sum(map(len, answer.pieces(PIECE)))


class _Told:
    """What all threads have fetched so far."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.stopped = False
        self._total = total
        self._done = 0
        self._progress = progress
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        """Counts bytes; negative when they were for nothing."""
        with self._lock:
            self._done += size
            if self._progress is not None:
                self._progress(self._done, self._total)


def _fetch(web: Web, wheel: LockedWheel, target: Path, told: _Told) -> None:
    partial = target.with_name(f"{target.name}.partial")
    try:
        if _is_whole(target, wheel):
            told.add(wheel.size)
            return
        if wheel.built:
            raise WheelGone(wheel, "it was built of sources, and no job before this one left it")
        for attempt in range(ATTEMPTS):
            try:
                _go_on(web, wheel, partial, told)
                break
            except TryAgain:
                if attempt == ATTEMPTS - 1:
                    raise
        partial.replace(target)
    except Missing as missing:
        raise WheelGone(wheel, str(missing)) from None
    except Denied as denied:
        raise OperatorError(
            f"{host_of(denied.url)} does not let the bot fetch {wheel.filename} (status {denied.status}).",
            "Check the CI variables with the account of this package index.",
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        partial.unlink(missing_ok=True)
        raise OperatorError(
            f"The disk is full: {wheel.filename} needs {wheel.size // 1_000_000 + 1} MB in {target.parent}.",
            "Give the runner more room, or set TMPDIR to a bigger disk.",
        ) from None


def _go_on(web: Web, wheel: LockedWheel, partial: Path, told: _Told) -> None:
    """Fetches what is missing of a file. Raises TryAgain when it broke off, WheelGone when it is another file."""
    counted = 0

    def count(size: int) -> None:
        nonlocal counted
        counted += size
        told.add(size)

    try:
        with partial.open("ab") as file:
            have = file.tell()
            if have >= wheel.size:
                file.truncate(0)
                have = 0
            headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
            with web.ask("GET", wheel.url, headers) as answer:
                if not _goes_on(answer, have):
                    # The server begins anew, or had another file before.
                    file.truncate(0)
                    have = 0
                    if answer.status != 200:
                        raise TryAgain(f"{host_of(wheel.url)} has no such part of {wheel.filename}.")
                count(have)
                for piece in answer.pieces(PIECE):
                    if told.stopped:
                        raise TryAgain("Another wheel could not be fetched.")
                    file.write(piece)
                    count(len(piece))
                    if counted > wheel.size:
                        break
        if counted < wheel.size:
            raise TryAgain(f"{host_of(wheel.url)} gave {counted} of {wheel.size} bytes of {wheel.filename}.")
        if counted > wheel.size or _sha256(partial) != wheel.sha256:
            partial.unlink()
            raise WheelGone(wheel, f"{host_of(wheel.url)} gives a file with another hash")
    except BaseException:
        told.add(-counted)
        raise


def _goes_on(answer: Answer, have: int) -> bool:
    if not have:
        return answer.status == 200
    return answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _is_whole(path: Path, wheel: LockedWheel) -> bool:
    return path.is_file() and path.stat().st_size == wheel.size and _sha256(path) == wheel.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
