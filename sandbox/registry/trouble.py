"""Ways in which registries misbehave, for `RegistryServer.misbehave`. Each counts how often it struck."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from werkzeug.wrappers import Request, Response

WHILE_SENDING_BYTES = 1000
"""So much of a blob has arrived when the registry falls over."""

_UPLOAD = re.compile(r"/v2/.+/blobs/uploads/.+")
_BLOB = re.compile(r"/v2/.+/blobs/sha256:[0-9a-f]{64}")
_MANIFEST = re.compile(r"/v2/.+/manifests/.+")


@dataclass
class Trouble:
    """Strikes the first `times` requests that it is about (all when None), and lets the others through."""

    about: Callable[[Request], bool]
    strike: Callable[[Request], Response | None]
    times: int | None = None
    struck: int = 0
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Response | None:
        with self._changing:
            if not self.about(request) or (self.times is not None and self.struck >= self.times):
                return None
            self.struck += 1
        return self.strike(request)


def mounts_nothing() -> Trouble:
    """Answers 202 to a mount: it began an upload instead."""
    return Trouble(lambda request: "mount" in request.args, _forget_mount)


def falls_over(times: int | None = None, status: int = 503) -> Trouble:
    """Takes the beginning of a blob, answers a bad status and closes the connection."""

    def strike(request: Request) -> Response:
        request.stream.read(WHILE_SENDING_BYTES)
        return Response(status=status, headers={"Connection": "close"})

    return Trouble(lambda request: request.method == "PUT" and _is(_UPLOAD, request), strike, times)


def is_busy(times: int | None = None, after_seconds: int = 1) -> Trouble:
    """Answers 429 and when to come again."""
    headers = {"Retry-After": str(after_seconds)}
    return Trouble(lambda _: True, lambda _: Response(status=429, headers=headers), times)


def asks_again(challenge: str, times: int = 1) -> Trouble:
    """Wants to know again who it is in the middle of an upload: 401 with this WWW-Authenticate."""
    headers = {"WWW-Authenticate": challenge}
    return Trouble(
        lambda request: request.method == "PUT", lambda _: Response(status=401, headers=headers), times
    )


def answers_nonsense() -> Trouble:
    """Answers every manifest with a page for people, as a captive portal does."""
    return Trouble(
        lambda request: request.method == "GET" and _is(_MANIFEST, request),
        lambda _: Response("<html>Log in</html>", content_type="text/html"),
    )


def stores_something_else() -> Trouble:
    """Says that it stored another manifest than the one that was sent."""
    headers = {"Docker-Content-Digest": f"sha256:{'0' * 64}"}
    return Trouble(
        lambda request: request.method == "PUT" and _is(_MANIFEST, request),
        lambda _: Response(status=201, headers=headers),
    )


def loses_before_manifest(lose: Callable[[], object], times: int = 1) -> Trouble:
    """Loses a blob (`lose` takes it away) just before a manifest that names it arrives."""

    def strike(_: Request) -> None:
        lose()

    return Trouble(lambda request: request.method == "PUT" and _is(_MANIFEST, request), strike, times)


def other_bytes(times: int | None = None) -> Trouble:
    """Answers a blob with other bytes than those of its digest."""
    return Trouble(
        lambda request: request.method == "GET" and _is(_BLOB, request), lambda _: Response(b"other"), times
    )


def _forget_mount(request: Request) -> None:
    request.query_string = b""
    request.__dict__.pop("args", None)


def _is(pattern: re.Pattern[str], request: Request) -> bool:
    return pattern.fullmatch(request.path) is not None
