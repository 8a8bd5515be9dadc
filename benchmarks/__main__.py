"""`make bench`: every promised speed, measured in one go, told on the terminal and written to docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.image import HEADING, NEXT_HEADING

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "benchmarks.md"
LONGEST_SECONDS = 600
"""A benchmark that takes longer hangs."""

KEPT = (HEADING, NEXT_HEADING)
"""Where the part of the page begins that is kept as it is: what takes too long to be measured each time."""


@dataclass(frozen=True)
class Benchmark:
    """One module of this folder, and what it answers. Its table is on stdout, or on stderr when stdout is JSON."""

    module: str
    title: str
    promise: str
    table_on_stderr: bool = False


BENCHMARKS = (
    Benchmark(
        "benchmarks.door",
        "The webhook door",
        "At least 0.7 of the throughput of a view that only commits one row to the same database under the same "
        "gunicorn; p99 with one client under 10 ms, and under 150 ms beside a busy worker. The ratio to an empty view "
        "is reported.",
        table_on_stderr=True,
    ),
    Benchmark(
        "benchmarks.workers",
        "Workers and a backlog",
        "Two workers drain 2,000 quiet pushes at least 1.7 times as fast as one, on two cores; a worker takes less "
        "than 150 MB of memory, and no more after thousands of jobs.",
    ),
    Benchmark(
        "benchmarks.commit",
        "From the hook to the commit of mlreef.yml",
        "p50 under 400 ms, p95 under 1 s, against the sandbox on the same machine.",
    ),
    Benchmark(
        "benchmarks.reviews",
        "From the hook of a merge request to its check",
        "p95 under 1 s with 50 open merge requests, against the sandbox on the same machine, one push after another; "
        "at most 8 calls to GitLab and no note where nothing is to be told.",
    ),
    Benchmark(
        "benchmarks.catalogue",
        "Searching the catalogue",
        "p95 under 100 ms among 100,000 modules on SQLite, whatever is asked for and by whom: also for the commonest "
        "word, for none, and for words that are never found together.",
    ),
    Benchmark(
        "benchmarks.describe",
        "Describing a script",
        "At most 5 times `ast.parse` of the same files, its modules included: the median over the command lines of "
        "the standard library and scripts of our own.",
    ),
    Benchmark(
        "benchmarks.start",
        "From nothing to the end of `mlreef-bot describe`",
        "Under 150 ms.",
    ),
)


def main() -> int:
    """Run all; exit code 1 when one of them failed or passed its limit."""
    now = datetime.now(UTC).strftime("%Y-%m-%d")
    where = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    parts = [
        "# Benchmarks",
        f"Written by `make bench` on {now}: {where}. Ratios within one run say more than milliseconds.",
    ]
    failed = []
    for benchmark in BENCHMARKS:
        print(f"{benchmark.title} …", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", benchmark.module],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
        table = (done.stderr if benchmark.table_on_stderr else done.stdout).strip("\n")
        print(table if done.returncode == 0 else table + done.stderr, flush=True)
        if done.returncode != 0:
            failed.append(benchmark.title)
        verdict = "" if done.returncode == 0 else "\n\n**Not kept in this run.**"
        parts.append(f"## {benchmark.title}\n\nPromised: {benchmark.promise}\n\n```\n{table}\n```{verdict}")
    page = REPORT.read_text("utf-8")
    kept = next((page[page.index(heading) :] for heading in KEPT if heading in page), "")
    REPORT.write_text("\n\n".join([*parts, kept.strip()]).strip() + "\n", "utf-8")
    print(f"written to {REPORT.relative_to(ROOT)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
