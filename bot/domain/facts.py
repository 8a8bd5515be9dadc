"""Facts that worker and door tell each other through the store: their names, and what they look like."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

BOT_USER = "bot_user_id"
"""The bot's own numeric user id in GitLab, as the worker found out."""

WORKER_SEEN = "worker_seen_at"
"""When the worker last gave a sign of life, in seconds since 1970."""

DOOR_SEEN = "door_seen_at"
"""When the door last proved that it can store, in seconds since 1970."""

GITLAB_GATES = "gitlab_gates"
"""Until when GitLab must not be called, and why, as JSON; see bot.adapters.budget."""

SWEPT = "swept"
"""The last sweep and what it found, the text of a `bot.domain.reconcile.Swept`."""

SWEEPING = "sweeping"
"""How far the sweep under way is, the text of a `bot.domain.reconcile.Scope`; empty when none is."""

JOB_COUNTS = "job_counts"
"""How the jobs stand, as a worker last counted them: the text of a JobCounts."""

ACCESS_CHANGED = "access_changed"
"""Changes whenever GitLab tells that somebody may see more or less than before: what is kept of that is old then."""

USES_SINCE = "uses_since"
"""Since when this database notes which modules are used, in seconds since 1970."""

USES_KNOWN = "uses_known"
"""When every project had been asked which modules it uses, in seconds since 1970; none where that was never done."""

SHARED_COUNTS = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of the metrics' library: the folder through which the processes of one machine share counts."""


def uses_known_fact(project_id: int) -> str:
    """Where it stands that all is known that uses this project's modules."""
    return f"uses_known {project_id}"


def withdrawal_fact(key: str) -> str:
    """Where whoever waits by that key finds how taking a version back, or bringing it back, ended.

    The text of a `bot.domain.withdrawal.Withdrawn`.
    """
    return f"withdrawal {key}"


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs wait to be begun, wait for their time, are being done, are done for too long, or were given up.

    `oldest_seconds` is the age of the oldest that could begin now; `counted_at` is in seconds since 1970.
    """

    waiting: int = 0
    delayed: int = 0
    running: int = 0
    stuck: int = 0
    failed: int = 0
    oldest_seconds: float = 0.0
    counted_at: float = 0.0

    def to_text(self) -> str:
        """As JSON, for the store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> JobCounts:
        """From the store; numbers that another version of the bot left out are 0, and what it added is ignored."""
        values = json.loads(text)
        return cls(**{name: values[name] for name in cls.__slots__ if name in values})
