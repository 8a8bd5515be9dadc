"""The first job: a pipeline goes on only when its mlreef.yml is what its commit gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.pipeline import PATH
from tests.ci.samples import SCRIPT, dotenv, publishable, settings, variables
from tests.ci.world import Repository, run_job

YAML = b"a: 1\n"


def verify(repository: Repository, sha: str, **more: str) -> tuple[int, str, str | None]:
    code, log = run_job("verify", variables(repository, sha, **more))
    file = repository.path / ".mlreef" / "verify.env"
    return code, log, dotenv(repository.path, "verify.env")["MLREEF_VERDICT"] if file.exists() else None


def test_the_right_file_goes_on(repository: Repository) -> None:
    code, log, verdict = verify(repository, publishable(repository))
    assert (code, verdict) == (0, "publish")
    assert "5 parameters" in log


def test_an_empty_commit_and_one_that_changes_nothing_of_it_go_on(repository: Repository) -> None:
    publishable(repository)
    assert verify(repository, repository.commit())[2] == "publish"
    moved = SCRIPT.replace("import os\n", "import os\n\n# a comment moves every line\n")
    assert verify(repository, repository.commit({"main.py": moved, "data.csv": "1"}))[2] == "publish"


def test_a_push_with_the_file_of_the_push_before_stops_in_green(repository: Repository) -> None:
    publishable(repository)
    sha = repository.commit({"main.py": SCRIPT.replace("0.5", "0.7")})
    code, log, verdict = verify(repository, sha)
    assert (code, verdict) == (0, "stop")
    assert "earlier state" in log
    assert "Nothing is built here" in log


def test_the_working_tree_does_not_count(repository: Repository) -> None:
    sha = publishable(repository)
    (repository.path / "main.py").write_text("syntax error(")
    assert verify(repository, sha)[2] == "publish"


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content + b"\n",
        lambda content: content.replace(b"mlreef-bot ci verify", b"true"),
        lambda content: content.replace(b"schema: 1", b"schema: 2"),
        lambda content: content.replace(b"# Edits", b"# edits"),
        lambda content: b"",
        lambda content: b"\xff",
        lambda content: b"a: &x [*x]",
    ],
)
def test_an_edited_file_stops_in_green(repository: Repository, edit: object) -> None:
    publishable(repository)
    content = (repository.path / PATH).read_bytes()
    assert callable(edit)
    code, _, verdict = verify(repository, repository.commit({PATH: edit(content)}))
    assert (code, verdict) == (0, "stop")


def test_a_commit_without_the_file_stops_in_green(repository: Repository) -> None:
    sha = repository.commit({"main.py": SCRIPT, "requirements.txt": ""})
    code, log, verdict = verify(repository, sha)
    assert (code, verdict) == (0, "stop")
    assert "not in this commit yet" in log


def test_the_file_of_another_branch_stops_in_green(repository: Repository) -> None:
    sha = publishable(repository, branch="release")
    assert verify(repository, sha)[2] == "stop"
    assert verify(repository, sha, CI_COMMIT_BRANCH="release")[2] == "publish"


def test_another_environment_than_asked_for_stops_in_green(repository: Repository) -> None:
    sha = publishable(repository, {".mlreef.yaml": "environment: gpu\n"})
    assert verify(repository, sha)[2] == "stop"
    asked = replace(settings(), environment=replace(settings().environment, name="gpu", asked=True))
    sha = publishable(repository, {".mlreef.yaml": "environment: gpu\n"}, asked)
    assert verify(repository, sha)[2] == "publish"
    (repository.path / ".mlreef.yaml").unlink()
    assert verify(repository, repository.commit())[2] == "stop"


def test_problems_are_told_with_place_and_hint_and_stop_in_red(repository: Repository) -> None:
    publishable(repository)
    (repository.path / "requirements.txt").unlink()
    broken = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "\n")
    code, log, verdict = verify(repository, repository.commit({"main.py": broken}))
    assert (code, verdict) == (1, None)
    assert "main.py:" in log
    assert "output-path" in log
    assert "requirements.txt" in log
    assert "push again" in log


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "pythonhome", "A B"])
def test_a_variable_that_steers_the_runtime_is_refused(repository: Repository, name: str) -> None:
    publishable(repository)
    code, log, _ = verify(repository, repository.commit({".mlreef.yaml": f'env: {{"{name}": "x"}}\n'}))
    assert code == 1
    assert name in log
    assert ".mlreef.yaml" in log


def test_a_variable_with_a_line_break_is_refused(repository: Repository) -> None:
    publishable(repository)
    code, log, _ = verify(repository, repository.commit({".mlreef.yaml": 'env: {A: "x\\nUSER root"}\n'}))
    assert code == 1
    assert "line break" in log


def test_a_hostile_name_cannot_write_to_the_log_as_it_likes(repository: Repository) -> None:
    name = "evil\n\x1b[31msection_start:1:x\r.py"
    sha = repository.commit({name: "syntax error("})
    code, log, _ = verify(repository, sha)
    assert code == 1
    assert "\x1b" not in log
    assert not any(line.startswith("section_start") for line in log.splitlines())


def test_a_folder_link_in_the_repository_is_not_written_through(repository: Repository) -> None:
    outside = repository.path.parent / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    publishable(repository)
    (repository.path / ".mlreef").symlink_to(outside)
    sha = repository.commit()
    assert verify(repository, sha)[2] == "publish"
    assert [file.name for file in outside.iterdir()] == ["kept"]


def test_a_missing_variable_is_named_with_what_to_do(repository: Repository) -> None:
    given = variables(repository, publishable(repository))
    del given["CI_COMMIT_BRANCH"]
    code, log = run_job("verify", given)
    assert code == 2
    assert "CI_COMMIT_BRANCH is not set" in log
    assert "Start the pipeline for a branch" in log


def test_an_unknown_job_is_told_the_known_ones() -> None:
    code, log = run_job("deploy", {})
    assert code == 2
    assert "verify,context,build,label,promote" in log
