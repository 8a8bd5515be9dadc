"""The one door through which every request and every hook passes, so that they can be made to go wrong on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


class Moods:
    """A GitLab in a good mood. A subclass may answer otherwise, before or after the real answer took effect.

    Raise ConnectionAbortedError from `on_request` to hang up on the client without an answer. For hooks, call `send`
    never, later, or more than once, to drop, delay or duplicate a delivery.
    """

    def on_request(self, asked: Asked, answer: Callable[[], Response]) -> Response:
        return answer()

    def on_delivery(self, delivery: Delivery, send: Callable[[Delivery], None]) -> None:
        send(delivery)
