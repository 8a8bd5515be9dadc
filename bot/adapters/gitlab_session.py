"""The HTTP session with GitLab: time limits, no sleeping, no token to strangers, and every call counted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from bot.adapters.budget import Budget
from bot.domain.budget import read_retry_after
from bot.errors import OperatorError, TryAgain

CONNECT_TIMEOUT_SECONDS = 5.0

WHOLE_ANSWER_TIMES = 4.0
"""A whole answer may take this many times as long as its next piece: one byte now and then holds nobody for ever."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Largest JSON answer that is read; 100 items of GitLab's largest kind take a few MB."""

READ_BYTES = 64 * 1024
LOCK_SECONDS = 1.0
WORDS_READ = 1000
"""Characters of a refusal that are looked at."""

TOKEN_HEADERS = ("PRIVATE-TOKEN", "JOB-TOKEN", "Authorization")
READING = ("GET", "HEAD")

OnCall = Callable[[str, int, float], None]
"""Called after each call with endpoint (`GET /projects/:id`), status (0: no answer) and seconds."""

_NAMES = {
    "projects": ":id",
    "branches": ":branch",
    "files": ":path",
    "artifacts": ":path",
    "statuses": ":sha",
    "commits": ":sha",
    "test": ":trigger",
}
_NUMBER = re.compile(r"\d+")


class Session(requests.Session):
    """Turns everything that may pass by itself into TryAgain, and keeps the token on its own host.

    A redirect is followed for reading only; where it leaves GitLab's host, without the token.
    """

    def __init__(self, url: str, timeout_seconds: float, budget: Budget, on_call: OnCall) -> None:
        super().__init__()
        self.origin = origin_of(url)
        self._prefix = urlsplit(url).path.rstrip("/")
        self._limits = (CONNECT_TIMEOUT_SECONDS, timeout_seconds)
        self._budget = budget
        self._on_call = on_call

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        if origin_of(str(url)) != self.origin:
            raise OperatorError(
                f"GitLab at {self.origin} pointed to {origin_of(str(url))} for the rest of an answer",
                "Set gitlab.url to the address that GitLab calls itself by (its external_url).",
            )
        verb, streamed = str(method).upper(), bool(kwargs.pop("stream", False))
        endpoint = f"{verb} {endpoint_of(urlsplit(str(url)).path.removeprefix(self._prefix))}"
        self._budget.check(endpoint)
        began, status = time.monotonic(), 0
        more = {**kwargs, "timeout": self._limits, "stream": True, "allow_redirects": verb in READING}
        try:
            response = super().request(method, url, *args, **more)
            status = response.status_code
            if not streamed or status >= 400:
                read_whole(response, self._limits[1] * WHOLE_ANSWER_TIMES)
        except requests.RequestException as error:
            raise TryAgain(f"GitLab could not be reached: {_words(error)}") from error
        finally:
            self._on_call(endpoint, status, time.monotonic() - began)
        words = response.text[:WORDS_READ] if status >= 400 else ""
        self._budget.learn(endpoint, status, response.headers, words)
        self._judge(response, words, streamed)
        return response

    def _judge(self, response: requests.Response, words: str, streamed: bool) -> None:
        status = response.status_code
        if status == 429 or status >= 500:
            said = "GitLab asked to slow down (429)" if status == 429 else f"GitLab answered {status}"
            raise TryAgain(said, read_retry_after(response.headers, time.time()))
        # The API says it in the body, a proxy or an older GitLab in the status line.
        if status == 409 and "resource lock" in f"{response.reason} {words}".lower():
            raise TryAgain("GitLab is working on the same thing (409, resource lock)", LOCK_SECONDS)
        if status == 403 and "read-only instance" in words:
            raise TryAgain("GitLab is in maintenance mode and takes no writes")
        elsewhere = origin_of(response.url) if not streamed else self.origin
        if 300 <= status < 400:
            elsewhere = origin_of(response.headers.get("Location") or response.url)
        if 300 <= status < 400 or elsewhere != self.origin:
            raise OperatorError(
                f"GitLab at {self.origin} sends requests on to {elsewhere}",
                "Set gitlab.url to the address that answers by itself, with its https:// if it has one.",
            )

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        # requests itself only drops Authorization when a redirect leaves the host
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call] # untyped in requests
        if origin_of(prepared_request.url or "") != self.origin:
            for header in TOKEN_HEADERS:
                prepared_request.headers.pop(header, None)


def read_whole(response: requests.Response, seconds: float) -> None:
    """Read an answer's body within a time for all of it. Raises TryAgain when it takes longer or is too large."""
    parts, size, until = [], 0, time.monotonic() + seconds
    for part in pieces(response):
        size += len(part)
        if size > MAX_ANSWER_BYTES or time.monotonic() > until:
            response.close()
            raise TryAgain("GitLab's answer does not come to an end")
        parts.append(part)
    # requests has no other way to be told a body that was read piece by piece
    response._content = b"".join(parts)


def pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives; a slow sender gets no more time than its next piece may take."""
    raw = response.raw
    try:
        while part := raw.read1(READ_BYTES, decode_content=True):
            yield part
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise TryAgain(f"GitLab broke off an answer: {_words(error)}") from error


def endpoint_of(path: str) -> str:
    """The pattern of a path, `/projects/:id/statuses/:sha` for `/api/v4/projects/7/statuses/0f…`; few in number."""
    before, parts = "", []
    for part in path.removeprefix("/api/v4").strip("/").split("/"):
        name = _NAMES.get(before, ":id" if _NUMBER.fullmatch(part) else "")
        parts.append(name or part)
        before = part if not name else ""
    return "/" + "/".join(parts)


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, in lower case."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _words(error: Exception) -> str:
    return type(error).__name__
