"""GitLab's API, as the bot's user."""

from __future__ import annotations

from collections.abc import Callable

from bot.adapters.budget import Budget
from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.store import Store
from bot.config import Config
from bot.config_file import load_token


def build_client(
    config: Config,
    store: Store | None = None,
    on_call: Callable[[str, int, float], None] | None = None,
    before_write: Callable[[], None] = lambda: None,
) -> GitlabClient:
    """GitLab's API, as the bot's user. Whoever shares a store shares the rate budget; `on_call` counts the calls.

    `before_write` may raise to keep a worker that was cut off from writing.
    """
    return GitlabClient(
        config.gitlab.url,
        config.gitlab.token.get_secret_value(),
        config.gitlab.timeout_seconds,
        str(config.gitlab.ca_file) if config.gitlab.ca_file else None,
        Budget(store),
        on_call or (lambda _endpoint, _status, _seconds: None),
        lambda: load_token(config),
        before_write,
    )


def build_forge(config: Config) -> Forge:
    """GitLab as a command of a person's needs it."""
    return Forge(build_client(config))


def read_project(text: str) -> int | str:
    """A project as people name it: its id, else its path."""
    return int(text) if text.isdecimal() else text
