"""A PostgreSQL server of one's own, in a temporary folder, thrown away at the end; for tests and measurements.

The server's programs must be installed (Debian: postgresql-15); a server that runs already is left alone. It listens
on a free port of this machine's loopback address and lets everybody in who can reach that.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import sqlalchemy as sa

START_SECONDS = 60
STOP_SECONDS = 30
UNPRIVILEGED = ("postgres", "nobody")
"""Users to be instead of root, as whom PostgreSQL refuses to run."""


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, None when they are not installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    # Debian keeps them beside PATH, one folder for each major version.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return found[-1].parent if found else None


class Cluster:
    """A running server. `durable`: commits are synced to the disk, as in earnest; tests need not wait for that."""

    def __init__(self, durable: bool = False) -> None:
        folder = programs()
        if folder is None:
            raise FileNotFoundError(
                "PostgreSQL's initdb is not installed (Debian: apt-get install postgresql)"
            )
        self._programs = folder
        self._user = _unprivileged() if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="mlreef-postgres-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._data = self._folder / "data"
        self._numbers = itertools.count(1)
        self.port = _free_port()
        synced = "on" if durable else "off"
        try:
            self._run(
                "initdb", "--auth=trust", "--username=bot", "--encoding=UTF8", "--no-sync", "-D", self._data
            )
            with (self._data / "postgresql.conf").open("a") as settings:
                settings.write(
                    f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
                    f"fsync = {synced}\nsynchronous_commit = {synced}\nmax_connections = 200\n"
                )
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def start(self) -> None:
        """Start the server after `stop`; returns when it answers."""
        log = self._folder / "log.txt"
        self._run("pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-D", self._data, "-l", log)

    def stop(self, mode: str = "fast") -> None:
        """End the server: `fast` in good order, `immediate` as a crash would; its data stays."""
        self._run("pg_ctl", "stop", "-w", "-t", str(STOP_SECONDS), "-m", mode, "-D", self._data)

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases, as config.yaml names it."""
        return f"postgresql+psycopg://bot@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Make an empty database and return its address."""
        name = f"bot_{next(self._numbers)}"
        self._execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever uses it still."""
        self._execute(f'DROP DATABASE IF EXISTS "{sa.make_url(url).database}" WITH (FORCE)')

    def close(self) -> None:
        """End the server and delete all it held."""
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _execute(self, statement: str) -> None:
        engine = sa.create_engine(self.url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def _run(self, program: str, *arguments: str | Path) -> None:
        # Output goes to a file: the server keeps it open, and a pipe would never end.
        with (self._folder / "output.txt").open("a+") as output:
            done = subprocess.run(
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=self._user,
                cwd=self._folder,
                check=False,
            )
            if done.returncode:
                output.seek(0)
                raise OSError(f"{program} ended with {done.returncode}: {output.read()[-2000:]}")


def _unprivileged() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
