"""What an author reads of a job that failed. That it is harmless is shown in test_harmless.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import failure_words
from bot.domain.gitlab import CiJob, Pipeline
from tests.domain.values import HEAD

JOB = CiJob(7, "mlreef-build", "failed", False, "https://gitlab.example.com/g/p/-/jobs/7", "script_failure")
PIPELINE = Pipeline(31, HEAD, "master", "failed", "push", "https://gitlab.example.com/g/p/-/pipelines/31")
NO_SPACE = b"Copying\nOSError: [Errno 28] No space left on device\nERROR: Job failed: exit code 1\n"


def test_a_failure_shows_the_jobs_last_lines() -> None:
    trace = b"\n".join(b"line %d" % n for n in range(1, 40))
    body = failure_words.failed_note(HEAD, JOB, PIPELINE, trace)
    assert "| line 39" in body
    assert "| line 20" in body
    assert "| line 19" not in body
    assert "`script_failure`" in body


def test_the_cause_that_a_job_named_comes_first() -> None:
    trace = b"   | pip says no\nNot published: there is no `numppy`.\nERROR: Job failed: exit code 1\n"
    assert failure_words.read_cause(trace) == "there is no `numppy`."
    assert failure_words.failed_status(JOB, trace) == "Not published: there is no 'numppy'."
    body = failure_words.failed_note(HEAD, JOB, PIPELINE, trace)
    assert "**Why:** there is no `numppy`." in body
    assert body.index("**Why:**") < body.index("pipeline 31") < body.index("| pip says no")
    assert "**Likely cause:**" not in body


def test_without_a_cause_the_job_is_named() -> None:
    assert failure_words.read_cause(b"Segmentation fault\n") is None
    assert "mlreef-build" in failure_words.failed_status(JOB, b"Segmentation fault\n")
    assert "cause:**" not in failure_words.failed_note(HEAD, JOB, PIPELINE, b"Segmentation fault\n")


def test_a_likely_cause_stands_first_with_what_to_do_and_where_the_rest_is() -> None:
    body = failure_words.failed_note(HEAD, JOB, PIPELINE, NO_SPACE)
    cause = "**Likely cause:** The machine that runs the job has no room left on its disk."
    mend = "**What to do:** Whoever runs the runner must make some; then retry the job."
    at = [body.index(words) for words in (cause, mend, JOB.web_url, PIPELINE.web_url, "| OSError")]
    assert at == sorted(at)
    status = failure_words.failed_status(JOB, NO_SPACE)
    assert status == "Not published: The machine that runs the job has no room left on its disk."


def test_what_the_job_said_itself_is_not_said_again() -> None:
    own = (
        b"OSError: [Errno 28] No space left on device\n"
        b"Not published: the requirements could not be installed. The machine that runs the job has no room left on "
        b"its disk. Whoever runs the runner must make some; then retry the job.\n"
    )
    body = failure_words.failed_note(HEAD, JOB, PIPELINE, own).partition("Its last lines:")[0]
    assert body.count("no room left") == 1
    assert body.count("must make some") == 1


def test_what_a_job_says_is_read_where_the_runner_writes_the_time_before_each_line() -> None:
    trace = (
        b"2024-07-22T12:43:46.962646Z 00O    | pip says no\n"
        b"2024-07-22T12:43:47.000001Z 00O Not published: there is \n"
        b"2024-07-22T12:43:47.000002Z 00O+no `numppy`.\n"
    )
    assert failure_words.read_cause(trace) == "there is no `numppy`."
    assert "|    | pip says no" in failure_words.failed_note(HEAD, JOB, PIPELINE, trace)


def test_a_log_that_is_for_members_is_not_repeated_to_all() -> None:
    for body in (
        failure_words.failed_note(HEAD, JOB, PIPELINE, NO_SPACE, is_open=False),
        failure_words.stage_note(HEAD, "ci/test.yml", JOB, PIPELINE.web_url, NO_SPACE, is_open=False),
    ):
        assert "| OSError" not in body
        assert "Copying" not in body
        assert "**Likely cause:** The machine that runs the job has no room left" in body
        assert "for its members" in body
        assert JOB.web_url in body


def test_nobody_looks_for_the_cause_of_what_somebody_cancelled() -> None:
    body = failure_words.failed_note(HEAD, replace(JOB, status="canceled"), PIPELINE, NO_SPACE)
    assert "was cancelled" in body
    assert "cause:**" not in body


def test_a_job_that_never_ran_has_its_cause_by_gitlabs_reason() -> None:
    stuck = replace(JOB, failure_reason="stuck_or_timeout_failure")
    assert failure_words.failed_status(stuck, b"") == "Not published: No runner took the job in time."
    body = failure_words.failed_note(HEAD, stuck, PIPELINE, b"")
    assert "**Likely cause:** No runner took the job in time." in body
    assert "Its last lines:" not in body


def test_a_stage_of_the_authors_own_has_its_likely_cause_too() -> None:
    body = failure_words.stage_note(HEAD, "ci/test.yml", JOB, PIPELINE.web_url, NO_SPACE)
    at = [
        body.index(words)
        for words in ("`ci/test.yml`", JOB.web_url, PIPELINE.web_url, "no room left", "| OSError")
    ]
    assert at == sorted(at)
    status = failure_words.stage_status("ci/test.yml", JOB, NO_SPACE)
    assert status.endswith(
        "the job mlreef-build failed. The machine that runs the job has no room left on its disk."
    )


@pytest.mark.parametrize("length", [10, 255, 5000])
def test_statuses_fit_into_gitlabs_255_characters(length: int) -> None:
    trace = b"Not published: " + b"z" * length
    assert len(failure_words.failed_status(JOB, trace)) <= 255
    assert len(failure_words.stage_status("f" * length, JOB, NO_SPACE)) <= 255
