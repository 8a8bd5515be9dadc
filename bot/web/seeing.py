"""What pages and API need of the rest: who looks, and what that person may see. Nothing else is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.domain.access import Person, Ref
from bot.domain.catalogue import Query
from bot.domain.views import CompareView, Found, ModuleView, ProgressView

Bills = Callable[[str, str], bytes | None]
"""From an image's name and digest to its bill of materials; BotError while its registry does not say."""


class Browsing(Protocol):
    """The catalogue as one person may see it. Raises TryAgain while GitLab cannot be asked, so nothing is shown then.

    What is hidden and what does not exist are the same answer.
    """

    def find(self, query: Query, person: Person, after: str = "", limit: int = ...) -> Found:
        """One page of a search; `after` is the one before's."""

    def module(self, project: Ref, person: Person, version: str = "") -> ModuleView | None:
        """A module, with its newest version or the one named."""

    def compare(self, project: Ref, before: str, after: str, person: Person) -> CompareView | None:
        """Two versions of a module, and what changed between them."""

    def progress(self, person: Person) -> tuple[ProgressView, ...]:
        """Publications that are under way, the newest first."""


class People(Protocol):
    """Who is asking: of the request that is being answered."""

    @property
    def can_sign_in(self) -> bool:
        """Whether somebody can sign in with GitLab here."""

    def person(self) -> Person:
        """By cookie or by token; ANONYMOUS for neither."""

    def csrf(self) -> str:
        """What a form that changes something must bring along; empty where nobody is signed in by cookie."""

    def forget(self) -> None:
        """End the session, which GitLab accepts no more."""
