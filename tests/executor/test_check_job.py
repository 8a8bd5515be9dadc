"""The job that people include to have merge requests checked by GitLab's own means: as it is, run for real."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.domain.pipeline import OUR_JOBS
from ci_templates import read_template
from sandbox.executor import artifacts
from tests.executor.repository import Repository

JOB = "mlreef-check"
REPORT = "gl-code-quality-report.json"

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
if __name__ == "__main__":
    parser.parse_args()
"""

CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^./]|^\\.[^./]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""What GitLab documents of the report: a list; paths from the repository's root, without a leading `./`."""


@pytest.fixture
def project(shell: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repository:
    """A repository that includes the job; the bot's command is on the machine's path."""
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "mlreef-bot"
    root = Path(__file__).resolve().parents[2]
    command.write_text(f"#!/bin/sh\nPYTHONPATH='{root}' exec '{sys.executable}' -m bot \"$@\"\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    job = yaml.safe_load(read_template("check.yml"))
    # jobs run on this machine here
    del job[JOB]["image"]
    shell.commit({"ci.yml": yaml.safe_dump(job), "add_noise.py": SCRIPT, "requirements.txt": ""})
    shell.variables |= {"CI_PIPELINE_SOURCE": "merge_request_event"}
    return shell


def found(project: Repository) -> list[dict[str, Any]]:
    report = json.loads((artifacts(project.path) / JOB / REPORT).read_text("utf-8"))
    jsonschema.validate(report, CODE_QUALITY)
    return list(report)


def test_the_job_is_one_that_gitlab_takes() -> None:
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/gitlab-ci.json").read_text("utf-8")
    content = yaml.safe_load(read_template("check.yml"))
    jsonschema.Draft7Validator(json.loads(schema)).validate(content)
    assert list(content) == [JOB]
    assert JOB not in OUR_JOBS
    assert content[JOB]["artifacts"]["reports"] == {"codequality": REPORT}


@pytest.mark.executor
def test_a_good_module_passes_and_hands_in_a_report(project: Repository) -> None:
    assert project.run(JOB) == 0, project.said.decode()
    assert [one for one in found(project) if one["severity"] == "major"] == []


@pytest.mark.executor
def test_a_module_that_would_be_refused_fails_and_hands_in_its_problems(project: Repository) -> None:
    line = 'parser.add_argument("--input-path", required=True)\n'
    project.commit({"add_noise.py": SCRIPT.replace(line, line + line)})
    assert project.run(JOB) == 1
    [told] = [one for one in found(project) if one["severity"] == "major"]
    assert told["location"]["path"] == "add_noise.py"
    assert told["location"]["lines"]["begin"] == 5
    assert f"[{told['check_name']}]" in project.said.decode()


@pytest.mark.executor
@pytest.mark.parametrize(
    ("source", "branch", "runs"),
    [
        ("merge_request_event", None, True),
        ("push", "main", True),
        ("push", "work", False),
    ],
)
def test_it_runs_for_merge_requests_and_for_what_they_are_compared_with(
    project: Repository, source: str, branch: str | None, runs: bool
) -> None:
    project.variables |= {"CI_PIPELINE_SOURCE": source}
    project.variables.pop("CI_COMMIT_BRANCH")
    if branch:
        project.variables |= {"CI_COMMIT_BRANCH": branch, "CI_COMMIT_REF_NAME": branch}
    assert (JOB in [job.name for job in project.plan().jobs]) is runs
