"""What the tests of the sandbox share: a receiver of hooks, and a clone in which git is used as people use it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gitlab

from sandbox.gitlab import Project, User

CI_FILE = """\
stages: [verify, build]
check:
  stage: verify
  script: echo check
  interruptible: true
make-image:
  stage: build
  script: echo build
  needs: [check]
"""


IDENTITY = (("NAME", "Alice Author"), ("EMAIL", "alice@example.com"))


@dataclass
class Received:
    """One hook as its receiver saw it."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Receiver:
    """A web server that takes hooks; `status` and `pause` say how it answers."""

    url: str = ""
    status: int = 200
    pause: float = 0.0
    got: list[Received] = field(default_factory=list)

    def of(self, kind: str) -> list[Any]:
        """The bodies of one kind of hook, in the order of their arrival."""
        return [item.body for item in self.got if item.body["object_kind"] == kind]


@dataclass(frozen=True)
class WorkingCopy:
    """A clone in which git is used as people use it."""

    path: Path

    def git(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in IDENTITY}
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **who, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull},
        )
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done

    def commit(self, message: str, **files: str) -> str:
        """Write files (`a__py` stands for a.py), commit them, and give the sha."""
        for name, content in files.items():
            (self.path / name.replace("__", ".")).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").stdout.strip()


Client = Callable[[User], gitlab.Gitlab]
Clone = Callable[[Project, User], WorkingCopy]
