"""How fast workers drain a backlog of quiet pushes on PostgreSQL, one worker and two, and how much memory they take.

A quiet push needs nothing but looking: its handler waits as long as GitLab takes for its answers, so that only the
worker, its engine and the database are measured. Every commit of the server is synced to the disk.

    python -m benchmarks.workers                 # 2,000 jobs by one worker and by two
    python -m benchmarks.workers --jobs 10000    # the same for longer, for the memory
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.database import engine_url
from bot.adapters.store import Store
from bot.domain.events import Push, subject, to_dict
from bot.domain.jobs import Job, Later
from bot.domain.routing import Rules, route
from bot.worker import Limits, Worker, leave
from sandbox.postgres import Cluster

ROOT = Path(__file__).parents[1]
JOBS = 2000
PROJECTS = 250
ANSWER_SECONDS = 0.12
"""What GitLab takes for the three answers of a quiet push."""

WARM_JOBS = 100
"""Jobs whose time does not count, while processes start."""

MOST_SECONDS = 900.0
LEAST_SCALE = 1.7
MOST_MEGABYTES = 150.0
MOST_GROWTH_MEGABYTES = 10.0
"""Between the first quarter and the end: noise, not a leak."""


@dataclass(frozen=True)
class Drained:
    """One backlog: jobs per second, and each worker's resident MB after a quarter of the jobs and at the end."""

    per_second: float
    early_mb: float
    late_mb: float


def work(url: str, log: Path) -> None:
    """Be a worker whose handlers only wait, until SIGTERM; writes one byte for each job done."""
    done = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def handle(_job: Job) -> tuple[Later, ...]:
        time.sleep(ANSWER_SECONDS)
        os.write(done, b".")
        return ()

    worker = Worker(
        Store.prepare(url),
        engine_url(url),
        lambda event: route(event, Rules(("main",), ()), 99),
        handle,
        Limits(),
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.request_stop())
    worker.start()
    worker.run_until_stopped()
    leave()


def drain(cluster: Cluster, workers: int, jobs: int) -> Drained:
    """Fill a new database with deliveries, and time its workers from the first jobs to the last."""
    url = cluster.create_database()
    store = Store.prepare(url)
    for number in range(jobs):
        branch = f"b{number // PROJECTS}"
        push = Push(
            number % PROJECTS + 1, f"refs/heads/{branch}", "0" * 40, f"{number + 1:040x}", 7, branch, None
        )
        store.accept(str(number), to_dict(push), subject(push))
    store.close()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "done"
        log.touch()
        with (Path(folder) / "log").open("wb") as errors:
            command = [sys.executable, "-m", "benchmarks.workers", "--work", url, str(log)]
            running = [
                subprocess.Popen(command, cwd=ROOT, stdout=errors, stderr=errors) for _ in range(workers)
            ]
        try:
            _wait(log, WARM_JOBS * workers)
            began, at = time.monotonic(), log.stat().st_size
            _wait(log, jobs // 4)
            early = max(resident_mb(process.pid) for process in running)
            _wait(log, jobs)
            took = time.monotonic() - began
            late = max(resident_mb(process.pid) for process in running)
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
    cluster.drop_database(url)
    return Drained((jobs - at) / took, early, late)


def _wait(log: Path, count: int) -> None:
    until = time.monotonic() + MOST_SECONDS
    while log.stat().st_size < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{log.stat().st_size} of {count} jobs are done after {MOST_SECONDS} s")
        time.sleep(0.05)


def resident_mb(pid: int) -> float:
    """Memory of a process that is in RAM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def main() -> int:
    """Measure and tell; exit code 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--work", nargs=2, metavar=("URL", "LOG"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], Path(options.work[1]))
    cluster = Cluster(durable=True)
    try:
        one, two = (drain(cluster, workers, options.jobs) for workers in (1, 2))
    finally:
        cluster.close()
    scale = two.per_second / one.per_second
    most = max(one.late_mb, two.late_mb)
    growth = max(one.late_mb - one.early_mb, two.late_mb - two.early_mb)
    print(
        f"{options.jobs} quiet pushes over {PROJECTS} projects, {ANSWER_SECONDS * 1000:.0f} ms of GitLab's in each"
    )
    print(f"one worker    {one.per_second:7.1f} jobs/s")
    print(f"two workers   {two.per_second:7.1f} jobs/s   {scale:.2f} times as many (promised: {LEAST_SCALE})")
    print(f"memory        {most:7.1f} MB resident of a worker (promised: {MOST_MEGABYTES:.0f})")
    print(
        f"              {growth:+7.1f} MB since a quarter of the jobs (at most {MOST_GROWTH_MEGABYTES:.0f})"
    )
    return int(scale < LEAST_SCALE or most > MOST_MEGABYTES or growth > MOST_GROWTH_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
