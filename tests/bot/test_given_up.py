"""Jobs that are not tried any more: kept with their reason, told to the author, and no burden to the others."""

from __future__ import annotations

import time
from pathlib import Path

from bot.domain.events import Push
from bot.domain.steps import PUBLISH_STATUS
from bot.jobs.doing import DEATHS
from sandbox.gitlab import MAINTAINER, Sandbox
from tests.bot.workers import PATIENCE_SECONDS, Bench, push


def test_the_author_of_a_job_given_up_reads_that_it_failed_and_what_happens_next(
    bench: Bench, tmp_path: Path
) -> None:
    with Sandbox(tmp_path / "gitlab") as sandbox:
        alice, bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        project = sandbox.create_project("lab/noise", alice, files={"a.py": "1\n"})
        sandbox.add_member(project.id, bot, MAINTAINER)
        head = str(sandbox.head(project.id))
        gitlab = {"url": sandbox.url, "token": bot.token, "user_id": bot.id}
        bench.script({"first pause": 0.1, "main": {"fails": 99, "how": "bug"}, "gitlab": gitlab})
        bench.start()
        bench.tell(Push(project.id, "refs/heads/main", "0" * 40, head, alice.id, "main", None))
        bench.wait(lambda: sandbox.statuses(project.id, head, PUBLISH_STATUS))
        (status,) = sandbox.statuses(project.id, head, PUBLISH_STATUS)
        assert status.status == "failed"
        assert "Whoever runs the bot sees why and can start it again" in (status.description or "")
        assert "a new push is tried anew" in (status.description or "")
        assert len(bench.store.parked()) == 1
        assert sandbox.complaints == []


def test_a_job_of_which_its_worker_dies_each_time_is_kept_and_those_that_died_with_it_are_done(
    file_bench: Bench,
) -> None:
    bench = file_bench
    bench.script(
        {
            "main": {"fails": 99, "how": "die", "seconds": 0.2},
            "other": {"seconds": 0.5},
            "crashes": 1,
            "first pause": 0.1,
        }
    )
    bench.tell(push(1))
    bench.tell(push(2, "other", project=2))
    began = time.monotonic()
    while not bench.store.parked():
        assert time.monotonic() - began < 2 * PATIENCE_SECONDS
        worker = bench.start()
        while worker.poll() is None and not bench.store.parked():
            time.sleep(0.02)
    (parked,) = bench.store.parked()
    assert (parked.job["branch"], parked.why) == ("main", DEATHS)
    bench.tell(push(3, "another", project=3))
    bench.wait(lambda: {line.number for line in bench.lines("end")} == {2, 3})
    assert [line.branch for line in bench.lines("given-up")] == ["main"]
    assert worker.poll() is None
