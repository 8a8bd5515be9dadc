"""Where a registry is, and where a client that has its password may be sent by it."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from bot.errors import OperatorError

_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)\Z")
_PORTS = {"http": 80, "https": 443}


def base_url(host: str) -> str:
    """The address of `HOST[:PORT]`: https, and http on loopback; an address with a scheme is taken as it is."""
    if "://" in host:
        return host.rstrip("/")
    name = host if host.startswith("[") and host.endswith("]") else re.sub(r":\d+\Z", "", host)
    return f"{'http' if is_loopback(name) else 'https'}://{host}"


def is_loopback(host: str) -> bool:
    """Whether this host name is this machine: nobody listens in between."""
    return _LOOPBACK.match(host) is not None


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a password is bound to. Raises ValueError for what is no address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def shown(url: str) -> str:
    """An address for people: without its query, in which storage services carry signatures."""
    return url.partition("?")[0].partition("#")[0]


def follow(base: str, here: str, location: str, what: str) -> str:
    """Where `location`, told by an answer from `here`, leads. Raises OperatorError where it must not.

    Allowed are https, the registry's own origin, and from a registry on loopback another port there.
    """
    try:
        target = urljoin(here, location)
        allowed = _allowed(base, urlsplit(target), origin(target) == origin(base))
    except ValueError:
        target, allowed = location, False
    if not location or not allowed:
        raise OperatorError(
            f"The registry {base} sends its users to {shown(target)!r} for {what}, which is not https.",
            "Set the registry's own address (http.host) and the token service's (auth.token.realm) to https, or "
            "let the proxy before it send X-Forwarded-Proto.",
        )
    return target


def _allowed(base: str, target: SplitResult, own: bool) -> bool:
    if not target.hostname or target.username is not None:
        return False
    if own or target.scheme == "https":
        return True
    home = urlsplit(base)
    return target.scheme == home.scheme == "http" and is_loopback(target.hostname)
