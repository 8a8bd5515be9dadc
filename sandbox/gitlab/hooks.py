"""Sends hooks as GitLab does: after the fact, in the background, with a time-out of ten seconds and no second try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from sandbox.gitlab.values import Hook, now

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

TIMEOUT_SECONDS = 10.0
ANSWER_KEPT_BYTES = 8 * 1024

TOLERATED_FAILURES = 3
"""Failures in a row before a hook is switched off for a while."""

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 24 * 3600.0
MAX_FAILURES = 40
"""Failures in a row after which a hook is switched off until somebody acts."""

EVENT_NAMES = {
    "push_events": "Push Hook",
    "tag_push_events": "Tag Push Hook",
    "merge_requests_events": "Merge Request Hook",
    "note_events": "Note Hook",
    "confidential_note_events": "Confidential Note Hook",
    "pipeline_events": "Pipeline Hook",
    "job_events": "Job Hook",
}
SWITCHES = (
    *EVENT_NAMES,
    "issues_events",
    "confidential_issues_events",
    "wiki_page_events",
)


@dataclass(frozen=True)
class Delivery:
    """One hook call: what was sent, and what came of it. `status` is None while under way or without an answer."""

    id: int
    hook_id: int
    project_id: int
    url: str
    event: str
    key: str
    headers: dict[str, str]
    body: bytes
    at: datetime
    status: int | None = None
    answer: str = ""
    seconds: float = 0.0
    error: str = ""

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    @property
    def delivered(self) -> bool:
        return self.status is not None and self.status < 400


@dataclass(frozen=True)
class _Lane:
    """The way out of one hook: what waits (True: the mood has had its say), and what a mood holds back."""

    waiting: queue.SimpleQueue[tuple[Delivery, bool] | None] = field(default_factory=queue.SimpleQueue)
    held: dict[int, tuple[Delivery, bool]] = field(default_factory=dict)
    """By the delivery's number; True: until the next one has gone."""


