"""When to sweep, and who does: one at a time, as often as the operator likes, or now because a person asked.

How far a sweep is stands in the store, so whichever worker comes next goes on with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bot.adapters.store import Store
from bot.domain.facts import SWEEPING, SWEPT
from bot.domain.reconcile import Findings, Rhythm, Scope, Swept, plan_next, plan_resumed, plan_sweep
from bot.errors import BotError, Refused
from bot.logs import get
from bot.reach import Reach
from bot.reconcile import sweep

LEASE = "sweep"
LEASE_SECONDS = 60.0
"""How long a sweeper that says nothing keeps the others from sweeping; it is renewed with every page."""

LOOK_SECONDS = 5.0
"""How often a worker looks whether a sweep is due."""

PUT_OFF_SECONDS = 60.0
"""Pause after a sweep that GitLab, or another sweeper, did not let come to its end."""

_log = get(__name__)


class NotMine(BotError):
    """Another sweeper took over."""


class Sweeper:
    """Sweeps when it is time, in a thread of its own, unless another process does. `reach` may raise BotError."""

    def __init__(
        self,
        store: Store,
        owner: str,
        rhythm: Rhythm,
        reach: Callable[[], Reach],
        on_found: Callable[[Mapping[str, int]], None] = lambda _numbers: None,
    ) -> None:
        self._store = store
        self._owner = owner
        self._rhythm = rhythm
        self._reach = reach
        self._on_found = on_found
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Sweep from now on; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing new; a sweep that is under way ends with its page."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.sweep_if_due()
            except BotError as error:
                _log.warning("sweep is put off", why=str(error), seconds=PUT_OFF_SECONDS)
                self._stop.wait(PUT_OFF_SECONDS)
            except Exception as error:  # noqa: BLE001 -- this thread must outlive a locked or full database
                _log.error("sweep failed", exc_info=error)

    def sweep_if_due(self, now: float | None = None) -> Findings | None:
        """One sweep if it is time and nobody else sweeps; None otherwise. Raises TryAgain, OperatorError."""
        last = read_swept(self._store)
        scope = plan_sweep(last, time.time() if now is None else now, self._rhythm)
        if scope is None or not self._store.lease(LEASE, self._owner, LEASE_SECONDS):
            return None
        try:
            # another one may have ended its sweep between the look and the lease
            if read_swept(self._store) != last:
                return None
            scope = plan_resumed(scope, self._store.fact(SWEEPING), self._rhythm)
            found = sweep(scope, self._reach(), self._keep_on)
            self._store.keep_fact(SWEPT, plan_next(scope, last, found).to_text())
            self._store.keep_fact(SWEEPING, "")
        finally:
            self._store.release(LEASE, self._owner)
        self._on_found(_numbers(found))
        _log.info("swept", seconds=round(time.time() - scope.began_at, 1), **_numbers(found))
        return found

    def _keep_on(self, left: Scope) -> None:
        # the lease first: whoever lost it must not say where the next one goes on
        mine = self._store.lease(LEASE, self._owner, LEASE_SECONDS)
        if mine:
            self._store.keep_fact(SWEEPING, left.to_text())
        if self._stop.is_set() or not mine:
            raise NotMine("another worker sweeps, or this one ends")


def sweep_now(reach: Reach, owner: str) -> Findings:
    """A complete sweep with a closer look at everything, by a person's wish. Refused while another one sweeps."""

    def keep_on(_left: Scope) -> None:
        if not reach.store.lease(LEASE, owner, LEASE_SECONDS):
            raise NotMine("another sweep took over")

    if reach.act and not reach.store.lease(LEASE, owner, LEASE_SECONDS):
        raise Refused("a worker sweeps just now: look at its log, or try again in a minute")
    scope = Scope(time.time(), None, 0, 1)
    wished = replace(reach, rhythm=replace(reach.rhythm, stale_seconds=0.0))
    try:
        found = sweep(scope, wished, keep_on if reach.act else (lambda _left: None))
        if reach.act:
            reach.store.keep_fact(SWEPT, plan_next(scope, read_swept(reach.store), found).to_text())
    finally:
        if reach.act:
            reach.store.release(LEASE, owner)
    return found


def read_swept(store: Store) -> Swept | None:
    """The last sweep that came to its end; None before the first one."""
    text = store.fact(SWEPT)
    return None if text is None else Swept.from_text(text)


def lines_of(found: Findings) -> Iterable[str]:
    """What a person reads of a sweep."""
    words = {
        "projects": "projects looked at",
        "missed_heads": "heads that were never handled",
        "missed_merge_requests": "open merge requests that were never checked",
        "missed_pipelines": "ended pipelines of projects that use modules that nobody told of",
        "unlisted": "projects whose newest version was not in the catalogue",
        "open_publications": "publications that stood still",
        "untold_failures": "given up jobs whose authors were not told",
        "stale_statuses": "statuses left open",
        "bad_hooks": "webhooks switched off by GitLab",
        "missing_hooks": "projects without a webhook to the bot",
        "unseen_hooks": "projects whose webhooks the bot may not see",
        "resent_deliveries": "failed deliveries to send again",
    }
    return (f"{number:6} {words[name]}" for name, number in _numbers(found).items())


def _numbers(found: Findings) -> dict[str, int]:
    return {name: getattr(found, name) for name in Findings.__slots__}
