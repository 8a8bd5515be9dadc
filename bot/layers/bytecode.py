"""Bytecode of a wheel's sources, made by the base image's own Python: the same bytes on every machine, every time.

Only that interpreter knows what it reads: another Python's bytecode would be thrown away by it, and made by ours would
depend on who runs the builder. What compiles is bot/layers/bytecode_worker.py, in one or two processes without any
environment, that end when this one does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import resource
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from bot.errors import OperatorError
from bot.layers.base import Base
from bot.layers.bytecode_worker import SECONDS
from bot.layers.image_tree import NO_BYTECODE
from bot.layers.interpreter import Interpreter, unpack_interpreter
from bot.layers.values import Layer

PROCESSES = 2
"""Processes that compile, where there are as many processors."""

PIECE_BYTES = 256 * 1024
"""Bytes of source that a process gets at a time: little enough that all of them end at about the same time."""

MEMORY_BYTES = 4 * 1024**3
"""Address space of a process that compiles."""

CPU_SECONDS = 3600
"""Processor time of a process that compiles, all its files together."""

FORM = 1
"""Number of the form of an unpacked interpreter in the cache."""

MAX_PYC_BYTES = 256 * 1024 * 1024
"""Bytes of one file's bytecode that are taken from a process."""

GREETING_BYTES = 1000

COMPLAINT_BYTES = 64 * 1024
"""Bytes that a process can write into any file: the one for its complaints is all that it has."""

Compile = Callable[[Sequence[tuple[str, bytes]]], Iterator[bytes | None]]
"""(path in the image, source) → bytecode, or None where it does not compile; as many as were given, in order."""

OpenBlob = Callable[[Layer], BinaryIO]
"""Opens a layer of the base for reading, as the registry has it; it is closed after use."""


