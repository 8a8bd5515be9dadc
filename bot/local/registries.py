"""The registries that a command speaks to, each once, with the account that this machine has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.adapters.credentials import Account, find_login

if TYPE_CHECKING:
    from bot.adapters.registry import Registry


class Registries:
    """Registries by host, each with the account that this machine has there."""

    def __init__(self, variables: Mapping[str, str], ours: str) -> None:
        self._variables, self._ours = variables, ours
        self._held: dict[str, Registry] = {}

    def __enter__(self) -> Registries:
        return self

    def __exit__(self, *_: object) -> None:
        for registry in self._held.values():
            registry.__exit__(None, None, None)

    def login(self, host: str) -> Account | None:
        """The account at a host; that of our own variables where the image goes to."""
        return find_login(host, self._variables, host == self._ours)

    def get(self, host: str) -> Registry:
        """The registry at a host."""
        from bot.adapters.registry import Registry

        if host not in self._held:
            account = self.login(host)
            self._held[host] = (
                Registry(host) if account is None else Registry(host, account.username, account.password)
            )
        return self._held[host]
