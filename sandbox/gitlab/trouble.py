"""A GitLab that misbehaves as it is told; `sandbox.gitlab.moods` shows how to tell it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from sandbox.gitlab.moods import Asked, Moods, Send

if TYPE_CHECKING:
    from sandbox.gitlab.hooks import Delivery

Answer = Callable[[], Response]
Mishap = Callable[[Asked, Answer], Response]
HookMishap = Callable[["Delivery", Send], None]

MAINTENANCE_PAGE = "<!DOCTYPE html><html><body><h1>GitLab is not available at the moment</h1></body></html>"
READ_ONLY = "You cannot perform write operations on a read-only instance"
WRITING = ("POST", "PUT", "PATCH", "DELETE")
HELD_SECONDS = 2.0
"""How long a delivery that is to arrive after its successor waits for one."""


@dataclass
class Rule:
    """What goes wrong where: the first `after` matches pass, then `times` go wrong (None: all), each with `chance`."""

    matches: Callable[..., bool]
    what: str
    times: int | None = 1
    after: int = 0
    chance: float = 1.0
    happened: int = 0
    _passed: int = 0

    def due(self, dice: random.Random) -> bool:
        """Count one match, and say whether it goes wrong."""
        if self.times is not None and self.happened >= self.times:
            return False
        if self._passed < self.after:
            self._passed += 1
            return False
        if self.chance < 1.0 and dice.random() >= self.chance:
            return False
        self.happened += 1
        return True


@dataclass
class Trouble(Moods):
    """Rules are asked in the order in which they were given; the first that is due has its way."""

    dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - chance for tests, repeatable
    happened: list[tuple[str, str]] = field(default_factory=list)
    """What went wrong so far: the mishap's name, and `METHOD route` or the hook's event."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[tuple[Rule, Mishap]] = []
        self._hooks: list[tuple[Rule, HookMishap]] = []

    def on(
        self,
        method: str,
        route: str,
        mishap: Mishap,
        *,
        times: int | None = 1,
        after: int = 0,
        chance: float = 1.0,
        user: str | None = None,
    ) -> Rule:
        """Let requests go wrong; method and route (a pattern as in the request log) may hold `*`."""

        def matches(asked: Asked) -> bool:
            return (
                fnmatchcase(asked.method, method)
                and fnmatchcase(asked.route, route)
                and user in (None, asked.user)
            )

        rule = Rule(matches, _name(mishap), times, after, chance)
        with self._lock:
            self._requests.append((rule, mishap))
        return rule

    def hooks(
        self,
        mishap: HookMishap,
        *,
        event: str = "*",
        project_id: int | None = None,
        times: int | None = 1,
        after: int = 0,
        chance: float = 1.0,
    ) -> Rule:
        """Let deliveries go wrong; `event` is X-Gitlab-Event, such as "Push Hook", and may hold `*`."""

        def matches(delivery: Delivery) -> bool:
            return fnmatchcase(delivery.event, event) and project_id in (None, delivery.project_id)

        rule = Rule(matches, _name(mishap), times, after, chance)
        with self._lock:
            self._hooks.append((rule, mishap))
        return rule

    def clear(self) -> None:
        """Be good from now on; what was held back is sent all the same."""
        with self._lock:
            self._requests.clear()
            self._hooks.clear()

    @property
    def left(self) -> list[str]:
        """Mishaps that were scripted a number of times and did not happen that often."""
        with self._lock:
            rules = [rule for rule, _ in (*self._requests, *self._hooks)]
        return [rule.what for rule in rules if rule.times is not None and rule.happened < rule.times]

    def on_request(self, asked: Asked, answer: Answer) -> Response:
        with self._lock:
            found = next(
                (m for rule, m in self._requests if rule.matches(asked) and rule.due(self.dice)), None
            )
            if found is not None:
                self.happened.append((_name(found), f"{asked.method} {asked.route}"))
        return answer() if found is None else found(asked, answer)

    def on_delivery(self, delivery: Delivery, send: Send) -> None:
        with self._lock:
            found = next(
                (m for rule, m in self._hooks if rule.matches(delivery) and rule.due(self.dice)), None
            )
            if found is not None:
                self.happened.append((_name(found), delivery.event))
        if found is None:
            send(delivery)
        else:
            found(delivery, send)


def _name(mishap: Callable[..., object]) -> str:
    return mishap.__qualname__.partition(".")[0]


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, dict(headers or {}), content_type="application/json")


# Answers without effect -------------------------------------------------------------------------------