@contextmanager
def compiler(
    base: Base, open_blob: OpenBlob, executable: str, python: str, cache: Path | None = None
) -> Iterator[Compile]:
    """A compiler with the Python `python` (`3.12`) at `executable` of a base that runs on this machine.

    The base is unpacked in the background from now on; the first that compiles waits for it. The compiler may be used
    by several threads. `cache`: a folder that keeps unpacked interpreters, where several may be at work at once.
    Raises OperatorError, from the compiler, when the base cannot compile.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlreef-base-")))
        threads = stack.enter_context(ThreadPoolExecutor(PROCESSES + 1, "bytecode"))
        ending = threading.Event()
        stack.callback(ending.set)
        pool = _Pool(threads, min(PROCESSES, os.cpu_count() or 1), python, ending)
        stack.callback(pool.close)
        pool.interpreter = threads.submit(_ready, base, open_blob, executable, python, folder, cache)
        yield pool.compile


def _ready(
    base: Base, open_blob: OpenBlob, executable: str, python: str, folder: Path, cache: Path | None
) -> Interpreter:
    """The unpacked interpreter, from the cache where it holds it."""
    layers = [(layer.digest, lambda layer=layer: open_blob(layer)) for layer in base.layers]
    kept = cache / _key(base, executable, python) if cache is not None else None
    if kept is not None and (kept / "about.json").is_file():
        return _load(kept)
    made = unpack_interpreter(base.image, layers, executable, python, folder / "python")
    if kept is None:
        return made
    about = {"musl": made.musl, "libraries": made.libraries}
    (made.folder / "about.json").write_text(json.dumps(about), "utf-8")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=kept.parent) as beside:
        whole = Path(beside) / "python"
        shutil.copytree(made.folder, whole, symlinks=True)
        # whoever else made it at the same time made the same
        with suppress(OSError):
            whole.rename(kept)
    return made


def _key(base: Base, executable: str, python: str) -> str:
    return hashlib.sha256("\0".join((str(FORM), base.digest, executable, python)).encode()).hexdigest()


def _load(folder: Path) -> Interpreter:
    about = json.loads((folder / "about.json").read_text("utf-8"))
    return Interpreter(folder, about["musl"], tuple(about["libraries"]))


class _Pool:
    """Processes that compile, started when they are first needed, and lent to one thread at a time."""

    interpreter: Future[Interpreter]

    def __init__(
        self, threads: ThreadPoolExecutor, processes: int, python: str, ending: threading.Event
    ) -> None:
        self._threads = threads
        self._python = python
        self._ending = ending
        self._lock = threading.Lock()
        self._started: list[_Process] = []
        self._free: queue.SimpleQueue[_Process | None] = queue.SimpleQueue()
        for _ in range(processes):
            self._free.put(None)

    def compile(self, files: Sequence[tuple[str, bytes]]) -> Iterator[bytes | None]:
        """See Compile."""
        work = [self._threads.submit(self._piece, piece) for piece in _pieces(files)]
        try:
            for part in work:
                yield from part.result()
        finally:
            for part in work:
                part.cancel()

    def _piece(self, files: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        interpreter = self.interpreter.result()
        process = self._free.get()
        try:
            if process is None:
                process = self._start(interpreter)
            return process.compile(files)
        finally:
            self._free.put(process)

    def _start(self, interpreter: Interpreter) -> _Process:
        with self._lock:
            if self._ending.is_set():
                raise OperatorError("The compiler was asked after its end.", NO_BYTECODE)
            process = _Process(interpreter)
            self._started.append(process)
        process.greet(self._python)
        return process

    def close(self) -> None:
        """End all processes, whatever they do."""
        with self._lock:
            self._ending.set()
            for process in self._started:
                process.kill()


class _Process:
    """One interpreter of the base that compiles."""

    def __init__(self, interpreter: Interpreter) -> None:
        script = Path(__file__).with_name("bytecode_worker.py").read_text("utf-8")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # kill() closes it
        try:
            self._process = subprocess.Popen(
                interpreter.command(script),
                cwd=interpreter.folder,
                env=dict(interpreter.environment()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                start_new_session=True,
            )
        except OSError as error:
            self._complaints.close()
            raise OperatorError(f"The base image's Python does not start: {error}.", NO_BYTECODE) from error
        self._asked = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)
        # nothing has been sent yet, so nothing has been compiled without limits
        with suppress(ProcessLookupError):
            pid = self._process.pid
            resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            resource.prlimit(pid, resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (COMPLAINT_BYTES, COMPLAINT_BYTES))
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))

    def greet(self, python: str) -> None:
        """Wait until it is there; OperatorError when it is not what the environment says."""
        try:
            size = self._number()
            if size > GREETING_BYTES:
                raise EOFError
            greeting = json.loads(self._exactly(size))
        except (OSError, EOFError, ValueError) as error:
            raise OperatorError(
                f"The base image's Python does not start: {self._end()}.", NO_BYTECODE
            ) from error
        if greeting != {"python": python, "implementation": "cpython"}:
            raise OperatorError(
                f"The environment says Python {python}, but its base image has "
                f"{greeting.get('implementation')} {greeting.get('python')}.",
                "Correct the environment's `python` (and `executable`).",
            )

    def compile(self, files: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        """Bytecode of these files. OperatorError when the process ends over one of them."""
        made: list[bytes | None] = []
        try:
            self._asked.write(_number(len(files)))
            for path, source in files:
                name = path.encode("utf-8", "surrogateescape")
                self._asked.write(b"".join((_number(len(name)), name, _number(len(source)), source)))
            self._asked.flush()
            while len(made) < len(files):
                size = self._number()
                if size > MAX_PYC_BYTES:
                    raise EOFError
                made.append(self._exactly(size - 1) if size else None)
        except (OSError, EOFError, ValueError) as error:
            raise OperatorError(
                f"The base image's Python ended while it compiled {files[len(made)][0]} "
                f"(it may take {SECONDS} seconds and {MEMORY_BYTES} bytes for a file): {self._end()}.",
                "Set the environment's `bytecode: false`, or leave out the package with that file.",
            ) from error
        return made

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._asked, self._answers, self._complaints):
            with suppress(OSError):
                stream.close()

    def _number(self) -> int:
        return int.from_bytes(self._exactly(4), "big")

    def _exactly(self, size: int) -> bytes:
        content = self._answers.read(size)
        if len(content) != size:
            raise EOFError
        return content

    def _end(self) -> str:
        """What it said last, and how it ended."""
        self._process.kill()
        status = self._process.wait()
        self._complaints.seek(0)
        said = self._complaints.read()[-500:].decode("utf-8", "replace").strip().replace("\n", " | ")
        return f"{said or 'it said nothing'} (exit status {status})"


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _pieces(files: Sequence[tuple[str, bytes]]) -> Iterator[Sequence[tuple[str, bytes]]]:
    piece: list[tuple[str, bytes]] = []
    size = 0
    for path, source in files:
        if piece and size + len(source) > PIECE_BYTES:
            yield piece
            piece, size = [], 0
        piece.append((path, source))
        size += len(source)
    if piece:
        yield piece
