"""Lock + base → all layers below the sources, on a shelf: found there, taken over, or made; several at a time."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.layers.base import Base
from bot.layers.bringing import brings, brought, meetings
from bot.layers.carrying import AT_A_TIME, Carrier
from bot.layers.foundation import write_foundation
from bot.layers.groups import Group, group_packages, room_for_wheels
from bot.layers.image import Ground
from bot.layers.known import OWN_LOOKED_AT, SHARED_LOOKED_AT, Found, group_of, search
from bot.layers.lock import Lock, LockedConda, LockedWheel, dump_lock
from bot.layers.shelves import FolderShelf, Moved, Shelf
from bot.layers.values import BadWheel, Layer
from bot.layers.wheel import Compile, plan_wheels, write_wheels
from bot.layers.wheel_files import Place, PlannedWheel, find_clashes
from parser.model import Problem, Severity

if TYPE_CHECKING:
    from bot.layers.conda_package import PlannedConda


@dataclass(frozen=True, slots=True)
class Bench:
    """What making layers needs.

    `shared`: the operator's layers, if any; `base`: where the base's layers come from; `store`: blobs on this disk;
    `fetch_wheel`: a wheel → a file, checked, in that
    folder or where it lies already; `fetch_conda`: packages of conda → files in that folder; `tell`: who hears of what
    is odd in them; `compiling`: compiled files by the base's own Python.
    """

    carrier: Carrier
    shared: Shelf | None
    base: Shelf
    store: FolderShelf
    fetch_wheel: Callable[[LockedWheel, Path, Moved], Path]
    fetch_conda: Callable[[Sequence[LockedConda], Path], Sequence[tuple[LockedConda, Path]]]
    tell: Callable[[str], None]
    compiling: Callable[[], AbstractContextManager[Compile]]
    one_by_one: threading.Lock = field(default_factory=threading.Lock)
    """Held while a layer of the base comes to this disk, where compiler and shelf may both want it."""

    def stored(self, layer: Layer) -> Path:
        """A layer of the base on this disk."""
        with self.one_by_one:
            if not self.store.has_blob(layer.digest):
                with self.carrier.parcel() as (file, path):
                    self.base.fetch_blob(layer.digest, file, layer.size)
                    file.flush()
                    moved = self.carrier.moved(f"fetching {layer.title}", layer.size)
                    self.store.ensure_blob(layer.digest, layer.size, lambda: path.open("rb"), moved)
        return self.store.path(layer.digest)


def make_layers(
    base: Base,
    lock: Lock,
    ground: Ground,
    executable: str,
    bench: Bench,
    trust: bool,
    anew: bool = False,
) -> tuple[Layer, ...]:
    """Foundation and wheels of a lock; afterwards they and the base's layers are on the shelf.

    `trust`: what the project's images name is there. `anew`: no layer of packages is taken over, from nowhere. Raises
    BadWheel with the problems of all wheels.
    """
    groups = group_packages(lock, room_for_wheels(len(base.layers)))
    wanted = frozenset(group_of(wheels) for wheels in groups)
    places = [(bench.carrier.shelf, OWN_LOOKED_AT)]
    if bench.shared is not None:
        places.append((bench.shared, SHARED_LOOKED_AT))
    with ExitStack() as stack, ThreadPoolExecutor(AT_A_TIME) as pool:
        found = {} if anew else search(places, wanted, lock, ground, pool)
        compile = _Once(stack, bench.compiling) if ground.bytecode else None
        if compile is not None and wanted - found.keys():
            # It unpacks the base meanwhile, which takes as long as the first downloads.
            compile.begin()
        work = _Work(bench, lock.python, compile, trust)
        carried = [pool.submit(work.carry, layer) for layer in base.layers]
        made = [pool.submit(work.layer_of, wheels, found.get(group_of(wheels))) for wheels in groups]
        _await([*carried, *made])
        layers = tuple(future.result() for future in made)
        work.plan_what_meets(groups, layers, found)
        _check_clashes(work.planned, work.of_conda, bench.tell)
        return (_foundation(lock, executable, [layer.brings for layer in layers], bench.carrier), *layers)


@dataclass(frozen=True, slots=True)
class _Work:
    bench: Bench
    python: str
    compile: Compile | None
    trust: bool
    planned: list[PlannedWheel] = field(default_factory=list)
    """What the wheels bring that a layer was made of."""
    of_conda: list[PlannedConda] = field(default_factory=list)

    def carry(self, layer: Layer) -> Layer:
        """Lets a layer of the base be on the shelf: it is there, or is taken over, or goes through this machine."""
        shelf = self.bench.carrier.shelf
        if not shelf.has_blob(layer.digest) and not shelf.mount_blob(layer.digest, self.bench.base):
            path = self.bench.stored(layer)
            self.bench.carrier.send(layer, lambda: path.open("rb"), new=True)
        return layer

    def layer_of(self, group: Group, found: Found | None) -> Layer:
        """The layer of some packages, on the shelf."""
        carrier = self.bench.carrier
        if found is not None and carrier.take_over(found, self.trust):
            return found.layer
        wheels = [one for one in group if isinstance(one, LockedWheel)]
        conda = [one for one in group if isinstance(one, LockedConda)]
        return self._conda(conda) if conda else self._wheels(wheels)

    def _conda(self, packages: Sequence[LockedConda]) -> Layer:
        # Imported here because few repositories need it.
        from bot.layers.conda import write_conda

        carrier = self.bench.carrier
        with (
            tempfile.TemporaryDirectory(dir=carrier.work, prefix="conda-") as folder,
            carrier.parcel() as (file, path),
        ):
            fetched = self.bench.fetch_conda(packages, Path(folder))
            layer, planned = write_conda(file, fetched, self.python, _title(packages), Path(folder))
            self.of_conda.extend(planned)
            file.flush()
            carrier.send(layer, lambda: path.open("rb"))
            return layer

    def _wheels(self, wheels: Sequence[LockedWheel]) -> Layer:
        carrier, place = self.bench.carrier, Place(self.python)
        with (
            tempfile.TemporaryDirectory(dir=carrier.work, prefix="wheels-") as folder,
            carrier.parcel() as (file, path),
        ):
            fetched = [(wheel, self._fetch(wheel, Path(folder))) for wheel in wheels]
            planned = plan_wheels(fetched, place)
            self.planned.extend(planned)
            layer = write_wheels(file, fetched, place, self.compile, _title(wheels))
            file.flush()
            carrier.send(layer, lambda: path.open("rb"))
            return replace(layer, brings=brings(planned, place))

    def plan_what_meets(
        self, groups: Sequence[Group], layers: Sequence[Layer], found: Mapping[tuple[str, ...], Found]
    ) -> None:
        """Looks at wheels whose layers were taken over, where those bring what may lie in another one's place.

        Those of one image were compared when it was made.
        """
        made = {one.wheel for one in self.planned}
        of = [found.get(group_of(group)) for group in groups]
        missing: dict[LockedWheel, None] = {}
        of_wheels = [[one for one in group if isinstance(one, LockedWheel)] for group in groups]
        words = [brought(layer, wheels) for layer, wheels in zip(layers, of_wheels, strict=True)]
        for pair in meetings(words):
            taken = [number for number in pair if not made & set(groups[number])]
            images = {(each.shelf, each.tag) for number in taken if (each := of[number]) is not None}
            if len(taken) == 1 or len(images) > 1:
                missing |= {wheel: None for number in taken for wheel in of_wheels[number]}
        if missing:
            with tempfile.TemporaryDirectory(dir=self.bench.carrier.work, prefix="wheels-") as folder:
                fetched = [(wheel, self._fetch(wheel, Path(folder))) for wheel in missing]
                self.planned.extend(plan_wheels(fetched, Place(self.python)))

    def _fetch(self, wheel: LockedWheel, folder: Path) -> Path:
        moved = self.bench.carrier.moved(f"fetching {wheel.name} {wheel.version}", wheel.size)
        return self.bench.fetch_wheel(wheel, folder, moved)


class _Once:
    """The compiler, started once, at the latest by the first layer that needs it, ended with the stack."""

    def __init__(self, stack: ExitStack, start: Callable[[], AbstractContextManager[Compile]]) -> None:
        self._stack, self._start = stack, start
        self._starting = threading.Lock()
        self._compile: Compile | None = None

    def begin(self) -> Compile:
        """Have it, started by now."""
        with self._starting:
            if self._compile is None:
                self._compile = self._stack.enter_context(self._start())
            return self._compile

    def __call__(self, batch: Sequence[tuple[str, bytes]]) -> Iterator[bytes | None]:
        return self.begin()(batch)


def _check_clashes(
    planned: Sequence[PlannedWheel], of_conda: Sequence[PlannedConda], tell: Callable[[str], None]
) -> None:
    """What packages of different layers do to each other. No tag has moved yet."""
    problems = find_clashes(planned)
    if of_conda:
        from bot.layers.conda_faults import find_conda_faults

        problems += find_conda_faults(of_conda)
    for problem in problems:
        if problem.severity is not Severity.ERROR:
            tell(f"{problem.message} {problem.hint}")
    errors = tuple(problem for problem in problems if problem.severity is Severity.ERROR)
    if errors:
        raise BadWheel(errors)


def _title(packages: Sequence[LockedWheel] | Sequence[LockedConda]) -> str:
    return f"{packages[0].name} {packages[0].version}" if len(packages) == 1 else f"{len(packages)} packages"


def _foundation(lock: Lock, executable: str, words: Sequence[Sequence[str]], carrier: Carrier) -> Layer:
    with carrier.parcel() as (file, path):
        layer = write_foundation(file, lock.python, executable, dump_lock(lock), words)
        file.flush()
        carrier.send(layer, lambda: path.open("rb"))
        return layer


def _await(futures: Sequence[Future[Layer]]) -> None:
    """Until all are done; after a failure nothing new is begun. Problems of several wheels are told together."""
    problems: list[Problem] = []
    failures: list[BaseException] = []
    for future in as_completed(futures):
        error = None if future.cancelled() else future.exception()
        if isinstance(error, BadWheel):
            problems += error.problems
        elif error is not None:
            failures.append(error)
            for other in futures:
                other.cancel()
    if failures:
        raise failures[0]
    if problems:
        raise BadWheel(tuple(problems))
