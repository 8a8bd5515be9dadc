"""What can be counted of the queue, and the address of its own that it is told at."""

from __future__ import annotations

import time

from bot.adapters.store import Store
from bot.domain.facts import WORKER_SEEN, JobCounts
from bot.logs import get
from bot.metrics import Look, Reading

_log = get(__name__)


def look_at(store: Store) -> Look:
    """The state of the queue, by the names of its metrics."""
    backlog, jobs, seen = store.backlog(), store.job_counts() or JobCounts(), store.fact(WORKER_SEEN)
    silent = {"mlreef_worker_silent_seconds": time.time() - float(seen)} if seen else {}
    waits = {"waiting": jobs.waiting, "delayed": jobs.delayed, "running": jobs.running}
    return {
        "mlreef_queue_depth": {"delivery": backlog.waiting, **waits},
        "mlreef_queue_oldest_seconds": max(backlog.oldest_seconds, jobs.oldest_seconds),
        "mlreef_stuck_jobs": jobs.stuck,
        "mlreef_failed_jobs": jobs.failed,
        **silent,
    }


def tell_metrics(listen: str, store: Store) -> None:
    """Serve /metrics at an address of its own, from now on. Jobs are done also when that address cannot be had."""
    try:
        Reading(lambda: look_at(store)).serve(listen)
    except (OSError, OverflowError) as error:
        _log.error("metrics.listen cannot be listened on", address=listen, why=str(error))
