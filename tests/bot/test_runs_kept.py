"""Runs are remembered by project and job, the newest of each project, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.adapters.store import Store
from bot.domain.experiment import Experiment, Fault, Series
from bot.domain.runs import KeptRun, Model, Record, newest_by_job, read_record, record_json

MODEL = Model(
    "m.pkl", "https://gitlab.example.com/api/v4/projects/7/packages/generic/x-model/1/m.pkl", "a" * 64, 5
)
RECORD = Record(
    "lab/trainer",
    "1.2.0",
    f"sha256:{'b' * 64}",
    (("rate", "0.1"),),
    ("RECALL",),
    "out/experiment.json",
    MODEL,
)
EXPERIMENT = Experiment((Series("acc", ((1.0, 0.5), (2.0, 0.75))),), 2, (Fault("not_finite", "acc", 3),))
RUN = KeptRun(
    7, 31, 3, "master", "c" * 40, "train", "https://gitlab.example.com/j/31", RECORD, EXPERIMENT, 12.5
)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.prepare(database_url)
    yield store
    store.close()


def test_a_run_comes_back_as_it_was_kept_and_once(store: Store) -> None:
    store.keep_run(RUN)
    store.keep_run(replace(RUN, at=13.0))
    assert store.runs_of(7) == (replace(RUN, at=13.0),)
    assert store.runs_of_commit(7, RUN.sha) == store.runs_of(7, "master")
    assert store.runs_of(8) == store.runs_of(7, "work") == store.runs_of_commit(7, "d" * 40) == ()


def test_the_oldest_runs_of_a_project_go_first(store: Store) -> None:
    store.keep_run(replace(RUN, project_id=8))
    for job in range(1, 6):
        store.keep_run(replace(RUN, job_id=job), limit=3)
    assert [run.job_id for run in store.runs_of(7)] == [5, 4, 3]
    assert len(store.runs_of(8)) == 1
    assert [run.job_id for run in store.runs_of(7, limit=1)] == [5]


def test_runs_of_a_project_that_is_gone_are_forgotten(store: Store) -> None:
    store.keep_run(RUN)
    store.keep_run(replace(RUN, project_id=8))
    store.forget_runs(7)
    assert (store.runs_of(7), len(store.runs_of(8))) == ((), 1)


def test_a_run_is_compared_with_the_newest_of_the_same_job_that_is_not_of_its_commit(store: Store) -> None:
    for job, (name, branch, sha) in enumerate(
        [("train", "master", "1"), ("test", "master", "2"), ("train", "work", "3"), ("train", "master", "4")],
        1,
    ):
        store.keep_run(replace(RUN, job_id=job, job_name=name, branch=branch, sha=sha))

    def before(sha: str, *shas: str) -> int | None:
        found = store.run_before(7, "train", "master", sha, shas)
        return found.job_id if found else None

    assert before("3") == 4
    assert before("4") == 1
    assert before("3", "1", "9") == 1
    assert before("3", "9") is None


def test_of_a_jobs_tries_the_newest_counts() -> None:
    again = [replace(RUN, job_id=33), RUN, replace(RUN, job_id=32, job_name="other")]
    assert [run.job_id for run in newest_by_job(again)] == [32, 33]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"module": 7, "arguments": [], "metrics": {}, "model": [], "experiment": ["x"]}',
     b"[" * 50_000],
    ids=repr,
)  # fmt: skip
def test_a_record_that_is_none_says_nothing(content: bytes) -> None:
    assert read_record(content, 7) == Record()


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a//b", "", "a\nb", "x" * 300, "."])
def test_a_path_that_leads_out_of_the_artifacts_is_none(path: str) -> None:
    assert read_record(record_json(replace(RECORD, experiment=path)).encode(), 7).experiment == ""


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/x", "javascript:alert(1)", MODEL.url.replace("/7/", "/8/"), f"{MODEL.url}?x",
     f"{MODEL.url}\n", MODEL.url.replace("/generic/", "/generic/../../../8/packages/generic/"),
     MODEL.url.replace("/generic/", "/generic/%2e%2e/"), MODEL.url.replace("/projects/", "/projects/8/../"),
     MODEL.url.replace("://", "://[")],
)  # fmt: skip
def test_a_model_counts_in_the_runs_own_project_only(url: str) -> None:
    written = record_json(replace(RECORD, model=replace(MODEL, url=url))).encode()
    assert read_record(written, 7) == replace(RECORD, model=None)


def test_a_model_without_its_digest_is_none() -> None:
    written = record_json(replace(RECORD, model=replace(MODEL, sha256="abc"))).encode()
    assert read_record(written, 7).model is None


@pytest.mark.parametrize("way_up", ["..", ".", "%2e%2e", ".%2E"])
def test_a_model_whose_address_leads_elsewhere_is_none(way_up: str) -> None:
    url = f"https://gitlab.example.com/api/v4/projects/7/packages/generic/{way_up}/{way_up}/other"
    written = record_json(replace(RECORD, model=replace(MODEL, url=url)))
    assert read_record(written.encode(), 7).model is None
    assert read_record(record_json(RECORD).encode(), 7).model == MODEL
