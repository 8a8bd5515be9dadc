"""Connections to a registry and to where it sends us: kept open, through the environment's proxy, trusting its bundle.

Only urllib3 is used: a build of a changed script has 190 ms for the whole process, of which `import urllib3` takes
30 ms behind what is imported anyway, `import requests` 51 ms. Certificates are read when https is first spoken.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import urllib3

from bot.adapters.registry.address import is_loopback, shown
from bot.adapters.registry.answers import Answer, Broken
from bot.errors import OperatorError

KEPT_CONNECTIONS = 8
"""Connections to one host that are kept open."""

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Environment variables that name a file (or folder) of trusted certificates; the first one that is set counts."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to connect (and for each piece that is sent), and between two pieces of an answer."""

    connect: float
    read: float


QUICK = Patience(5, 30)

SENDING = Patience(60, 300)
"""For blobs: when the last byte is there, a registry may still copy all of it to its storage."""

USUAL_HEADERS = {"User-Agent": "mlreef-bot", "Accept-Encoding": urllib3.util.SKIP_HEADER}
"""Said with every request, and kept short: they are a good part of what a small change sends."""


class Connections:
    """Sends single requests; safe for many threads. Never sends a credential that it was not given."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._changing = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
        patience: Patience = QUICK,
    ) -> Answer:
        """One request, one answer, its body unread; redirects are answers. Raises Broken or OperatorError."""
        manager = self._manager(url)
        try:
            answer = manager.urlopen(
                method,
                url,
                body=body,
                headers={**USUAL_HEADERS, **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=patience.connect, read=patience.read),
            )
            # Of its own it knows the path alone.
            answer.url = url
            return answer
        except urllib3.exceptions.SSLError as error:
            raise OperatorError(
                f"No safe connection to {_host(url)}: {error}.",
                f"Name the certificates of its authority in {BUNDLES[0]} or {BUNDLES[-1]}.",
            ) from error
        except (urllib3.exceptions.LocationValueError, UnicodeError) as error:
            raise OperatorError(
                f"{shown(url)!r} is no address.", "Correct the registry's address."
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Broken(f"{_host(url)} does not answer: {type(error).__name__}.") from error

    def close(self) -> None:
        """Close every connection that is kept open."""
        for manager in self._managers.values():
            manager.clear()

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = find_proxy(url, self._environment)
        with self._changing:
            if url.startswith("https:") and self._tls is None:
                self._tls = _trusted(self._environment)
                self._managers.clear()
            if proxy not in self._managers:
                self._managers[proxy] = self._make(proxy)
            return self._managers[proxy]

    def _make(self, proxy: str | None) -> urllib3.PoolManager:
        if proxy is None:
            return urllib3.PoolManager(maxsize=KEPT_CONNECTIONS, ssl_context=self._tls)
        try:
            parts = urlsplit(proxy)
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
            headers = urllib3.make_headers(proxy_basic_auth=login)
            return urllib3.ProxyManager(
                f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
                proxy_headers=headers,
                maxsize=KEPT_CONNECTIONS,
                ssl_context=self._tls,
            )
        except (ValueError, urllib3.exceptions.HTTPError) as error:
            raise OperatorError(
                "The environment's proxy is none that can be used.",
                "Set HTTPS_PROXY to an address such as http://proxy.example.com:3128, or unset it.",
            ) from error


def find_proxy(url: str, environment: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for an address; never one for this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = _variable(environment, f"{parts.scheme}_proxy") or _variable(environment, "all_proxy")
    if not named or is_loopback(host) or _is_direct(host, _variable(environment, "no_proxy")):
        return None
    return named if "://" in named else f"http://{named}"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _is_direct(host: str, listed: str) -> bool:
    """Whether NO_PROXY names this host: by name, by a part of its name's end, or by a range of addresses."""
    for entry in (item.strip().lower() for item in listed.split(",")):
        bare = (
            entry.partition(":")[0].lstrip("*").lstrip(".") if entry.count(":") == 1 else entry.lstrip("*.")
        )
        if entry == "*" or (bare and (host == bare or host.endswith(f".{bare}"))):
            return True
        if "/" in entry and _in_range(host, entry):
            return True
    return False


def _in_range(host: str, entry: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _trusted(environment: Mapping[str, str]) -> ssl.SSLContext:
    bundle = next((environment[name] for name in BUNDLES if environment.get(name)), None)
    try:
        if bundle is not None:
            folder = Path(bundle).is_dir()
            return ssl.create_default_context(
                cafile=None if folder else bundle, capath=bundle if folder else None
            )
        context = ssl.create_default_context()
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(
            f"The certificates in {bundle} cannot be read: {error}.",
            f"Correct the variable that names them ({', '.join(BUNDLES)}).",
        ) from error
    if not context.cert_store_stats()["x509_ca"]:
        # A machine without certificates of its own, or with a folder of them that is read one by one.
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
