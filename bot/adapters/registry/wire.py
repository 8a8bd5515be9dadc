"""One registry's door: requests with the rights they need, tried again where the registry is only busy."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from bot.adapters.registry.address import base_url, follow, origin
from bot.adapters.registry.answers import TRANSIENT, Answer, dismiss, sort
from bot.adapters.registry.auth import Auth, Scopes
from bot.adapters.registry.connections import QUICK, Connections, Patience
from bot.errors import OperatorError, TryAgain

PAUSES = (0.25, 1.0, 4.0)
"""Seconds before each further try, about; a registry that names its own is given them."""

MAX_WAIT_SECONDS = 30
"""A registry that wants to be left alone for longer is told of instead of waited for."""

MAX_REDIRECTS = 5

_MOVED = frozenset({301, 302, 303, 307, 308})

Body = Callable[[], Iterable[bytes]]
"""Makes the bytes that are sent, from the beginning, each time they are sent."""


class Wire:
    """Asks one registry, with the rights of one user or of nobody. Safe for many threads.

    `requests`, `token_requests` and `bytes_sent` count what was sent so far (bytes of bodies).
    """

    def __init__(
        self,
        host: str,
        account: tuple[str, str] | None,
        pauses: Sequence[float] = PAUSES,
        connections: Connections | None = None,
    ) -> None:
        self.base = base_url(host)
        self.requests = self.token_requests = self.bytes_sent = 0
        self._pauses = tuple(pauses)
        self._connections = connections or Connections()
        self._auth = Auth(self.base, account, self._get_token)
        self._pushed: frozenset[str] = frozenset()
        self._counting = threading.Lock()

    def will_push(self, repository: str) -> None:
        """From now on ask for the right to push there whatever is done."""
        self._pushed |= {repository}

    def close(self) -> None:
        """Close every connection that is kept open."""
        self._connections.close()

    def ask(
        self,
        method: str,
        url: str,
        scopes: Scopes,
        what: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        patience: Patience = QUICK,
        tries: int | None = None,
        redirects: int = MAX_REDIRECTS,
    ) -> Answer:
        """One answer, whatever its status but those that pass by themselves.

        `url` is a path of the registry or a whole address; the rights in `scopes` are shown to the registry only.
        GET and HEAD follow redirects. Raises TryAgain when `tries` (all) came to nothing.
        """
        left = redirects if method in {"GET", "HEAD"} else 0
        return self.again(
            lambda: self._once(method, url, scopes, what, headers or {}, body, patience, left), what, tries
        )

    def again(self, once: Callable[[], Answer], what: str, tries: int | None = None) -> Answer:
        """What `once` gives, tried again with growing pauses while it raises TryAgain or says that it is busy."""
        number = 1
        while True:
            try:
                answer = once()
                if answer.status not in TRANSIENT:
                    return answer
                fault = self.sorted(answer, what)
                if not isinstance(fault, TryAgain):
                    raise fault
            except TryAgain as error:
                fault = error
            if number == tries:
                raise fault
            self.wait(number, fault)
            number += 1

    def wait(self, number: int, fault: TryAgain) -> None:
        """Lets the registry come to its breath after try `number`; raises `fault` when that was the last one."""
        after = fault.after or 0
        if number > len(self._pauses) or after > MAX_WAIT_SECONDS:
            raise fault
        part = random.uniform(0.5, 1.0)  # noqa: S311 - to part those who collide
        time.sleep(max(self._pauses[number - 1] * part, after))

    def good(self, answer: Answer, what: str) -> Answer:
        """The answer if it is a good one; raises the error that it is else."""
        if 200 <= answer.status < 300:
            return answer
        raise self.sorted(answer, what)

    def sorted(self, answer: Answer, what: str, body: bytes | None = None) -> Exception:
        """The error that an answer is; `body` where it was read already."""
        return sort(self.base, self._auth.who, answer, dismiss(answer) if body is None else body, what)

    def leads(self, answer: Answer, what: str) -> str:
        """Where an answer's Location leads."""
        return follow(self.base, answer.url or self.base, answer.headers.get("Location", ""), what)

    def _once(
        self,
        method: str,
        url: str,
        scopes: Scopes,
        what: str,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        patience: Patience,
        redirects: int,
    ) -> Answer:
        url = f"{self.base}{url}" if url.startswith("/") else url
        for _ in range(redirects + 1):
            answer = self._authorised(method, url, scopes, headers, body, patience)
            if answer.status not in _MOVED or not redirects:
                return answer
            url = self.leads(answer, what)
            dismiss(answer)
        raise OperatorError(
            f"The registry {self.base} redirects more than {MAX_REDIRECTS} times for {what}.",
            "Correct the addresses in the registry's configuration and in the proxy before it.",
        )

    def _authorised(
        self,
        method: str,
        url: str,
        scopes: Scopes,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        patience: Patience,
    ) -> Answer:
        if origin(url) != origin(self.base):
            return self._send(method, url, headers, body, patience)
        scopes |= {(repository, "push") for repository, _ in scopes if repository in self._pushed}
        shown = self._auth.header(scopes)
        answer = self._send(method, url, _with(headers, shown), body, patience)
        if answer.status != 401:
            return answer
        # A token lives for minutes; an old one is refused like none at all.
        better = self._auth.renewed(answer.headers.get("WWW-Authenticate", ""), scopes, shown)
        if better is None:
            return answer
        dismiss(answer)
        return self._send(method, url, _with(headers, better), body, patience)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        patience: Patience,
    ) -> Answer:
        with self._counting:
            self.requests += 1
        if body is None or isinstance(body, bytes):
            self._count(len(body or b""))
            return self._connections.send(method, url, headers, body, patience)
        return self._connections.send(method, url, headers, self._counted(body()), patience)

    def _counted(self, pieces: Iterable[bytes]) -> Iterable[bytes]:
        for piece in pieces:
            self._count(len(piece))
            yield piece

    def _count(self, sent: int) -> None:
        with self._counting:
            self.bytes_sent += sent

    def _get_token(self, url: str, headers: Mapping[str, str]) -> Answer:
        with self._counting:
            self.token_requests += 1
        return self._connections.send("GET", url, headers)


def _with(headers: Mapping[str, str], authorization: str | None) -> Mapping[str, str]:
    return {**headers, "Authorization": authorization} if authorization else headers
