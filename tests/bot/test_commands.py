"""The commands on a terminal: what goes to stdout, what to stderr, and with which exit code they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from parser.read import read
from parser.source import load_source

SCRIPT = """
import argparse


# @data_processor(
#     name="Resize", author="Ada", type="OPERATION", description="Makes pictures smaller",
#     visibility="PUBLIC", input_type="IMAGE", output_type="IMAGE"
# )
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-path", type=str, required=True, help="where pictures are")
    parser.add_argument("--output-path", type=str, required=True)
    parser.add_argument("--width", type=int, default=64, help="pixels")
    parser.add_argument("--how", choices=["near", "far"], default="near")
    print(parser.parse_args())


if __name__ == "__main__":
    main()
"""

MODULE_FIELDS = (
    *("schema", "name", "slug", "kind", "input_type", "output_type", "author", "description", "visibility"),
    *("entry_points", "parameters", "requirements", "metrics", "problems"),
)
PARAMETER_FIELDS = (
    *("name", "flags", "dest", "type", "default", "required", "choices", "nargs", "action"),
    *("help", "group", "subcommand", "unknown", "place"),
)
PROBLEM_FIELDS = ("code", "severity", "message", "hint", "place")


def items(fields: tuple[str, ...]) -> dict[str, object]:
    return {"type": "array", "items": {"type": "object", "required": list(fields)}}


CONTRACT = {
    "type": "object",
    "required": list(MODULE_FIELDS),
    "properties": {
        "schema": {"const": 1},
        "entry_points": {"type": "object", "additionalProperties": {"type": "string"}},
        "parameters": items(PARAMETER_FIELDS),
        "problems": items(PROBLEM_FIELDS),
    },
}


def run(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `mlreef-bot` with these words in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "bot", *words],
        cwd=cwd,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "resize"
    folder.mkdir()
    (folder / "resize.py").write_text(SCRIPT)
    (folder / "requirements.txt").write_text("numpy==2.1.0\n")
    return folder


def test_describe_prints_the_contracts_json_and_nothing_else(repository: Path) -> None:
    done = run("describe", ".", cwd=repository)
    assert done.returncode == 0, done.stderr
    described = json.loads(done.stdout)
    jsonschema.validate(described, CONTRACT)
    assert [parameter["name"] for parameter in described["parameters"]] == [
        "input-path",
        "output-path",
        "width",
        "how",
    ]
    assert described["entry_points"] == {"main": "resize.py"}


def test_describe_speaks_yaml_and_draws_a_table(repository: Path) -> None:
    as_json = json.loads(run("describe", ".", cwd=repository).stdout)
    assert yaml.safe_load(run("describe", ".", "--format", "yaml", cwd=repository).stdout) == as_json
    table = run("describe", ".", "--format", "table", cwd=repository).stdout
    assert "width" in table
    assert "near, far" in table


def test_one_script_can_be_named_where_there_are_several(repository: Path) -> None:
    (repository / "other.py").write_text(SCRIPT.replace("Resize", "Other"))
    whole = ("describe", str(repository), "--entry-point", str(repository / "other.py"))
    for words in (("describe", "other.py"), ("describe", ".", "--entry-point", "other.py"), whole):
        done = run(*words, cwd=repository)
        assert json.loads(done.stdout)["entry_points"] == {"main": "other.py"}
        assert done.returncode == 0


def test_a_repository_that_would_be_refused_is_exit_code_1(repository: Path) -> None:
    (repository / "resize.py").write_text("def broken(:\n    parser.parse_args()\n")
    described = run("describe", ".", cwd=repository)
    assert described.returncode == 1
    assert json.loads(described.stdout)["problems"]
    checked = run("check", ".", cwd=repository)
    assert checked.returncode == 1
    assert checked.stderr == ""
    assert "resize.py:1" in checked.stdout
    assert "→" in checked.stdout


def test_a_good_repository_is_exit_code_0(repository: Path) -> None:
    done = run("check", ".", cwd=repository)
    assert (done.returncode, done.stderr) == (0, "")
    assert "This can be published." in done.stdout


def test_render_prints_a_pipeline_file(repository: Path) -> None:
    done = run("render", ".", cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "mlreef-promote" in yaml.safe_load(done.stdout)
    assert run("render", ".", cwd=repository).stdout == done.stdout


def test_a_terminal_is_not_moved_by_what_a_repository_says(repository: Path) -> None:
    (repository / "resize.py").write_text(SCRIPT.replace("near", "\\x1b[2Jnear\\u202e"))
    table = run("describe", ".", "--format", "table", cwd=repository).stdout
    assert "\x1b" not in table
    assert "\u202e" not in table


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("unknown",),
        ("describe", "--format", "x"),
        ("describe", "nowhere"),
        ("check", "nowhere"),
        ("serve",),
    ],
)
def test_wrong_usage_and_missing_configuration_are_exit_code_2(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_check_config_tells_every_fault_and_no_secret(tmp_path: Path) -> None:
    done = run("check-config", cwd=tmp_path, MLREEF_GITLAB__TOKEN="canary-token", MLREEF_WEBHOOK__LISTEN="x")
    assert done.returncode == 2
    for place in ("gitlab.url", "builder.image", "webhook.listen"):
        assert place in done.stderr
    assert "canary" not in done.stderr


@pytest.mark.parametrize("words", [("settings.yaml",), ("--config", "settings.yaml")])
def test_check_config_takes_its_file_either_way(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "settings.yaml").write_text("webhook: {listen: x}\n")
    done = run("check-config", *words, cwd=tmp_path, **GOOD)
    assert done.returncode == 2
    assert "webhook.listen" in done.stderr
    assert run("check-config", "a.yaml", "--config", "b.yaml", cwd=tmp_path, **GOOD).returncode == 2


def test_check_config_points_out_images_whose_tags_may_move(tmp_path: Path) -> None:
    done = run("check-config", cwd=tmp_path, **GOOD)
    assert done.returncode == 0
    assert "environments.python-3.12.image: python:3.12-slim-bookworm is a tag" in done.stderr
    assert "builder.image: bot.example.com/bot:1 is a tag" in done.stderr
    digest = "sha256:" + "a" * 64
    pinned = {
        **GOOD,
        "MLREEF_BUILDER__IMAGE": f"bot.example.com/bot@{digest}",
        "MLREEF_ENVIRONMENTS": f"[{{name: p, image: 'python@{digest}', python: '3.12'}}]",
    }
    assert "worth a look" not in run("check-config", cwd=tmp_path, **pinned).stderr


def test_render_needs_the_operators_images_and_no_secrets(repository: Path, tmp_path: Path) -> None:
    settings = {
        "gitlab": {"url": "https://gitlab.example.com", "token_file": "/nowhere"},
        "builder": {"image": "x:7"},
    }
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(settings))
    done = run("render", ".", "--config", str(tmp_path / "settings.yaml"), cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "x:7" in done.stdout


def test_a_table_shows_values_as_json_has_them(repository: Path) -> None:
    more = 'parser.add_argument("--sizes", nargs=2, default=[1, 2])\n    '
    more += 'parser.add_argument("--no", action="store_true")'
    (repository / "resize.py").write_text(SCRIPT.replace("print(", f"{more}\n    print("))
    table = run("describe", ".", "--format", "table", cwd=repository).stdout
    assert "[1, 2]" in table
    assert "false" in table
    assert "False" not in table


def test_a_script_in_a_folder_is_read_with_its_repository(repository: Path) -> None:
    (repository / "tools").mkdir()
    (repository / "resize.py").rename(repository / "tools" / "resize.py")
    done = run("check", "tools/resize.py", cwd=repository)
    assert (done.returncode, done.stderr) == (0, "")
    described = json.loads(run("describe", "resize.py", cwd=repository / "tools").stdout)
    assert described["entry_points"] == {"main": "tools/resize.py"}


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


@pytest.mark.parametrize("mark", ["pyproject.toml", "setup.py", "setup.cfg"])
def test_packaging_tells_the_root_of_a_repository_too(repository: Path, mark: str) -> None:
    (repository / "requirements.txt").unlink()
    (repository / mark).write_text("")
    (repository / "tools").mkdir()
    (repository / "resize.py").rename(repository / "tools" / "resize.py")
    described = json.loads(run("describe", "tools/resize.py", cwd=repository).stdout)
    assert described["entry_points"] == {"main": "tools/resize.py"}


def test_without_a_path_the_folder_is_read_where_one_is(repository: Path) -> None:
    for command in ("check", "describe", "render"):
        assert run(command, cwd=repository).stdout == run(command, ".", cwd=repository).stdout
        assert "Exit codes: 0" in run(command, "--help", cwd=repository).stdout


def test_what_is_refused_is_said_to_be_refused_in_every_form_for_people(repository: Path) -> None:
    (repository / "requirements.txt").unlink()
    for words in (["check"], ["describe", "--format", "table"], ["render"]):
        done = run(*words, cwd=repository)
        assert done.returncode == 1
        assert "would be refused" in done.stdout + done.stderr


def test_what_git_ignores_is_not_read_and_that_is_said(repository: Path) -> None:
    git(repository, "init", "--quiet")
    (repository / ".gitignore").write_text("old/\nnoise.py\n")
    (repository / "old").mkdir()
    (repository / "old" / "resize.py").write_text(SCRIPT)
    (repository / "noise.py").write_text(SCRIPT)
    done = run("check", ".", cwd=repository)
    assert done.returncode == 0, done.stdout
    assert "does not ignore" in done.stderr
    named = json.loads(run("describe", "noise.py", cwd=repository).stdout)
    assert named["entry_points"] == {"main": "noise.py"}


def test_a_folder_that_git_ignores_is_read_as_any_other(repository: Path) -> None:
    git(repository.parent, "init", "--quiet")
    (repository.parent / ".gitignore").write_text("resize/\n")
    done = run("check", ".", cwd=repository)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_nobody_may_open_is_told_as_that(repository: Path) -> None:
    (repository / "requirements.txt").unlink()
    (repository / "requirements.txt").symlink_to("resize.py")
    assert "symbolic link" in run("check", ".", cwd=repository).stdout
    (repository / "requirements.txt").unlink()
    (repository / "requirements.txt").write_text("")
    loaded = load_source(repository)
    closed = replace(loaded, contents={}, closed=dict.fromkeys(loaded.entries, "Permission denied"))
    told = read(closed, "p", "resize.py").problems
    assert {one.code for one in told} == {"file-unreadable"}
    assert all("Permission denied" in one.message and "rights" in one.hint for one in told)


GOOD = {
    "MLREEF_GITLAB__URL": "http://127.0.0.1:9",
    "MLREEF_GITLAB__TOKEN": "canary-token",
    "MLREEF_WEBHOOK__SECRETS": "canary-secret",
    "MLREEF_BUILDER__IMAGE": "bot.example.com/bot:1",
}


def test_a_good_configuration_is_exit_code_0(tmp_path: Path) -> None:
    done = run("check-config", cwd=tmp_path, **GOOD)
    assert done.returncode == 0
    assert "canary" not in done.stderr


def test_publish_says_when_gitlab_cannot_be_asked(tmp_path: Path) -> None:
    done = run("publish", "vision/add-noise", cwd=tmp_path, **GOOD)
    assert done.returncode == 1
    assert "GitLab" in done.stderr
    assert "Traceback" not in done.stderr


def test_describing_loads_no_web_server_no_engine_and_no_database(repository: Path) -> None:
    program = (
        "import sys; from bot.__main__ import main; code = main(['describe', '.']);"
        "print(sorted(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=repository, capture_output=True, text=True, check=True
    )
    for heavy in (
        "flask",
        "dbos",
        "sqlalchemy",
        "pydantic",
        "requests",
        "gitlab",
        "gunicorn",
        "docker",
        "structlog",
    ):
        assert f"'{heavy}'" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(repository: Path) -> None:
    command = f"'{sys.executable}' -P -m bot describe . | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)


def test_a_bug_is_exit_code_3_and_asks_to_be_reported(repository: Path, tmp_path: Path) -> None:
    # a standard module of that name breaks the program from outside, as a bug would from inside
    broken = tmp_path / "broken" / "parser"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('glpat-canarycanary')")
    done = run("describe", ".", cwd=repository, PYTHONPATH=str(broken.parent))
    assert done.returncode == 3
    assert "report" in done.stderr
    assert "canary" not in done.stderr
