"""Runs of modules, from the artifacts of a job to the note that people read: once, compared, and in any shape."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import pytest

from parser.model import Metric, Place
from parser.wire import canonical, module_to_dict
from sandbox.gitlab.state import Note
from tests.domain.values import module
from tests.whole_way.conftest import FILES, SOON, Way, World

CI = """\
train:
  script: python train.py
  artifacts: {name: mlreef-run, paths: [output]}
test:
  script: pytest
"""
TRIGGER = "publish: {trigger: {include: [{local: mlreef.yml}], strategy: depend}}\n"
RECORD = {
    "schema": 1,
    "module": "lab/trainer",
    "version": "1.2.0",
    "arguments": {"rate": "0.1"},
    "metrics": ["RECALL"],
    "experiment": "output/experiment.json",
}


def packed(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return archive.getvalue()


def measured(recall: float, record: Mapping[str, object] | None = RECORD) -> bytes:
    epochs = {str(epoch): {"recall": recall * epoch / 10, "loss": 1 / (epoch + 1)} for epoch in range(11)}
    files = {"output/experiment.json": json.dumps(epochs).encode()}
    return packed(files | ({"mlreef-run.json": json.dumps(record).encode()} if record else {}))


@pytest.fixture
def way(world: World) -> Way:
    way = world.project(ci_config_path=None, push_events=False)
    way.push({".gitlab-ci.yml": CI})
    return way


def run(way: Way, sha: str, artifacts: bytes, status: str = "success") -> int:
    """End the commit's jobs, `train` with these artifacts; gives its id."""
    way.pipeline(sha)
    pipelines = [p for p in way.sandbox.pipelines(way.project.id, sha) if p.source == "push"]
    jobs = {job.name: job for job in way.sandbox.jobs(pipelines[0].id)}
    way.sandbox.finish_job(jobs["test"].id, "success")
    way.sandbox.finish_job(jobs["train"].id, status, artifacts=artifacts)
    return jobs["train"].id


def run_notes(way: Way, iid: int) -> list[Note]:
    return [note for note in way.sandbox.notes(way.project.id, iid) if "<!-- mlreef-bot:runs" in note.body]


def told(way: Way, iid: int, words: str) -> str:
    """The one note of what runs measured, once it holds these words."""

    def found() -> str | None:
        notes = run_notes(way, iid)
        assert len(notes) <= 1
        return notes[0].body if notes and words in notes[0].body else None

    return way.sandbox.wait_for(found, SOON, f"a note with {words!r}")


def test_a_run_is_told_in_its_merge_request_against_the_one_before(way: Way) -> None:
    master = way.push({"train.py": "1\n"})
    run(way, master, measured(0.8))
    comment = way.comment(master)
    assert "`lab/trainer` `1.2.0` ran" in comment
    assert comment.count("```mermaid") == 2
    iid = way.open({"train.py": "2\n"})
    run(way, way.head("work"), measured(0.9))
    note = told(way, iid, "`recall`")
    assert "Compared with the last one on `master`, of `1.2.0`" in note
    assert "| `recall` | `0.9` | `0.9` at step 10 | `0.8` | **better** |" in note
    assert "1 more measured" in note
    # another push: the same note
    sha = way.push({"train.py": "3\n"}, branch="work")
    run(way, sha, measured(0.7))
    assert "| `recall` | `0.7` | `0.7` at step 10 | `0.8` | **worse** |" in told(way, iid, f"`{sha[:8]}`")


def test_a_run_of_a_commit_without_merge_request_is_told_once(way: Way) -> None:
    sha = way.push({"train.py": "1\n"})
    run(way, sha, measured(0.8))
    way.comment(sha)
    # the pipeline ends once more, and tells so
    again = way.ask("POST", f"jobs/{way.sandbox.job(way.pipeline(sha).id, 'test').id}/retry")
    way.sandbox.finish_job(int(again["id"]), "success")
    way.rest()
    assert len(way.comments(sha)) == 1


def test_a_model_is_told_only_where_it_lies_in_the_same_gitlab(way: Way) -> None:
    """The job wrote its address, and people are told to fetch it from there."""
    for host in ("https://elsewhere.example", way.sandbox.url):
        url = f"{host}/api/v4/projects/{way.project.id}/packages/generic/m-model/1/m.pkl"
        model = {"name": "m.pkl", "url": url, "sha256": "a" * 64, "size": 5}
        sha = way.push({"train.py": f"# {host}\n"})
        run(way, sha, measured(0.8, {**RECORD, "model": model}))
        comment = way.comment(sha)
        assert "`lab/trainer` `1.2.0` ran" in comment
        assert (url in comment) is (host == way.sandbox.url)


