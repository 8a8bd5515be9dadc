"""The readers that are compared: ours, and two that people write first."""

from __future__ import annotations

import ast
import json
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from parser.read import read
from parser.source import Source, read_text
from parser.wire import report_to_dict

SECONDS = 60

FAULT = "the reader itself is at fault"
"""What a report says of a file on which the reader stumbled: as bad as a crash."""

Parameters = list[dict[str, Any]]


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


# Baselines ------------------------------------------------------------------------------------------------


def _baseline(of_text: Callable[[str], Parameters]) -> Callable[[Source, str], Reading]:
    def reader(source: Source, path: str) -> Reading:
        try:
            return Reading(of_text(read_text(source.contents[path])))
        except (ValueError, KeyError, SyntaxError, RecursionError) as error:
            return Reading(None, error=str(error)[:300])

    return reader


_CALL = re.compile(
    r"\.add_argument\(\s*((?:[\"'][^\"']+[\"']\s*,?\s*)+)((?:[^()\"']|\"[^\"]*\"|'[^']*'|\([^()]*\))*)\)"
)
_TEXT = re.compile(r"[\"']([^\"']*)[\"']")


def _by_expression(text: str) -> Parameters:
    found = []
    for call in _CALL.finditer(text):
        names, rest = _TEXT.findall(call[1]), call[2]
        keywords: dict[str, Any] = {}
        for name in ("type", "default", "required", "choices", "nargs", "action", "help"):
            value = re.search(rf"\b{name}\s*=\s*([\"'][^\"']*[\"']|[\[(][^\])]*[\])]|[^,\s]+)", rest)
            if value is None:
                continue
            try:
                keywords[name] = ast.literal_eval(value[1])
            except (ValueError, SyntaxError):
                keywords[name] = value[1]
        found.append(_parameter(names, keywords))
    return found


def _by_walk(text: str) -> Parameters:
    found = []
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        names = [
            one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        if node.func.attr != "add_argument" or not names:
            continue
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                continue
            try:
                keywords[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError, SyntaxError, MemoryError):
                keywords[keyword.arg] = ast.unparse(keyword.value)
        found.append(_parameter(names, keywords))
    return found


def _parameter(names: Sequence[str], keywords: dict[str, Any]) -> dict[str, Any]:
    """What argparse would most likely make of it."""
    flags = [name for name in names if name.startswith("-")]
    long = [flag for flag in flags if flag.startswith("--")]
    dest = keywords.get("dest") or (long or flags or list(names))[0].lstrip("-")
    action = keywords.get("action", "store")
    boolean = action in ("store_true", "store_false")
    default = keywords.get("default", action == "store_false" if boolean else None)
    choices = keywords.get("choices")
    return {
        "flags": flags,
        "dest": str(dest).replace("-", "_") if flags else str(dest),
        "type": "bool" if boolean else str(keywords.get("type", "str")).rpartition(".")[2],
        "default": list(default) if isinstance(default, tuple | set) else default,
        "required": bool(keywords.get("required", not flags and keywords.get("nargs") not in ("?", "*"))),
        "choices": list(choices) if isinstance(choices, list | tuple | set | dict) else choices,
        "nargs": keywords.get("nargs"),
        "action": action,
        "help": keywords.get("help"),
        "group": None,
        "subcommand": [],
    }


READERS: dict[str, Callable[[Source, str], Reading]] = {
    "mlreef-bot": read_ours,
    "naive walk of the syntax tree": _baseline(_by_walk),
    "regular expression": _baseline(_by_expression),
}
