"""GitLab's moods at the socket: what passes by itself, what the operator must mend, what is a plain no."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.adapters.gitlab_client import Answer, GitlabClient, TooLong
from bot.adapters.gitlab_session import endpoint_of
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


def test_a_resource_lock_is_tried_again_and_another_conflict_is_a_no() -> None:
    with server(lambda h: h.say(409, {"message": "409 Conflict: Resource lock"})) as (url, _):
        with pytest.raises(TryAgain):
            client(url).post("/projects/1/statuses/a", {})
    with server(lambda h: h.say(409, {"message": "Branch exists"})) as (url, _):
        with pytest.raises(Answer):
            client(url).post("/projects/1/repository/branches", {})


def test_a_resource_lock_in_the_status_line_alone_is_tried_again_too() -> None:
    def locked(handler: Handler) -> None:
        handler.send_response(409, "Resource lock")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with server(locked) as (url, _), pytest.raises(TryAgain, match="resource lock"):
        client(url).post("/projects/1/statuses/a", {})


def test_a_write_in_maintenance_mode_waits() -> None:
    words = {"message": "You cannot perform write operations on a read-only instance"}
    with server(lambda h: h.say(403, words)) as (url, _), pytest.raises(TryAgain, match="maintenance"):
        client(url).post("/projects/1/statuses/a", {})


def test_a_maintenance_page_with_a_time_is_believed() -> None:
    with server(lambda h: h.say(503, "closed", Retry_After="90")) as (url, seen):
        running = client(url)
        for _ in range(2):
            with pytest.raises(TryAgain) as told:
                running.get("/user")
            assert told.value.after == pytest.approx(90, abs=1)
        assert len(seen) == 1


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


def test_half_a_log_is_tried_again() -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"the first words")

    with server(half) as (url, _), pytest.raises(TryAgain):
        client(url).get_bytes("/projects/1/jobs/1/trace", 1000)


def test_an_answer_that_drips_without_end_is_given_up() -> None:
    def dripping(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        with suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b" ")
                time.sleep(0.1)

    began = time.monotonic()
    with server(dripping) as (url, _):
        with pytest.raises(TryAgain, match="end"):
            client(url, seconds=0.2).get("/user")
        assert time.monotonic() - began < 3


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


def test_a_redirect_to_another_host_is_not_believed_where_the_api_should_answer() -> None:
    with server(lambda h: h.say(200, {"id": 666})) as (other, seen):
        with server(lambda h: h.say(302, {}, Location=f"{other}/api/v4/user")) as (url, _):
            with pytest.raises(OperatorError, match="sends requests on"):
                client(url).get("/user")
        assert [token for _, _, token in seen] == [None]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirected_write_is_not_sent_anywhere_else(status: int) -> None:
    with server(lambda h: h.say(201, {})) as (other, seen):
        with server(lambda h: h.say(status, {}, Location=f"{other}/x")) as (url, _):
            with pytest.raises(OperatorError, match=r"gitlab\.url|sends requests on"):
                client(url).post("/projects/1/pipeline", {"ref": "main"})
        assert seen == []


def test_a_moved_project_is_found_where_it_went() -> None:
    def moved(handler: Handler) -> None:
        if handler.path.endswith("/projects/7"):
            handler.say(200, {"id": 7})
        else:
            handler.say(301, {}, Location="/api/v4/projects/7")

    with server(moved) as (url, _):
        assert client(url).get("/projects/old%2Fplace") == {"id": 7}


def test_every_call_is_counted_by_its_endpoint_also_those_without_an_answer() -> None:
    calls: list[tuple[str, int]] = []

    def note(endpoint: str, status: int, seconds: float) -> None:
        assert 0 <= seconds < 5
        calls.append((endpoint, status))

    with server(lambda h: h.say(200, [])) as (url, _):
        GitlabClient(url, "glpat-secret-token", 5, on_call=note).get_list("/projects/7/pipelines", 1)
    with pytest.raises(TryAgain):
        GitlabClient("http://127.0.0.1:9", "glpat-secret-token", 5, on_call=note).get("/user")
    assert calls == [("GET /projects/:id/pipelines", 200), ("GET /user", 0)]


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/api/v4/user", "/user"),
        ("/api/v4/projects/7", "/projects/:id"),
        (
            "/api/v4/projects/group%2Fname/repository/branches/feature%2F1",
            "/projects/:id/repository/branches/:branch",
        ),
        ("/api/v4/projects/7/repository/commits", "/projects/:id/repository/commits"),
        (
            "/api/v4/projects/7/repository/commits/0f/statuses",
            "/projects/:id/repository/commits/:sha/statuses",
        ),
        ("/api/v4/projects/7/repository/files/a%2Fb.py/raw", "/projects/:id/repository/files/:path/raw"),
        ("/api/v4/projects/7/statuses/0f", "/projects/:id/statuses/:sha"),
        ("/api/v4/projects/7/merge_requests/3/notes/9", "/projects/:id/merge_requests/:id/notes/:id"),
        ("/api/v4/projects/7/hooks/3/events/9/resend", "/projects/:id/hooks/:id/events/:id/resend"),
        ("/api/graphql", "/api/graphql"),
    ],
)
def test_endpoints_are_few(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint


def test_a_list_with_more_pages_than_asked_for_is_not_cut_in_silence() -> None:
    def endless(handler: Handler) -> None:
        host = handler.headers["Host"]
        handler.say(200, [1], Link=f'<http://{host}/api/v4/list?more=1>; rel="next"')

    with server(endless) as (url, _), pytest.raises(TooLong) as told:
        client(url).get_list("/list", 3)
    assert told.value.items == [1, 1, 1]