def refuse(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Mishap:
    """Any answer in place of the real one."""
    return lambda _asked, _answer: _json(status, body or {"message": f"{status} refused"}, headers)


def server_error(status: int = 500) -> Mishap:
    """A 5xx before anything took effect; a gateway's are HTML."""

    def mishap(_asked: Asked, _answer: Answer) -> Response:
        if status == 500:
            return _json(500, {"message": "500 Internal Server Error"})
        return Response(f"<html><body>{status}</body></html>", status, content_type="text/html")

    return mishap


def slow_down(retry_after: float | datetime | None = None, **headers: str) -> Mishap:
    """429, with Retry-After in seconds, as a date, or not at all; `headers` with underscores for dashes."""

    def mishap(_asked: Asked, _answer: Answer) -> Response:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(retry_after, datetime):
            said["Retry-After"] = format_datetime(retry_after, usegmt=True)
        elif retry_after is not None:
            said["Retry-After"] = f"{retry_after:g}"
        return Response("Retry later\n", 429, said, content_type="text/plain")

    return mishap


def remaining(calls: int, resets_in: float, limit: int = 2000) -> Mishap:
    """The real answer, with headers that say how many calls are left until when."""

    def mishap(_asked: Asked, answer: Answer) -> Response:
        real = answer()
        reset = str(int(time.time() + resets_in))
        real.headers.update(
            {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(calls), "RateLimit-Reset": reset}
        )
        return real

    return mishap


def resource_lock(by_reason: bool = False) -> Mishap:
    """409 in its two forms: said in the JSON body, or only in the reason phrase of the status line."""

    def mishap(_asked: Asked, _answer: Answer) -> Response:
        if by_reason:
            refusal = _json(409, {"message": "409 Conflict"})
            refusal.status = "409 Resource lock"
            return refusal
        return _json(409, {"message": "409 Conflict: Resource lock"})

    return mishap


def maintenance_page(retry_after: float | None = None) -> Mishap:
    """503 with a page for people: the whole instance is down."""

    def mishap(_asked: Asked, _answer: Answer) -> Response:
        said = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        return Response(MAINTENANCE_PAGE, 503, said, content_type="text/html")

    return mishap


def read_only() -> Mishap:
    """Maintenance mode: reading goes on, writes are refused with 403 (GraphQL queries are reading)."""

    def mishap(asked: Asked, answer: Answer) -> Response:
        if asked.method not in WRITING or asked.route == "/api/graphql":
            return answer()
        return _json(403, {"message": READ_ONLY})

    return mishap


def expired_token() -> Mishap:
    """401 as GitLab says it of a token past its day."""
    words = "Token is expired. You can either do re-authorization or token refresh."
    return refuse(401, {"error": "invalid_token", "error_description": words})


def redirect(to: str, status: int = 302) -> Mishap:
    """Somewhere else, please; `{path}` in the address stands for what was asked for."""

    def mishap(asked: Asked, _answer: Answer) -> Response:
        return Response(b"", status, {"Location": to.replace("{path}", asked.path)})

    return mishap


def foreign_link(origin: str) -> Mishap:
    """The real answer, whose next page is said to be on another host."""

    def mishap(asked: Asked, answer: Answer) -> Response:
        real = answer()
        real.headers["Link"] = f'<{origin}{asked.path}?page=2>; rel="next"'
        return real

    return mishap


def not_json() -> Mishap:
    """200 with a page of a proxy in between."""
    return lambda _asked, _answer: Response("<html>please log in</html>", 200, content_type="text/html")


def hang(seconds: float) -> Mishap:
    """Say nothing for a while, then hang up; nothing took effect."""

    def mishap(_asked: Asked, _answer: Answer) -> Response:
        time.sleep(seconds)
        raise ConnectionAbortedError

    return mishap


def reset() -> Mishap:
    """Reset the connection; nothing took effect."""

    def mishap(_asked: Asked, _answer: Answer) -> Response:
        raise ConnectionResetError

    return mishap


# Answers after the effect -----------------------------------------------------------------------------


def die_after_effect() -> Mishap:
    """Do what was asked for, and die without a word."""

    def mishap(_asked: Asked, answer: Answer) -> Response:
        answer()
        raise ConnectionAbortedError

    return mishap


def error_after_effect(status: int = 502) -> Mishap:
    """Do what was asked for, and answer with an error."""

    def mishap(_asked: Asked, answer: Answer) -> Response:
        answer()
        return Response(f"<html><body>{status}</body></html>", status, content_type="text/html")

    return mishap


def hang_after_effect(seconds: float) -> Mishap:
    """Do what was asked for, say nothing for a while, and hang up."""

    def mishap(_asked: Asked, answer: Answer) -> Response:
        answer()
        time.sleep(seconds)
        raise ConnectionAbortedError

    return mishap


def half_answer() -> Mishap:
    """The real answer took effect, but only half of it arrives."""

    def mishap(_asked: Asked, answer: Answer) -> Response:
        real = answer()
        body = real.get_data()

        def half() -> Iterator[bytes]:
            yield body[: len(body) // 2]
            raise ConnectionAbortedError

        headers = {name: value for name, value in real.headers.items() if name.lower() != "content-length"}
        cut = Response(half(), real.status, headers)
        cut.headers["Content-Length"] = str(max(len(body), 1))
        return cut

    return mishap


# Hooks ------------------------------------------------------------------------------------------------


def drop() -> HookMishap:
    """Never send it; the delivery log does not know it either, as for hooks over a rate limit."""

    def mishap(_delivery: Delivery, _send: Send) -> None:
        return None

    return mishap


def duplicate(extra: int = 1) -> HookMishap:
    """Send it again at once, with the same key."""

    def mishap(delivery: Delivery, send: Send) -> None:
        for _ in range(1 + extra):
            send(delivery)

    return mishap


def delay(seconds: float) -> HookMishap:
    """Send it later; those behind it go first."""
    return lambda delivery, send: send.later(seconds, delivery)


def reorder(seconds: float = HELD_SECONDS) -> HookMishap:
    """Send it after the next one of its hook, or after `seconds` if none comes."""
    return lambda delivery, send: send.after_next(seconds, delivery)
