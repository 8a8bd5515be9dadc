"""What GitLab's answers say about when to call it again: decisions, for a rate budget that all workers share."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass

WHOLE = ""
"""Scope of a gate in front of all of GitLab."""

MAX_RETRY_AFTER_SECONDS = 3600.0
"""A longer pause is cut to this: a mistyped header must not park all projects for days."""

UNNAMED_PAUSE_SECONDS = 5.0
"""How long nobody calls after a 429 that names no time; each refused job waits longer and longer by itself."""

REFUSED_TOKEN_PAUSE_SECONDS = 10.0
"""How long nobody calls after the token was refused: GitLab locks out addresses that fail too often."""

RESERVED_CALLS = 20
"""Calls left in GitLab's window at which everybody stops: those that are under way still have to fit."""

RESERVED_SHARE = 0.1
"""Of a window smaller than that, the share at which everybody stops."""

_OF_ONE_ENDPOINT = "this endpoint has been requested too many times"


@dataclass(frozen=True, slots=True)
class Gate:
    """No calls before `until` (seconds since 1970). `hint`: what the operator must do, empty if it passes by itself."""

    until: float
    why: str
    hint: str = ""


def plan_gate(
    endpoint: str, status: int, headers: Mapping[str, str], words: str, now: float
) -> tuple[str, Gate] | None:
    """The gate that an answer asks for, and its scope: WHOLE or one endpoint. None when calls may go on.

    `headers` ignore case; `words` is the beginning of the answer's body.
    """
    if status == 429:
        after = read_retry_after(headers, now)
        if after is None:
            after = _until_reset(headers, now)
        scope = endpoint if _OF_ONE_ENDPOINT in words.lower() else WHOLE
        pause = UNNAMED_PAUSE_SECONDS if after is None else after
        return scope, Gate(now + pause, "GitLab asked to slow down (429)")
    if status == 503 and (after := read_retry_after(headers, now)) is not None:
        return WHOLE, Gate(now + after, "GitLab is closed for a while (503)")
    left, limit = _number(headers, "RateLimit-Remaining"), _number(headers, "RateLimit-Limit")
    if left is None or limit is None or left > min(RESERVED_CALLS, limit * RESERVED_SHARE):
        return None
    pause_left = _until_reset(headers, now)
    return None if pause_left is None else (WHOLE, Gate(now + pause_left, "the rate budget is used up"))


def read_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by a Retry-After header (a number or an HTTP date), None when it names none."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdecimal():
        seconds = float(value[:12])
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    reset = _number(headers, "RateLimit-Reset")
    return None if reset is None else min(max(reset - now, 0.0), MAX_RETRY_AFTER_SECONDS)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    value = headers.get(name, "").strip()
    return float(value[:12]) if value.isdecimal() else None
