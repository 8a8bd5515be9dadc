"""python-gitlab with the manners that a bot needs: time limits, no sleeping, no token to strangers."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import gitlab
import requests

from bot.errors import OperatorError, TryAgain

CONNECT_TIMEOUT_SECONDS = 5.0
MAX_RETRY_AFTER_SECONDS = 3600.0
"""A longer Retry-After is cut to this: a mistyped header must not park a project for days."""

PER_PAGE = 100
TOKEN_HEADERS = ("PRIVATE-TOKEN", "JOB-TOKEN", "Authorization")


class Answer(Exception):
    """GitLab said no with a 4xx: its status, and its words (prose that changes from version to version)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"GitLab answered {status}: {message}")
        self.status = status
        self.message = message


class TooLong(Exception):
    """A list has more pages than were asked for; `items` are those of the pages that were read."""

    def __init__(self, what: str, items: Sequence[Any]) -> None:
        super().__init__(what)
        self.items = items


class _Session(requests.Session):
    """Turns everything that may pass by itself into TryAgain, and keeps the token on its own host."""

    def __init__(self, origin: str, timeout_seconds: float) -> None:
        super().__init__()
        self.origin = origin
        self.time_limits = (CONNECT_TIMEOUT_SECONDS, timeout_seconds)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        if _origin(str(url)) != self.origin:
            raise OperatorError(
                f"GitLab at {self.origin} pointed to {_origin(str(url))} for the rest of an answer",
                "Set gitlab.url to the address that GitLab calls itself by (its external_url).",
            )
        try:
            response = super().request(method, url, *args, **{**kwargs, "timeout": self.time_limits})
        except requests.RequestException as error:
            raise TryAgain(f"GitLab could not be reached: {_words(error)}") from error
        if response.status_code == 429:
            raise TryAgain("GitLab asked to slow down (429)", read_retry_after(response.headers, time.time()))
        if response.status_code >= 500:
            after = read_retry_after(response.headers, time.time())
            raise TryAgain(f"GitLab answered {response.status_code}", after)
        if response.status_code == 409 and "resource lock" in response.text.lower():
            raise TryAgain("GitLab is working on the same thing (409, resource lock)", 1.0)
        return response

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        # requests itself only drops Authorization when a redirect leaves the host
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call] # untyped in requests
        if _origin(prepared_request.url or "") != self.origin:
            for header in TOKEN_HEADERS:
                prepared_request.headers.pop(header, None)


class GitlabClient:
    """Requests to one GitLab as one user.

    Every method raises TryAgain (passes by itself), OperatorError (the token), or Answer (any other 4xx).
    """

    def __init__(self, url: str, token: str, timeout_seconds: float, ca_file: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._gitlab = gitlab.Gitlab(
            self._url,
            private_token=token,
            timeout=timeout_seconds,
            ssl_verify=ca_file or True,
            retry_transient_errors=False,
            keep_base_url=True,
            session=_Session(_origin(self._url), timeout_seconds),
        )

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of one answer."""
        return _json(self._request("get", path, query=query))

    def head(self, path: str, **query: Any) -> Mapping[str, str]:
        """The headers of one answer."""
        return self._request("head", path, query=query).headers

    def get_bytes(self, path: str, max_bytes: int, **query: Any) -> bytes:
        """The last `max_bytes` of one answer's body, read as a stream."""
        response = self._request("get", path, query=query, streamed=True)
        kept = b""
        try:
            with response:
                for chunk in response.iter_content(65536):
                    kept = (kept + chunk)[-max_bytes:]
        except requests.RequestException as error:
            raise TryAgain(f"GitLab broke off an answer: {_words(error)}") from error
        return kept

    def get_list(self, path: str, max_pages: int, **query: Any) -> Sequence[Any]:
        """The items of all pages, following GitLab's own links. TooLong when there are more than `max_pages`."""
        items: list[Any] = []
        target, parameters = path, {"per_page": PER_PAGE, **query}
        for _ in range(max_pages):
            response = self._request("get", target, query=parameters)
            items += _json(response)
            following = response.links.get("next", {}).get("url")
            if not following:
                return items
            target, parameters = following, {}
        raise TooLong(f"more than {max_pages} pages at {path}", items)

    def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """The JSON of the answer to a write that makes something new."""
        return _json(self._request("post", path, data=data))

    def put(self, path: str, data: Mapping[str, Any]) -> Any:
        """The JSON of the answer to a write that changes something."""
        return _json(self._request("put", path, data=data))

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Any:
        """The `data` of a GraphQL answer."""
        answer = self.post(f"{self._url}/api/graphql", {"query": query, "variables": dict(variables)})
        if answer.get("errors"):
            raise Answer(400, "; ".join(str(error.get("message")) for error in answer["errors"]))
        return answer["data"]

    def _request(
        self,
        verb: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        streamed: bool = False,
    ) -> requests.Response:
        try:
            return self._gitlab.http_request(
                verb,
                path,
                # GitLab's own spelling of a list is a[]=
                query_data={_key(k, v): v for k, v in (query or {}).items() if v is not None},
                post_data=dict(data) if data is not None else None,
                streamed=streamed,
                obey_rate_limit=False,
            )
        except gitlab.GitlabAuthenticationError as error:
            raise OperatorError(
                "GitLab does not accept the bot's token (401)",
                "Check gitlab.token_file: the token may be expired, revoked, or for another GitLab.",
            ) from error
        except gitlab.GitlabHttpError as error:
            message = str(error.error_message)
            if error.response_code == 403 and "insufficient_scope" in message:
                raise OperatorError(
                    "The bot's token has too small a scope (403, insufficient_scope)",
                    "Give the bot a token with the scope `api`.",
                ) from error
            raise Answer(error.response_code or 0, message) from error
        except gitlab.GitlabError as error:
            raise TryAgain(f"GitLab gave an answer that cannot be read: {_words(error)}") from error


def read_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by a Retry-After header (a number or an HTTP date), None when it names none."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdecimal():
        seconds = float(value[:12])
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:  # a maintenance page, or the page of a proxy in between
        raise TryAgain("GitLab gave an answer that is not JSON") from error


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _key(name: str, value: object) -> str:
    return f"{name}[]" if isinstance(value, list | tuple) else name


def _words(error: Exception) -> str:
    return type(error).__name__
