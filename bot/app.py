"""The only place where parts are chosen and joined: Config → door, worker, policy."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.adapters.database import DOOR_SECONDS, engine_url
from bot.adapters.store import Store
from bot.config import Config
from bot.config_file import load_token
from bot.domain.branches import named_fact, read_named
from bot.domain.engines import Building
from bot.domain.events import Asked, Event, WithdrawAsked, subject, to_dict
from bot.domain.facts import ACCESS_CHANGED, BOT_USER, WORKER_SEEN, JobCounts
from bot.domain.guards import Guards
from bot.domain.jobs import (
    Answer,
    Check,
    EnsurePipeline,
    Follow,
    Job,
    List,
    Offer,
    Publish,
    Retire,
    Run,
    Setup,
    Withdraw,
)
from bot.domain.manner import Experiments, Manner
from bot.domain.offer import Components
from bot.domain.pipeline import OUR_JOBS, Environment
from bot.domain.policy import Policy
from bot.domain.proof import Keys, derive_token
from bot.domain.reconcile import Enrolment, Rhythm
from bot.domain.routing import Ignored, Rules, route
from bot.errors import BotError, OperatorError
from bot.logs import get, set_up
from parser.limits import Limits as ReadingLimits

# Door and worker are two processes, and neither has to load what only the other one uses.
if TYPE_CHECKING:
    from flask import Flask

    from bot.adapters.forge import Forge
    from bot.adapters.gitlab_client import GitlabClient
    from bot.adapters.reader import Reader
    from bot.adapters.registry import Registry
    from bot.domain.data_pipeline_check import Modules
    from bot.domain.wizard import SetupWish
    from bot.jobs.engine import Desk
    from bot.local.pipelines import LookUp
    from bot.metrics import Look
    from bot.reconcile import Reach
    from bot.world import World

DOOR_TIMEOUT_SECONDS = 30
DOOR_GRACE_SECONDS = 5
WEB_TIMEOUT_SECONDS = 60
MAX_ADDRESS_BYTES = 8190
"""The most that gunicorn takes in a request's first line."""

AWAITED_PAUSE_SECONDS = 0.2
"""How often a command looks whether the worker has done what it asked for."""

REGISTRY_USER = "mlreef-bot"

REGISTRY_PAUSES = (0.2,)
"""Seconds before a request to the registry is tried again: once, the job itself is tried again later."""

PROGRESS_SECONDS = 2.0
"""How long somebody who looks at what is under way is given the same answer: pages ask every few seconds."""

"""GitLab's registry looks at the token alone; any user name will do with it."""

_log = get(__name__)


def start_logs(config: Config) -> None:
    """Send logs where the configuration says, without any of its secrets."""
    set_up(config.log.format, config.log.level, config.secrets())


def read_rules(config: Config) -> Rules:
    """What decides which events ask for work."""
    return Rules(config.publish.branches, OUR_JOBS, others=config.publish.other_branches)


def read_policy(config: Config) -> Policy:
    """The operator's part of every publication."""
    return Policy(
        environments=tuple(
            Environment(**{**each.model_dump(), "title": each.title or each.name})
            for each in config.environments
        ),
        default_environment=config.environment_by_default,
        builder_image=config.builder.image,
        docs_url=config.docs_url,
        building=read_building(config),
        branches=config.publish.branches,
        other_branches=config.publish.other_branches,
        keep_versions=config.publish.keep_versions,
        grace_seconds=config.pipeline.grace_seconds,
        watch_seconds=config.pipeline.watch_seconds,
        guards=Guards(commits_per_hour=config.publish.commits_per_hour),
        review=Manner(**config.review.model_dump()),
        wizard=config.wizard.open,
        experiments=Experiments(**config.experiments.model_dump()),
        component=Components(**config.component.model_dump()),
        limits=ReadingLimits(config.reading.file_bytes, config.reading.steps, config.reading.depth),
    )


def read_building(config: Config) -> Building:
    """How images are built and vouched for."""
    builder = config.builder
    return Building(
        engines=builder.engines,
        shared_layers=builder.shared_layers,
        index_url=builder.index_url,
        attest=builder.attest,
        signing_key=builder.signing_key,
        advisories=builder.advisories,
        advisories_url=builder.advisories_url,
        block_from=builder.block_from,
    )


def read_enrolment(config: Config) -> Enrolment:
    """Which projects the sweep looks after."""
    return Enrolment(frozenset(config.reconcile.projects), config.reconcile.groups)


def read_rhythm(config: Config) -> Rhythm:
    """How often the sweep comes by; a publication is stale when its own look should have been twice."""
    return Rhythm(
        config.reconcile.interval_seconds,
        config.reconcile.complete_seconds,
        2 * config.pipeline.watch_seconds,
    )


