"""What our own jobs in a pipeline say together."""

from __future__ import annotations

import pytest

from bot.domain.gitlab import CiJob
from bot.domain.pipeline import JOB_NAMES
from bot.domain.plan import State
from bot.domain.progress import read_progress


def jobs(*statuses: str, allow_failure: bool = False) -> tuple[CiJob, ...]:
    return tuple(
        CiJob(number, name, status, allow_failure, "https://gitlab.example.com/job")
        for number, (name, status) in enumerate(zip(JOB_NAMES, statuses, strict=False))
    )


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (("created", "created", "created", "created"), State.RUNNING),
        (("running", "created", "created", "created"), State.RUNNING),
        (("success", "success", "success", "waiting_for_resource"), State.RUNNING),
        (("success", "success", "success", "success"), State.PUBLISHED),
        (("failed", "skipped", "skipped", "skipped"), State.FAILED),
        (("success", "success", "failed", "skipped"), State.FAILED),
        (("success", "canceled", "skipped", "skipped"), State.FAILED),
        (("success", "success", "success", "failed"), State.FAILED),
        (("success", "success", "a status of tomorrow", "created"), State.RUNNING),
    ],
)
def test_the_state_follows_from_our_jobs(statuses: tuple[str, ...], state: State) -> None:
    assert read_progress(jobs(*statuses)).state is state


def test_a_promotion_that_stepped_back_is_superseded() -> None:
    stepped_back = jobs("success", "success", "success", "failed", allow_failure=True)
    assert read_progress(stepped_back).state is State.SUPERSEDED


def test_a_pipeline_without_our_jobs_says_nothing() -> None:
    other = (CiJob(1, "pytest", "failed", False, ""), CiJob(2, "mlreef/publish", "running", False, ""))
    assert read_progress(other).state is None


def test_our_status_and_the_projects_own_jobs_do_not_count() -> None:
    mixed = (*jobs("success", "success", "success", "success"), CiJob(9, "deploy", "failed", False, ""))
    assert read_progress(mixed).state is State.PUBLISHED


def test_the_failing_job_is_the_first_in_order() -> None:
    failed = read_progress(jobs("success", "failed", "failed", "skipped")).job
    assert failed is not None
    assert failed.name == "mlreef-build"
