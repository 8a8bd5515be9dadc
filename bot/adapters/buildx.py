"""BuildKit of a Docker engine, by the client's plugin buildx; every word is an argument, and no shell sees one."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.adapters.engine import TAIL_LINES, USING_CACHE, BuildFailed
from bot.errors import TryAgain

ASK_SECONDS = 20
"""Seconds that the client may take to say whether it can build."""

MAX_ARGUMENT_BYTES = 120 * 1024
"""Bytes of one argument; Linux takes 128 KiB."""

_VERTEX = re.compile(r"#(\d+) \[(?:[^\]]* )?\d+/\d+\] (.*)")
_PRINTED = re.compile(r"#(\d+) \d+\.\d+ (.*)")
_STATE = re.compile(r"#(\d+) (.*)")


class Buildx:
    """The plugin and the engine behind it; `folder` holds the client's logins, and nothing else is read there."""

    def __init__(self, client: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._client = client
        self._environment = {
            **environment,
            "DOCKER_CONFIG": str(folder),
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        }

    @classmethod
    def find(cls, folder: Path, environment: Mapping[str, str]) -> Buildx | None:
        """The plugin, when this machine has it and the engine can build with it."""
        client = shutil.which("docker", path=environment.get("PATH"))
        if client is None:
            return None
        found = cls(client, folder, environment)
        try:
            asked = subprocess.run(
                [client, "buildx", "inspect", "default"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=found._environment,
                timeout=ASK_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        runs = re.search(rb"^Status:\s+running", asked.stdout, re.MULTILINE)
        return found if asked.returncode == 0 and runs else None

    @staticmethod
    def takes(labels: Mapping[str, str]) -> bool:
        """Whether labels of this length can be given."""
        return all(len(f"{name}={value}".encode()) <= MAX_ARGUMENT_BYTES for name, value in labels.items())

    def build(
        self,
        folder: Path,
        dockerfile: str,
        tag: str,
        labels: Mapping[str, str],
        arguments: Mapping[str, str],
        said: Callable[[str, str], None],
    ) -> None:
        """Builds what `Engine.build` builds, and names it in the engine. Raises BuildFailed."""
        words = ["buildx", "build", "--builder", "default", "--progress", "plain", "--load", "--tag", tag]
        words += ["--file", str(folder / dockerfile)]
        for name, value in labels.items():
            words += ["--label", f"{name}={value}"]
        for name, value in arguments.items():
            words += ["--build-arg", f"{name}={value}"]
        process = subprocess.Popen(
            [self._client, *words, "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self._environment,
        )
        reading = _Reading(said)
        with process:
            if process.stderr is None:
                raise AssertionError("it is a pipe")
            for raw in process.stderr:
                reading.line(raw.decode("utf-8", "replace").rstrip())
        if process.returncode:
            raise reading.failure()


class _Reading:
    """What `--progress plain` prints, line by line: instructions by number, and what each prints."""

    def __init__(self, said: Callable[[str, str], None]) -> None:
        self._said = said
        self._names: dict[str, str] = {}
        self._printed: dict[str, deque[str]] = {}
        self._failed = ""
        self._why = ""

    def line(self, line: str) -> None:
        if vertex := _VERTEX.match(line):
            self._names[vertex[1]] = vertex[2]
            self._said(vertex[2], "")
        elif printed := _PRINTED.match(line):
            number, text = printed[1], printed[2]
            self._printed.setdefault(number, deque(maxlen=TAIL_LINES)).append(text)
            if number in self._names:
                self._said(self._names[number], text)
        elif state := _STATE.match(line):
            number, text = state[1], state[2]
            if text == "CACHED" and number in self._names:
                self._said(self._names[number], USING_CACHE)
            elif text.startswith("ERROR: "):
                self._failed = self._failed or number
        elif line.startswith("ERROR: "):
            self._why = line.removeprefix("ERROR: ").removeprefix("failed to solve: ")

    def failure(self) -> BuildFailed | TryAgain:
        if not self._why:
            return TryAgain("The Docker client broke off without a word.")
        instruction = self._names.get(self._failed, "")
        return BuildFailed(instruction, self._why, tuple(self._printed.get(self._failed, ())))
