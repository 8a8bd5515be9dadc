"""A file out of a job's artifacts is read up to its limit, however much there is, and under one name in the metrics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.adapters.forge import Forge
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.gitlab_session import endpoint_of
from bot.domain.experiment import MAX_EXPERIMENT_BYTES
from bot.errors import Refused

MEGABYTE = b" " * 1024 * 1024
SIZES = {"exact": 2, "endless": 500}
"""Megabytes of each artifact."""


@pytest.fixture
def gitlab() -> Iterator[tuple[Forge, list[int]]]:
    """A GitLab with large artifacts, and how many megabytes it got rid of."""
    sent: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if name not in SIZES:
                self.send_error(404 if name == "missing" else 403)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(SIZES[name] * len(MEGABYTE)))
            self.end_headers()
            sent.append(0)
            try:
                for _ in range(SIZES[name]):
                    self.wfile.write(MEGABYTE)
                    sent[-1] += 1
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Forge(GitlabClient(f"http://127.0.0.1:{server.server_port}", "token", 5)), sent
    server.shutdown()
    server.server_close()


def test_of_500_megabytes_no_more_is_read_than_is_looked_at(gitlab: tuple[Forge, list[int]]) -> None:
    forge, sent = gitlab
    found = forge.fetch_artifact(7, 31, "endless", MAX_EXPERIMENT_BYTES)
    assert found is not None
    assert (len(found.content), found.whole) == (MAX_EXPERIMENT_BYTES, False)
    # what lay in the buffers of both sides went out as well
    assert sent[0] < 50


def test_a_file_of_just_the_limit_is_whole(gitlab: tuple[Forge, list[int]]) -> None:
    found = gitlab[0].fetch_artifact(7, 31, "exact", 2 * len(MEGABYTE))
    assert found is not None
    assert (len(found.content), found.whole) == (2 * len(MEGABYTE), True)


def test_a_file_that_is_not_there_is_none_and_a_forbidden_one_is_refused(
    gitlab: tuple[Forge, list[int]],
) -> None:
    forge, _ = gitlab
    assert forge.fetch_artifact(7, 31, "missing", 10) is None
    with pytest.raises(Refused):
        forge.fetch_artifact(7, 31, "forbidden", 10)


def test_paths_of_artifacts_do_not_become_names_of_metrics() -> None:
    path = "/api/v4/projects/7/jobs/31/artifacts/output%2Fsome%20experiment.json"
    assert endpoint_of(path) == "/projects/:id/jobs/:id/artifacts/:path"
