"""What a run measured: the text of its experiment.json → series of numbers, whoever wrote it and however far.

MLReef's shapes are `{"<epoch>": {"acc": …}, …}`, a list of such records, and one record alone. Scripts write others of
the same kind: records in records, and a list of numbers for each name. All become series by name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.broken_json import read_broken_json

MAX_EXPERIMENT_BYTES = 4 * 1024 * 1024
"""A larger file is not read: its beginning would be told as if it were the end."""

MAX_SERIES = 40
"""Names of one run: more than a table that somebody reads has rows."""

MAX_POINTS = 200
"""Points of one series that are kept; of more, the extremes of each stretch."""

MAX_NAME_CHARS = 100
"""Characters of a name, joined from records in records: a row of a table."""

MAX_DEPTH = 4
"""Records in records that are read."""

MAX_NUMBER_CHARS = 40
"""A longer text is no number that a script wrote."""

Kind = Literal["unreadable", "broken_off", "too_large", "no_numbers", "left_out", "not_finite"]
Point = tuple[float, float]
"""Step and value; the value may be NaN or infinite, as scripts write them."""

_STEPS = ("epoch", "step", "iteration")
_ENDS_IN_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\D*\Z")


@dataclass(frozen=True, slots=True)
class Fault:
    """What of the file is not shown: `detail` names it, `count` tells how often, where that means anything."""

    kind: Kind
    detail: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of one name, by step."""

    name: str
    points: tuple[Point, ...]

    @property
    def finite(self) -> tuple[Point, ...]:
        """The points that can be drawn."""
        return tuple(point for point in self.points if math.isfinite(point[1]))


@dataclass(frozen=True, slots=True)
class Experiment:
    """All series of a run in the order of the file, how many steps it wrote, and what is not shown."""

    series: tuple[Series, ...]
    steps: int = 0
    faults: tuple[Fault, ...] = ()


TOO_LARGE = Experiment((), 0, (Fault("too_large"),))
"""What is known of a file that is larger than MAX_EXPERIMENT_BYTES."""


def read_experiment(content: bytes) -> Experiment:
    """Read an experiment.json of any shape; never raises. Of one that is broken off, what was whole before."""
    if len(content) > MAX_EXPERIMENT_BYTES:
        return TOO_LARGE
    text = content.decode(json.detect_encoding(content), "replace").lstrip("\ufeff")
    faults: list[Fault] = []
    try:
        # Whole numbers become floats at once: Python refuses to read very long ones, and a plot needs no more.
        document = json.loads(text, parse_int=float)
    except (ValueError, RecursionError) as error:
        document = read_broken_json(text)
        if document is None:
            return Experiment((), 0, (Fault("unreadable", _words(error)),))
        faults.append(Fault("broken_off", _words(error)))
    gathered = _Gathered()
    for step, record in _records(document):
        gathered.take(step, record)
    return gathered.experiment(faults)


def to_json(experiment: Experiment) -> str:
    """The experiment as JSON that any reader takes: what is not finite is a text."""
    return json.dumps(
        {
            "steps": experiment.steps,
            "series": [
                [one.name, [[step, _plain(value)] for step, value in one.points]] for one in experiment.series
            ],
            "faults": [[fault.kind, fault.detail, fault.count] for fault in experiment.faults],
        },
        separators=(",", ":"),
        allow_nan=False,
    )


def from_json(text: str) -> Experiment:
    """The experiment that `to_json` wrote."""
    data = json.loads(text)
    return Experiment(
        tuple(
            Series(name, tuple((float(step), float(value)) for step, value in points))
            for name, points in data["series"]
        ),
        int(data["steps"]),
        tuple(Fault(kind, detail, count) for kind, detail, count in data["faults"]),
    )


class _Gathered:
    """Series while records are read, and what of them is no number."""

    def __init__(self) -> None:
        self._points: dict[str, dict[float, float]] = {}
        self._steps: set[float] = set()
        self._no_numbers: dict[str, int] = {}
        self._left_out: set[str] = set()

    def take(self, step: float, record: object) -> None:
        """Take in what was measured at a step; a later word about the same step is the better one."""
        self._steps.add(step)
        for name, value in _flat(record, "", 0):
            number = _number(value)
            if number is None:
                if value is not None:
                    self._no_numbers[name] = self._no_numbers.get(name, 0) + 1
            elif name in self._points or len(self._points) < MAX_SERIES:
                self._points.setdefault(name, {})[step] = number
            else:
                self._left_out.add(name)

    def experiment(self, faults: Sequence[Fault]) -> Experiment:
        """All that was taken in."""
        found = [*faults]
        series = []
        for name, points in self._points.items():
            ordered = sorted(points.items())
            strange = sum(not math.isfinite(value) for _, value in ordered)
            if strange:
                found.append(Fault("not_finite", name, strange))
            series.append(Series(name, tuple(_thinned(ordered))))
        if self._left_out:
            found.append(Fault("left_out", "", len(self._left_out)))
        if not series and not any(fault.kind == "broken_off" for fault in faults):
            found.append(Fault("no_numbers", next(iter(self._no_numbers), "")))
        return Experiment(tuple(series), len(self._steps) if series else 0, tuple(found))


