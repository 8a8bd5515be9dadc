"""Asking GitLab for what may not be there, or may be more than is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.adapters.gitlab_client import (
    PER_PAGE,
    Answer,
    GitlabClient,
    get_what_is_there,
    gone_or_refused,
)

MAX_LIST_PAGES = 20
"""Pages of a list that are read."""

MAX_LISTED = MAX_LIST_PAGES * PER_PAGE
"""Items of a list that are read; where there are so many, there may be more."""


class Asking:
    """What every part of GitLab is asked with. Raises TryAgain, OperatorError, Refused or Gone."""

    def __init__(self, client: GitlabClient) -> None:
        self._client = client

    def _list(self, path: str, **query: Any) -> Sequence[Any]:
        """The first items of a list, none where it is not there."""
        return get_what_is_there(self._client, path, MAX_LIST_PAGES, **query)

    def _maybe(self, path: str, **query: Any) -> Any | None:
        """One thing, None where it is not there."""
        try:
            return self._client.get(path, **query)
        except Answer as answer:
            if answer.status == 404:
                return None
            raise gone_or_refused(answer, path) from answer
