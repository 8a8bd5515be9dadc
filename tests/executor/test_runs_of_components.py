"""A component that trains, in real pipelines: what it measured, the model that it keeps, and who fetches that."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from bot.domain.runs import ARCHIVE, EXPERIMENT, RECORD, read_record
from sandbox.executor import GitlabCiLocal
from sandbox.gitlab import Project, Sandbox, User
from sandbox.gitlab.git import run_git
from sandbox.gitlab.values import Job
from sandbox.node import ensure_tools
from tests.domain.component_parts import read_module, rendered
from tests.mlopen.controls import RUNNER

pytestmark = pytest.mark.executor

MINUTES = 120.0
SCRIPT = """\
import argparse
import json
import os
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--output-path", default="output")
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--model-path")

if __name__ == "__main__":
    given = parser.parse_args()
    folder = pathlib.Path(given.output_path)
    folder.mkdir(exist_ok=True)
    if given.model_path:
        print("model says", pathlib.Path(given.model_path).read_text(), os.environ["MLREEF_MODEL"])
    else:
        epochs = {str(n): {"recall": given.rate * n, "loss": 1 / (n + 1)} for n in range(3)}
        (folder / "experiment.json").write_text(json.dumps(epochs))
        (folder / "model.txt").write_text(f"trained with {given.rate}")
"""
MODEL = b"trained with 0.4"
SHA256 = hashlib.sha256(MODEL).hexdigest()


def including(inputs: Mapping[str, object]) -> str:
    place = "$CI_SERVER_FQDN/group/noise/noise@1.2.0"
    return yaml.safe_dump({"include": [{"component": place, "inputs": dict(inputs)}]})


def run(gitlab: Sandbox, project: Project, who: User, inputs: Mapping[str, object]) -> Job:
    """The component's job in a pipeline of the project, when it has ended."""
    sha = gitlab.commit(project.id, who, {".gitlab-ci.yml": including({"job-name": "train", **inputs})})
    (pipeline,) = gitlab.wait_for(lambda: gitlab.pipelines(project.id, sha), MINUTES)
    ended = gitlab.wait_pipeline(pipeline.id, MINUTES)
    assert ended.yaml_errors is None, ended.yaml_errors
    return gitlab.job(pipeline.id, "train")


def test_a_model_that_one_run_keeps_is_fetched_by_another_by_its_digest(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(SCRIPT)
    executor = GitlabCiLocal(ensure_tools(), mode="shell")
    with Sandbox(tmp_path / "gitlab", executor=executor) as gitlab:
        ada = gitlab.create_user("ada")
        text = rendered(read_module(SCRIPT), (sys.executable, str(script)))
        module = gitlab.create_project("group/noise", ada, files={"templates/noise.yml": text})
        run_git(gitlab.core.git(module).directory, "tag", "1.2.0")
        project = gitlab.create_project("studio/pictures", ada, files={EXPERIMENT: '{"1": {"old": 1}}'})

        trained = run(gitlab, project, ada, {"rate": 0.4, "job-keep-model": "output/model.txt"})
        log = trained.trace.decode()
        assert trained.status == "success", log
        assert (trained.artifacts_name, trained.artifacts is not None) == (ARCHIVE, True)
        with zipfile.ZipFile(io.BytesIO(trained.artifacts or b"")) as kept:
            record = read_record(kept.read(RECORD), project.id)
            assert json.loads(kept.read("output/experiment.json"))["2"]["recall"] == 0.8
        assert (record.module, record.version, record.experiment) == (
            "group/noise",
            "1.2.0",
            "output/experiment.json",
        )
        assert ("rate", "0.4") in record.arguments
        assert record.model is not None
        assert record.model.address in log
        assert (record.model.sha256, list(gitlab.state.packages.values())) == (SHA256, [MODEL])

        used = run(gitlab, project, ada, {"job-model": record.model.address})
        assert "model says trained with 0.4 model/model.txt" in used.trace.decode()
        with zipfile.ZipFile(io.BytesIO(used.artifacts or b"")) as kept:
            # what lay in the repository was not measured by this run
            assert json.loads(kept.read(RECORD))["experiment"] is None

        forged = run(gitlab, project, ada, {"job-model": record.model.address.replace(SHA256, "0" * 64)})
        assert forged.status == "failed"
        assert "Not used: " in forged.trace.decode() or "Not fetched: " in forged.trace.decode()
        assert "model says" not in forged.trace.decode()
        assert gitlab.complaints == []


CONTROL = """\
from mlopenapp.utils import io_handler as io


def train(inpt, params=None):
    io.save_pipeline([(inpt.open("r").read(), "text")], [], __file__)


def run_pipeline(input, model, args, params=None):
    return {"data": [[model, input.open("r").read()]]}
"""


def test_what_a_control_file_learnt_is_kept_and_loaded_by_its_hash(tmp_path: Path) -> None:
    control = tmp_path / "main.py"
    control.write_text(CONTROL)
    executor = GitlabCiLocal(ensure_tools(), mode="shell")
    with Sandbox(tmp_path / "gitlab", executor=executor) as gitlab:
        ada = gitlab.create_user("ada")
        text = rendered(read_module(CONTROL), (sys.executable, str(RUNNER), str(control)))
        module = gitlab.create_project("group/noise", ada, files={"templates/noise.yml": text})
        run_git(gitlab.core.git(module).directory, "tag", "1.2.0")
        project = gitlab.create_project("studio/words", ada, files={"old.txt": "old", "new.txt": "new"})

        trained = run(
            gitlab,
            project,
            ada,
            {
                "entry-point": "train",
                "train-input-path": "old.txt",
                "train-output-path": "trained",
                "job-keep-model": "trained/*.mlopen",
            },
        )
        assert trained.status == "success", trained.trace.decode()
        with zipfile.ZipFile(io.BytesIO(trained.artifacts or b"")) as kept:
            record = read_record(kept.read(RECORD), project.id)
        assert record.model is not None
        assert record.model.name == f"{record.model.sha256}.mlopen"

        given = {"entry-point": "run", "run-input-path": "new.txt", "run-output-path": "found"}
        used = run(gitlab, project, ada, {**given, "job-model": record.model.address})
        assert used.status == "success", used.trace.decode()
        with zipfile.ZipFile(io.BytesIO(used.artifacts or b"")) as kept:
            assert json.loads(kept.read("found/preds.json"))["table"]["rows"] == [["old", "new"]]
