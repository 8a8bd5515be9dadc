"""What an index says it has: its page of one package as JSON (PEP 691) or HTML (PEP 503) → files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import (
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from bot.layers.web import Denied, Missing, Web

MAX_PAGE_BYTES = 64 * 1024 * 1024
"""Bytes of one page; those of packages with a build every night have a quarter of it."""

MAX_WHY_CHARS = 300
"""Characters of a reason that are kept."""

MAX_FILES = 50_000
"""Files of one page that are looked at."""

JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = {
    "Accept": f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1",
    "Accept-Encoding": "gzip",
}
_SHA256 = re.compile(r"sha256=([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a package: a wheel or its sources. `sha256` and `size` are None where the index does not say.

    `yanked_why`: what the index says of a file that was taken back; empty where it says nothing.
    """

    filename: str
    version: Version
    wheel: bool
    url: str
    requires_python: str = ""
    yanked: bool = False
    sha256: str | None = None
    size: int | None = None
    yanked_why: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What one index has of a package; `known` is false where it has never heard of it."""

    known: bool
    files: tuple[File, ...] = field(default=(), repr=False)


def fetch_page(web: Web, index: str, name: str, limit: int = MAX_PAGE_BYTES) -> Page:
    """The page of a package by its normalized name; one of more than `limit` bytes is none. TryAgain and Denied."""
    try:
        content, answer = web.read(f"{index.rstrip('/')}/{name}/", limit, _ACCEPT)
    except (Missing, ValueError):
        return Page(known=False)
    except Denied as denied:
        if denied.status == 403 and denied.account is None:
            # So answer indexes in a bucket for whatever is not there.
            return Page(known=False)
        raise
    return Page(True, read_page(content, answer.headers.get("Content-Type", ""), answer.url, name))


def fetch_links(web: Web, url: str, name: str) -> Page:
    """What a page of links has of a package. Raises TryAgain and Denied."""
    try:
        content, answer = web.read(url, MAX_PAGE_BYTES, _ACCEPT)
    except (Missing, ValueError):
        return Page(known=False)
    files = read_page(content, answer.headers.get("Content-Type", ""), answer.url, name)
    return Page(bool(files), files)


def read_page(content: bytes, content_type: str, url: str, name: str) -> tuple[File, ...]:
    """The files of a page that belong to the package; whatever else stands there is passed over."""
    if content_type.partition(";")[0].strip().endswith("json"):
        found = _from_json(content)
    else:
        found = _from_html(content.decode("utf-8", "replace"))
    files = (_file(one, url, name) for one in found[:MAX_FILES])
    return tuple(one for one in files if one is not None)


def _from_json(content: bytes) -> list[dict[str, Any]]:
    try:
        files = json.loads(content).get("files")
    except (ValueError, AttributeError, RecursionError):
        return []
    return [one for one in files if isinstance(one, dict)] if isinstance(files, list) else []


class _Links(HTMLParser):
    """Collects a page's links in the words of the JSON form."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        """Called by the library for every tag."""
        given = dict(attrs)
        href = given.get("href")
        if tag == "base" and href:
            self.base = self.base or href
        if tag != "a" or not href or len(self.found) >= MAX_FILES:
            return
        try:
            url, fragment = urldefrag(href)
            address, path = urljoin(self.base, url), urlsplit(url).path
        except ValueError:
            # It is no address.
            return
        digest = _SHA256.search(fragment)
        self.found.append(
            {
                "url": address,
                "filename": unquote(path.rpartition("/")[2]),
                "hashes": {"sha256": digest[1]} if digest else {},
                "requires-python": given.get("data-requires-python") or "",
                "yanked": (given["data-yanked"] or True) if "data-yanked" in given else False,
            }
        )


def _from_html(text: str) -> list[dict[str, Any]]:
    links = _Links()
    links.feed(text)
    return links.found


def _file(said: dict[str, Any], page: str, name: str) -> File | None:
    filename, url = said.get("filename"), said.get("url")
    if not isinstance(filename, str) or not isinstance(url, str):
        return None
    wheel = filename.endswith(".whl")
    try:
        if wheel:
            named, version, _, _ = parse_wheel_filename(filename)
        else:
            named, version = parse_sdist_filename(filename)
        address = urljoin(page, url)
    except ValueError:
        # Its name is none of a package, or its address is none.
        return None
    if named != canonicalize_name(name):
        return None
    hashes, size, python = said.get("hashes"), said.get("size"), said.get("requires-python")
    yanked = said.get("yanked")
    digest = hashes.get("sha256") if isinstance(hashes, dict) else None
    return File(
        filename,
        version,
        wheel,
        address,
        python if isinstance(python, str) else "",
        # A reason counts as yes.
        yanked not in (None, False),
        digest if isinstance(digest, str) else None,
        size if isinstance(size, int) and not isinstance(size, bool) else None,
        yanked[:MAX_WHY_CHARS] if isinstance(yanked, str) else "",
    )
