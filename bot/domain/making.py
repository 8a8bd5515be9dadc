"""How an image was made, in an author's words: base, engine, size, time. Only facts that are known are said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from bot.domain.choice import why_environment
from bot.domain.environments import Environment
from bot.domain.gitlab import CiJob
from bot.domain.pipeline import BUILD, CONTEXT, LABEL
from bot.domain.text import log_lines, prose, shorten, size_words, span, time_words
from parser.model import Report

ENGINE_LABEL = "io.mlreef.engine"
ENVIRONMENT_LABEL = "io.mlreef.environment"
LOCK_LABEL = "io.mlreef.lock"

MAX_WARNINGS = 20
"""Warnings of the build's log that a note repeats."""

MAX_WARNING_CHARS = 400

_WARNING = re.compile(r" *warning: (?P<words>.*?)(?:  \[(?P<code>[a-z0-9-]+)\])?\Z")
_HINT = "    "


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning as the log of a job has it; `code` is empty where it has none."""

    words: str
    code: str
    hint: str


@dataclass(frozen=True, slots=True)
class Making:
    """What is known of how an image was made: `size` in bytes as the registry keeps it, `seconds` of building."""

    engine: str = ""
    engine_why: str = ""
    environment: str = ""
    size: int | None = None
    layers: int = 0
    seconds: float | None = None
    lock: str = ""
    warnings: tuple[Warned, ...] = ()


def read_making(labels: Mapping[str, str], manifest: bytes, jobs: Iterable[CiJob]) -> Making:
    """What an image's labels and manifest, and its pipeline's jobs, tell; anybody may have written them."""
    sizes = _sizes(manifest)
    times = [job.seconds for job in jobs if job.name in (CONTEXT, BUILD, LABEL) and job.status == "success"]
    known = [seconds for seconds in times if seconds is not None]
    return Making(
        engine=labels.get(ENGINE_LABEL, ""),
        environment=labels.get(ENVIRONMENT_LABEL, ""),
        size=sum(sizes) if sizes else None,
        layers=len(sizes),
        seconds=sum(known) if known else None,
        lock=labels.get(LOCK_LABEL, ""),
    )


def explained(making: Making, report: Report, environment: Environment, engine: str, why: str) -> Making:
    """With the reasons of engine and environment, where they are still those that the image was made with."""
    if making.environment == environment.name:
        making = replace(making, environment=why_environment(report, environment).removesuffix("."))
    return replace(making, engine_why=why) if making.engine == engine else making


def table_rows(making: Making) -> list[str]:
    """Rows of a note's table."""
    rows = []
    if making.environment:
        rows.append(f"| Base | {prose(making.environment, 400)} |")
    if making.engine:
        why = f": {prose(making.engine_why, 300)}" if making.engine_why else ""
        rows.append(f"| Engine | {span(making.engine)}{why} |")
    if making.size is not None:
        rows.append(f"| Size | {size_words(making.size)} compressed, in {making.layers} layers |")
    if making.seconds is not None:
        rows.append(f"| Built in | {time_words(making.seconds)} |")
    if making.lock:
        rows.append(f"| Lock | {span(making.lock)} |")
    return rows


def status_words(making: Making) -> str:
    """The end of a status: `, 212 MB, built in 3 s`; empty where the size is not known."""
    if making.size is None:
        return ""
    built = f", built in {time_words(making.seconds)}" if making.seconds is not None else ""
    return f", {size_words(making.size)}{built}"


def read_warnings(trace: bytes, known: Iterable[str]) -> tuple[Warned, ...]:
    """Warnings in a job's log with their hints, but for codes that are told already; anybody may have written it."""
    told, found = set(known), list[Warned]()
    for line, following in pairwise([*log_lines(trace), ""]):
        match = _WARNING.match(line)
        if match is None or match["code"] in told:
            continue
        hint = following.strip() if following.startswith(_HINT) else ""
        warned = Warned(
            shorten(match["words"], MAX_WARNING_CHARS), match["code"] or "", shorten(hint, MAX_WARNING_CHARS)
        )
        if warned not in found and len(found) < MAX_WARNINGS:
            found.append(warned)
    return tuple(found)


def _sizes(manifest: bytes) -> list[int]:
    try:
        layers = json.loads(manifest)["layers"]
        return [size for layer in layers if type(size := layer["size"]) is int and size >= 0]
    except (ValueError, KeyError, TypeError, RecursionError):
        # a list of platforms has no layers of its own
        return []
