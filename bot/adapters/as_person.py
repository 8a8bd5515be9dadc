"""One person's line to GitLab: their own token, their own rate budget, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from bot.adapters.budget import Budget
from bot.adapters.gitlab_session import Session
from bot.domain.access import NotAccepted
from bot.errors import OperatorError, TryAgain

TIMEOUT_SECONDS = 10.0
"""How long GitLab may take for one piece of an answer while somebody waits for a page."""

NOT_ACCEPTED = "GitLab does not accept this token: it is expired, revoked, or another GitLab's"
TOO_SMALL = "This token may not read GitLab's API: it needs the scope read_api (or api)"


class Line:
    """Questions to GitLab as one person, or as nobody when the token is empty. Safe to use from several threads.

    Raises TryAgain when GitLab gives no answer, or asked this person to slow down; NotAccepted for their token.
    """

    def __init__(self, url: str, token: str, timeout_seconds: float, ca_file: str | None) -> None:
        self._url = url.rstrip("/")
        # a budget that is not shared: who asks too much waits alone, neither the bot nor others with them
        session = Session(self._url, min(timeout_seconds, TIMEOUT_SECONDS), Budget(), lambda *_told: None)
        # GitLab knows people by its cookies, too: one that it set for this person must not go out again
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        # given here, so that requests does not look for the operator's own login in ~/.netrc
        session.auth = _Bearer(token)
        session.verify = ca_file or True
        self._session = session

    def graphql(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The `data` of a GraphQL answer. TryAgain where GitLab cannot answer the question."""
        answer = self._ask("POST", "/api/graphql", json={"query": query, "variables": dict(variables)})
        found = _json(answer)
        if answer.status_code != 200 or not isinstance(found, dict) or found.get("errors"):
            raise TryAgain("GitLab could not say who may see what")
        data = found.get("data")
        return data if isinstance(data, dict) else {}

    def get(self, path: str, query: Mapping[str, str]) -> tuple[Any, str]:
        """The JSON of an answer of the REST API and the address of its next page; None where GitLab says no."""
        answer = self._ask("GET", f"/api/v4{path}", params=dict(query))
        if answer.status_code >= 400:
            return None, ""
        return _json(answer), str(answer.links.get("next", {}).get("url") or "")

    def get_outside(self, path: str) -> Any:
        """The JSON of an answer of GitLab's outside of its API; None where it says no, or nothing of the kind."""
        answer = self._ask("GET", path)
        return _json(answer) if answer.status_code == 200 else None

    def get_next(self, address: str) -> tuple[Any, str]:
        """The same of a page that an answer named."""
        if not address.startswith(f"{self._url}/api/v4/"):
            raise TryAgain("GitLab names another host for the rest of an answer")
        return self.get(address.removeprefix(f"{self._url}/api/v4"), {})

    def close(self) -> None:
        """Give its connections back."""
        self._session.close()

    def _ask(self, verb: str, path: str, **more: Any) -> requests.Response:
        try:
            answer = self._session.request(verb, self._url + path, **more)
        except OperatorError as error:
            # for the log of the bot's own calls; of those who look, nobody can mend it
            raise TryAgain(str(error)) from error
        if answer.status_code == 401:
            raise NotAccepted(NOT_ACCEPTED)
        if answer.status_code == 403 and "insufficient_scope" in answer.text:
            raise NotAccepted(TOO_SMALL)
        return answer


class _Bearer(requests.auth.AuthBase):
    """The way in which GitLab takes every kind of token: personal, project, group, OAuth."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise TryAgain("GitLab gave an answer that is not JSON") from error