def build_client(
    config: Config,
    store: Store | None = None,
    on_call: Callable[[str, int, float], None] | None = None,
    before_write: Callable[[], None] = lambda: None,
) -> GitlabClient:
    """GitLab's API, as the bot's user. Whoever shares a store shares the rate budget; `on_call` counts the calls.

    `before_write` may raise to keep a worker that was cut off from writing.
    """
    from bot.adapters.budget import Budget
    from bot.adapters.gitlab_client import GitlabClient

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
    from bot.adapters.forge import Forge

    return Forge(build_client(config))


def build_reach(
    config: Config, world: World, act: bool = True, before_write: Callable[[], None] = lambda: None
) -> Reach:
    """What a sweep may touch. `before_write` may raise to keep a worker that was cut off from writing."""
    from bot.adapters.overview import Overview
    from bot.metrics import gitlab_called
    from bot.reconcile import Reach

    return Reach(
        world,
        Overview(build_client(config, world.store, gitlab_called, before_write)),
        read_enrolment(config),
        read_rhythm(config),
        act,
    )


def build_reader(config: Config) -> Reader:
    """What reads repositories, in processes of its own; it starts at once to be ready for the first one."""
    from bot.adapters.reader import Allowance, Reader

    reader = Reader(Allowance(config.reading.seconds, config.reading.memory_mib * 1024 * 1024))
    reader.start()
    return reader


def build_registry(config: Config, pauses: tuple[float, ...] = REGISTRY_PAUSES) -> Callable[[str], Registry]:
    """Registries by host, one client each, with the bot's rights; `pauses` as REGISTRY_PAUSES."""
    from bot.adapters.registry import Registry

    own = config.registry
    username = own.username if own else REGISTRY_USER
    password = (own.password if own else config.gitlab.token).get_secret_value()
    return functools.lru_cache(maxsize=16)(lambda host: Registry(host, username, password, pauses=pauses))


# The door ---------------------------------------------------------------------------------------------


def build_door(config: Config) -> Flask:
    """The WSGI application that GitLab's webhooks reach. Build it after a fork: it holds connections."""
    from bot.health import health
    from bot.metrics import Reading
    from bot.webhook import create_app

    store = Store(config.database.url, DOOR_SECONDS)
    app = create_app(store, read_keys(config), read_rules(config))
    reading = None if config.metrics.listen else Reading(lambda: look_at(store))
    app.register_blueprint(health(store, reading))
    return app


def read_keys(config: Config) -> Keys:
    """What proves that a delivery is GitLab's."""
    door = config.webhook
    return Keys(
        secrets=tuple(secret.get_secret_value() for secret in door.secrets),
        signing_tokens=tuple(token.get_secret_value() for token in door.signing_tokens),
        masters=tuple(master.get_secret_value() for master in door.master_secret),
        tolerance_seconds=door.tolerance_seconds,
    )


def look_at(store: Store) -> Look:
    """The state of the queue, by the names of its metrics."""
    backlog, jobs, seen = store.backlog(), store.job_counts() or JobCounts(), store.fact(WORKER_SEEN)
    silent = {"mlreef_worker_silent_seconds": time.time() - float(seen)} if seen else {}
    waits = {"waiting": jobs.waiting, "delayed": jobs.delayed, "running": jobs.running}
    return {
        "mlreef_queue_depth": {"delivery": backlog.waiting, **waits},
        "mlreef_queue_oldest_seconds": max(backlog.oldest_seconds, jobs.oldest_seconds),
        "mlreef_stuck_jobs": jobs.stuck,
        "mlreef_failed_jobs": jobs.failed,
        **silent,
    }


def derive_project_token(config: Config, project_id: int) -> str:
    """The secret token for the hooks of one project. Raises OperatorError without a master secret."""
    if not config.webhook.master_secret:
        raise OperatorError(
            "webhook.master_secret_file is not configured, and projects' tokens are derived from it",
            "write the output of `openssl rand -hex 32` into a file and name it there",
        )
    return derive_token(config.webhook.master_secret[0].get_secret_value(), project_id)


def run_door(config: Config, descriptor: int) -> None:
    """Serve HTTP on an open listening socket until SIGTERM."""
    from bot.doorkeeper import run_wsgi

    start_logs(config)
    Store.prepare(config.database.url).close()
    run_wsgi(lambda: build_door(config), door_settings(config, f"fd://{descriptor}"))


