"""One bot of its own beside one GitLab: a database, a door and a worker that may be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import sqlalchemy as sa
import yaml

from bot.adapters.database import engine_url, is_sqlite
from bot.adapters.store import Store
from sandbox.demo.children import free_port
from sandbox.gitlab import User
from tests.chaos.trap import arm
from tests.whole_way.conftest import SECRET, STAND_INS

ROOT = Path(__file__).parents[2]
GRACE_SECONDS = 0.8
"""The bot's patience with a GitLab that makes pipelines; longer than the GitLab of the tests takes, when busy, too."""

PATIENCE_SECONDS = 60.0
"""The longest that the bot may need to come to rest after a death."""

SOON_SECONDS = 60.0
"""Delayed jobs that start sooner than this are still to come; later ones, such as the watch, are rest."""

STARTED = '"worker started"'
"""What a worker logs when it is ready."""


class Forkery:
    """The program that forks doors and workers; see forkery.py."""

    def __init__(self, log: Path) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
        self._lock = threading.Lock()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.chaos.forkery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={**environ, "PYTHONPATH": str(ROOT)},
            )

    def fork(self, **order: str) -> int:
        """Start a process; gives its id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the program and all that it forked."""
        self._process.kill()
        self._process.wait()


class Lane:
    """A bot: its own user in GitLab, its own database, one door, and workers by name. Use as a context manager.

    `cables` are other ways to the database, for those roles that do not go straight to it.
    """

    def __init__(
        self,
        folder: Path,
        gitlab_url: str,
        user: User,
        forkery: Forkery,
        database: str = "",
        workers: int = 1,
        watch_seconds: float = 3600,
        grace_seconds: float = GRACE_SECONDS,
        cables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder, self.user = folder, user
        self.forkery = forkery
        self.workers = workers
        folder.mkdir(parents=True)
        (folder / "token").write_text(user.token)
        (folder / "secret").write_text(SECRET)
        self.database = database or f"sqlite:///{folder / 'bot.db'}"
        self.listen = f"127.0.0.1:{free_port()}"
        self.hook_url = f"http://{self.listen}/webhooks/gitlab"
        self.log = folder / "bot.log"
        self.log.touch()
        self.trap = folder / "trap"
        self.trap.mkdir()
        self.deaths = 0
        arm(self.trap, "")
        config = {
            "gitlab": {"url": gitlab_url, "token_file": str(folder / "token"), "timeout_seconds": 5},
            "webhook": {"listen": self.listen, "secrets_file": str(folder / "secret"), "processes": 1},
            "database": {"url": self.database},
            "environments": [
                {"name": "python", "image": STAND_INS.base, "python": STAND_INS.python},
            ],
            "builder": {"image": STAND_INS.bot, "engines": ["docker"]},
            "publish": {"branches": ["release"]},
            "reconcile": {"groups": ["lab"], "interval_seconds": 3600},
            "pipeline": {"grace_seconds": grace_seconds, "watch_seconds": watch_seconds},
        }
        self.config = folder / "config.yaml"
        self.configs = dict.fromkeys(self.roles, self.config)
        self.config.write_text(yaml.safe_dump(config))
        for role, url in cables.items():
            self.configs[role] = folder / f"{role}.yaml"
            self.configs[role].write_text(yaml.safe_dump({**config, "database": {"url": url}}))
        self.pids: dict[str, int] = {}
        self.store = Store.prepare(self.database)
        self._jobs = sa.create_engine(engine_url(self.database), connect_args=self._arguments())
        self._lock = threading.Lock()

    def _arguments(self) -> dict[str, object]:
        return {"timeout": 10} if is_sqlite(self.database) else {}

    @property
    def kind(self) -> str:
        """The database's name."""
        return "sqlite" if is_sqlite(self.database) else "postgresql"

    @property
    def roles(self) -> tuple[str, ...]:
        return ("door", *(f"worker-{number}" for number in range(1, self.workers + 1)))

    def __enter__(self) -> Lane:
        for role in self.roles:
            self.start(role)
        self.wait_until_up()
        return self

    def __exit__(self, *_: object) -> None:
        for role in self.roles:
            self.kill(role)
        self.store.close()
        self._jobs.dispose()

    def start(self, role: str) -> None:
        """Start a door or worker where none lives."""
        with self._lock:
            if not self.lives(role):
                kind = role.partition("-")[0]
                self.pids[role] = self.forkery.fork(
                    role=kind,
                    config=str(self.configs[role]),
                    trap=str(self.trap),
                    log=str(self.log),
                    listen=self.listen,
                )

    def kill(self, role: str) -> None:
        """kill -9, and wait until it is gone."""
        pid = self.pids.get(role)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            # the door has children of its own
            os.killpg(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while self.lives(role):
            time.sleep(0.002)

    def kill_workers(self) -> None:
        """kill -9 of every worker of this bot."""
        for role in self.roles[1:]:
            self.kill(role)

    def lives(self, role: str) -> bool:
        try:
            os.kill(self.pids[role], 0)
        except (KeyError, ProcessLookupError):
            return False
        return True

    def revive(self) -> None:
        """Start again whatever died."""
        for role in self.roles:
            if not self.lives(role):
                self.deaths += 1
                self.start(role)

    def wait_until_up(self) -> None:
        """Wait until every worker took up its work, those too that were started again."""
        wait_until(
            lambda: self.log.read_text().count(STARTED) >= self.workers + self.deaths,
            lambda: self.log.read_text()[-4000:],
        )

    def process(self, role: str) -> int:
        """The id of the process that does the work: a door's own is its child."""
        pid = self.pids[role]
        if role != "door":
            return pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def forget_contents(self) -> None:
        """Empty the cache of files, so that what was read for one project is read again for the next."""
        self.store.keep_blobs({"": b""}, limit_bytes=0)

    def taken_over(self) -> int:
        """How often a worker took over from one that was gone."""
        return self.log.read_text().count('"took over from')

    def waiting(self) -> int:
        """Deliveries and jobs that are still to be worked on; those of a far tomorrow do not count."""
        # deliveries first: what they become is then seen as a job
        deliveries = len(self.store.pending(100))
        soon = int((time.time() + SOON_SECONDS) * 1000)
        return deliveries + self._count(
            f"status IN ('PENDING', 'ENQUEUED') OR (status = 'DELAYED' AND delay_until_epoch_ms < {soon})"
        )

    def jobs_done(self) -> int:
        """Jobs that came to an end."""
        return self._count("status = 'SUCCESS'")

    def _count(self, which: str) -> int:
        schema = "" if is_sqlite(self.database) else "dbos."
        query = sa.text(f"SELECT count(*) FROM {schema}workflow_status WHERE {which}")  # noqa: S608 -- our own words
        try:
            with self._jobs.connect() as connection:
                return int(connection.scalar(query) or 0)
        except sa.exc.OperationalError:
            return 1  # the engine has not made its tables yet

    def commits(self, case: str) -> list[tuple[str, int]]:
        """Names and numbers of the commits that were seen in a case, in their order."""
        return [(name, number) for of, name, number in self._seen() if of == case]

    def _seen(self) -> Iterator[tuple[str, str, int]]:
        file = self.trap / "seen"
        for line in file.read_text().splitlines() if file.exists() else ():
            case, name, number = json.loads(line)
            yield case, name, number


def wait_until(found: Callable[[], bool], what: Callable[[], str], seconds: float = PATIENCE_SECONDS) -> None:
    """Ask again and again until it is so; AssertionError with `what()` when it does not come."""
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until, what()
        time.sleep(0.03)
