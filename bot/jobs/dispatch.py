"""From stored deliveries to jobs: each one is taken up in order of arrival, and starts one job at most.

Several workers take turns. When two should take up the same delivery all the same, they start the same job under the
same id, which the engine keeps once.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.adapters.deliveries import Delivery
from bot.adapters.store import Store
from bot.domain.events import Event, from_dict
from bot.domain.jobs import Follow, Job, Later
from bot.domain.routing import Ignored, same_note, same_push
from bot.jobs.engine import WAITING, Engine
from bot.jobs.names import branch_name, first_id, slot_of
from bot.logs import get, redact
from bot.metrics import DUPLICATES

DELIVERIES_AT_ONCE = 100

SAME_PUSH_SECONDS = 60.0
"""How long after a push the same one is taken for another hook's word, not for a branch that went back and forth."""

TURN = "dispatch"
"""What the workers take turns in."""

_log = get(__name__)


class Dispatcher:
    """Starts jobs of waiting deliveries. `route` decides what an event asks for."""

    def __init__(self, store: Store, engine: Engine, route: Callable[[Event], Job | Ignored]) -> None:
        self._store = store
        self._engine = engine
        self._route = route

    def dispatch(self) -> int:
        """Take up the oldest waiting deliveries; returns how many, 0 also when another worker is at it."""
        with self._store.turn(TURN) as mine:
            if not mine:
                return 0
            deliveries = self._store.pending(DELIVERIES_AT_ONCE)
            for delivery in deliveries:
                self._start_job_of(delivery)
            if deliveries:
                # Marked after the jobs are committed. A crash between finds their ids in use, and starts none twice.
                self._store.mark_dispatched(*(delivery.key for delivery in deliveries))
        return len(deliveries)

    def _start_job_of(self, delivery: Delivery) -> None:
        try:
            decision = self._decide(delivery)
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with it, the next one must not wait
            _log.error("stored delivery cannot be worked on", key=delivery.key, exc_info=error)
            why = redact(f"{type(error).__name__}: {error}")
            self._store.park(f"delivery {delivery.seq}", delivery.event, why)
            return
        if isinstance(decision, Ignored):
            _log.info("delivery needs no work", key=delivery.key, why=decision.why)
            return
        self._engine.enqueue(first_id(delivery.seq, delivery.key, decision), Later(decision))

    def _decide(self, delivery: Delivery) -> Job | Ignored:
        event = from_dict(delivery.event)
        decision = self._route(event)
        if isinstance(decision, Ignored):
            return decision
        if isinstance(decision, Follow) and self._is_waiting(decision):
            return Ignored("a look at this pipeline is waiting already, and will see this, too")
        previous = self._store.previous(delivery)
        # a comment is made once: however late another hook tells of it, it was answered
        if previous and same_note(event, from_dict(previous.event)):
            DUPLICATES.labels("note").inc()
            return Ignored("another hook told of the same comment")
        if not previous or delivery.received_at - previous.received_at > SAME_PUSH_SECONDS:
            return decision
        if same_push(event, from_dict(previous.event)):
            DUPLICATES.labels("push").inc()
            return Ignored("another hook told the same push")
        return decision

    def _is_waiting(self, job: Job) -> bool:
        """Whether the same is to be done already, and has not begun; it will then see what the newer one would."""
        there = self._engine.of_branch(branch_name(job))
        return any(name.slot == slot_of(job) and status == WAITING for name, _, status in there)
