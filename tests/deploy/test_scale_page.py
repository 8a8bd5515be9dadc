"""docs/scale.md is followed as it is written: its commands with a real PostgreSQL, two doors, two workers, a GitLab."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from sandbox.gitlab import MAINTAINER, Project, Sandbox, Trouble, User
from sandbox.gitlab.trouble import hang_after_effect
from sandbox.postgres import Cluster

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")
PASSWORD = "a-password-of-the-database"
SECRET, NEXT_SECRET = "the-first-secret-of-the-hooks", "the-second-secret-of-the-hooks"
TAKE_OVER_SECONDS = 30.0
PATIENCE_SECONDS = 90.0
FILES = {
    "add_noise.py": '"""Adds noise."""\nimport argparse\nparser = argparse.ArgumentParser()\n'
    'parser.add_argument("--input-path", required=True)\nparser.add_argument("--output-path", required=True)\n'
    'if __name__ == "__main__":\n    parser.parse_args()\n',
    "requirements.txt": "numpy==2.1\n",
}


def line_of_the_page(beginning: str) -> str:
    """The one line of code on the page that begins so."""
    (found,) = re.findall(rf"^ {{4,}}({re.escape(beginning)}.*)$", PAGE, re.MULTILINE)
    return str(found)


def command_of_the_table(beginning: str) -> str:
    """The one command of the table that begins so."""
    (found,) = re.findall(rf"^ *\| `({re.escape(beginning)}.*?)` \|", PAGE, re.MULTILINE)
    return str(found)


@dataclass
class Machine:
    """One that runs everything: `etc` stands for /etc/mlreef-bot, and `mlreef-bot` is on its PATH."""

    folder: Path
    cluster: Cluster
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    def here(self, text: str) -> str:
        """What the page says, with this machine's folders and addresses."""
        return (
            text.replace("/etc/mlreef-bot", str(self.etc))
            .replace("db.example.com", f"127.0.0.1:{self.cluster.port}")
            .replace("PASSWORD", PASSWORD)
        )

    def environ(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
        server = {"PGHOST": "127.0.0.1", "PGPORT": str(self.cluster.port), "PGUSER": "bot"}
        path = f"{self.folder / 'bin'}:{inherited['PATH']}"
        return {**inherited, **server, "PATH": path, "PYTHONPATH": str(ROOT), **more}

    def run(self, command: str, typed: str = "") -> str:
        """A command's output; it must end well. Without a terminal, passwords are read from what is typed."""
        done = subprocess.run(
            ["sh", "-c", self.here(command)],
            cwd=self.folder,
            env=self.environ(),
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def in_the_bots_shell(self, command: str) -> str:
        return self.run(f"{line_of_the_page('set -a')}; {command}")

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start(self, name: str, command: str, **more: str) -> None:
        with self.log(name).open("wb") as log:
            self.running[name] = subprocess.Popen(
                ["sh", "-c", self.here(f"{line_of_the_page('set -a')}; exec {command}")],
                cwd=self.folder,
                env=self.environ(**more),
                stderr=log,
            )

    def start_door(self, name: str) -> None:
        port = {"MLREEF_WEBHOOK__LISTEN": self.address(name)}
        self.start(name, command_of_the_table("mlreef-bot serve --no-worker"), **port)

    def start_worker(self, name: str) -> None:
        self.start(name, command_of_the_table("mlreef-bot worker"))

    def address(self, name: str) -> str:
        return (self.folder / f"{name}.address").read_text()

    def is_ready(self, name: str) -> bool:
        try:
            return requests.get(f"http://{self.address(name)}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            assert self.running[name].poll() is None, self.log(name).read_text()
            return False

    def end(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        process.wait(PATIENCE_SECONDS)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What it logged, without the one line that tells a person its address."""
        text = self.log(name).read_text()
        return [json.loads(line) for line in text.splitlines() if not line.startswith("mlreef-bot listens")]

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


@dataclass
class Installation:
    """The machine, its GitLab, and who works there."""

    machine: Machine
    sandbox: Sandbox
    trouble: Trouble
    alice: User
    bot: User

    def is_ready(self, door: str) -> None:
        self.sandbox.wait_for(lambda: self.machine.is_ready(door), PATIENCE_SECONDS, f"readiness of {door}")

    def project(self, name: str, door: str, secret: str = SECRET) -> Project:
        made = self.sandbox.create_project(
            f"lab/{name}",
            self.alice,
            default_branch="main",
            ci_config_path="mlreef.yml",
            files={"README.md": "Hi\n"},
        )
        self.sandbox.add_member(made.id, self.bot, MAINTAINER)
        hook = f"http://{self.machine.address(door)}/webhooks/gitlab"
        self.sandbox.add_hook(made.id, hook, token=secret)
        return made

    def push(self, project: Project) -> None:
        self.sandbox.commit(project.id, self.alice, FILES, "Work", branch="main")

    def has_pipeline(self, project: Project) -> bool:
        """Whether the bot committed its file, and the pipeline of that commit is there."""
        head = self.sandbox.head(project.id)
        return (
            head is not None
            and self.sandbox.read_file(project.id, "mlreef.yml") is not None
            and bool(self.sandbox.pipelines(project.id, head))
        )

    def is_published(self, project: Project) -> None:
        self.sandbox.wait_for(lambda: self.has_pipeline(project), PATIENCE_SECONDS, "the pipeline")

    def commits(self, project: Project) -> list[str]:
        url = f"{self.sandbox.url}/api/v4/projects/{project.id}/repository/commits"
        found = requests.get(url, headers={"PRIVATE-TOKEN": self.alice.token}, timeout=10).json()
        return [commit["author_name"] for commit in found]


@pytest.fixture
def installation(tmp_path: Path, cluster: Cluster, free_ports: tuple[int, int]) -> Iterator[Installation]:
    with ExitStack() as stack:
        trouble = Trouble()
        sandbox = stack.enter_context(Sandbox(tmp_path / "gitlab", moods=trouble))
        alice, bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        machine = Machine(tmp_path, cluster)
        stack.callback(machine.close)
        program = tmp_path / "bin" / "mlreef-bot"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m bot "$@"\n')
        program.chmod(0o755)
        for name, port in zip(("door-1", "door-2"), free_ports, strict=True):
            (tmp_path / f"{name}.address").write_text(f"127.0.0.1:{port}")
        machine.etc.mkdir()
        (machine.etc / "gitlab-token").write_text(bot.token)
        (machine.etc / "webhook-secrets").write_text(f"{SECRET}\n")
        example = (ROOT / "config.example.yaml").read_text("utf-8")
        config = re.sub(r"(?m)^  url: https://gitlab.*$", f"  url: {sandbox.url}", example)
        config = re.sub(r"(?m)^  url: sqlite:.*$", f"  {line_of_the_page('url: postgresql')}", config)
        (machine.etc / "config.yaml").write_text(machine.here(config))
        ask_for_passwords(cluster, "mlreef_bot")
        yield Installation(machine, sandbox, trouble, alice, bot)


@pytest.fixture
def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def ask_for_passwords(cluster: Cluster, user: str) -> None:
    """Let this user in by password alone; the others are let in as they are."""
    engine = sa.create_engine(cluster.url(), poolclass=sa.NullPool)
    with engine.connect() as connection:
        rules = Path(str(connection.scalar(sa.text("SHOW hba_file"))))
        rules.write_text(f"host all {user} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        connection.execute(sa.text("SELECT pg_reload_conf()"))


def test_the_page_is_followed_from_the_first_command_to_changed_secrets(installation: Installation) -> None:
    machine, sandbox = installation.machine, installation.sandbox

    # 1–3: database, password, configuration, two doors, two workers
    machine.run(line_of_the_page("createuser"), typed=f"{PASSWORD}\n{PASSWORD}\n")
    machine.run(line_of_the_page("createdb"))
    (machine.etc / "environment").write_text(machine.here(line_of_the_page("MLREEF_DATABASE__URL=")) + "\n")
    assert "is good" in machine.in_the_bots_shell(line_of_the_page("mlreef-bot check-config"))
    for door in ("door-1", "door-2"):
        machine.start_door(door)
    for worker in ("worker-1", "worker-2"):
        machine.start_worker(worker)

    # 5: it works
    for door in ("door-1", "door-2"):
        installation.is_ready(door)
    assert "Nothing waits" in machine.in_the_bots_shell(line_of_the_page("mlreef-bot jobs"))
    first, second = installation.project("first", "door-1"), installation.project("second", "door-2")
    for project in (first, second):
        installation.push(project)
    for project in (first, second):
        installation.is_published(project)
    jobs = machine.in_the_bots_shell(line_of_the_page("mlreef-bot jobs"))
    assert jobs.startswith("STATE"), jobs
    looked = machine.in_the_bots_shell(line_of_the_page("mlreef-bot reconcile --dry-run"))
    assert re.search(r"^ +2 projects looked at$", looked, re.MULTILINE), looked
    assert re.search(r"^ +0 heads that were never handled$", looked, re.MULTILINE), looked
    metrics = requests.get(f"http://{machine.address('door-2')}/metrics", timeout=10).text
    assert re.search(r"^mlreef_queue_depth\{", metrics, re.MULTILINE)

    # a worker is killed in the middle: its commit took effect, and it never heard so
    third = installation.project("third", "door-1")
    installation.trouble.on(
        "POST", "/projects/:id/repository/commits", hang_after_effect(PATIENCE_SECONDS), times=1
    )
    installation.push(third)
    sandbox.wait_for(lambda: installation.trouble.happened, PATIENCE_SECONDS, "the commit")
    (doing,) = [
        name
        for name in ("worker-1", "worker-2")
        if any(line.get("project") == "lab/third" for line in machine.lines(name))
    ]
    (other,) = {"worker-1", "worker-2"} - {doing}
    killed = machine.running.pop(doing)
    killed.kill()
    killed.wait()
    sandbox.wait_for(
        lambda: any(line["event"].startswith("took over") for line in machine.lines(other)),
        TAKE_OVER_SECONDS,
        "the other worker",
    )
    installation.is_published(third)
    assert installation.commits(third).count(installation.bot.name) == 1
    machine.start_worker(doing)

    # the database is started anew: no process has to be
    machine.cluster.stop("fast")
    machine.cluster.start()
    fourth = installation.project("fourth", "door-2")
    installation.push(fourth)
    installation.is_published(fourth)
    assert all(process.poll() is None for process in machine.running.values())

    # the webhooks' secret is changed, one door after the other
    (machine.etc / "webhook-secrets").write_text(f"{NEXT_SECRET}\n{SECRET}\n")
    for door in ("door-1", "door-2"):
        machine.end(door)
        machine.start_door(door)
        installation.is_ready(door)
    fifth = installation.project("fifth", "door-1", NEXT_SECRET)
    sixth = installation.project("sixth", "door-2", SECRET)
    for project in (fifth, sixth):
        installation.push(project)
    for project in (fifth, sixth):
        installation.is_published(project)

    for name in machine.running:
        text = machine.log(name).read_text()
        assert not any(secret in text for secret in (PASSWORD, SECRET, NEXT_SECRET, installation.bot.token))
