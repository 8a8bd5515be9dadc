"""How channels are asked by rattler: with the accounts of the addresses that were given, and nobody else's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.layers.addresses import Account

if TYPE_CHECKING:
    from rattler import Client

ATTEMPTS = 3
SECONDS = 60
"""Until a request is given up."""


def open_client(accounts: Iterable[Account]) -> Client:
    """rattler's client. It reads no keyring, no ~/.netrc and no credentials of other programs."""
    from rattler import Client
    from rattler.networking import AddHeadersMiddleware, RetryMiddleware

    account = AddHeadersMiddleware(headers_for(tuple(accounts)))
    return Client([RetryMiddleware(ATTEMPTS), account], user_agent="mlreef-bot", timeout=SECONDS)


def headers_for(accounts: tuple[Account, ...]) -> Callable[[str, str], dict[str, str] | None]:
    """(host, path) → the header that says who asks; None where no account was given for that address."""

    def headers(host: str, path: str) -> dict[str, str] | None:
        for account in accounts:
            parts = urlsplit(account.url)
            below = path == parts.path or path.startswith(parts.path.rstrip("/") + "/")
            if host.partition(":")[0] == parts.hostname and below:
                who = base64.b64encode(f"{account.username}:{account.password}".encode()).decode("ascii")
                return {"Authorization": f"Basic {who}"}
        return None

    return headers
