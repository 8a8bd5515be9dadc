"""The readers that are compared: ours, and the baselines."""

from __future__ import annotations

import ast
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from fidelity.baselines import BASELINES, Parameters
from parser.read import read
from parser.source import Source, read_text
from parser.wire import report_to_dict

SECONDS = 60

FAULT = "the reader itself is at fault"
"""What a report says of a file on which the reader stumbled: as bad as a crash."""


@dataclass(frozen=True)
class Reading:
    """What a reader says of one script, the error it died of, and its time beside that of parsing alone."""

    parameters: Parameters | None
    problems: tuple[dict[str, Any], ...] = ()
    error: str = ""
    seconds: float = 0.0
    parse_seconds: float = 0.0
    files: int = 0


def read_ours(source: Source, path: str) -> Reading:
    """What `mlreef-bot describe` prints, with the time that went into `ast.parse` counted apart."""
    try:
        with _limited(), _parsing() as spent:
            began = time.perf_counter()
            described = json.loads(json.dumps(report_to_dict(read(source, "fidelity", path))))
            seconds = time.perf_counter() - began
    except Exception as error:  # noqa: BLE001 -- a crash is what is looked for
        return Reading(None, error=f"{type(error).__name__}: {error}"[:300])
    return _reading(described, seconds, spent)


def _reading(described: dict[str, Any], seconds: float, spent: list[float]) -> Reading:
    problems = tuple(described["problems"])
    fault = "; ".join(faults(problems))
    read_ = None if fault else described["parameters"]
    return Reading(read_, problems, fault, seconds, sum(spent), len(spent))


def faults(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a report says of the reader's own stumbling."""
    return [one["message"] for one in problems if FAULT in one["message"]]


@contextmanager
def _parsing() -> Iterator[list[float]]:
    """Times every `ast.parse` while it is open."""
    original, spent = ast.parse, []

    def parse(*args: Any, **keywords: Any) -> Any:
        began = time.perf_counter()
        try:
            return original(*args, **keywords)
        finally:
            if len(args) > 1:
                # a file; values are parsed without a name
                spent.append(time.perf_counter() - began)

    ast.parse = parse
    try:
        yield spent
    finally:
        ast.parse = original


@contextmanager
def _limited() -> Iterator[None]:
    def over(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"took more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _baseline(of_text: Callable[[str], Parameters]) -> Callable[[Source, str], Reading]:
    def reader(source: Source, path: str) -> Reading:
        try:
            return Reading(of_text(read_text(source.contents[path])))
        except Exception as error:  # noqa: BLE001 -- a crash counts against the baseline, and ends nothing
            return Reading(None, error=str(error)[:300])

    return reader


READERS: dict[str, Callable[[Source, str], Reading]] = {
    "mlreef-bot": read_ours,
    **{name: _baseline(of_text) for name, of_text in BASELINES.items()},
}