def door_settings(config: Config, bind: str) -> dict[str, Any]:
    """How gunicorn serves the door."""
    from bot.gate import GateWorker

    return {
        "bind": bind,
        "workers": config.webhook.processes,
        "threads": config.webhook.threads,
        "worker_class": GateWorker,
        # A kept connection's next request would reach a thread before it is there; GitLab keeps none.
        "keepalive": 0,
        "timeout": DOOR_TIMEOUT_SECONDS,
        "graceful_timeout": DOOR_GRACE_SECONDS,
        "proc_name": "mlreef-bot-door",
    }


# The web pages ----------------------------------------------------------------------------------------


def run_web(config: Config, descriptor: int | None) -> None:
    """Serve the catalogue's pages until SIGTERM: on an open listening socket, else where the configuration says."""
    from bot.doorkeeper import run_wsgi

    start_logs(config)
    Store.prepare(config.database.url).close()
    bind = config.catalogue.listen if descriptor is None else f"fd://{descriptor}"
    run_wsgi(lambda: build_web(config), web_settings(config, bind))


def build_web(config: Config) -> Flask:
    """The WSGI application of pages, badges and API. Build it after a fork: it holds connections."""
    from bot.adapters.registry.values import read_image
    from bot.adapters.visibility import Visibility
    from bot.browsing import Browser
    from bot.layers.trust.bill import fetch_bill
    from bot.web.api import api
    from bot.web.app import WebSettings, create_web
    from bot.web.people import Keys, People
    from bot.web.signin import Provider, sign_in_pages

    shown, gitlab = config.catalogue, config.gitlab
    ca_file = str(gitlab.ca_file) if gitlab.ca_file else None
    store = Store(config.database.url, DOOR_SECONDS)
    eyes = Visibility(
        gitlab.url,
        gitlab.timeout_seconds,
        shown.cache_seconds,
        ca_file,
        changed=lambda: store.fact(ACCESS_CHANGED),
    )
    browser = Browser(store, eyes, min(PROGRESS_SECONDS, shown.cache_seconds))
    keys = Keys.of(shown.session_secret.get_secret_value()) if shown.session_secret else None
    people = People(store, eyes, shown.address, keys if shown.client_id else None)

    def ask(event: Event) -> None:
        store.accept(f"withdraw {uuid.uuid4()}", to_dict(event), subject(event))

    others = [api(browser, people, shown.address, ask)]
    if shown.client_id and shown.client_secret:
        secret = shown.client_secret.get_secret_value()
        provider = Provider(shown.address, gitlab.url, shown.client_id, secret, ca_file)
        others.append(sign_in_pages(people, eyes, store, provider))
    # somebody waits for the answer: it is not tried again, they are told
    registries = build_registry(config, pauses=())

    def bill(image: str, digest: str) -> bytes | None:
        host, repository = read_image(image)
        return fetch_bill(registries(host), repository, digest)

    settings = WebSettings(shown.address, gitlab.url, config.docs_url)
    return create_web(browser, people, settings, bill, others)


def web_settings(config: Config, bind: str) -> dict[str, Any]:
    """How gunicorn serves the pages."""
    return {
        "bind": bind,
        "workers": config.catalogue.processes,
        "threads": config.catalogue.threads,
        "worker_class": "gthread",
        "timeout": WEB_TIMEOUT_SECONDS,
        "graceful_timeout": DOOR_GRACE_SECONDS,
        # a form's values stand in the address
        "limit_request_line": MAX_ADDRESS_BYTES,
        "proc_name": "mlreef-bot-web",
    }


# The worker -------------------------------------------------------------------------------------------


