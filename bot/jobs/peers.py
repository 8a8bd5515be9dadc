"""Taking over from workers that are gone: what they were doing is done by those that are there."""

from __future__ import annotations

from bot.adapters.presence import Presence
from bot.jobs.engine import Engine
from bot.logs import get

LOOK_SECONDS = 2.0
"""How often a worker looks whether it and the others are there."""

GRACE_LOOKS = 2
"""How many looks in a row a worker must be absent before its jobs are taken: it may just be connecting anew."""

_log = get(__name__)


class Peers:
    """Keeps this worker's place, and counts for how many looks others have been absent."""

    def __init__(self, engine: Engine, presence: Presence) -> None:
        self._engine = engine
        self._presence = presence
        self._missed: dict[str, int] = {}

    def look(self) -> int:
        """Be there, and take over what absent workers were doing; returns how many jobs that was."""
        try:
            self._presence.keep()
            absent = self._presence.absent(self._engine.executors() - {self._presence.executor})
        except Exception:
            # Whoever was not seen may have been there: after trouble with the database all begin anew.
            self._missed.clear()
            raise
        self._missed = {executor: self._missed.get(executor, 0) + 1 for executor in absent}
        taken = 0
        for executor, missed in self._missed.items():
            if missed > GRACE_LOOKS:
                jobs = self._engine.take_over(executor)
                taken += jobs
                _log.warning("took over from a worker that is gone", executor=executor, jobs=jobs)
        return taken