@dataclass
class Hooks:
    """The sender. Deliveries of one hook go out in order; different hooks do not wait for each other.

    `auto_disable`: hooks that fail are switched off as on GitLab.com; by default a GitLab of one's own does not.
    """

    core: Core
    log: list[Delivery] = field(default_factory=list)
    auto_disable: bool = False
    _lanes: dict[int, _Lane] = field(default_factory=dict)
    _waiting: int = 0
    _idle: threading.Condition = field(default_factory=threading.Condition)

    def wanted(self, project_id: int, switch: str) -> list[Hook]:
        """Hooks that are to be told; one that is switched off drops the event, nothing is kept for it."""
        hooks = self.core.state.hooks.copy().values()
        return [
            hook
            for hook in hooks
            if hook.project_id == project_id and hook.events.get(switch) and hook.executable
        ]

    def fire(
        self, project_id: int, switch: str, body: Callable[[], dict[str, Any]], branch: str | None = None
    ) -> None:
        """Send an event to every hook of a project that wants it; the body is made only when one does."""
        hooks = [hook for hook in self.wanted(project_id, switch) if _lets_through(hook, branch)]
        if not hooks:
            return
        value = body()
        for hook in hooks:
            self.send(hook, EVENT_NAMES[switch], value)

    def send(self, hook: Hook, event: str, body: dict[str, Any], key: str | None = None) -> Delivery:
        """Queue one delivery; `key` repeats the Idempotency-Key of an earlier one."""
        delivery = self._make(hook, event, body, key)
        self._queue(delivery)
        return delivery

    def _make(self, hook: Hook, event: str, body: dict[str, Any], key: str | None = None) -> Delivery:
        key = key or str(uuid.uuid4())
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return Delivery(
            self.core.state.next_id("delivery"),
            hook.id,
            hook.project_id,
            hook.url,
            event,
            key,
            self._headers(hook, event, key, raw),
            raw,
            now(),
        )

    def try_out(self, hook: Hook, event: str, body: dict[str, Any]) -> Delivery | None:
        """Send a sample now, also to a hook that is switched off; None when a mood let nothing through."""
        delivery = self._make(hook, event, body)
        self.core.moods.on_delivery(delivery, _Sender(self))
        return next((done for done in reversed(self.log) if done.id == delivery.id), None)

    def resend(self, delivery: Delivery) -> Delivery:
        """Send a stored delivery again: the same body and Idempotency-Key."""
        hook = self.core.state.hooks[delivery.hook_id]
        headers = self._headers(hook, delivery.event, delivery.key, delivery.body)
        again = replace(
            delivery, id=self.core.state.next_id("delivery"), headers=headers, at=now(), status=None
        )
        self._queue(again)
        return again

    def _headers(self, hook: Hook, event: str, key: str, raw: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"GitLab/{self.core.version}",
            "X-Gitlab-Event": event,
            "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
            "X-Gitlab-Instance": self.core.url,
            "X-Gitlab-Event-UUID": str(uuid.uuid4()),
            "Idempotency-Key": key,
        }
        if hook.token:
            headers["X-Gitlab-Token"] = hook.token
        if hook.signing_token:
            stamp = str(int(time.time()))
            headers |= {"webhook-id": key, "webhook-timestamp": stamp}
            headers["webhook-signature"] = signature(hook.signing_token, key, stamp, raw)
        return headers

    def _queue(self, delivery: Delivery, judged: bool = False) -> None:
        with self._idle:
            self._waiting += 1
            lane = self._lanes.get(delivery.hook_id)
            if lane is None:
                lane = self._lanes[delivery.hook_id] = _Lane()
                threading.Thread(
                    target=self._drain, args=(lane,), name=f"hook-{delivery.hook_id}", daemon=True
                ).start()
        lane.waiting.put((delivery, judged))

    def _drain(self, lane: _Lane) -> None:
        while (item := lane.waiting.get()) is not None:
            delivery, judged = item
            try:
                if judged:
                    self._deliver(delivery)
                else:
                    before = [held for held, until_next in tuple(lane.held.values()) if until_next]
                    self.core.moods.on_delivery(delivery, _Sender(self))
                    for held in before:
                        self._release(held)
            finally:
                self._settle()

    def _settle(self) -> None:
        with self._idle:
            self._waiting -= 1
            self._idle.notify_all()

    def _hold(self, seconds: float, delivery: Delivery, until_next: bool) -> None:
        with self._idle:
            self._waiting += 1
            self._lanes[delivery.hook_id].held[delivery.id] = (delivery, until_next)
        timer = threading.Timer(seconds, self._release, (delivery,))
        timer.daemon = True
        timer.start()

    def _release(self, delivery: Delivery) -> None:
        """Let go what a mood held back, once."""
        with self._idle:
            lane = self._lanes.get(delivery.hook_id)
            if lane is None or lane.held.pop(delivery.id, None) is None:
                return
        self._queue(delivery, judged=True)
        self._settle()

    def _deliver(self, delivery: Delivery) -> None:
        started = time.monotonic()
        status, text, error = None, "", ""
        try:
            # A connection of its own for each delivery, as GitLab has: no hook can hold up the next one's socket.
            with requests.post(
                delivery.url,
                data=delivery.body,
                headers={**delivery.headers, "Connection": "close"},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                status = answer.status_code
                text = (answer.raw.read(ANSWER_KEPT_BYTES, decode_content=True) or b"").decode(
                    "utf-8", "replace"
                )
        except (requests.RequestException, urllib3.exceptions.HTTPError) as failure:
            # also a receiver that dies in the middle of its answer
            status, error = None, str(failure)
        seconds = time.monotonic() - started
        done = replace(delivery, status=status, answer=text, seconds=seconds, error=error)
        self._count(done)
        with self._idle:
            self.log.append(done)
            self._idle.notify_all()

    def _count(self, done: Delivery) -> None:
        """Count failures in a row, and switch the hook off for longer and longer; any success makes it good again."""
        hook = self.core.state.hooks.get(done.hook_id)
        if hook is None or not self.auto_disable:
            return
        with self.core.state.lock:
            if done.delivered:
                hook.failures, hook.disabled_until, hook.disabled_for_good = 0, None, False
                return
            hook.failures += 1
            excess = hook.failures - TOLERATED_FAILURES
            if hook.failures >= MAX_FAILURES:
                hook.disabled_for_good = True
            elif excess > 0:
                pause = min(FIRST_PAUSE_SECONDS * 2.0 ** (excess - 1), LONGEST_PAUSE_SECONDS)
                hook.disabled_until = now() + timedelta(seconds=pause)

    def wait_idle(self, until: float) -> bool:
        """Wait until nothing is under way, at most until a moment of the monotonic clock."""
        with self._idle:
            return self._idle.wait_for(lambda: self._waiting == 0, timeout=max(0.0, until - time.monotonic()))

    def close(self) -> None:
        with self._idle:
            lanes = list(self._lanes.values())
            self._lanes.clear()
        for lane in lanes:
            lane.waiting.put(None)


@dataclass(frozen=True)
class _Sender:
    """What a mood may do with a delivery, see `moods.Send`."""

    hooks: Hooks

    def __call__(self, delivery: Delivery) -> None:
        self.hooks._deliver(delivery)

    def later(self, seconds: float, delivery: Delivery) -> None:
        self.hooks._hold(seconds, delivery, until_next=False)

    def after_next(self, seconds: float, delivery: Delivery) -> None:
        self.hooks._hold(seconds, delivery, until_next=True)


def signature(signing_token: str, key: str, stamp: str, raw: bytes) -> str:
    """The Standard Webhooks signature: HMAC-SHA256 over id, time and body."""
    secret = base64.b64decode(signing_token.removeprefix("whsec_"))
    digest = hmac.new(secret, f"{key}.{stamp}.".encode() + raw, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _lets_through(hook: Hook, branch: str | None) -> bool:
    return branch is None or not hook.branch_filter or fnmatchcase(branch, hook.branch_filter)