def run_worker(config: Config) -> None:
    """Do jobs until SIGTERM or the supervisor's end."""
    from bot.adapters.presence import open_presence
    from bot.answering import answer, tell_answer_given_up
    from bot.cataloguing import list_again
    from bot.follow import follow
    from bot.measuring import measure_runs
    from bot.metrics import count_finds
    from bot.offering import offer
    from bot.opening import set_up
    from bot.publication import ensure_pipeline, publish
    from bot.rebuilding import tell_given_up as tell_withdrawal_given_up
    from bot.rebuilding import withdraw
    from bot.reconcile import Sweeper
    from bot.retiring import retire
    from bot.review import review
    from bot.serve import watch_lifeline
    from bot.telling import tell_given_up
    from bot.worker import Limits, Worker, leave

    start_logs(config)
    presence = open_presence(engine_url(config.database.url))
    store = Store.prepare(config.database.url, presence.check)
    world = WorldOnDemand(config, store, build_reader(config), presence.check)
    rules = read_rules(config)

    def named_in(project_id: int) -> tuple[str, ...] | None:
        return read_named(store.fact(named_fact(project_id)))

    def decide(event: Event) -> Job | Ignored:
        return route(event, rules, world.user_id, world.username, named_in)

    def give_up(job: Job, _why: str) -> None:
        if isinstance(job, Answer):
            tell_answer_given_up(job, world.get())
        elif isinstance(job, Withdraw):
            tell_withdrawal_given_up(job, world.get())
        else:
            tell_given_up(job, world.get())

    worker = Worker(
        store,
        engine_url(config.database.url),
        decide,
        {
            Publish: lambda job: publish(job, world.get()),
            EnsurePipeline: lambda job: ensure_pipeline(job, world.get()),
            Follow: lambda job: follow(job, world.get()),
            Check: lambda job: review(job, world.get()),
            Setup: lambda job: set_up(job, world.get()),
            Retire: lambda job: retire(job, world.get()),
            List: lambda job: list_again(job, world.get()),
            Offer: lambda job: offer(job, world.get()),
            Run: lambda job: measure_runs(job, world.get()),
            Answer: lambda job: answer(job, world.get()),
            Withdraw: lambda job: withdraw(job, world.get()),
        },
        Limits(
            config.worker.concurrency,
            config.worker.poll_seconds,
            config.worker.per_project,
            config.worker.shutdown_seconds,
        ),
        # in threads of their own: a GitLab that hangs must not look like a worker that died
        housekeeping={
            "sign of life": lambda: give_sign_of_life(store),
            "who the bot is": world.look,
        },
        given_up=give_up,
        presence=presence,
    )
    sweeper = Sweeper(
        store,
        f"{socket.gethostname()} {os.getpid()}",
        read_rhythm(config),
        lambda: build_reach(config, world.get(), before_write=presence.check),
        count_finds,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: worker.request_stop())
    watch_lifeline(worker.request_stop)
    if config.metrics.listen:
        tell_metrics(config.metrics.listen, store)
    worker.start()
    sweeper.start()
    try:
        worker.run_until_stopped()
        sweeper.stop()
        store.close()
    except Exception as error:  # noqa: BLE001 -- threads of the engine would keep the process alive
        _log.error("worker does not end well", exc_info=error)
        leave(1)
    leave()


def tell_metrics(listen: str, store: Store) -> None:
    """Serve /metrics at an address of its own, from now on. Jobs are done also when that address cannot be had."""
    from bot.metrics import Reading

    try:
        Reading(lambda: look_at(store)).serve(listen)
    except (OSError, OverflowError) as error:
        _log.error("metrics.listen cannot be listened on", address=listen, why=str(error))


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
        from bot.adapters.forge import Forge
        from bot.adapters.talk import Talk
        from bot.metrics import gitlab_called
        from bot.world import World

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


def give_sign_of_life(store: Store) -> None:
    """Note that the worker lives."""
    store.keep_fact(WORKER_SEEN, str(time.time()))


# Commands ---------------------------------------------------------------------------------------------


def reconcile(config: Config, act: bool) -> tuple[str, ...]:
    """Sweep everything now; returns what was found, as lines for a person. `act` False changes nothing."""
    from bot.reconcile import lines_of, sweep_now

    store = Store.prepare(config.database.url)
    reader = build_reader(config)
    try:
        world = WorldOnDemand(config, store, reader).get()
        found = sweep_now(build_reach(config, world, act), f"command {os.getpid()}")
    finally:
        reader.close()
        store.close()
    return tuple(lines_of(found))


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and what a person reads of it."""

    good: bool
    words: str


def open_setup(config: Config, project: str, wish: SetupWish) -> Told:
    """Open the merge request that sets a project (id or path) up, as a comment `/mlreef init` does."""
    from bot.domain.text import printable
    from bot.opening import open_setup as open_it

    store = Store.prepare(config.database.url)
    reader = build_reader(config)
    try:
        world = WorldOnDemand(config, store, reader).get()
        found = world.forge.fetch_project(int(project) if project.isdecimal() else project)
        opened = open_it(found.id, world, asked=True, wish=wish)
    finally:
        reader.close()
        store.close()
    if opened.refused is not None:
        return Told(False, printable(f"{opened.refused.why} {opened.refused.mend}"))
    words = {"opened": "Opened", "there": "It is there already:"}.get(opened.kind)
    return Told(True, f"{words} {opened.web_url}" if words else "There is nothing to set up.")


def request_publication(config: Config, project: str, branch: str | None) -> tuple[str, str]:
    """Ask the running worker to publish a branch now. Returns the project's path and the branch."""
    found = build_forge(config).fetch_project(int(project) if project.isdecimal() else project)
    asked = Asked(found.id, branch or found.default_branch or "main")
    store = Store.prepare(config.database.url)
    store.accept(f"asked {time.time_ns()} {os.getpid()}", to_dict(asked), subject(asked))
    store.close()
    return found.path, asked.branch


