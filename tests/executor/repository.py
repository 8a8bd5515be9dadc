"""A repository with a CI file of a few lines, and the executor on it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from sandbox.plan import Executor, PipelinePlan


@dataclass
class Repository:
    """A checkout, and what its jobs were given and said."""

    path: Path
    executor: Executor
    variables: dict[str, str] = field(
        default_factory=lambda: {
            "CI_PROJECT_PATH": "ada/noise",
            "CI_PROJECT_NAME": "noise",
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_REF_NAME": "main",
            "CI_DEFAULT_BRANCH": "main",
            "CI_PIPELINE_SOURCE": "push",
        }
    )
    said: bytes = b""

    def commit(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(content), encoding="utf-8")
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--message", "A title\n\nAnd a text")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        done = subprocess.run(
            ["git", "-C", str(self.path), *identity, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    def plan(self, file: str = "ci.yml") -> PipelinePlan:
        return self.executor.plan(self.path, file, self.variables)

    def run(
        self, job: str, cancelled: threading.Event | None = None, heard: Callable[[bytes], None] | None = None
    ) -> int:
        chunks: list[bytes] = []

        def hear(chunk: bytes) -> None:
            chunks.append(chunk)
            if heard:
                heard(chunk)

        code = self.executor.run(
            self.path, "ci.yml", job, self.variables, hear, cancelled or threading.Event()
        )
        self.said = b"".join(chunks)
        return code

    @property
    def lines(self) -> list[str]:
        return self.said.decode().splitlines()


def repository_at(path: Path, executor: Executor) -> Repository:
    path.mkdir()
    repository = Repository(path, executor)
    repository.git("init", "--quiet", "--initial-branch", "main")
    return repository
