"""A real worker process whose handlers write down what they do; told what else to do by a file of JSON.

Lines of the log: `begin KIND BRANCH SHA ATTEMPT TIME` and `end …`. Forked for the tests, which kill it: importing
takes most of a second, and there are a hundred workers in a run. A line `FOLDER URL` on standard input starts one and
is answered by its process id; how it ended stands in FOLDER/ended-ID. All end with this program.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bot.adapters.database import engine_url
from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.presence import open_presence
from bot.adapters.store import Store
from bot.adapters.talk import Talk
from bot.domain.jobs import EnsurePipeline, Follow, Job, Later, Publish
from bot.domain.routing import Rules, route
from bot.errors import Gone, OperatorError, TryAgain
from bot.jobs.doing import FIRST_PAUSE_SECONDS
from bot.jobs.engine import MAX_CRASHES
from bot.logs import set_up
from bot.telling import tell_given_up
from bot.worker import Limits, Worker, leave
from bot.world import World

NOT_ASKED: Any = None
"""What telling an author needs nothing of."""

DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""

for module in ("sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite.pysqlite"):
    # what a worker would import once it starts
    importlib.import_module(module)


def main(folder: Path, url: str) -> None:
    """Work in a folder on a database until SIGTERM."""
    script = json.loads((folder / "script.json").read_text())
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    set_up("json", "INFO", ("canary-secret-value",))

    def write(*words: object) -> None:
        os.write(log, (" ".join(map(str, words)) + "\n").encode())

    def handle(job: Job) -> tuple[Later, ...]:
        assert isinstance(job, Publish | EnsurePipeline | Follow)
        kind = type(job).__name__
        write("begin", kind, job.branch, job.sha, job.attempt, time.time())
        act = script.get(job.branch, {})
        time.sleep(act.get("seconds", 0.0))
        if job.attempt < act.get("fails", 0):
            how = act["how"] if isinstance(act["how"], str) else act["how"][job.attempt]
            match how:
                case "full":
                    raise OSError(errno.ENOSPC, "No space left on device")
                case "odd words":
                    raise TryAgain(f"GitLab said: \0 \x1b[31m {'x' * 100_000} canary-secret-value", 0.1)
                case "again":
                    raise TryAgain("GitLab does not answer", act.get("after"))
                case "operator":
                    raise OperatorError("the token is wrong", "give another one")
                case "gone":
                    raise Gone("the project was deleted")
                case "bug":
                    raise ZeroDivisionError("canary-secret-value")
                case "die":
                    os.kill(os.getpid(), signal.SIGKILL)
        # as everything that a job changes: only while the job is this worker's to do
        presence.check()
        write("end", kind, job.branch, job.sha, job.attempt, time.time())
        if isinstance(job, Publish) and "later" in act:
            return (Later(EnsurePipeline(job.project_id, job.branch, job.sha or "none"), act["later"]),)
        return ()

    def give_up(job: Job, _why: str) -> None:
        write("given-up", type(job).__name__, job.branch, job.sha, 0, time.time())
        if "gitlab" in script:
            gitlab = script["gitlab"]
            client = GitlabClient(gitlab["url"], gitlab["token"], 10)
            talk = Talk(client, gitlab["user_id"])
            tell_given_up(job, World(Forge(client), NOT_ASKED, store, NOT_ASKED, gitlab["user_id"], talk))

    store = Store.prepare(url)
    presence = open_presence(engine_url(url))
    worker = Worker(
        store,
        engine_url(store.url),
        lambda event: route(event, Rules(("main",), ("mlreef-verify", "mlreef-promote")), 99),
        handle,
        Limits(
            script.get("concurrency", 8),
            shutdown_seconds=script.get("shutdown", 6.0),
            first_pause_seconds=script.get("first pause", FIRST_PAUSE_SECONDS),
            crashes=script.get("crashes", MAX_CRASHES),
        ),
        housekeeping={"hangs": lambda: time.sleep(script.get("hangs", 0.0))},
        given_up=give_up,
        presence=presence,
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.request_stop())
    worker.start()
    if "forget" in script:
        (folder / "forgotten").write_text(str(worker.forget_jobs(script["forget"], 2)))
    (folder / f"ready-{os.getpid()}").touch()
    worker.run_until_stopped()
    leave()


def fork(folder: Path, url: str) -> int:
    """Start a worker; its process id."""
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        os.setsid()
        errors = os.open(folder / "stderr.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (errors, 1), (errors, 2)):
            os.dup2(descriptor, target)
        try:
            main(folder, url)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            raise
        finally:
            sys.stderr.flush()
            os._exit(1)
    return pid


def serve() -> None:
    """Fork what is asked for, and note how each fork ended, until standard input does."""
    forks: dict[int, tuple[int, Path]] = {}
    while True:
        for ready in select.select([0, *forks], [], [])[0]:
            if ready in forks:
                pid, folder = forks.pop(ready)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.close(ready)
                if folder.exists():
                    (folder / f"ended-{pid}").write_text(f"{status}\n")
            elif order := sys.stdin.readline().split():
                pid = fork(Path(order[0]), order[1])
                forks[os.pidfd_open(pid)] = (pid, Path(order[0]))
                sys.stdout.write(f"{pid}\n")
                sys.stdout.flush()
            else:
                return


if __name__ == "__main__":
    serve()
