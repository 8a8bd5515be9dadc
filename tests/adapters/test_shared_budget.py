"""The rate budget: what one worker is told, all obey, and nobody's thread sleeps for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.budget import STALE_SECONDS, Budget
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.store import Store
from bot.domain.budget import WHOLE, Gate
from bot.errors import OperatorError, TryAgain
from sandbox.gitlab import Sandbox, Trouble, User, trouble


@pytest.fixture
def bad() -> Trouble:
    return Trouble()


@pytest.fixture
def sandbox(tmp_path: Path, bad: Trouble) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "gitlab", moods=bad) as running:
        yield running


@pytest.fixture
def bot(sandbox: Sandbox) -> User:
    return sandbox.create_user("mlreef-bot")


class Workers:
    """Clients as several processes would have them: each with a store of its own on the same database."""

    def __init__(self, sandbox: Sandbox, bot: User, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'bot.db'}"
        Store.prepare(self.url).close()
        self.sandbox, self.bot = sandbox, bot

    def one(self, seconds: float = 5.0) -> GitlabClient:
        return GitlabClient(self.sandbox.url, self.bot.token, seconds, budget=Budget(Store(self.url)))


@pytest.fixture
def workers(sandbox: Sandbox, bot: User, tmp_path: Path) -> Workers:
    return Workers(sandbox, bot, tmp_path)


def refused(client: GitlabClient, path: str = "/user") -> TryAgain:
    began = time.monotonic()
    with pytest.raises(TryAgain) as told:
        client.get(path)
    assert time.monotonic() - began < 0.5, "the thread was held"
    return told.value


def test_a_worker_that_is_slowed_down_slows_down_all(
    workers: Workers, sandbox: Sandbox, bad: Trouble
) -> None:
    first, second = workers.one(), workers.one()
    assert second.get("/user")["username"] == "mlreef-bot"
    bad.on("GET", "/user", trouble.slow_down(60))
    assert refused(first).after == 60
    time.sleep(STALE_SECONDS)
    asked = len(sandbox.requests)
    for client in (first, second, workers.one()):
        assert 50 < (refused(client, "/version").after or 0) <= 60
    assert len(sandbox.requests) == asked


def test_calls_go_on_when_the_time_is_over(workers: Workers, bad: Trouble) -> None:
    client = workers.one()
    bad.on("GET", "/user", trouble.slow_down(datetime.now(UTC) + timedelta(seconds=2)))
    refused(client)
    time.sleep(refused(client).after or 0)
    assert client.get("/user")["username"] == "mlreef-bot"


def test_before_the_window_is_used_up_everybody_stops(
    workers: Workers, sandbox: Sandbox, bad: Trouble
) -> None:
    client = workers.one()
    bad.on("GET", "/user", trouble.remaining(3, resets_in=40))
    assert client.get("/user")["username"] == "mlreef-bot"
    asked = len(sandbox.requests)
    assert 30 < (refused(client).after or 0) <= 40
    assert 30 < (refused(workers.one()).after or 0) <= 40
    assert len(sandbox.requests) == asked


def test_a_limit_of_one_endpoint_leaves_the_others_open(
    workers: Workers, sandbox: Sandbox, bad: Trouble
) -> None:
    words = {"message": {"error": "This endpoint has been requested too many times. Try again later."}}
    bad.on("GET", "/version", trouble.refuse(429, words, {"Retry-After": "60"}))
    client = workers.one()
    refused(client, "/version")
    refused(client, "/version")
    assert client.get("/user")["username"] == "mlreef-bot"


def test_a_refused_token_is_tried_by_one_call_now_and_then_and_not_by_all(
    workers: Workers, sandbox: Sandbox, bot: User
) -> None:
    sandbox.revoke(bot.token)
    first, second = workers.one(), workers.one()
    for client in (first, second, first, second):
        with pytest.raises(OperatorError) as told:
            client.get("/user")
        assert "token" in told.value.hint
    assert len(sandbox.requests) == 1


def test_a_new_token_in_the_file_is_taken_without_a_restart(
    sandbox: Sandbox, bot: User, tmp_path: Path
) -> None:
    kept = tmp_path / "token"
    kept.write_text(bot.token)
    client = GitlabClient(sandbox.url, bot.token, 5, reread_token=lambda: kept.read_text())
    assert client.get("/user")["id"] == bot.id
    sandbox.expire(bot.token)
    kept.write_text(sandbox.create_token(bot).value)
    assert client.get("/user")["id"] == bot.id


def test_a_database_that_fails_leaves_each_worker_what_it_knows(tmp_path: Path) -> None:
    broken = Store(f"sqlite:///{tmp_path / 'empty.db'}")  # never prepared: it has no tables
    budget = Budget(broken)
    budget.check("GET /user")
    budget.close(WHOLE, Gate(time.time() + 60, "for the test"))
    with pytest.raises(TryAgain, match="for the test"):
        budget.check("GET /user")


def test_the_longer_of_two_pauses_holds(tmp_path: Path) -> None:
    budget = Budget(now=lambda: 1000.0)
    budget.close(WHOLE, Gate(1060.0, "long"))
    budget.close(WHOLE, Gate(1010.0, "short"))
    with pytest.raises(TryAgain) as told:
        budget.check("GET /user")
    assert told.value.after == 60


def test_a_gate_of_a_clock_that_was_wrong_closes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    Store.prepare(url).close()
    clock = [time.time() + 400 * 86_400]
    wrong = Budget(Store(url), now=lambda: clock[0])
    wrong.close(WHOLE, Gate(clock[0] + 60, "GitLab asked to slow down (429)"))
    with pytest.raises(TryAgain):
        wrong.check("GET /user")
    Budget(Store(url)).check("GET /user")
    # and the same process, once its clock was put right; what is learned then counts
    clock[0] = time.time()
    wrong.check("GET /user")
    wrong.close(WHOLE, Gate(clock[0] + 60, "GitLab asked to slow down (429)"))
    with pytest.raises(TryAgain):
        Budget(Store(url)).check("GET /user")
