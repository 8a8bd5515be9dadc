"""The worker: the process that does jobs, and sweeps."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable

from bot.adapters.database import engine_url
from bot.adapters.presence import open_presence
from bot.adapters.store import Store
from bot.answering import answer, tell_answer_given_up
from bot.app.counts import tell_metrics
from bot.app.settings import read_rhythm, read_rules, start_logs
from bot.app.world import WorldOnDemand, build_reach, build_reader
from bot.cataloguing import list_again
from bot.config import Config
from bot.domain.branches import named_fact, read_named
from bot.domain.events import Event
from bot.domain.facts import WORKER_SEEN
from bot.domain.jobs import (
    Answer,
    Check,
    EnsurePipeline,
    Follow,
    Job,
    Later,
    List,
    Offer,
    Publish,
    Retire,
    Run,
    Setup,
    Withdraw,
)
from bot.domain.routing import Ignored, route
from bot.follow import follow
from bot.logs import get
from bot.measuring import measure_runs
from bot.metrics import count_finds
from bot.offering import offer
from bot.opening import set_up
from bot.publication import publish
from bot.rebuilding import tell_given_up as tell_withdrawal_given_up
from bot.rebuilding import withdraw
from bot.retiring import retire
from bot.review import review
from bot.serve import watch_lifeline
from bot.starting import ensure_pipeline
from bot.sweeper import Sweeper
from bot.telling import tell_given_up
from bot.worker import Limits, Worker, leave
from bot.world import World

_log = get(__name__)


def run_worker(config: Config) -> None:
    """Do jobs until SIGTERM or the supervisor's end."""
    start_logs(config)
    presence = open_presence(engine_url(config.database.url))
    store = Store.prepare(config.database.url, presence.check)
    world = WorldOnDemand(config, store, build_reader(config), presence.check)
    worker = Worker(
        store,
        engine_url(config.database.url),
        decider(config, store, world),
        lambda job: do(job, world.get()),
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
        given_up=lambda job, _why: give_up(job, world.get()),
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


def decider(config: Config, store: Store, world: WorldOnDemand) -> Callable[[Event], Job | Ignored]:
    """What an event asks for, as far as the bot knows yet who it is and which branches a project names."""
    rules = read_rules(config)

    def named_in(project_id: int) -> tuple[str, ...] | None:
        return read_named(store.fact(named_fact(project_id)))

    return lambda event: route(event, rules, world.user_id, world.username, named_in)


def do(job: Job, world: World) -> tuple[Later, ...]:
    """Have a job done by whoever does its kind; gives what follows from it."""
    match job:
        case Publish():
            return publish(job, world)
        case EnsurePipeline():
            return ensure_pipeline(job, world)
        case Follow():
            return follow(job, world)
        case Check():
            return review(job, world)
        case Setup():
            return set_up(job, world)
        case Retire():
            return retire(job, world)
        case List():
            return list_again(job, world)
        case Offer():
            return offer(job, world)
        case Run():
            return measure_runs(job, world)
        case Answer():
            return answer(job, world)
        case Withdraw():
            return withdraw(job, world)


def give_up(job: Job, world: World) -> None:
    """Tell whoever waits for a job that it is not tried again."""
    if isinstance(job, Answer):
        tell_answer_given_up(job, world)
    elif isinstance(job, Withdraw):
        tell_withdrawal_given_up(job, world)
    else:
        tell_given_up(job, world)


def give_sign_of_life(store: Store) -> None:
    """Note that the worker lives."""
    store.keep_fact(WORKER_SEEN, str(time.time()))
