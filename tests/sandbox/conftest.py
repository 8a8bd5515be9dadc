"""One running GitLab for each test, people in it, a receiver of hooks, and git as people use it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gitlab
import pytest
from described import Described
from gitlab_helpers import CI_FILE, Client, Clone, Received, Receiver, WorkingCopy

from sandbox.gitlab import DEVELOPER, Project, Sandbox, User


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(Received(dict(self.headers), raw))
            time.sleep(found.pause)
            self.send_response(found.status)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A GitLab whose good answers are held against GitLab's own description, until a test changes its mood."""
    described = Described()
    with Sandbox(tmp_path / "gitlab", moods=described) as running:
        yield running
    assert described.faults == set()


@pytest.fixture
def alice(sandbox: Sandbox) -> User:
    return sandbox.create_user("alice", name="Alice Author")


@pytest.fixture
def bot(sandbox: Sandbox) -> User:
    return sandbox.create_user("mlreef-bot", bot=True)


@pytest.fixture
def project(sandbox: Sandbox, alice: User, bot: User) -> Project:
    """A project of Alice's with a script and a CI file; the bot is a Developer who may push nowhere protected."""
    made = sandbox.create_project(
        "vision/noise",
        alice,
        ci_config_path="mlreef.yml",
        files={"noise.py": "print(1)\n", "mlreef.yml": CI_FILE},
    )
    sandbox.add_member(made.id, bot, DEVELOPER)
    return made


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    """python-gitlab for a user."""
    return lambda user: gitlab.Gitlab(sandbox.url, private_token=user.token, timeout=20, keep_base_url=True)


@pytest.fixture
def clone(sandbox: Sandbox, tmp_path: Path) -> Clone:
    def make(project: Project, user: User) -> WorkingCopy:
        target = tmp_path / f"clone-{user.username}-{len(list(tmp_path.iterdir()))}"
        WorkingCopy(tmp_path).git("clone", "--quiet", sandbox.git_url(project.id, user), str(target))
        return WorkingCopy(target)

    return make
