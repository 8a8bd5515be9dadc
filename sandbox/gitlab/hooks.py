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
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import requests

from sandbox.gitlab.values import Hook, now

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

TIMEOUT_SECONDS = 10.0
ANSWER_KEPT_BYTES = 8 * 1024

EVENT_NAMES = {
    "push_events": "Push Hook",
    "tag_push_events": "Tag Push Hook",
    "merge_requests_events": "Merge Request Hook",
    "note_events": "Note Hook",
    "pipeline_events": "Pipeline Hook",
    "job_events": "Job Hook",
}
SWITCHES = (
    *EVENT_NAMES,
    "issues_events",
    "confidential_issues_events",
    "confidential_note_events",
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


@dataclass
class Hooks:
    """The sender. Deliveries of one hook go out in order; different hooks do not wait for each other."""

    core: Core
    log: list[Delivery] = field(default_factory=list)
    _lanes: dict[int, queue.SimpleQueue[Delivery | None]] = field(default_factory=dict)
    _waiting: int = 0
    _idle: threading.Condition = field(default_factory=threading.Condition)

    def wanted(self, project_id: int, switch: str) -> list[Hook]:
        hooks = self.core.state.hooks.copy().values()
        return [hook for hook in hooks if hook.project_id == project_id and hook.events.get(switch)]

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
        key = key or str(uuid.uuid4())
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        delivery = Delivery(
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
        self._queue(delivery)
        return delivery

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

    def _queue(self, delivery: Delivery) -> None:
        with self._idle:
            self._waiting += 1
            lane = self._lanes.get(delivery.hook_id)
            if lane is None:
                lane = self._lanes[delivery.hook_id] = queue.SimpleQueue()
                threading.Thread(
                    target=self._drain, args=(lane,), name=f"hook-{delivery.hook_id}", daemon=True
                ).start()
        lane.put(delivery)

    def _drain(self, lane: queue.SimpleQueue[Delivery | None]) -> None:
        while (delivery := lane.get()) is not None:
            try:
                self.core.moods.on_delivery(delivery, self._deliver)
            finally:
                with self._idle:
                    self._waiting -= 1
                    self._idle.notify_all()

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
        except requests.RequestException as failure:
            error = str(failure)
        seconds = time.monotonic() - started
        done = replace(delivery, status=status, answer=text, seconds=seconds, error=error)
        with self._idle:
            self.log.append(done)
            self._idle.notify_all()

    def wait_idle(self, until: float) -> bool:
        """Wait until nothing is under way, at most until a moment of the monotonic clock."""
        with self._idle:
            return self._idle.wait_for(lambda: self._waiting == 0, timeout=max(0.0, until - time.monotonic()))

    def close(self) -> None:
        with self._idle:
            lanes = list(self._lanes.values())
            self._lanes.clear()
        for lane in lanes:
            lane.put(None)


def signature(signing_token: str, key: str, stamp: str, raw: bytes) -> str:
    """The Standard Webhooks signature: HMAC-SHA256 over id, time and body."""
    secret = base64.b64decode(signing_token.removeprefix("whsec_"))
    digest = hmac.new(secret, f"{key}.{stamp}.".encode() + raw, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _lets_through(hook: Hook, branch: str | None) -> bool:
    return branch is None or not hook.branch_filter or fnmatchcase(branch, hook.branch_filter)
