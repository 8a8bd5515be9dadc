"""What stands in deploy/ is well formed, and says what the bot understands."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import main
from bot.config_file import load_config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return parsed


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            DEPLOY / "compose.yaml",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_what_the_compose_file_names_is_there() -> None:
    file = compose()
    for service in file["services"].values():
        assert set(service.get("secrets", ())) <= set(file["secrets"])
        assert {one["source"] for one in service.get("configs", ())} <= set(file["configs"])
        assert set(service.get("depends_on", ())) <= set(file["services"])
    assert {name for name, one in file["services"].items() if "database" in one.get("depends_on", ())} == {
        "door",
        "worker",
    }


def test_the_bot_understands_the_settings_of_the_compose_file(tmp_path: Path) -> None:
    environment = compose()["services"]["door"]["environment"]
    files = {"gitlab-token": "a-token-of-gitlab", "webhook-secrets": "a-secret-of-the-hooks"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    environ = {name: value.replace("/run/secrets", str(tmp_path)) for name, value in environment.items()}
    config = load_config(ROOT / "config.example.yaml", environ)
    assert config.database.url == "postgresql+psycopg://mlreef_bot@database/mlreef_bot"
    assert config.gitlab.token.get_secret_value() == files["gitlab-token"]
    assert config.webhook.listen == "0.0.0.0:8080"


@pytest.mark.parametrize("service", ["door", "worker"])
def test_containers_hand_the_password_over_and_start_a_command_that_exists(
    service: str, tmp_path: Path
) -> None:
    shell, option, script = compose()["services"][service]["command"]
    # What compose makes of $$, with the program replaced by one that tells how it was called.
    (tmp_path / "database-password").write_text("a:pass\n")
    script = script.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "mlreef-bot").write_text('#!/bin/sh\necho "$@"\n')
    (bin_folder / "mlreef-bot").chmod(0o755)
    passwords = tmp_path / "pgpass"
    environ = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "PGPASSFILE": str(passwords)}
    said = subprocess.run(
        [shell, option, script], env=environ, capture_output=True, text=True, check=True
    ).stdout
    assert passwords.read_text() == "database:5432:mlreef_bot:mlreef_bot:a:pass\n"
    assert passwords.stat().st_mode & 0o077 == 0
    assert_known_to_the_bot(shlex.split(said))


@pytest.mark.systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_the_units(unit: Path) -> None:
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_commands_that_exist_and_give_them_time_to_end(unit: Path) -> None:
    settings = dict(
        line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#"
    )
    env, program, *arguments = shlex.split(settings["ExecStart"])
    assert (env, program) == ("/usr/bin/env", "mlreef-bot")
    assert_known_to_the_bot(arguments)
    environ = {
        "MLREEF_GITLAB__TOKEN": "a-token-of-gitlab",
        "MLREEF_WEBHOOK__SECRETS": "a-secret-of-the-hooks",
    }
    assert (
        float(settings["TimeoutStopSec"])
        > load_config(ROOT / "config.example.yaml", environ).worker.shutdown_seconds + 3
    )


def assert_known_to_the_bot(arguments: list[str]) -> None:
    """The command is understood up to its settings, which are not here."""
    nowhere = [word.replace("/etc/mlreef-bot", "/nowhere") for word in arguments]
    assert nowhere != arguments
    assert main(nowhere) == 2
