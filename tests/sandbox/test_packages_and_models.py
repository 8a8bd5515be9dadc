"""What a component's program does with files: models kept as packages, fetched by digest; and model experiments."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.model_experiments import JOB_TAG, Measured, ModelExperiments, ModelRun
from bot.domain.experiment import read_experiment
from bot.errors import Gone, TryAgain
from ci_templates.component_results import fetch_file, keep_model, open_metrics
from sandbox.gitlab import Project, Sandbox, Trouble, User
from sandbox.gitlab.trouble import die_after_effect, redirect, refuse

MODEL = b"weights" * 1000
SHA256 = hashlib.sha256(MODEL).hexdigest()
RUN = ModelRun("train 7", 7, [("mode", "speckle")], [Measured("acc", 0.5, 1), Measured("acc", 0.9, 2)], True)


@pytest.fixture
def in_job(
    sandbox: Sandbox, project: Project, alice: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """The folder of a job of the project that runs, with the variables that it has."""
    sandbox.commit(project.id, alice, {"train.py": "print(2)\n"}, "Work")
    pipeline = sandbox.pipelines(project.id)[0]
    job = sandbox.jobs(pipeline.id)[0]
    sandbox.start_job(job.id)
    monkeypatch.setenv("CI_API_V4_URL", f"{sandbox.url}/api/v4")
    monkeypatch.setenv("CI_PROJECT_ID", str(project.id))
    monkeypatch.setenv("CI_JOB_TOKEN", sandbox.job_token(job.id))
    monkeypatch.setattr("ci_templates.component_results.PAUSES_SECONDS", (0.01, 0.01))
    (tmp_path / "model.pkl").write_bytes(MODEL)
    return tmp_path


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that is not GitLab, and the headers that it is asked with."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", str(len(MODEL)))
            self.end_headers()
            self.wfile.write(MODEL)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_a_model_that_is_kept_is_fetched_by_its_digest(
    sandbox: Sandbox, project: Project, in_job: Path
) -> None:
    kept = keep_model(str(in_job / "model.pkl"), "add-noise", "1.2.0")
    assert kept == {
        "name": "model.pkl",
        "url": f"{sandbox.url}/api/v4/projects/{project.id}/packages/generic/add-noise-model/1.2.0/{SHA256}-model.pkl",
        "sha256": SHA256,
        "size": len(MODEL),
    }
    path = fetch_file(f"{kept['url']}#sha256={SHA256}", str(in_job / "model"))
    assert Path(path) == in_job / "model" / "model.pkl"
    assert Path(path).read_bytes() == MODEL


def test_the_same_bytes_are_kept_once(sandbox: Sandbox, in_job: Path) -> None:
    for _ in range(2):
        keep_model(str(in_job / "model.pkl"), "add-noise", "")
    assert [call.method for call in sandbox.requests if "packages" in call.path] == ["HEAD", "PUT", "HEAD"]


def test_a_model_with_a_long_name_is_kept_under_one_that_gitlab_takes(in_job: Path) -> None:
    (in_job / f"{'m' * 240}.pkl").write_bytes(MODEL)
    kept = keep_model(str(in_job / f"{'m' * 240}.pkl"), "train", "1.2.0")
    assert len(str(kept["url"]).rpartition("/")[2]) <= 255
    assert str(kept["url"]).endswith("m.pkl")


def test_other_bytes_than_asked_for_are_refused_and_not_left(sandbox: Sandbox, in_job: Path) -> None:
    kept = keep_model(str(in_job / "model.pkl"), "add-noise", "1.2.0")
    with pytest.raises(SystemExit, match="has the digest"):
        fetch_file(f"{kept['url']}#sha256={'0' * 64}", str(in_job / "model"))
    assert list((in_job / "model").iterdir()) == []


@pytest.mark.parametrize(
    "address",
    ["", "model.pkl", f"file:///etc/passwd#sha256={SHA256}", "http://127.0.0.1:1/x", "http://127.0.0.1:1/x#sha256=abc",
     f"ftp://127.0.0.1:1/x#sha256={SHA256}", f"http://127.0.0.1:1/x#sha256={SHA256}\n"],
)  # fmt: skip
def test_an_address_without_its_digest_is_refused_before_anything_is_asked(
    in_job: Path, address: str
) -> None:
    with pytest.raises(SystemExit, match="is no address that ends in"):
        fetch_file(address, str(in_job / "model"))


def test_the_jobs_token_goes_to_gitlab_alone(
    sandbox: Sandbox, in_job: Path, elsewhere: tuple[str, list[dict[str, str]]]
) -> None:
    url, asked = elsewhere
    fetch_file(f"{url}/x/model.pkl#sha256={SHA256}", str(in_job / "model"))
    kept = keep_model(str(in_job / "model.pkl"), "add-noise", "1.2.0")
    # so does a GitLab that keeps its packages in an object storage
    trouble = Trouble()
    sandbox.moods = trouble
    trouble.on("GET", "*:file_name", redirect(f"{url}/bucket"))
    fetch_file(f"{kept['url']}#sha256={SHA256}", str(in_job / "model"))
    assert len(asked) == 2
    assert not any({"job-token", "private-token", "authorization"} & set(headers) for headers in asked)


@pytest.mark.parametrize("name", ["../../evil", "..", ".hidden", "a b/c", "%2e%2e%2fetc"])
def test_a_fetched_file_stays_in_its_folder(
    in_job: Path, elsewhere: tuple[str, list[dict[str, str]]], name: str
) -> None:
    path = Path(
        fetch_file(f"{elsewhere[0]}/{name.replace(' ', '%20')}#sha256={SHA256}", str(in_job / "model"))
    )
    assert path.resolve().parent == (in_job / "model").resolve()
    assert not path.name.startswith(".")


def test_a_model_may_be_named_by_a_pattern_that_one_file_fits(sandbox: Sandbox, in_job: Path) -> None:
    kept = keep_model(str(in_job / "*.pkl"), "add-noise", "1.2.0")
    assert (kept["name"], kept["sha256"]) == ("model.pkl", SHA256)
    (in_job / "other.pkl").write_bytes(b"another")
    with pytest.raises(SystemExit, match="2 files fit"):
        keep_model(str(in_job / "*.pkl"), "add-noise", "1.2.0")


def test_a_model_that_was_not_written_is_told(in_job: Path) -> None:
    with pytest.raises(SystemExit, match="The run wrote no file"):
        keep_model(str(in_job / "nothing.pkl"), "add-noise", "1.2.0")


def test_a_job_without_a_way_to_gitlab_is_told_what_where_and_what_to_do(
    in_job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_API_V4_URL", "http://127.0.0.1:1/api/v4")
    with pytest.raises(SystemExit) as ended:
        keep_model(str(in_job / "model.pkl"), "add-noise", "1.2.0")
    said = str(ended.value)
    assert said.startswith("The model is not kept: http://127.0.0.1:1/api/v4/projects/")
    assert "cannot be reached from this job: " in said
    assert said.endswith("then run the job again.")
    assert "urlopen" not in said
    with pytest.raises(
        SystemExit, match=r"^Not fetched: http://127.0.0.1:1/x cannot be reached .* then run the job"
    ):
        fetch_file(f"http://127.0.0.1:1/x#sha256={SHA256}", str(in_job / "model"))


def test_a_project_without_a_package_registry_is_told_where_it_is_switched_on(
    sandbox: Sandbox, in_job: Path
) -> None:
    sandbox.moods = trouble = Trouble()
    trouble.on("PUT", "*:file_name", refuse(403), times=None)
    with pytest.raises(
        SystemExit, match=r"^The model is not kept: GitLab answered 403 for http.* package registry"
    ):
        keep_model(str(in_job / "model.pkl"), "add-noise", "1.2.0")


def test_who_may_not_see_a_private_project_gets_no_model_of_it(
    sandbox: Sandbox, project: Project, in_job: Path
) -> None:
    url = str(keep_model(str(in_job / "model.pkl"), "add-noise", "1.2.0")["url"])
    stranger = sandbox.create_user("stranger")
    assert requests.get(url, timeout=10).status_code in (401, 404)
    assert requests.get(url, headers={"PRIVATE-TOKEN": stranger.token}, timeout=10).status_code == 404


def test_metrics_are_written_as_gitlab_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "experiment.json"
    file.write_text(
        '{"0": {"acc": 0.1}, "10": {"acc": 0.9, "val loss": 1e-9}, '
        '"2": {"acc": NaN, "0": Infinity, "q\\"": -1}}'
    )
    assert open_metrics(file).splitlines() == [
        "acc 0.9",
        '_0{name="0"} +Inf',
        'q_{name="q\\""} -1.0',
        'val_loss{name="val loss"} 1e-09',
        "# EOF",
    ]


def read_as_gitlab_does(text: str) -> list[str]:
    """The values of a metrics report: a line is cut at its first `#`, and what is left split as a shell would."""
    words = [shlex.split(line.partition("#")[0]) for line in text.splitlines()]
    return [found[1] for found in words if found]


NAMES = st.sets(
    st.text(min_size=1, max_size=20) | st.text("#'\"\\ `$", min_size=1, max_size=5), min_size=1, max_size=5
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES)
def test_no_name_keeps_gitlab_from_reading_the_metrics(tmp_path: Path, names: set[str]) -> None:
    (tmp_path / "experiment.json").write_text(json.dumps(dict.fromkeys(names, 0.5)))
    assert read_as_gitlab_does(open_metrics(tmp_path / "experiment.json")) == ["0.5"] * len(names)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES)
@example({"val loss", "acc", "val-loss"})
@example({" ", "#", "# (2)"})
def test_any_names_make_metrics_that_a_reader_of_openmetrics_takes(tmp_path: Path, names: set[str]) -> None:
    given = {name: float(number) for number, name in enumerate(sorted(names))}
    (tmp_path / "experiment.json").write_text(json.dumps(given))
    families = text_string_to_metric_families(open_metrics(tmp_path / "experiment.json"))
    assert sorted(sample.value for family in families for sample in family.samples) == [*given.values()]


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"null", b'{"a": "b"}'])
def test_without_numbers_there_are_no_metrics(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "experiment.json").write_bytes(content)
    assert open_metrics(tmp_path / "experiment.json") == ""


def test_a_file_of_500_megabytes_makes_no_metrics(tmp_path: Path) -> None:
    with (tmp_path / "experiment.json").open("wb") as file:
        file.truncate(500 * 1024 * 1024)
    assert open_metrics(tmp_path / "experiment.json") == ""


NUMBERS = st.floats() | st.integers(-1000, 1000) | st.just("0.5")
RECORDS = st.dictionaries(st.sampled_from(["a", "b", "c d"]), NUMBERS | st.none() | st.booleans(), max_size=3)
DOCUMENTS = st.one_of(
    RECORDS,
    st.lists(RECORDS, max_size=5),
    st.dictionaries(st.sampled_from(["0", "1", "2", "10", "epoch 7", "x"]), RECORDS | NUMBERS, max_size=6),
    st.lists(st.dictionaries(st.sampled_from(["0", "1", "2", "10", "w"]), RECORDS, max_size=2), max_size=3),
    st.dictionaries(st.sampled_from(["a", "b"]), st.lists(NUMBERS, max_size=4), max_size=2),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOCUMENTS)
def test_metrics_are_the_last_values_that_the_bot_reads(tmp_path: Path, document: object) -> None:
    content = json.dumps(document).encode()
    (tmp_path / "experiment.json").write_bytes(content)
    lines = [line for line in open_metrics(tmp_path / "experiment.json").splitlines() if line != "# EOF"]
    told = sorted(float(line.rpartition(" ")[2]) for line in lines)
    read = sorted(one.points[-1][1] for one in read_experiment(content).series)
    assert [repr(value) for value in told if not math.isnan(value)] == [
        repr(value) for value in read if not math.isnan(value)
    ]
    assert len(told) == len(read)


@pytest.fixture
def experiments(sandbox: Sandbox, bot: User) -> ModelExperiments:
    return ModelExperiments(GitlabClient(sandbox.url, bot.token, 5))


def test_a_run_stands_in_model_experiments_once(
    sandbox: Sandbox, project: Project, experiments: ModelExperiments
) -> None:
    first = experiments.ensure_model_run(project.id, "group/add-noise", RUN)
    assert experiments.ensure_model_run(project.id, "group/add-noise", RUN) == first
    (experiment,) = sandbox.state.model_experiments
    (run,) = experiment.runs
    assert (experiment.name, run.name, run.status) == ("group/add-noise", "train 7", "FINISHED")
    assert run.metrics == [("acc", 0.5, 1), ("acc", 0.9, 2)]
    assert run.parameters == {"mode": "speckle"}
    assert run.tags == [(JOB_TAG, "7")]


def test_a_run_of_long_texts_and_large_steps_is_cut_to_what_gitlab_holds(
    sandbox: Sandbox, project: Project, experiments: ModelExperiments
) -> None:
    long = ModelRun(
        f"{'j' * 255} 7", 7, [("a" * 255, "b" * 255), ("a" * 254, "c")], [Measured("acc", 0.5, 10**12)], True
    )
    experiments.ensure_model_run(project.id, "x" * 255, long)
    (experiment,) = sandbox.state.model_experiments
    (run,) = experiment.runs
    assert (len(run.name), run.status) == (255, "FINISHED")
    assert run.parameters == {"a" * 250: "b" * 250}
    assert run.metrics == [("acc", 0.5, 2**31 - 1)]


@pytest.mark.parametrize("call", ["experiments/create", "runs/create", "runs/log-batch", "runs/update"])
def test_a_run_whose_writing_was_broken_off_is_finished_and_not_doubled(
    sandbox: Sandbox, project: Project, experiments: ModelExperiments, call: str
) -> None:
    trouble = Trouble()
    sandbox.moods = trouble
    trouble.on("POST", f"*/{call}", die_after_effect())
    with pytest.raises(TryAgain):
        experiments.ensure_model_run(project.id, "train", RUN)
    experiments.ensure_model_run(project.id, "train", RUN)
    (experiment,) = sandbox.state.model_experiments
    assert [(run.status, len(run.metrics)) for run in experiment.runs] == [("FINISHED", 2)]


def test_a_project_that_is_not_there_has_no_experiments(experiments: ModelExperiments) -> None:
    with pytest.raises(Gone):
        experiments.ensure_model_run(4711, "train", RUN)
