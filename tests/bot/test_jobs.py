"""What a person sees of jobs, and does about them, while workers run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.adapters.database import engine_url
from bot.errors import OperatorError
from bot.jobs.engine import Desk
from bot.jobs.listing import Line, as_json, as_table, forget, list_jobs, retry
from bot.worker import Limits
from tests.bot.workers import Bench, push


@pytest.fixture
def desk(bench: Bench) -> Iterator[Desk]:
    """Opened after the first worker made the engine's tables."""
    worker = bench.start()
    worker.kill()
    worker.wait()
    opened = Desk(engine_url(bench.store.url), Limits().per_project)
    yield opened
    opened.close()


def fail(bench: Bench, desk: Desk) -> None:
    """Until a job has failed for good, and the engine, too, has noted that it ended."""
    bench.script({"first pause": 0.2, "main": {"fails": 99, "how": "bug"}})
    bench.start()
    bench.tell(push(1))
    bench.wait(lambda: [line.state for line in list_jobs(bench.store, desk)] == ["failed"])


def only_delayed(bench: Bench, desk: Desk) -> Line:
    """The one job that is left, once it waits for its time."""
    bench.wait(lambda: [bool(line.due_seconds) for line in list_jobs(bench.store, desk)] == [True])
    return list_jobs(bench.store, desk)[0]


def test_before_the_first_worker_there_are_deliveries_only(bench: Bench) -> None:
    bench.tell(push(1))
    desk = Desk(engine_url(bench.store.url), 4)
    (line,) = list_jobs(bench.store, desk)
    desk.close()
    assert (line.state, line.project_id, line.id) == ("waiting", 1, "delivery 1")
    assert not list(bench.folder.glob("*-jobs.db"))


def test_what_waits_runs_and_failed_is_listed_with_its_reason(bench: Bench, desk: Desk) -> None:
    bench.script(
        {
            "first pause": 0.2,
            "broken": {"fails": 99, "how": "bug"},
            "slow": {"seconds": 60.0},
            "locked": {"fails": 99, "how": "again", "after": 900.0},
        }
    )
    bench.start()
    for number, branch in enumerate(("broken", "slow", "locked"), 1):
        bench.tell(push(number, branch, project=number))
    bench.wait(bench.store.parked)
    bench.wait(lambda: len(list_jobs(bench.store, desk)) == 3)
    waiting, running, failed = list_jobs(bench.store, desk)
    assert [line.branch for line in (waiting, running, failed)] == ["locked", "slow", "broken"]
    assert (waiting.state, running.state, failed.state) == ("waiting", "running", "failed")
    assert waiting.why == "GitLab does not answer"
    assert waiting.due_seconds is not None
    assert 600 < waiting.due_seconds <= 900
    assert "ZeroDivisionError" in failed.why
    assert all(0 <= line.age_seconds < 60 for line in (waiting, running, failed))
    with pytest.raises(OperatorError, match="running"):
        forget(bench.store, desk, running.id)
    assert [line.branch for line in list_jobs(bench.store, desk, "failed")] == ["broken"]


def test_a_failed_job_that_is_retried_is_done_once_as_a_person_asked(bench: Bench, desk: Desk) -> None:
    fail(bench, desk)
    for process in bench.processes:
        process.kill()
        process.wait()
    bench.script({})
    (failed,) = list_jobs(bench.store, desk, "failed")
    assert "is done anew" in retry(bench.store, desk, failed.id)
    assert bench.store.parked() == ()
    bench.start()
    bench.wait_for(1)
    assert [(line.kind, line.attempt) for line in bench.lines("end")] == [("Publish", 0)]
    with pytest.raises(OperatorError, match="no job"):
        retry(bench.store, desk, failed.id)


def test_a_delayed_job_begins_at_once_when_it_is_retried(bench: Bench, desk: Desk) -> None:
    bench.script({"main": {"fails": 1, "how": "again", "after": 900.0}})
    bench.start()
    bench.tell(push(1))
    delayed = only_delayed(bench, desk)
    retry(bench.store, desk, delayed.id)
    bench.wait_for(1)
    assert [line.attempt for line in bench.lines("end")] == [1]


def test_a_waiting_job_that_is_forgotten_is_not_done(bench: Bench, desk: Desk) -> None:
    bench.script({"main": {"fails": 1, "how": "again", "after": 3.0}})
    bench.start()
    bench.tell(push(1))
    delayed = only_delayed(bench, desk)
    forget(bench.store, desk, delayed.id)
    assert list_jobs(bench.store, desk) == []
    time.sleep(4.0)
    assert len(bench.lines("begin")) == 1


def test_a_failed_job_that_is_forgotten_is_gone(bench: Bench, desk: Desk) -> None:
    fail(bench, desk)
    (failed,) = list_jobs(bench.store, desk, "failed")
    forget(bench.store, desk, failed.id)
    bench.wait(lambda: list_jobs(bench.store, desk) == [])
    with pytest.raises(OperatorError, match="no job"):
        forget(bench.store, desk, failed.id)


def test_a_delivery_that_could_not_be_read_is_taken_up_anew(bench: Bench, desk: Desk) -> None:
    bench.store.accept("odd", {"kind": "from a later version"})
    bench.start()
    bench.wait(bench.store.parked)
    bench.wait(lambda: bench.store.pending(1) == ())
    (parked,) = bench.store.parked()
    assert retry(bench.store, desk, parked.job_id).endswith("taken up anew")
    bench.wait(bench.store.parked)


def test_the_table_and_the_json_show_hostile_names_harmlessly() -> None:
    line = Line("1-ab:1:publish", "failed", "publish", 1, "main\x1b[2J", 7300.0, 3, None, "why\nnot\x1b]0;")
    table = as_table([line])
    assert "\x1b" not in table
    assert len(table.splitlines()) == 2
    assert "2 h" in table
    assert json.loads(as_json([line]))[0]["branch"] == "main\x1b[2J"
    assert as_table([replace(line, due_seconds=90.0, why="")]).endswith("  in 2 min")
    assert as_table([]) == "Nothing waits, runs, or failed."


def test_the_command_lists_and_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {
        "GITLAB__URL": "https://gitlab.example.com",
        "GITLAB__TOKEN": "a-token-of-gitlab",
        "WEBHOOK__SECRETS": "a-secret-of-the-hook",
        "BUILDER__IMAGE": "registry.example.com/bot:1",
        "DATABASE__URL": f"sqlite:///{tmp_path}/bot.db",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"MLREEF_{name}", value)
    assert main(["jobs"]) == 0
    assert "Nothing waits" in capsys.readouterr().out
    assert main(["jobs", "--state", "failed", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["jobs", "retry", "nothing"]) == 2
    assert "mlreef-bot jobs" in capsys.readouterr().err
    assert main(["jobs", "forget"]) == 2
