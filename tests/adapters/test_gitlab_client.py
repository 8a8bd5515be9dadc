"""GitLab's moods at the socket: what passes by itself, what the operator must mend, what is a plain no."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.adapters.gitlab_client import (
    MAX_RETRY_AFTER_SECONDS,
    Answer,
    GitlabClient,
    TooLong,
    read_retry_after,
)
from bot.errors import OperatorError, TryAgain

Script = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    script: Script
    seen: list[tuple[str, str, str | None]]

    def do_GET(self) -> None:
        type(self).seen.append((self.command, self.path, self.headers.get("PRIVATE-TOKEN")))
        length = int(self.headers.get("Content-Length", "0"))
        self.rfile.read(length)
        type(self).script(self)

    do_POST = do_GET

    def say(self, status: int, body: object, **headers: str) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server(script: Script) -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
    handler = type("Scripted", (Handler,), {"script": staticmethod(script), "seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", handler.seen  # type: ignore[attr-defined] # made above
        running.shutdown()


def client(url: str, seconds: float = 5) -> GitlabClient:
    return GitlabClient(url, "glpat-secret-token", seconds)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 521])
def test_a_server_error_is_tried_again_later_and_not_at_once(status: int) -> None:
    with server(lambda h: h.say(status, {})) as (url, seen):
        with pytest.raises(TryAgain):
            client(url).post("/projects/1/pipeline", {"ref": "main"})
        assert len(seen) == 1


def test_slowing_down_takes_the_seconds_that_gitlab_names() -> None:
    with server(lambda h: h.say(429, {}, Retry_After="7")) as (url, seen):
        with pytest.raises(TryAgain) as told:
            client(url).get("/user")
        assert told.value.after == 7
        assert len(seen) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("", None),
        ("soon", None),
        ("99999999999", MAX_RETRY_AFTER_SECONDS),
        (formatdate(1_000_060, usegmt=True), 60.0),
        (formatdate(999_000, usegmt=True), 0.0),
    ],
)
def test_retry_after_is_read_in_every_form_and_capped(value: str, seconds: float | None) -> None:
    assert read_retry_after({"Retry-After": value}, now=1_000_000) == seconds


def test_a_resource_lock_is_tried_again_and_another_conflict_is_a_no() -> None:
    with server(lambda h: h.say(409, {"message": "409 Conflict: Resource lock"})) as (url, _):
        with pytest.raises(TryAgain):
            client(url).post("/projects/1/statuses/a", {})
    with server(lambda h: h.say(409, {"message": "Branch exists"})) as (url, _):
        with pytest.raises(Answer):
            client(url).post("/projects/1/repository/branches", {})


def test_a_token_that_is_not_accepted_is_for_the_operator() -> None:
    with server(lambda h: h.say(401, {"message": "401 Unauthorized"})) as (url, _):
        with pytest.raises(OperatorError) as told:
            client(url).get("/user")
        assert "token" in told.value.hint
        assert "glpat" not in str(told.value)


def test_too_small_a_scope_is_for_the_operator() -> None:
    with server(lambda h: h.say(403, {"error": "insufficient_scope"})) as (url, _):
        with pytest.raises(OperatorError):
            client(url).get("/user")


def test_nobody_there_and_a_hanging_server_are_tried_again() -> None:
    with pytest.raises(TryAgain):
        client("http://127.0.0.1:9").get("/user")
    held = threading.Event()
    with server(lambda h: (held.wait(5), None)[1]) as (url, _):
        with pytest.raises(TryAgain):
            client(url, seconds=0.3).get("/user")
        held.set()


def test_half_an_answer_is_tried_again() -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"id":')

    with server(half) as (url, _), pytest.raises(TryAgain):
        client(url).get("/user")


def test_no_json_is_tried_again() -> None:
    def page(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        handler.wfile.write(b"<html>GitLab is not responding</html>")

    with server(page) as (url, _), pytest.raises(TryAgain):
        client(url).get("/user")


def test_pages_are_followed_by_gitlabs_own_links() -> None:
    def pages(handler: Handler) -> None:
        if "page_token" in handler.path:
            handler.say(200, [3])
        else:
            host = handler.headers["Host"]
            handler.say(200, [1, 2], Link=f'<http://{host}/api/v4/list?page_token=x>; rel="next"')

    with server(pages) as (url, seen):
        assert client(url).get_list("/list", 5, ref="main") == [1, 2, 3]
        assert [path for _, path, _ in seen] == [
            "/api/v4/list?per_page=100&ref=main",
            "/api/v4/list?page_token=x",
        ]


def test_a_link_to_another_host_never_gets_the_token() -> None:
    with server(lambda h: h.say(200, [])) as (other, stolen):
        link = f'<{other}/api/v4/list>; rel="next"'
        with server(lambda h: h.say(200, [1], Link=link)) as (url, _), pytest.raises(OperatorError):
            client(url).get_list("/list", 5)
        assert stolen == []


def test_a_redirect_to_another_host_loses_the_token() -> None:
    def storage(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"the end of the log")

    with server(storage) as (other, seen):
        moved = f"{other}/trace"
        with server(lambda h: h.say(302, {}, Location=moved)) as (url, _):
            assert client(url).get_bytes("/projects/1/jobs/1/trace", 7) == b"the log"
        assert [token for _, _, token in seen] == [None]


def test_a_list_with_more_pages_than_asked_for_is_not_cut_in_silence() -> None:
    def endless(handler: Handler) -> None:
        host = handler.headers["Host"]
        handler.say(200, [1], Link=f'<http://{host}/api/v4/list?more=1>; rel="next"')

    with server(endless) as (url, _), pytest.raises(TooLong) as told:
        client(url).get_list("/list", 3)
    assert told.value.items == [1, 1, 1]
