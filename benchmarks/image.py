"""`make bench-image`: this project's images beside Dockerfiles, in one run on one machine with one registry.

    python -m benchmarks.image [--runs N] [--write] [--requirements NAME… --modules NAME…]

Every way starts from the same base image and the same four requirements, and pushes to the same registry on loopback.
A run goes through all ways before the next run begins, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.image_registry import CountedRegistry, counted_registry
from benchmarks.image_ways import BEST_ORDER, MLREEF_ORDER, REQUIREMENTS, Cost, Docker, Ours, Way, World

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "benchmarks.md"
HEADING, NEXT_HEADING = "## The image, side by side", "## Measured by hand"

CASES = {
    "cold": "cold: nothing known, nothing kept",
    "script": "the script changed",
    "added": "one requirement added",
    "project": "a new project with the same requirements",
    "nothing": "nothing changed",
}
IMPORT = (
    "import subprocess, sys, time\n"
    "took = []\n"
    "for _ in range(5):\n"
    "    began = time.perf_counter()\n"
    "    subprocess.run([sys.executable, '-c', 'import ' + ', '.join(sys.argv[1:])], check=True)\n"
    "    took.append(time.perf_counter() - began)\n"
    "print(sorted(took)[2])\n"
)

OURS = Ours("`mlreef-bot build`")
MLREEF = Docker("(a) MLReef's order, pip", dockerfile=MLREEF_ORDER)
BEST = Docker("(b) best order, uv, bytecode", dockerfile=BEST_ORDER, compile="--compile-bytecode ")
PLAIN = Docker("(b) without bytecode", dockerfile=BEST_ORDER)
WAYS: Sequence[Way] = (OURS, MLREEF, BEST, PLAIN)


@dataclass(frozen=True)
class Image:
    """A published image: MB of its layers as they travel and unpacked, and the seconds of an import in it."""

    packed: float
    unpacked: float
    start: float


@dataclass(frozen=True)
class Limit:
    """A promise: what was measured, and what it may be at most."""

    text: str
    measured: float
    most: float
    unit: str = ""

    @property
    def kept(self) -> bool:
        """Whether it holds."""
        return self.measured <= self.most


def main(arguments: Sequence[str]) -> int:
    """Measure; exit code 1 when a promise is not kept, 2 when the machine cannot run this."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image")
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--requirements", nargs="+", default=REQUIREMENTS, help="instead of the usual four")
    parser.add_argument(
        "--modules", nargs="+", default=("pandas", "sklearn"), help="what is imported of them"
    )
    options = parser.parse_args(arguments)
    missing = [name for name in ("docker", "docker-registry", "git") if shutil.which(name) is None]
    if (
        missing
        or subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode
    ):
        print(
            f"Missing here: {', '.join(missing) or 'docker buildx'} (scripts/ci-machine.sh)", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="mlreef-bench-") as name:
        folder = Path(name)
        with counted_registry(folder / "registry") as registry, _base(registry) as (base, python):
            wanted = tuple(options.requirements)
            first = World("", folder, base, python, registry.address, wanted)
            costs, images = _measure(options.runs, first, registry, options.modules)
    limits = _limits(costs, images)
    text = _text(options.runs, first, costs, images, limits)
    print(text)
    if options.write:
        _write(text)
    return int(not all(limit.kept for limit in limits))


@contextmanager
def _base(registry: CountedRegistry) -> Iterator[tuple[str, str]]:
    """The base image in the registry, by digest, and its Python."""
    said = subprocess.run(
        [str(ROOT / "scripts" / "base-image.sh")], stdout=subprocess.PIPE, text=True, check=True
    )
    local = said.stdout.split()[-1]
    name = f"{registry.address}/base:python"
    _docker("tag", local, name)
    _docker("push", "--quiet", name)
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    python = _docker("run", "--rm", "--network=none", local, "python3", "-c", code)
    listed = _docker("image", "inspect", "--format", '{{join .RepoDigests " "}}', name).split()
    yield next(one for one in listed if one.startswith(f"{registry.address}/base@")), python
    tagged = _docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    mine = [one for one in tagged if one.startswith(f"{registry.address}/") and "<none>" not in one]
    _docker("rmi", "--force", *mine)


