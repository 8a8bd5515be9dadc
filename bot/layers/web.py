"""Package indexes over HTTPS: who is asked, with whose password, and how often again."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import urllib3
from urllib3.exceptions import HTTPError

from bot.errors import BotError, OperatorError, TryAgain
from bot.layers.addresses import Account, account_for

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Longest silence in the middle of an answer."""

ATTEMPTS = 4
"""How often one thing is asked for; the pauses between are PAUSE_SECONDS, doubled each time."""

PAUSE_SECONDS = 0.5
MAX_REDIRECTS = 5
CONNECTIONS = 8
"""At one time to one host."""

_BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))
_MOVED = frozenset((301, 302, 303, 307, 308))
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Denied(BotError):
    """A server that wants another account, or none of ours: status 401 or 403."""

    def __init__(self, url: str, status: int, account: Account | None) -> None:
        super().__init__(f"{host_of(url)} answers {status}")
        self.url = url
        self.status = status
        self.account = account


class Missing(BotError):
    """A server that has no such file: status 404 or 410."""


class Answer:
    """The head of an answer, and its body in pieces. `url` is where it came from in the end."""

    def __init__(self, url: str, raw: urllib3.BaseHTTPResponse) -> None:
        self.url = url
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self._raw = raw

    def pieces(self, size: int) -> Iterator[bytes]:
        """The body as it was sent, at most `size` bytes a piece. Raises TryAgain when it breaks off."""
        try:
            yield from self._raw.stream(size, decode_content=True)
        except (HTTPError, OSError) as error:
            raise TryAgain(
                f"{host_of(self.url)} broke off in the middle of a file ({_why(error)})."
            ) from None


class Web:
    """Servers of packages. An account is sent to the origin it was given for, and to nobody it redirects to.

    `seconds`: the longest silence, of a connection that is made as of an answer, for those who cannot wait.
    Every method raises TryAgain when a server is busy or away, Denied, or Missing.
    """

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        environ: Mapping[str, str] | None = None,
        pause: float = PAUSE_SECONDS,
        *,
        attempts: int = ATTEMPTS,
        seconds: float | None = None,
    ) -> None:
        self._accounts = tuple(accounts)
        self._pause = pause
        self._attempts = attempts
        environ = os.environ if environ is None else environ
        bundle = next((environ[name] for name in _CERTIFICATES if environ.get(name)), certifi.where())
        self._options: dict[str, Any] = {
            "num_pools": 20,
            "maxsize": CONNECTIONS,
            "block": True,
            "ca_certs": bundle,
            "cert_reqs": "CERT_REQUIRED",
            "timeout": urllib3.Timeout(connect=seconds or CONNECT_SECONDS, read=seconds or READ_SECONDS),
            "retries": False,
        }
        self._direct = urllib3.PoolManager(**self._options)
        self._proxies: dict[str, urllib3.ProxyManager] = {}

    def __enter__(self) -> Web:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in (self._direct, *self._proxies.values()):
            pool.clear()

    @contextmanager
    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """One answer of status 2xx (or 416), asked for again while the server is busy; closed behind the block."""
        raw, final = self._patiently(method, url, headers or {})
        try:
            yield Answer(final, raw)
        finally:
            if raw.status in (200, 206) and method == "GET":
                # What was not read to its end cannot be followed by another answer.
                raw.close()
            raw.release_conn()

    def read(self, url: str, limit: int, headers: Mapping[str, str] | None = None) -> tuple[bytes, Answer]:
        """A whole answer of at most `limit` bytes; asked for again when it breaks off. ValueError if it is longer."""
        for attempt in range(self._attempts):
            try:
                with self.ask("GET", url, headers) as answer:
                    content = bytearray()
                    for piece in answer.pieces(256 * 1024):
                        content += piece
                        if len(content) > limit:
                            raise ValueError(f"{host_of(url)} answers more than {limit // 1024} KiB")
                    return bytes(content), answer
            except TryAgain:
                if attempt == self._attempts - 1:
                    raise
        raise AssertionError("the loop ends by returning or raising")

    def _patiently(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> tuple[urllib3.BaseHTTPResponse, str]:
        why = ""
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(self._pause * 2 ** (attempt - 1))
            try:
                raw, final = self._follow(method, url, headers)
            except (HTTPError, OSError) as error:
                why = _why(error)
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise untrusted(host_of(url)) from None
                continue
            if raw.status < 300 or raw.status == 416:
                return raw, final
            raw.drain_conn()
            raw.release_conn()
            if raw.status in (401, 403):
                raise Denied(final, raw.status, account_for(self._accounts, final))
            if raw.status in (404, 405, 410, 501):
                raise Missing(f"{host_of(final)} answers {raw.status}")
            why = f"it answers {raw.status}"
            if raw.status not in _BUSY:
                break
        raise TryAgain(f"{host_of(url)} cannot be asked for packages: {why}.")

    def _follow(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> tuple[urllib3.BaseHTTPResponse, str]:
        for _ in range(MAX_REDIRECTS + 1):
            raw = self._pool(url).urlopen(
                method,
                url,
                headers={**headers, **self._identity(url)},
                redirect=False,
                preload_content=False,
                decode_content=True,
            )
            location = raw.headers.get("Location")
            if raw.status not in _MOVED or not location:
                return raw, url
            raw.drain_conn()
            raw.release_conn()
            following = _led(url, location)
            if urlsplit(url).scheme == "https" and urlsplit(following).scheme != "https":
                raise TryAgain(f"{host_of(url)} sends packages over a connection without encryption.")
            url = following
        raise TryAgain(f"{host_of(url)} redirects without end.")

    def _identity(self, url: str) -> Mapping[str, str]:
        account = account_for(self._accounts, url)
        if account is None:
            return {}
        return urllib3.make_headers(basic_auth=f"{account.username}:{account.password}")

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxy = urllib.request.getproxies_environment().get(parts.scheme)
        if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
            return self._direct
        if proxy not in self._proxies:
            own = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            user = f"{own.username}:{own.password or ''}" if own.username else None
            given = urllib3.make_headers(proxy_basic_auth=user) if user else None
            address = own._replace(netloc=own.netloc.rpartition("@")[2]).geturl()
            self._proxies[proxy] = urllib3.ProxyManager(address, proxy_headers=given, **self._options)
        return self._proxies[proxy]


def untrusted(host: str) -> OperatorError:
    """The error of a server whose certificate nobody here vouches for."""
    return OperatorError(
        f"The certificate of {host} is not trusted, so no package is taken from there.",
        "Name the file of your certificate authority in the variable SSL_CERT_FILE of the job.",
    )


def host_of(url: str) -> str:
    """The host of an address, and its port if it has one; never its user."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _led(url: str, location: str) -> str:
    """Where a server's redirect leads. Raises TryAgain when that is no address."""
    try:
        following = urljoin(url, location)
        _ = urlsplit(following).port
    except ValueError:
        raise TryAgain(f"{host_of(url)} redirects to what is no address.") from None
    return following


def _why(error: Exception) -> str:
    inner = getattr(error, "reason", None)
    said = str(inner or error).rpartition(": ")[2] if not isinstance(inner, str) else inner
    return f"{type(inner or error).__name__}: {said}"[:300]
