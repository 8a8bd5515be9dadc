"""Wheels → a layer: a function of their hashes, the place, the compiler's Python and the form of layers alone.

The memory that it takes does not depend on their sizes.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from bot.layers.folders import Folders
from bot.layers.gzipped import LayerWriter
from bot.layers.lock import LockedWheel
from bot.layers.values import BadWheel, Layer
from bot.layers.wheel_archive import DEFLATED, Archive, Entry
from bot.layers.wheel_files import Item, Place, PlannedWheel, find_clashes, plan_wheel
from bot.layers.wheel_record import Row, encoded
from parser.model import Problem, Severity
from parser.problems import shown

TAKEN_BYTES = 128 * 1024
"""Bytes from which on a file's compressed form is taken over; smaller ones are better compressed together."""

BATCH_BYTES = 4 * 1024 * 1024
"""Bytes of source that are compiled at once; a file with more is not compiled."""

Compile = Callable[[Sequence[tuple[str, bytes]]], Iterator[bytes | None]]
"""(path in the image, source) → bytecode, or None where it does not compile; as many as were given."""


def plan_wheels(wheels: Sequence[tuple[LockedWheel, Path]], place: Place) -> tuple[PlannedWheel, ...]:
    """What wheels bring, in their order. Raises BadWheel with the errors of all of them, clashes included."""
    planned: list[PlannedWheel] = []
    problems: list[Problem] = []
    for wheel, path in wheels:
        try:
            planned.append(plan_wheel(wheel, path, place))
        except BadWheel as bad:
            problems += bad.problems
    problems += [clash for clash in find_clashes(planned) if clash.severity is Severity.ERROR]
    if problems:
        raise BadWheel(tuple(problems))
    return tuple(planned)


def write_wheels(
    sink: BinaryIO,
    wheels: Sequence[tuple[LockedWheel, Path]],
    place: Place,
    compile: Compile | None,
    title: str,
) -> Layer:
    """Writes the layer of these wheels, with bytecode where there is a compiler.

    Raises BadWheel when any of them is not acceptable; what `sink` got until then is to be thrown away.
    """
    planned = plan_wheels(wheels, place)
    # Of what two may bring, the one that comes later by name wins, whatever the order they were given in.
    by_name = sorted(planned, key=lambda one: one.wheel.name)
    files = {item.path: (one.archive, item) for one in by_name for item in one.items}
    with ExitStack() as stack:
        writing = _Writing(LayerWriter(sink))
        bytecode = stack.enter_context(_Bytecode(writing, compile, place)) if compile else None
        for path in sorted(files, key=str.encode):
            archive, item = files[path]
            source = bytearray() if bytecode and bytecode.wants(item) else None
            writing.write(archive, item, source)
            if bytecode and source is not None:
                bytecode.add(path, bytes(source))
        if bytecode:
            bytecode.finish()
        return writing.writer.close(title)


class _Writing:
    """The layer as far as it is written: each folder once, each content held against RECORD."""

    def __init__(self, writer: LayerWriter) -> None:
        self.writer = writer
        self._folders = Folders(writer)

    def write(self, archive: Archive, item: Item, source: bytearray | None) -> None:
        """One file; `source` gets its content too, where it is wanted."""
        if item.made is not None:
            self.put(item.path, item.made, item.executable)
            if source is not None:
                source += item.made
        elif item.entry is not None:
            self._copy(archive, item, item.entry, source)

    def put(self, path: str, content: bytes, executable: bool = False) -> None:
        """A file that we have made."""
        self.writer.file(self._folders.above(path), content, _mode(executable))

    def _copy(self, archive: Archive, item: Item, entry: Entry, source: bytearray | None) -> None:
        name, mode = self._folders.above(item.path), _mode(item.executable)
        made = hashlib.new(item.row.algorithm if item.row else "sha256")

        def tee(piece: bytes | bytearray) -> None:
            made.update(piece)
            if source is not None:
                source.extend(piece)

        try:
            if entry.method == DEFLATED and entry.size >= TAKEN_BYTES:
                packed = archive.packed(entry)
                self.writer.deflated(name, entry.size, entry.crc, packed, mode, tee=tee)
            else:
                self.writer.stream(name, entry.size, _seen(archive.content(entry), tee), mode)
        except ValueError as error:
            raise archive.broken(entry, error) from error
        _check_hash(archive, entry, item.row, encoded(made.digest()))


class _Bytecode:
    """Bytecode of the sources that went by, each batch compiled while the files after it are written.

    A batch is written when the next one is full, so its place in the layer follows from sizes alone, not from time.
    """

    def __init__(self, writing: _Writing, compile: Compile, place: Place) -> None:
        self._writing = writing
        self._compile = compile
        self._place = place
        self._batch: list[tuple[str, bytes]] = []
        self._size = 0
        self._under_way: tuple[list[str], Future[list[bytes | None]]] | None = None
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> _Bytecode:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def wants(self, item: Item) -> bool:
        """Whether this file is a module's source."""
        site = f"{self._place.site}/"
        return item.path.startswith(site) and item.path.endswith(".py") and item.size <= BATCH_BYTES

    def add(self, path: str, source: bytes) -> None:
        """A source that has been written."""
        if self._size + len(source) > BATCH_BYTES:
            self._next()
        self._batch.append((path, source))
        self._size += len(source)

    def finish(self) -> None:
        """Writes what is left."""
        self._next()
        self._next()

    def _next(self) -> None:
        if self._under_way is not None:
            paths, made = self._under_way
            for path, bytecode in zip(paths, made.result(), strict=True):
                if bytecode is not None:
                    self._writing.put(_cached(path, self._place), bytecode)
            self._under_way = None
        if self._batch:
            batch, self._batch, self._size = self._batch, [], 0
            work = self._thread.submit(lambda: list(self._compile(batch)))
            self._under_way = [path for path, _ in batch], work


def _cached(path: str, place: Place) -> str:
    """Where Python looks for the bytecode of a source."""
    folder, name = posixpath.split(path)
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-{place.python.replace('.', '')}.pyc"


def _check_hash(archive: Archive, entry: Entry, row: Row | None, value: str) -> None:
    if row is not None and row.value != value:
        raise archive.bad("wheel-record", f"the hash of {shown(entry.path)} is another one")


def _seen(pieces: Iterator[bytes | bytearray], tee: Callable[[bytes | bytearray], None]) -> Iterator[bytes]:
    for piece in pieces:
        tee(piece)
        yield bytes(piece)


def _mode(executable: bool) -> int:
    return 0o755 if executable else 0o644
