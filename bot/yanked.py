"""Which of the versions that a merge request pins were taken back by their authors, as the operator's index says.

Only that index is asked: an address that a repository names leads wherever its author likes. Being wrong by silence is
good enough here, so an index that is slow or away costs a check no more than ASK_SECONDS, and once in AWAY_SECONDS.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from packaging.version import InvalidVersion, Version

from bot.domain.requirement_changes import Pin, asked_about
from bot.errors import BotError
from bot.layers.index_pages import fetch_page
from bot.layers.indexes import plan_indexes
from bot.layers.web import Web
from bot.world import World
from parser.model import Requirements

ASK_SECONDS = 1.5
"""Longest that a check waits for all answers together."""

KEPT_SECONDS = 24 * 3600.0
"""How long an answer counts."""

AWAY_SECONDS = 600.0
"""How long an index that did not answer is left alone."""

MAX_KEPT = 500
"""Pins whose answers are kept; the oldest go first."""

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""Bytes of one page of the index; larger ones say nothing here."""

FACT = "yanked"
"""Name under which the store keeps the answers."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Known:
    """What the index said: pin → when, and why it was taken back (None: it was not); and until when it is away."""

    index: str
    pins: dict[str, tuple[float, str | None]]
    away_until: float = 0.0


def fetch_yanked(before: Requirements | None, after: Requirements | None, world: World) -> Mapping[str, str]:
    """Normalized names of packages whose newly pinned version was taken back → what the index says of it.

    Empty where the operator does not want the index asked, and where it does not answer; never raises for it.
    """
    pins = asked_about(before, after) if world.policy.review.ask_index else ()
    if not pins:
        return {}
    indexes, _ = plan_indexes(None, os.environ, world.policy.building.index_url)
    if indexes.default is None:
        return {}
    now = time.time()
    known = _read(world.store.fact(FACT) or "", indexes.default, now)
    wanted = [pin for pin in pins if _key(pin) not in known.pins]
    if wanted and known.away_until <= now:
        web = Web(indexes.accounts, attempts=1, seconds=ASK_SECONDS)
        found = _ask(web, indexes.default, wanted)
        known.pins |= {_key(pin): (now, why) for pin, why in found.items()}
        if not found:
            known.away_until = now + AWAY_SECONDS
            log.info("index_not_asked", packages=len(wanted))
        world.store.keep_fact(FACT, _written(known))
    said = {pin.name: known.pins.get(_key(pin), (now, None))[1] for pin in pins}
    return {name: why for name, why in said.items() if why is not None}


def _ask(web: Web, index: str, pins: Collection[Pin]) -> dict[Pin, str | None]:
    """What was answered in time. A thread that still waits cannot be stopped; it ends by itself, and nobody waits."""
    answers: queue.Queue[tuple[Pin, str | None] | None] = queue.Queue()

    def ask(pin: Pin) -> None:
        try:
            answers.put((pin, _why(web, index, pin)))
        except (BotError, OSError):
            answers.put(None)

    for pin in pins:
        threading.Thread(target=ask, args=(pin,), name=f"yanked-{pin.name}", daemon=True).start()
    end, found = time.monotonic() + ASK_SECONDS, dict[Pin, str | None]()
    for _ in pins:
        try:
            answer = answers.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        if answer is not None:
            found[answer[0]] = answer[1]
    return found


def _why(web: Web, index: str, pin: Pin) -> str | None:
    """What the index says of a version of which every file was taken back; None of all others."""
    try:
        version = Version(pin.version)
    except InvalidVersion:
        return None
    files = [one for one in fetch_page(web, index, pin.name, MAX_PAGE_BYTES).files if one.version == version]
    if not files or not all(one.yanked for one in files):
        return None
    return next((one.yanked_why for one in files if one.yanked_why), "")


def _key(pin: Pin) -> str:
    return f"{pin.name}=={pin.version}"


def _read(text: str, index: str, now: float) -> _Known:
    """What was kept of this index and still counts; nothing of what is not in this form."""
    try:
        kept: Any = json.loads(text) if text else {}
        if kept.get("index") != index:
            return _Known(index, {})
        pins = {
            str(key): (float(when), why if why is None else str(why))
            for key, (when, why) in kept["pins"].items()
            if now - KEPT_SECONDS < when <= now
        }
        return _Known(index, pins, float(kept["away_until"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return _Known(index, {})


def _written(known: _Known) -> str:
    newest = sorted(known.pins.items(), key=lambda one: one[1][0], reverse=True)[:MAX_KEPT]
    return json.dumps({"index": known.index, "pins": dict(newest), "away_until": known.away_until})
