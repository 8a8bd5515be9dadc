"""Commands that ask the running worker for something: a delivery of their own, as webhooks leave one."""

from __future__ import annotations

import os
import time
from contextlib import closing

from bot.adapters.store import Store
from bot.app.gitlab import build_forge, read_project
from bot.config import Config
from bot.domain.events import Asked, Event, WithdrawAsked, subject, to_dict
from bot.domain.facts import withdrawal_fact
from bot.domain.withdrawal import Withdrawn

AWAITED_PAUSE_SECONDS = 0.2
"""How often a command looks whether the worker has done what it asked for."""


def request_publication(config: Config, project: str, branch: str | None) -> tuple[str, str]:
    """Ask the running worker to publish a branch now. Returns the project's path and the branch."""
    found = build_forge(config).fetch_project(read_project(project))
    asked = Asked(found.id, branch or found.default_branch or "main")
    _accept(config, f"asked {time.time_ns()} {os.getpid()}", asked)
    return found.path, asked.branch


def request_withdrawal(config: Config, project: str, version: str, action: str, branch: str | None) -> str:
    """Ask the running worker to take a version back, or to bring it back, as the operator. Returns its key."""
    found = build_forge(config).fetch_project(read_project(project))
    key = f"command {time.time_ns()} {os.getpid()}"
    asked = WithdrawAsked(found.id, branch or found.default_branch or "main", version, action, 0, key)
    _accept(config, key, asked)
    return key


def await_withdrawal(config: Config, key: str, seconds: float) -> Withdrawn | None:
    """How that ended; None when it has not in so many seconds."""
    deadline = time.monotonic() + seconds
    with closing(Store.prepare(config.database.url)) as store:
        while True:
            text = store.fact(withdrawal_fact(key))
            if text is not None:
                store.drop_fact(withdrawal_fact(key))
                return Withdrawn.from_text(text)
            if time.monotonic() >= deadline:
                return None
            time.sleep(AWAITED_PAUSE_SECONDS)


def _accept(config: Config, key: str, event: Event) -> None:
    with closing(Store.prepare(config.database.url)) as store:
        store.accept(key, to_dict(event), subject(event))
