"""The limits that the bot reads with go along to the jobs, which have to come to the same module."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.pipeline import PATH, read_pipeline_settings
from parser.limits import LEAST, MOST, Limits
from tests.ci.samples import dotenv, publishable, settings, variables
from tests.ci.world import Repository, run_job

FEW = Limits(file_bytes=100_000, steps=5000, depth=100)


def test_limits_that_nobody_changed_are_not_in_the_file(repository: Repository) -> None:
    publishable(repository)
    assert b"limits" not in (repository.path / PATH).read_bytes()


def test_changed_limits_are_those_that_verify_reads_with(repository: Repository) -> None:
    sha = publishable(repository, chosen=replace(settings(), limits=FEW))
    assert read_pipeline_settings((repository.path / PATH).read_bytes()).limits == FEW
    code, _ = run_job("verify", variables(repository, sha))
    assert (code, dotenv(repository.path, "verify.env")["MLREEF_VERDICT"]) == (0, "publish")
    large = repository.commit({"requirements.txt": "#" * 100_001})
    code, log = run_job("verify", variables(repository, large))
    assert code == 1
    assert "97 KiB" in log


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        ("steps: 5000", f"steps: {MOST.steps + 1}"),
        ("depth: 100", f"depth: {LEAST.depth - 1}"),
        ("depth: 100", "depth: true"),
        ("file_bytes: 100000", "bytes: 100000"),
    ],
)
def test_limits_that_no_operator_may_set_are_refused(
    repository: Repository, written: str, changed: str
) -> None:
    publishable(repository, chosen=replace(settings(), limits=FEW))
    content = (repository.path / PATH).read_text()
    assert written in content
    with pytest.raises(ValueError, match="limits"):
        read_pipeline_settings(content.replace(written, changed).encode())
