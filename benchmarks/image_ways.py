"""Ways to get a repository into a registry as an image, each as the commands that a person or a job would run."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_SECONDS = 900

RESIDENT = """\
import contextlib, io, sys, time
import bot.describing
from bot.__main__ import main

script, *command = sys.argv[1:]
for number in range(4):
    with open(script, "a") as stream:
        stream.write("# another one\\n")
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(command)
    if number:
        print(time.perf_counter() - began)
    if code:
        sys.exit(code)
"""
"""Changes the script and publishes it again and again, in one process; the first time loads what is not loaded yet."""
LOOK_SECONDS = 0.05
"""Between two looks at how much memory the processes take."""

SCRIPT = '''\
"""Describes a table."""

import argparse

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--input-path", default="in", help="the folder with the table")
parser.add_argument("--output-path", default="out", help="where the description goes")
parser.add_argument("--rows", type=int, default=10, help="how many of them are shown")

if __name__ == "__main__":
    args = parser.parse_args()
    import pandas
    import sklearn

    print(pandas.__version__, sklearn.__version__, args.rows)
'''
REQUIREMENTS = ("numpy", "pandas", "scikit-learn", "matplotlib")

MLREEF_ORDER = """\
FROM {base}
COPY . /app
WORKDIR /app
RUN pip install --no-cache-dir -r requirements.txt
ENTRYPOINT ["python", "/app/main.py"]
"""
BEST_ORDER = """\
FROM {base}
WORKDIR /app
RUN --mount=type=bind,source=.uv,target=/usr/bin/uv \\
    --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \\
    --mount=type=cache,id=mlreef-bench-{world},target=/root/.cache/uv \\
    UV_LINK_MODE=copy uv pip install --system {compile}-r /tmp/requirements.txt
COPY main.py /app/
USER 10001
ENTRYPOINT ["python", "/app/main.py"]
"""


@dataclass
class Cost:
    """What one publication took. `memory` in MB is the most that all its processes held at once."""

    seconds: float
    sent: int = 0
    requests: int = 0
    memory: float | None = None
    sources: int | None = None


@dataclass
class World:
    """Where one way begins anew: a folder for the repository and its caches, a number that no cache has seen."""

    number: str
    folder: Path
    base: str
    python: str
    registry: str
    requirements: tuple[str, ...] = REQUIREMENTS

    @property
    def repository(self) -> Path:
        """The author's repository."""
        return self.folder / "repository"

    def begin(self) -> None:
        """A repository as its author has it on the first day."""
        self.repository.mkdir(parents=True)
        (self.repository / "main.py").write_text(SCRIPT, "utf-8")
        (self.repository / "requirements.txt").write_text(
            "".join(f"{line}\n" for line in (*self.requirements, f"# {self.number}")), "utf-8"
        )
        subprocess.run(["git", "init", "-q", str(self.repository)], check=True)


@dataclass
class Way(ABC):
    """One way. `title` stands in the table."""

    title: str
    worlds: list[World] = field(default_factory=list)

    def prepare(self, world: World) -> None:  # noqa: B027 -- most ways need nothing
        """What exists once, beside the author's files."""

    @abstractmethod
    def publish(self, world: World, name: str) -> Cost:
        """The repository of a world, as it is now, as the image `name`."""


@dataclass
class Ours(Way):
    """`mlreef-bot build`. The first project's repository is the one that the operator lets others take layers from."""

    def publish(self, world: World, name: str) -> Cost:
        cost, said = self._run(world, "-m", "bot", *self._command(world, name))
        cost.sources = json.loads(said)["sources_bytes"]
        return cost

    def publish_again(self, world: World, name: str) -> float:
        """Seconds that a changed script takes in a process which runs already, as BuildKit's daemon does."""
        script = str(world.repository / "main.py")
        _, said = self._run(world, "-c", RESIDENT, script, *self._command(world, name))
        return statistics.median(map(float, said.split()))

    def _command(self, world: World, name: str) -> list[str]:
        return [
            *("build", str(world.repository), "--push", f"{world.registry}/{name}"),
            *("--base", world.base, "--python", world.python, "--format", "json"),
            *("--cache", str(world.folder / "cache"), "--shared", f"{world.registry}/{world.number}/first"),
        ]

    def _run(self, world: World, *words: str) -> tuple[Cost, str]:
        return run([sys.executable, *words], UV_CACHE_DIR=str(world.folder / "cache" / "uv"))


@dataclass
class Docker(Way):
    """A Dockerfile, built by BuildKit, pushed by the engine."""

    dockerfile: str = ""
    compile: str = ""

    def prepare(self, world: World) -> None:
        uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
        if "uv" in self.dockerfile and uv is not None:
            shutil.copy(uv, world.repository / ".uv")
        text = self.dockerfile.format(base=world.base, world=world.number, compile=self.compile)
        (world.repository / "Dockerfile").write_text(text, "utf-8")

    def publish(self, world: World, name: str) -> Cost:
        image = f"{world.registry}/{name}:latest"
        build = ["docker", "buildx", "build", "--quiet", "--load", "--tag", image, str(world.repository)]
        built, _ = run(build)
        pushed, _ = run(["docker", "push", "--quiet", image])
        return Cost(built.seconds + pushed.seconds)


def run(command: list[str], **more: str) -> tuple[Cost, str]:
    """A whole command: wall-clock time from start to end, the memory of it and its children, and its stdout."""
    # An installed program has its bytecode; one that may not write it would compile itself anew each time.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env={**environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    most = [0.0]
    ended = threading.Event()
    looking = threading.Thread(target=_look, args=(process.pid, most, ended))
    looking.start()
    try:
        said, complaints = process.communicate(timeout=LONGEST_SECONDS)
    finally:
        process.kill()
        seconds = time.perf_counter() - began
        ended.set()
        looking.join()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{complaints[-3000:]}")
    return Cost(seconds, memory=most[0]), said


def _look(pid: int, most: list[float], ended: threading.Event) -> None:
    while not ended.wait(LOOK_SECONDS):
        most[0] = max(most[0], sum(_memory(one) for one in _tree(pid)))


def _tree(pid: int) -> list[int]:
    try:
        children = [
            int(word)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for word in (task / "children").read_text().split()
        ]
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _tree(child))]


def _memory(pid: int) -> float:
    """MB of a process; what it shares with others counts in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000
