"""When this process ends, the jobs it runs end too, and tidily: daemon threads alone would leave them behind."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FAREWELL_SECONDS = 30.0
"""How long the end of the process waits for its jobs to be gone."""

leaving = threading.Event()
"""Set when the process is about to end."""

_changed = threading.Condition()
_under_way = 0


@contextmanager
def under_way() -> Iterator[None]:
    """While a job runs and tidies up."""
    global _under_way
    with _changed:
        _under_way += 1
    try:
        yield
    finally:
        with _changed:
            _under_way -= 1
            _changed.notify_all()


@atexit.register
def _leave() -> None:
    leaving.set()
    with _changed:
        _changed.wait_for(lambda: _under_way == 0, FAREWELL_SECONDS)
