"""All that a job makes in the Docker engine carries the job's own label, so it can be found and removed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LABEL = "io.mlreef.sandbox.run"

ENGINE_SECONDS = 60
"""Time for one answer of the engine, removing containers included."""

SETTLE_SECONDS = 0.2
"""A container whose creation was cut off may appear a moment later."""

REMOVAL_ROUNDS = 20

USUAL_ADDRESS = "unix:///var/run/docker.sock"

PROGRAM = "sandbox-engine"

# gitlab-ci-local calls this instead of docker.
SCRIPT = """#!/bin/sh
case "$1" in
  create|run) verb=$1; shift; exec docker "$verb" --label "{label}" "$@" ;;
  volume|network)
    if [ "$2" = create ]; then kind=$1; shift 2; exec docker "$kind" create --label "{label}" "$@"; fi ;;
esac
exec docker "$@"
"""


@dataclass(frozen=True)
class Scope:
    """One job's things in the engine; `name` starts with the id of the process that runs it."""

    name: str

    @property
    def label(self) -> str:
        return f"{LABEL}={self.name}"

    def write_program(self, folder: Path) -> None:
        """Put the program that labels everything into `folder`, which is to be on PATH."""
        program = folder / PROGRAM
        program.write_text(SCRIPT.format(label=self.label), encoding="utf-8")
        program.chmod(0o755)

    def ensure_gone(self) -> None:
        """Remove what is left of the job: containers, volumes, networks; again, until nothing comes up."""
        for _ in range(REMOVAL_ROUNDS):
            if not self._remove():
                return
            time.sleep(SETTLE_SECONDS)

    def _remove(self) -> bool:
        found = False
        for kind, list_all, take_away in (
            ("container", ["--all"], ["rm", "--force", "--volumes"]),
            ("volume", [], ["rm", "--force"]),
            ("network", [], ["rm"]),
        ):
            listed = _docker(kind, "ls", "--quiet", *list_all, "--filter", f"label={self.label}").split()
            if listed:
                found = True
                _docker(kind, *take_away, *listed)
        return found


def write_login(folder: Path, variables: Mapping[str, str]) -> None:
    """Give the engine's client the job's own registry login, and no other, as GitLab's runner does."""
    registry = variables.get("CI_REGISTRY", "")
    user, password = variables.get("CI_REGISTRY_USER", ""), variables.get("CI_REGISTRY_PASSWORD", "")
    logins = {}
    if registry and user and password:
        logins[registry] = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
    folder.mkdir(mode=0o700)
    with open(os.open(folder / "config.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as handle:  # noqa: PTH123 - the mode must be right from the first moment
        json.dump({"auths": logins}, handle)


def engine_address() -> str:
    """Where the Docker engine listens that this machine's client would use, whatever its context."""
    told = os.environ.get("DOCKER_HOST") or _docker(
        "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"
    )
    return told.strip() or USUAL_ADDRESS


def _docker(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ENGINE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