def _measure(
    runs: int, first: World, registry: CountedRegistry, modules: Sequence[str]
) -> tuple[Mapping[tuple[str, str], list[Cost]], Mapping[str, Image]]:
    costs: dict[tuple[str, str], list[Cost]] = {}
    names: dict[str, str] = {}
    for number in range(runs):
        for place, way in enumerate(WAYS):
            stamp = f"{os.getpid()}-{number}-{place}"
            world = replace(first, number=stamp, folder=first.folder / stamp)
            world.begin()
            way.prepare(world)
            for case, cost in _cases(way, world, registry):
                costs.setdefault((way.title, case), []).append(cost)
                print(
                    f"run {number + 1}, {way.title}, {case}: {cost.seconds:.2f} s",
                    file=sys.stderr,
                    flush=True,
                )
            names[way.title] = f"{stamp}/first"
            shutil.rmtree(world.folder)
    starts: dict[str, list[float]] = {way.title: [] for way in WAYS}
    unpacked = {}
    for title, name in names.items():
        image = f"{registry.address}/{name}:latest"
        _docker("pull", "--quiet", image)
        unpacked[title] = int(_docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
    for _ in range(max(3, runs)):
        for title, name in names.items():
            image = f"{registry.address}/{name}:latest"
            told = _docker(
                "run", "--rm", "--network=none", "--entrypoint=python", image, "-c", IMPORT, *modules
            )
            starts[title].append(float(told))
    images = {
        title: Image(registry.sizes(name, "latest") / 1e6, unpacked[title], statistics.median(starts[title]))
        for title, name in names.items()
    }
    return costs, images


def _cases(way: Way, world: World, registry: CountedRegistry) -> Iterator[tuple[str, Cost]]:
    """Every case in its order, each leaving what the next one finds."""
    first, second = (f"{world.number}/{name}" for name in ("first", "second"))
    script, requirements = world.repository / "main.py", world.repository / "requirements.txt"

    def measured(name: str) -> Cost:
        sent, asked = registry.sent, registry.requests()
        cost = way.publish(world, name)
        cost.requests, cost.sent = registry.requests() - asked, registry.sent - sent
        return cost

    yield "cold", measured(first)
    script.write_text(f"{script.read_text('utf-8')}\n# changed\n", "utf-8")
    yield "script", measured(first)
    yield "nothing", measured(first)
    script.write_text(f"{script.read_text('utf-8')}\n# of the new project\n", "utf-8")
    yield "project", measured(second)
    requirements.write_text(f"{requirements.read_text('utf-8')}tabulate\n", "utf-8")
    yield "added", measured(first)
    if isinstance(way, Ours):
        yield "again", Cost(way.publish_again(world, first))


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def _limits(costs: Mapping[tuple[str, str], list[Cost]], images: Mapping[str, Image]) -> list[Limit]:
    def seconds(way: Way, case: str) -> float:
        return statistics.median(cost.seconds for cost in costs[way.title, case])

    def most(case: str, of: Callable[[Cost], float]) -> float:
        return max(of(cost) for cost in costs[OURS.title, case])

    ours, best = images[OURS.title], images[BEST.title]
    changed = seconds(OURS, "script")
    return [
        Limit("script changed: part of (a)'s time, in percent", 100 * changed / seconds(MLREEF, "script"), 1),
        Limit(
            "script changed, in a process that runs already: part of (b)'s time, in percent",
            100 * seconds(OURS, "again") / seconds(BEST, "script"),
            20,
        ),
        Limit(
            "script changed: sent beyond the compressed sources",
            most("script", lambda cost: (cost.sent - (cost.sources or 0)) / 1000),
            10,
            "kB",
        ),
        Limit("script changed: requests", most("script", lambda cost: cost.requests), 8),
        Limit("new project, same requirements", seconds(OURS, "project"), 0.3, "s"),
        Limit(
            "cold: part of (b)'s time, in percent", 100 * seconds(OURS, "cold") / seconds(BEST, "cold"), 100
        ),
        Limit(
            "cold: memory of all processes together", most("cold", lambda cost: cost.memory or 0), 300, "MB"
        ),
        Limit("size as it travels", ours.packed, best.packed, "MB"),
        Limit("size unpacked", ours.unpacked, best.unpacked, "MB"),
        Limit("`import pandas, sklearn`: part of (b)'s time, in percent", 100 * ours.start / best.start, 110),
    ]


def _text(
    runs: int,
    world: World,
    costs: Mapping[tuple[str, str], list[Cost]],
    images: Mapping[str, Image],
    limits: Sequence[Limit],
) -> str:
    engine = _docker("version", "--format", "{{.Server.Version}}")
    now = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        HEADING,
        "",
        f"Written by `make bench-image` on {now}: Python {platform.python_version()} builds, {os.cpu_count()} cores, "
        f"Docker engine {engine} with BuildKit, Debian's docker-registry on loopback, a base with Python "
        f"{world.python}, {', '.join(world.requirements)}. Medians of {runs} runs, all ways in each, whole processes: "
        "build and push.",
        "",
        "| | " + " | ".join(way.title for way in WAYS) + " |",
        "| --- |" + " ---: |" * len(WAYS),
    ]
    for case, title in CASES.items():
        cells = []
        for way in WAYS:
            took = costs[way.title, case]
            seconds = statistics.median(cost.seconds for cost in took)
            sent = statistics.median(cost.sent for cost in took)
            asked = statistics.median(cost.requests for cost in took)
            size = f"{sent / 1e6:.1f} MB" if sent >= 1e6 else f"{sent / 1e3:.1f} kB"
            cells.append(f"{seconds:.2f} s, {size}, {asked:.0f} requests")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    again = statistics.median(cost.seconds for cost in costs[OURS.title, "again"])
    lines.append(
        f"| the script changed, in a process that runs already | {again:.3f} s |" + " |" * (len(WAYS) - 1)
    )
    for title, cell in (
        ("the image as it travels", lambda image: f"{image.packed:.0f} MB"),
        ("the image unpacked", lambda image: f"{image.unpacked:.0f} MB"),
        ("`import pandas, sklearn` in it", lambda image: f"{image.start:.2f} s"),
    ):
        lines.append(f"| {title} | " + " | ".join(cell(images[way.title]) for way in WAYS) + " |")
    lines += ["", "Bytes are those that clients sent to the registry, heads of requests included.", ""]
    lines += ["| promised of `mlreef-bot build` | measured | at most | |", "| --- | ---: | ---: | --- |"]
    for limit in limits:
        verdict = "kept" if limit.kept else "**not kept**"
        lines.append(
            f"| {limit.text} | {limit.measured:.4g} {limit.unit} | {limit.most:.4g} {limit.unit} | {verdict} |"
        )
    return "\n".join([*lines, "", NOTES])


