"""The one door through which every request and every hook passes, so that they can be made to go wrong on demand.

`Moods` is a GitLab in a good mood; `sandbox.gitlab.trouble.Trouble` is one that misbehaves as it is told:

    trouble = Trouble()
    sandbox.moods = trouble                                      # also Sandbox(…, moods=trouble); at any time
    trouble.on("POST", "/projects/:id/statuses/:sha", die_after_effect(), times=2, after=1)
    trouble.on("*", "*", server_error(502), chance=0.05, times=None, user="mlreef-bot")
    trouble.hooks(duplicate(2)); trouble.hooks(drop(), event="Pipeline Hook", times=None)
    trouble.clear()                                              # good again; nothing held back is lost

Answers: `server_error`, `slow_down`, `resource_lock`, `refuse`, `maintenance_page`, `read_only`, `expired_token`,
`redirect`, `foreign_link`, `hang`, `reset`, `half_answer`, `not_json`, `die_after_effect`, `error_after_effect`,
`hang_after_effect`, `remaining`. Hooks: `drop`, `duplicate`, `delay`, `reorder`. `trouble.happened` lists what went
wrong, in order; `trouble.left` what was scripted and not asked for yet.

Hooks are switched off after failures as GitLab.com does when `sandbox.core.hooks.auto_disable` is set (off, as a
self-managed GitLab has it). What failed is in the delivery log, which can be sent again through the API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from sandbox.gitlab.hooks import Delivery


@dataclass(frozen=True)
class Asked:
    """A request before it is answered; `route` is the path's pattern, such as /projects/:id/statuses/:sha."""

    method: str
    path: str
    route: str
    user: str | None


class Send(Protocol):
    """How a delivery leaves: now, in the lane of its hook, or later, beside it."""

    def __call__(self, delivery: Delivery) -> None:
        """Send it now, and wait for the receiver's answer."""

    def later(self, seconds: float, delivery: Delivery) -> None:
        """Send it after a while; those behind it do not wait. The sandbox is not idle before it is sent."""

    def after_next(self, seconds: float, delivery: Delivery) -> None:
        """Send it after the next one of its hook, or after a while if none comes."""


class Moods:
    """A GitLab in a good mood. A subclass may answer otherwise, before or after the real answer took effect.

    From `on_request` raise ConnectionAbortedError to hang up on the client without an answer, ConnectionResetError to
    do so rudely. For hooks, call `send` never, later, or more than once, to drop, delay or duplicate a delivery.
    """

    def on_request(self, asked: Asked, answer: Callable[[], Response]) -> Response:
        return answer()

    def on_delivery(self, delivery: Delivery, send: Send) -> None:
        send(delivery)
