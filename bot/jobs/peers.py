"""Taking over from workers that are gone, and picking up what this one lost: what was begun is done by somebody."""

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
    """Keeps this worker's place, and counts for how many looks others have been absent, and its own jobs undone."""

    def __init__(self, engine: Engine, presence: Presence) -> None:
        self._engine = engine
        self._presence = presence
        self._missed: dict[str, int] = {}
        self._lying: dict[str, int] = {}

    def look(self) -> int:
        """Be there, and take over what absent workers were doing; returns how many jobs that was."""
        try:
            self._presence.keep()
            absent = self._presence.absent(self._engine.executors() - {self._presence.executor})
            self._pick_up()
        except Exception:
            # Whoever was not seen may have been there: after trouble with the database all begin anew.
            self._missed.clear()
            self._lying.clear()
            raise
        self._missed = {executor: self._missed.get(executor, 0) + 1 for executor in absent}
        taken = 0
        for executor, missed in self._missed.items():
            if missed > GRACE_LOOKS:
                jobs = self._engine.take_over(executor)
                taken += jobs
                _log.warning("took over from a worker that is gone", executor=executor, jobs=jobs)
        return taken

    def _pick_up(self) -> None:
        lying = self._engine.left_lying()
        self._lying = {job_id: self._lying.get(job_id, 0) + 1 for job_id in lying}
        for job_id, looks in self._lying.items():
            if looks > GRACE_LOOKS:
                _log.warning("job was left lying and begins again", job=job_id)
                self._engine.begin_again(job_id)
