"""The catalogue's API, for those who use modules from elsewhere than the bot's own machine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import requests

from bot.domain.catalogue import VersionState
from bot.domain.data_pipeline_check import Found
from bot.domain.module_label import read_module
from bot.domain.uses import NEWEST
from bot.domain.versions import Version
from bot.errors import OperatorError

TIMEOUT_SECONDS = 20
"""Time for one answer; the catalogue asks GitLab before it answers."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Of one answer: many times the largest interface that an image's label can hold."""

AVAILABLE = frozenset(state.value for state in VersionState if state.available)
"""States in which a version's image can be had; who works on a project sees the others, too."""

LOCAL = re.compile(r"(localhost|127(\.\d+){3}|::1)\Z")


def read_address(url: str) -> SplitResult | None:
    """An address without user, query and nonsense; None for what is none."""
    try:
        address = urlsplit(url)
        good = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:
        return None
    return address if good and not (address.username or address.query or address.fragment) else None


def would_show_token(address: SplitResult) -> bool:
    """Whether a token would go through a network unencrypted."""
    return address.scheme == "http" and not LOCAL.match(address.hostname or "")


class CatalogueApi:
    """Looks modules up as whoever `token` is; "" for nobody in particular, who sees what is public."""

    def __init__(self, url: str, token: str = "") -> None:
        address = read_address(url)
        if address is None:
            raise OperatorError(
                f"{url!r} is no address of a catalogue", "give it as in https://modules.example.com"
            )
        if token and would_show_token(address):
            raise OperatorError(
                f"the token would go to {address.netloc} unencrypted",
                "give an address that begins with https://",
            )
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        if token:
            self._session.headers["PRIVATE-TOKEN"] = token

    def __enter__(self) -> CatalogueApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def fetch_module(self, path: str, ref: str) -> Found | None:
        """A module in the version that `ref` leads to; None when it is not there, or hidden.

        Raises OperatorError when the catalogue cannot be asked.
        """
        asked = "latest" if ref == NEWEST else ref
        answer = self._ask(f"/api/v1/modules/{quote(path, safe='')}/{quote(asked, safe='')}")
        if answer is None:
            return None
        module = read_module(json.dumps(answer.get("module")))
        version = answer.get("version")
        there = answer.get("state") in AVAILABLE
        if module is None or not there or not isinstance(version, str) or Version.read(version) is None:
            return None
        found = answer.get("path")
        return Found(
            found if isinstance(found, str) and found.lower() == path.lower() else path, version, module
        )

    def _ask(self, path: str) -> Mapping[str, Any] | None:
        try:
            with self._session.get(
                self._url + path, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
            ) as answer:
                if answer.status_code in (401, 403):
                    raise OperatorError(
                        f"the catalogue at {self._url} does not take the token",
                        "set MLREEF_TOKEN to a personal access token of GitLab's with the scope read_api",
                    )
                content = b""
                for chunk in answer.iter_content(64 * 1024):
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        break
                found = json.loads(content) if answer.status_code in (200, 404) else None
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise self._silent(str(error)) from None
        # GitLab, whose address is easily given in our place, answers 404 to all of our paths; but without a hint
        if not isinstance(found, dict) or (answer.status_code == 404 and "hint" not in found):
            raise self._silent(f"its answer was {answer.status_code}")
        return None if answer.status_code == 404 else found

    def _silent(self, why: str) -> OperatorError:
        return OperatorError(
            f"the catalogue at {self._url} does not answer as it should: {why[:200]}",
            "is this the catalogue's address (it is not GitLab's)? Otherwise try again later",
        )