NOTES = """\
What is compared:

- (a) `COPY . /app`, then `RUN pip install`: every change of the script installs everything anew, as in MLReef.
- (b) as good as a Dockerfile gets: requirements before the script, uv with a cache that outlives the build, bind mounts
  instead of copies. `COPY --link` would save the engine some work on a base that changed, but Docker 20.10 does not
  know it. uv's program is taken from the build's context; from its own image it would have to be pulled.
- cold: no layer, wheel or build step is known, but the engine and the registry have the base image.
- a new project: another repository of the same registry. `mlreef-bot` finds the layers in a repository that the
  operator shares (`--shared`), Docker in its engine's memory of where it pushed them: elsewhere it would begin cold.
- in a process that runs already: the whole command takes most of its time to start Python and to load the program.
  What Docker does is done by two daemons that run all the time, and its command only asks them; so this row, and not
  the whole command, is what is promised beside (b). The first rows have the whole command.
- Docker's memory is the engine's, and is not measured.

Not in the table, because they cannot run on a machine that pulls no images and reaches package indexes only:
**repo2docker** (PyPI) builds on Docker Hub's `buildpack-deps` and fetches micromamba while it builds;
of **Cog** PyPI has the library alone, its program comes from GitHub and builds on images that it pulls."""


def _write(text: str) -> None:
    page = REPORT.read_text("utf-8")
    before, _, rest = page.partition(NEXT_HEADING)
    before = before.partition(HEADING)[0].rstrip()
    REPORT.write_text(f"{before}\n\n{text}\n\n{NEXT_HEADING}{rest}", "utf-8")
    print(f"written to {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
