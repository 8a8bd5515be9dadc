"""python-gitlab with the manners that a bot needs: nothing is tried again in the thread, no token goes to strangers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gitlab
import requests

from bot.adapters.budget import Budget
from bot.adapters.gitlab_session import OnCall, Session, pieces
from bot.domain.budget import REFUSED_TOKEN_PAUSE_SECONDS, WHOLE, Gate
from bot.errors import Gone, OperatorError, Refused, TryAgain

PER_PAGE = 100
BAD_CREDENTIAL = "GitLab does not accept the bot's token (401)"
BAD_CREDENTIAL_HINT = (
    "Check gitlab.token_file: the token may be expired, revoked, or for another GitLab. "
    "A new one in that file is used without a restart."
)


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


class GitlabClient:
    """Requests to one GitLab as one user.

    Every method raises TryAgain (passes by itself), OperatorError (the token), or Answer (any other 4xx).
    """

    def __init__(
        self,
        url: str,
        token: str,
        timeout_seconds: float,
        ca_file: str | None = None,
        budget: Budget | None = None,
        on_call: OnCall = lambda _endpoint, _status, _seconds: None,
        reread_token: Callable[[], str | None] = lambda: None,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        """`reread_token` gives the token as it is kept now, after GitLab refused the one in use.

        `before_write` is called before each request that changes something, and may raise to prevent it.
        """
        self._before_write = before_write
        self._url = url.rstrip("/")
        self._budget = budget or Budget()
        self._reread_token = reread_token
        self._timeout_seconds = timeout_seconds
        self._ca_file = ca_file
        self._on_call = on_call
        self._gitlab = self._connect(token)

    def _connect(self, token: str) -> gitlab.Gitlab:
        return gitlab.Gitlab(
            self._url,
            private_token=token,
            timeout=self._timeout_seconds,
            ssl_verify=self._ca_file or True,
            retry_transient_errors=False,
            keep_base_url=True,
            session=Session(self._url, self._timeout_seconds, self._budget, self._on_call),
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
        with response:
            for chunk in pieces(response):
                kept = (kept + chunk)[-max_bytes:]
        return kept

    def get_beginning(self, path: str, max_bytes: int, **query: Any) -> bytes:
        """The first `max_bytes` of one answer's body; the rest is not waited for."""
        response = self._request("get", path, query=query, streamed=True)
        kept = bytearray()
        with response:
            for chunk in pieces(response):
                kept += chunk
                if len(kept) >= max_bytes:
                    break
        return bytes(kept[:max_bytes])

    def get_list(self, path: str, max_pages: int, **query: Any) -> Sequence[Any]:
        """The items of all pages. TooLong when there are more than `max_pages`."""
        items: list[Any] = []
        try:
            for page in self.get_pages(path, max_pages, **query):
                items += page
        except TooLong as longer:
            raise TooLong(str(longer), items) from None
        return items

    def get_pages(self, path: str, max_pages: int, **query: Any) -> Iterator[Sequence[Any]]:
        """The items page by page, following GitLab's own links. TooLong after `max_pages` when there are more."""
        target, parameters = path, {"per_page": PER_PAGE, **query}
        for _ in range(max_pages):
            response = self._request("get", target, query=parameters)
            following = response.links.get("next", {}).get("url")
            yield _json(response)
            if not following:
                return
            target, parameters = following, {}
        raise TooLong(f"more than {max_pages} pages at {path}", ())

    def post(self, path: str, data: Mapping[str, Any]) -> Any:
        """The JSON of the answer to a write that makes something new."""
        self._before_write()
        return _json(self._request("post", path, data=data))

    def put(self, path: str, data: Mapping[str, Any]) -> Any:
        """The JSON of the answer to a write that changes something."""
        self._before_write()
        return _json(self._request("put", path, data=data))

    def delete(self, path: str) -> None:
        """Takes something away."""
        self._before_write()
        self._request("delete", path)

    def mutate(self, mutation: str, variables: Mapping[str, Any]) -> Any:
        """The `data` of a GraphQL answer to a write."""
        self._before_write()
        return self.graphql(mutation, variables)

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Any:
        """The `data` of a GraphQL answer."""
        data = {"query": query, "variables": dict(variables)}
        answer = _json(self._request("post", f"{self._url}/api/graphql", data=data))
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
            # refused before it took effect, so asking once more with another token does nothing twice
            if self._take_new_token():
                return self._request(verb, path, query, data, streamed)
            until = time.time() + REFUSED_TOKEN_PAUSE_SECONDS
            self._budget.close(WHOLE, Gate(until, BAD_CREDENTIAL, BAD_CREDENTIAL_HINT))
            raise OperatorError(BAD_CREDENTIAL, BAD_CREDENTIAL_HINT) from error
        except gitlab.GitlabHttpError as error:
            message = str(error.error_message)
            if error.response_code == 403 and "insufficient_scope" in message:
                raise OperatorError(
                    "The bot's token has too small a scope (403, insufficient_scope)",
                    "Give the bot a token with the scope `api`.",
                ) from error
            raise Answer(error.response_code or 0, message) from error
        except gitlab.GitlabError as error:
            raise TryAgain(f"GitLab gave an answer that cannot be read: {type(error).__name__}") from error

    def _take_new_token(self) -> bool:
        kept = self._reread_token()
        if not kept or kept == self._gitlab.private_token:
            return False
        self._gitlab = self._connect(kept)
        return True


def gone_or_refused(answer: Answer, what: str) -> Gone | Refused | TryAgain:
    """What a no of GitLab's means for a job: `what` is not there, may be tried again, or is refused for good."""
    if answer.status == 404:
        return Gone(f"{what} is not there (404)")
    if answer.status in (408, 409):
        return TryAgain(f"GitLab answered {answer.status} for {what}", 1.0)
    return Refused(f"GitLab refused {what} ({answer.status}): {answer.message}")


def get_what_is_there(client: GitlabClient, path: str, max_pages: int, **query: Any) -> Sequence[Any]:
    """The items of at most `max_pages` pages, none where the path is not there; any other no is TryAgain or Refused."""
    try:
        return client.get_list(path, max_pages, **query)
    except TooLong as longer:
        return longer.items
    except Answer as answer:
        if answer.status == 404:
            return ()
        raise gone_or_refused(answer, path) from answer


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:  # a maintenance page, or the page of a proxy in between
        raise TryAgain("GitLab gave an answer that is not JSON") from error


def _key(name: str, value: object) -> str:
    return f"{name}[]" if isinstance(value, list | tuple) else name
