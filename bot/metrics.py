"""What can be counted from outside: every metric by its name, in Prometheus' words. The only importer of its library.

The processes of one `mlreef-bot serve` share their counts through small files, so one answer tells of all of them,
also of those that died. A process that runs alone counts in memory.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

# It decides while it is imported whether processes share their counts, by the variable that their supervisor set.
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bot.domain.facts import SHARED_COUNTS

Look = Mapping[str, float | Mapping[str, float]]
"""Values of gauges by their names; of one with states, by its states."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LOOK_SECONDS = 2.0
"""How long an answer about the queue is given again: asking often must not cost the database anything."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_registry = CollectorRegistry()

ANSWERS = Histogram(
    "mlreef_delivery_seconds",
    "Deliveries by how the door answered them, and the time that took.",
    ["result"],
    buckets=SECONDS,
    registry=_registry,
)
"""`result`: stored, duplicate, ignored, refused (a bad secret, a body too large), failed (nothing can be stored)."""

DUPLICATES = Counter(
    "mlreef_duplicates",
    "Deliveries that brought nothing new, by how that was known.",
    ["by"],
    registry=_registry,
)
"""`by`: delivery (its id was known), push or note (another hook told the same)."""

JOBS = Counter("mlreef_jobs", "Jobs by kind and how they ended.", ["kind", "ended"], registry=_registry)

PUBLICATIONS = Counter(
    "mlreef_publications", "Publications by how they ended.", ["outcome"], registry=_registry
)

STAGES = Histogram(
    "mlreef_publication_stage_seconds",
    "How long the stages of publications take: fetch, read, plan, do, tell.",
    ["stage"],
    buckets=SECONDS,
    registry=_registry,
)

GITLAB = Histogram(
    "mlreef_gitlab_call_seconds",
    "Calls to GitLab by endpoint and status; status 0 is no answer at all.",
    ["endpoint", "status"],
    buckets=SECONDS[::2],
    registry=_registry,
)

SWEEP = Counter(
    "mlreef_sweep_finds", "What the sweep found that nobody had told, by kind.", ["kind"], registry=_registry
)

STATE = {
    "mlreef_queue_depth": "Deliveries without a job yet, and jobs, by how they stand.",
    "mlreef_queue_oldest_seconds": "Age of the oldest delivery or job that could be done now; 0 when none waits.",
    "mlreef_stuck_jobs": "Jobs that run for too long.",
    "mlreef_failed_jobs": "Jobs that were given up and wait for a person.",
    "mlreef_worker_silent_seconds": "Time since a worker last gave a sign of life.",
}
"""Gauges that are read from the database when somebody asks, so that every machine tells the same.

`state` of the depth: delivery, waiting, delayed, running."""

NAMES = frozenset(
    {one.name + ("_total" if one.type == "counter" else "") for one in _registry.collect()} | set(STATE)
)
"""Every name that an operator can ask for."""


def gitlab_called(endpoint: str, status: int, seconds: float) -> None:
    """Count one call to GitLab by its endpoint, such as `GET /projects/:id`; `status` is 0 when no answer came."""
    GITLAB.labels(endpoint, str(status)).observe(seconds)


def count_finds(numbers: Mapping[str, int]) -> None:
    """Count what one sweep found, by kind; how many projects it looked at is no find."""
    for kind, number in numbers.items():
        if kind != "projects":
            SWEEP.labels(kind).inc(number)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Measure one stage of a publication, also one that ends in an error."""
    began = time.perf_counter()
    try:
        yield
    finally:
        STAGES.labels(name).observe(time.perf_counter() - began)


class Reading:
    """Metrics as a page of text. `look` reads the values of STATE; it may raise, and then they are left out."""

    def __init__(self, look: Callable[[], Look]) -> None:
        self._state = _State(look)

    def page(self) -> bytes:
        """All metrics of this machine, and of the queue that all machines share."""
        return generate_latest(self.registry())

    def registry(self) -> CollectorRegistry:
        """What the library asks: counts first, then the state."""
        found = CollectorRegistry()
        if os.environ.get(SHARED_COUNTS):
            MultiProcessCollector(found)  # type: ignore[no-untyped-call] # untyped in the library
        else:
            found.register(_Own())
        found.register(self._state)
        return found

    def serve(self, listen: str) -> None:
        """Answer on an address of its own, from threads of its own. Raises OSError when it cannot be had."""
        host, _, port = listen.rpartition(":")
        start_http_server(int(port), host.strip("[]"), _Fresh(self))


class _Own(Collector):
    def collect(self) -> Iterable[Metric]:
        return _registry.collect()


class _Fresh(Collector):
    """Asks anew each time: files of processes come and go."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterable[Metric]:
        return self._reading.registry().collect()


class _State(Collector):
    def __init__(self, look: Callable[[], Look]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._known: Look = {}
        self._looked_at = float("-inf")

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() - self._looked_at > LOOK_SECONDS:
                self._looked_at = time.monotonic()
                try:
                    self._known = self._look()
                except Exception:  # noqa: BLE001 -- counts must be told also while the database is away
                    self._known = {}
            known = self._known
        return [_gauge(name, words, known[name]) for name, words in STATE.items() if name in known]


def _gauge(name: str, words: str, value: float | Mapping[str, float]) -> Metric:
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, words, value)
    family = GaugeMetricFamily(name, words, labels=["state"])
    for state, one in value.items():
        family.add_metric([state], one)
    return family
