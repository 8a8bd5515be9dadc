"""Advisories from where the operator keeps them: an address, or a path. What cannot be had is unknown, never clean."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

from bot.adapters.registry.address import is_loopback, shown
from bot.adapters.registry.answers import dismiss, pieces
from bot.adapters.registry.connections import Connections
from bot.errors import BotError
from bot.layers.trust.advisories import Advisories, load_advisories

MAX_SOURCE_BYTES = 512 * 1024 * 1024
"""Bytes of an archive of advisories; that of all of PyPI has some 30 MB."""

MAX_REDIRECTS = 5


def fetch_advisories(source: str, about: Collection[str] | None = None) -> Advisories:
    """Reads an https address (http on loopback) or a path; a source that cannot be had says so in `trouble`.

    `about`: names of packages; what is said of others is not kept.
    """
    if "://" not in source:
        return load_advisories(Path(source), source, about)
    origin = shown(source)
    connections = Connections()
    try:
        with tempfile.NamedTemporaryFile(suffix=".advisories") as file:
            trouble = _download(connections, source, file)
            if trouble:
                return Advisories(origin, trouble=trouble)
            file.flush()
            return load_advisories(Path(file.name), origin, about)
    except (BotError, OSError, ValueError) as error:
        return Advisories(origin, trouble=f"it cannot be fetched ({type(error).__name__})")
    finally:
        connections.close()


def _download(connections: Connections, url: str, sink: IO[bytes]) -> str:
    """Writes what is there into `sink`; gives the reason why not, or nothing."""
    for _ in range(MAX_REDIRECTS + 1):
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            return "its address is not https"
        answer = connections.send("GET", url, {})
        if 300 <= answer.status < 400:
            dismiss(answer)
            url = urljoin(url, answer.headers.get("Location", ""))
            continue
        if answer.status != 200:
            dismiss(answer)
            return f"it answers HTTP {answer.status}"
        got = 0
        for piece in pieces(answer):
            got += len(piece)
            if got > MAX_SOURCE_BYTES:
                return f"it has more than {MAX_SOURCE_BYTES} bytes"
            sink.write(piece)
        return ""
    return "it redirects for ever"
