"""`python -m sandbox`: a GitLab to play with, from the first line to the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import gitlab
import requests

ROOT = Path(__file__).parents[2]


def test_the_sandbox_runs_by_itself_and_ends_when_asked(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--directory", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        told = json.loads(program.stdout.readline())
        client = gitlab.Gitlab(told["gitlab"], private_token=told["token"])
        client.auth()
        assert client.user is not None
        assert client.user.username == "root"
        assert client.projects.create({"name": "p"}).path_with_namespace == "root/p"
        assert requests.get(f"http://{told['registry']}/v2/", timeout=5).status_code == 401
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
