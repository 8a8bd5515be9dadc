"""All that a job or a sweep may touch, once GitLab has said who the bot is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from bot.adapters.forge import Forge
from bot.adapters.overview import Overview
from bot.adapters.reader import Allowance, Reader
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.app.gitlab import build_client
from bot.app.registries import build_registry
from bot.app.settings import read_enrolment, read_policy, read_rhythm
from bot.config import Config
from bot.domain.facts import BOT_USER
from bot.errors import BotError
from bot.logs import get
from bot.metrics import gitlab_called
from bot.reach import Reach
from bot.world import World

_log = get(__name__)


def build_reader(config: Config) -> Reader:
    """What reads repositories, in processes of its own; it starts at once to be ready for the first one."""
    reader = Reader(Allowance(config.reading.seconds, config.reading.memory_mib * 1024 * 1024))
    reader.start()
    return reader


def build_reach(
    config: Config, world: World, act: bool = True, before_write: Callable[[], None] = lambda: None
) -> Reach:
    """What a sweep may touch. `before_write` may raise to keep a worker that was cut off from writing."""
    return Reach(
        world,
        Overview(build_client(config, world.store, gitlab_called, before_write)),
        read_enrolment(config),
        read_rhythm(config),
        act,
    )


class WorldOnDemand:
    """The world, once GitLab has said who the bot is; until then each job that needs it is tried again."""

    def __init__(
        self,
        config: Config,
        store: Store,
        reader: Reader,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        self._before_write = before_write
        self._reader = reader
        self._config = config
        self._store = store
        self._lock = threading.Lock()
        self._world: World | None = None
        self._told = ""

    @property
    def user_id(self) -> int | None:
        """The bot's own user, None while GitLab has not told."""
        return self._world.user_id if self._world else None

    @property
    def username(self) -> str:
        """The name by which the bot is called in comments, empty while GitLab has not told."""
        return self._world.username if self._world else ""

    def get(self) -> World:
        """The world. Raises TryAgain or OperatorError while GitLab cannot be asked."""
        with self._lock:
            if self._world is None:
                client = build_client(self._config, self._store, gitlab_called, self._before_write)
                forge = Forge(client)
                me = forge.fetch_self()
                self._store.keep_fact(BOT_USER, str(me.id))
                registry, policy = build_registry(self._config), read_policy(self._config)
                self._world = World(
                    forge,
                    registry,
                    self._store,
                    policy,
                    me.id,
                    Talk(client, me.id),
                    self._reader.read,
                    username=me.username,
                )
            return self._world

    def look(self) -> None:
        """Find the world if it can be found; what is in the way is logged once."""
        try:
            self.get()
        except BotError as error:
            if str(error) != self._told:
                self._told = str(error)
                _log.warning("GitLab has not said yet who the bot is", why=self._told)


@contextmanager
def world_of_a_command(config: Config) -> Iterator[World]:
    """The world for as long as a command takes. Raises TryAgain or OperatorError while GitLab cannot be asked."""
    with closing(Store.prepare(config.database.url)) as store, closing(build_reader(config)) as reader:
        yield WorldOnDemand(config, store, reader).get()
