"""The gates in front of GitLab, shared by all workers through the store: who is told to wait makes all others wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from bot.domain.budget import MAX_RETRY_AFTER_SECONDS, WHOLE, Gate, plan_gate
from bot.domain.facts import GITLAB_GATES
from bot.errors import OperatorError, TryAgain
from bot.logs import get

STALE_SECONDS = 1.0
"""How long another worker's gate may stay unseen."""

LONGEST_GATE_SECONDS = 2 * MAX_RETRY_AFTER_SECONDS
"""A gate that is closed for longer was closed by a clock that was wrong, and does not count."""

_log = get(__name__)


class Facts(Protocol):
    """What the budget needs of a store."""

    def fact(self, name: str) -> str | None:
        """A small text kept under a name."""

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a small text under a name, committed."""


class Budget:
    """When GitLab may be called. Safe to use from several threads; what one worker learns, all know a second later.

    Two workers that learn something at the same instant may overwrite each other's word; whose word is lost is
    told once more by GitLab.
    """

    def __init__(self, facts: Facts | None = None, now: Callable[[], float] = time.time) -> None:
        self._facts = facts
        self._now = now
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}
        self._read_at = float("-inf")

    def check(self, endpoint: str) -> None:
        """Return if that endpoint may be called now. TryAgain with the time left; OperatorError for a refused token."""
        with self._lock:
            now = self._now()
            if self._facts is not None and not 0 <= now - self._read_at < STALE_SECONDS:
                self._gates = _merged(self._gates, self._read(), now)
                self._read_at = now
            closed = [gate for scope in (WHOLE, endpoint) if (gate := self._gates.get(scope))]
        for gate in closed:
            if gate.until > now and gate.hint:
                raise OperatorError(gate.why, gate.hint)
            if gate.until > now:
                raise TryAgain(gate.why, gate.until - now)

    def learn(self, endpoint: str, status: int, headers: Mapping[str, str], words: str) -> None:
        """Take in what an answer says about the calls to come."""
        planned = plan_gate(endpoint, status, headers, words, self._now())
        if planned is not None:
            self.close(*planned)

    def close(self, scope: str, gate: Gate) -> None:
        """Let nobody call until the gate opens by itself; a later opening wins."""
        with self._lock:
            now = self._now()
            known = _merged(self._gates, self._read(), now)
            self._gates = _merged(known, {scope: gate}, now)
            if self._gates != known:
                _log.warning(
                    "calls to GitLab wait", why=gate.why, scope=scope, seconds=round(gate.until - now, 1)
                )
                self._keep()

    def _read(self) -> dict[str, Gate]:
        try:
            kept = self._facts.fact(GITLAB_GATES) if self._facts is not None else None
        except SQLAlchemyError as error:
            # what this worker learned itself still holds
            _log.warning("the shared rate budget cannot be read", exc_info=error)
            return {}
        return {scope: Gate(**values) for scope, values in json.loads(kept or "{}").items()}

    def _keep(self) -> None:
        if self._facts is None:
            return
        try:
            values = {scope: asdict(gate) for scope, gate in self._gates.items()}
            self._facts.keep_fact(GITLAB_GATES, json.dumps(values))
        except SQLAlchemyError as error:
            _log.warning("the shared rate budget cannot be kept", exc_info=error)


def _merged(one: Mapping[str, Gate], other: Mapping[str, Gate], now: float) -> dict[str, Gate]:
    gates = {scope: gate for scope, gate in one.items() if _counts(gate, now)}
    for scope, gate in other.items():
        if _counts(gate, now) and (scope not in gates or gate.until > gates[scope].until):
            gates[scope] = gate
    return gates


def _counts(gate: Gate, now: float) -> bool:
    return now < gate.until <= now + LONGEST_GATE_SECONDS