def _records(document: object) -> Iterator[tuple[float, object]]:
    """Each record with the step at which it was written."""
    if isinstance(document, list):
        yield from _listed(document)
    elif isinstance(document, Mapping):
        epochs = {key: value for key, value in document.items() if isinstance(value, Mapping)}
        numbers = [_number_in(key) for key in epochs]
        if any(numbers):
            steps = _steps_of(numbers)
            yield from zip(steps, epochs.values(), strict=True)
            rest = {key: value for key, value in document.items() if key not in epochs}
            if rest:
                yield max(steps), rest
        elif any(_is_history(value) for value in document.values()):
            yield from _history(document)
        else:
            yield 1.0, document


def _steps_of(numbers: Sequence[re.Match[str] | None]) -> list[float]:
    told = [float(found[1]) for found in numbers if found and len(found[1]) <= MAX_NUMBER_CHARS]
    # Keys that repeat their number, such as one of each phase, would hide one another: then it is their place.
    whole = len(told) == len(numbers) and len(set(told)) == len(told)
    return told if whole else [float(place) for place in range(1, len(numbers) + 1)]


def _number_in(key: str) -> re.Match[str] | None:
    # the end of a name says which epoch it is, and of a long one that would be looked for a very long time
    return _ENDS_IN_NUMBER.search(key[-MAX_NAME_CHARS:])


def _listed(records: Sequence[object]) -> Iterator[tuple[float, object]]:
    if records and not any(isinstance(record, Mapping) for record in records):
        yield from _history({"value": records})
        return
    epochs = _by_epoch(records)
    if epochs:
        yield from _records(epochs)
        return
    named = _step_name(records)
    for place, record in enumerate(records, 1):
        if named is not None and isinstance(record, Mapping):
            rest = {name: value for name, value in record.items() if name != named}
            yield _number(record[named]) or 0.0, rest
        elif isinstance(record, Mapping):
            yield float(place), record


def _by_epoch(records: Sequence[object]) -> dict[str, object]:
    """The epochs of records that are named by them, each once; empty for other records."""
    pairs = [pair for record in records if isinstance(record, Mapping) for pair in record.items()]
    named = all(isinstance(record, Mapping) for record in records) and all(
        isinstance(value, Mapping) and _number_in(key) for key, value in pairs
    )
    epochs = dict(pairs)
    return epochs if named and len(epochs) == len(pairs) else {}


def _step_name(records: Sequence[object]) -> str | None:
    """What names the step in each record: what differs in all of them, if anything does."""
    names = [name for name in _STEPS if all(_has_step(record, name) for record in records)]
    for name in names:
        if len({_number(record[name]) for record in records if isinstance(record, Mapping)}) == len(records):
            return name
    return next(iter(names), None)


def _has_step(record: object, name: str) -> bool:
    number = _number(record.get(name)) if isinstance(record, Mapping) else None
    return number is not None and math.isfinite(number)


def _is_history(value: object) -> bool:
    return isinstance(value, list) and any(_number(one) is not None for one in value)


def _history(document: Mapping[str, object]) -> Iterator[tuple[float, object]]:
    """A list of numbers for each name, as Keras keeps its history."""
    longest = max(len(value) for value in document.values() if isinstance(value, list))
    single = {name: value for name, value in document.items() if not isinstance(value, list)}
    lists = [(name, value) for name, value in document.items() if isinstance(value, list)]
    for place in range(longest):
        at = {name: values[place] for name, values in lists if place < len(values)}
        yield place + 1.0, at if place + 1 < longest else {**at, **single}


def _flat(value: object, name: str, depth: int) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        for key, inside in value.items():
            more = str(key)[:MAX_NAME_CHARS]
            yield from _flat(inside, f"{name}.{more}"[:MAX_NAME_CHARS] if name else more, depth + 1)
    else:
        yield name, value


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value
    if isinstance(value, str) and len(value) <= MAX_NUMBER_CHARS:
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _thinned(points: Sequence[Point]) -> Iterable[Point]:
    """At most MAX_POINTS of them: the first, the last, and of each stretch between the lowest and the highest."""
    if len(points) <= MAX_POINTS:
        return points
    kept = {points[0], points[-1]}
    stretches = (MAX_POINTS - 2) // 2
    for number in range(stretches):
        stretch = points[number * len(points) // stretches : (number + 1) * len(points) // stretches]
        kept |= {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
    return sorted(kept)


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _words(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}"
    return "too many levels" if isinstance(error, RecursionError) else ""