def test_runs_stand_in_gitlabs_model_experiments(way: Way) -> None:
    job = run(way, way.push({"train.py": "1\n"}), measured(0.8))

    def logged() -> object:
        found = way.sandbox.state.model_experiments
        return next((one for one in found if one.project_id == way.project.id and one.runs), None)

    way.sandbox.wait_for(logged, SOON, "the run")
    way.rest()
    (experiment,) = [one for one in way.sandbox.state.model_experiments if one.project_id == way.project.id]
    (logged_run,) = experiment.runs
    assert (experiment.name, logged_run.status) == ("lab/trainer", "FINISHED")
    assert ("gitlab.CI_JOB_ID", str(job)) in logged_run.tags
    assert ("recall", 0.8, 10) in logged_run.metrics
    assert logged_run.parameters["rate"] == "0.1"


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        (b'{"0": {"recall": 0.5}, "1": {"recall": 0.', "breaks off"),
        (b"", "cannot be read"),
        (b"{}", "holds no numbers"),
        (b'{"0": {"recall": NaN}, "1": {"recall": 0.5}}', "has no finite value at 1 step"),
        (b" " * 5 * 1024 * 1024, "is larger than"),
    ],
    ids=["half written", "empty", "nothing", "not finite", "too large"],
)
def test_a_bad_experiment_file_is_told_with_what_to_do(way: Way, experiment: bytes, words: str) -> None:
    sha = way.push({"train.py": "1\n"})
    run(way, sha, packed({"experiment.json": experiment}))
    assert words in way.comment(sha)


def test_a_run_that_failed_is_told_all_the_same(way: Way) -> None:
    sha = way.push({"train.py": "1\n"})
    run(way, sha, measured(0.8, record=None), status="failed")
    comment = way.comment(sha)
    assert "**Run** in the job [`train`]" in comment


def test_a_run_that_measured_nothing_is_not_spoken_of(way: Way) -> None:
    sha = way.push({"train.py": "1\n"})
    run(way, sha, packed({"output/picture.png": b"png"}))
    way.rest()
    assert way.comments(sha) == []


def test_a_repository_that_wishes_for_quiet_gets_no_note(way: Way) -> None:
    sha = way.push({".mlreef.yaml": "quiet: everything\n", "train.py": "1\n"})
    run(way, sha, measured(0.8))
    way.rest()
    assert way.comments(sha) == []


def test_a_run_of_the_modules_own_is_compared_with_what_is_published(world: World) -> None:
    way = world.project({**FILES, ".gitlab-ci.yml": CI + TRIGGER}, ci_config_path=None)
    ours = way.bot_commit()
    annotated = replace(module(), metrics=(Metric("recall", None, None, Place("add_noise.py", 1)),))
    way.push_image(ours, 1, version="1.0.0", module=canonical(module_to_dict(annotated)))
    run(way, ours, measured(0.8, record=None))
    (child,) = [p for p in way.sandbox.pipelines(way.project.id, ours) if p.source == "parent_pipeline"]
    way.sandbox.play_pipeline(child.id)
    way.status(ours, "success")
    way.comment(ours)
    iid = way.open({"train.py": "2\n"})
    run(way, way.head("work"), measured(0.9, record=None))
    note = told(way, iid, "`recall`")
    assert "of what is published now, `1.0.0`:" in note
    assert "| `recall` | `0.9` | `0.9` at step 10 | `0.8` | **better** |" in note
    assert "1 more measured" in note


def test_a_run_in_the_pipeline_that_publishes_is_told_as_well(world: World) -> None:
    way = world.project(FILES)
    ours = way.bot_commit()
    smoke = way.sandbox.job(way.pipeline(ours).id, "mlreef-smoke")
    smoke.artifacts_name, smoke.artifacts = "mlreef-run", measured(0.8, record=None)
    way.publish(ours, 1)
    assert "in the job [`mlreef-smoke`]" in way.comment(ours)


def test_every_run_of_a_pipeline_stands_in_the_note(way: Way) -> None:
    two = CI + CI.partition("test:")[0].replace("train:", "train-again:")
    sha = way.push({".gitlab-ci.yml": two})
    jobs = {job.name: job for job in way.sandbox.jobs(way.pipeline(sha).id)}
    for name in ("test", "train", "train-again"):
        way.sandbox.finish_job(jobs[name].id, "success", artifacts=measured(0.5) if name != "test" else None)
    comment = way.comment(sha)
    assert comment.index("[`train`]") < comment.index("[`train-again`]")
    assert comment.count("| `recall` | `0.5` |") == 2