def look_up_modules(config: Config) -> LookUp:
    """What the store has of published modules, for whoever has the bot's own machine."""
    from bot.local.pipelines import find_module

    def look_up(wanted: Collection[tuple[str, str]]) -> Modules:
        store = Store.prepare(config.database.url)
        try:
            return {(path, ref): find_module(store, path, ref) for path, ref in wanted}
        finally:
            store.close()

    return look_up


def request_withdrawal(config: Config, project: str, version: str, action: str, branch: str | None) -> str:
    """Ask the running worker to take a version back, or to bring it back, as the operator. Returns its key."""
    found = build_forge(config).fetch_project(int(project) if project.isdecimal() else project)
    key = f"command {time.time_ns()} {os.getpid()}"
    asked = WithdrawAsked(found.id, branch or found.default_branch or "main", version, action, 0, key)
    store = Store.prepare(config.database.url)
    store.accept(key, to_dict(asked), subject(asked))
    store.close()
    return key


def await_withdrawal(config: Config, key: str, seconds: float) -> tuple[bool, str] | None:
    """How that ended: whether it is done, and the words for it; None when it has not ended in so many seconds."""
    store, deadline = Store.prepare(config.database.url), time.monotonic() + seconds
    try:
        while True:
            text = store.fact(f"withdrawal {key}")
            if text is not None:
                store.drop_fact(f"withdrawal {key}")
                read = json.loads(text)
                return bool(read["done"]), str(read["reply"])
            if time.monotonic() >= deadline:
                return None
            time.sleep(AWAITED_PAUSE_SECONDS)
    finally:
        store.close()


def rebuild_catalogue(config: Config, project: str | None, tell: Callable[[str], None]) -> Told:
    """Work the catalogue out anew of GitLab and the registry: one project (id or path), or all that the bot sees."""
    from bot.adapters.overview import Overview
    from bot.cataloguing import rebuild

    store = Store.prepare(config.database.url)
    reader = build_reader(config)
    try:
        world = WorldOnDemand(config, store, reader).get()
        if project is not None:
            found = world.forge.fetch_project(int(project) if project.isdecimal() else project)
            built = rebuild([(found.id, found.path)], world, tell, others=False)
        else:
            pages = Overview(build_client(config, store)).fetch_enrolled(None, archived=True)
            built = rebuild(((one.id, one.path) for page in pages for one in page), world, tell)
    finally:
        reader.close()
        store.close()
    words = f"{built.looked_at} projects were looked at; {built.listed} are in the catalogue."
    return Told(not built.failed, words + (f" {built.failed} could not be asked." if built.failed else ""))


def read_catalogue(config: Config, project: str | None, as_json: bool) -> str:
    """What the catalogue holds, as lines: of one project (id or path), or all. OperatorError where it is not there."""
    from bot import catalogue_lines as lines

    store = Store.prepare(config.database.url)
    try:
        if project is None:
            listed = (store.listed(one) for one in store.listed_projects())
            modules = [one for one in listed if one is not None]
            return lines.list_json(modules) if as_json else lines.list_table(modules)
        found = store.listed(int(project)) if project.isdecimal() else store.listed_by_path(project)
        if found is None:
            raise OperatorError(
                f"{project} is not in the catalogue",
                "look at `mlreef-bot catalogue list`; `mlreef-bot catalogue rebuild --project` asks GitLab about it",
            )
        show = lines.show_json if as_json else lines.show_table
        return show(found, store.listed_versions(found.project_id))
    finally:
        store.close()


def at_the_desk(config: Config, work: Callable[[Store, Desk], str]) -> str:
    """Look at jobs, or mend one, beside the running workers; returns what `work` says."""
    from bot.jobs.engine import Desk

    store = Store.prepare(config.database.url)
    desk = Desk(engine_url(config.database.url), config.worker.per_project)
    try:
        return work(store, desk)
    finally:
        desk.close()
        store.close()


def serve(config: Config, config_file: Path | None, with_worker: bool) -> int:
    """Run door and worker, or the door alone, under one supervisor until SIGTERM; returns the exit code."""
    from bot import serve as supervisor

    start_logs(config)
    # Made once here, so that two processes do not make the same tables at the same moment.
    Store.prepare(config.database.url).close()
    pages = config.catalogue.listen if config.catalogue.enabled else ""
    return supervisor.serve(
        config.webhook.listen, config_file, config.worker.shutdown_seconds, with_worker, pages
    )
