"""The HTTP side: finds who asks and what for, lets the mood have its say, and keeps the log of requests."""

from __future__ import annotations

import socket
import struct
import threading
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.gitlab.auth import identify
from sandbox.gitlab.core import Core, LoggedRequest
from sandbox.gitlab.git import GitFailed
from sandbox.gitlab.git_http import serve_git
from sandbox.gitlab.http import ApiError, Call, Router, answer
from sandbox.gitlab.moods import Asked
from sandbox.gitlab.routes import OUTSIDE, ROOMS
from sandbox.gitlab.values import now
from sandbox.serving import Handler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API = "/api/v4"
GIT_ROUTE = "git"


class App:
    """The WSGI application of one GitLab."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.api, self.outside = Router(ROOMS), Router(OUTSIDE)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request, started, at = Request(environ), time.monotonic(), now()
        raw = str(environ.get("REQUEST_URI") or request.path).split("?")[0]
        entry: dict[str, Any] = {"route": "", "user": None}
        status = 0
        try:
            response = self._answer(request, raw, entry)
            status = response.status_code
            return response(environ, start)
        finally:
            query = request.query_string.decode("utf-8", "replace")
            seconds = time.monotonic() - started
            who, route = entry["user"], entry["route"]
            self.core.requests.append(
                LoggedRequest(request.method, raw, query, route, status, who, at, seconds)
            )

    def _answer(self, request: Request, raw: str, entry: dict[str, Any]) -> Response:
        """Status 0 in the log stands for a client that was hung up on."""
        core = self.core
        router, path = (self.api, raw.removeprefix(API)) if raw.startswith(API + "/") else (self.outside, raw)
        found = router.find(request.method, path)
        if found is None and request.method == "HEAD":
            found = router.find("GET", path)
        if found is None:
            return self._git_or_nothing(request, raw, entry)
        route, params = found
        entry["route"] = route.pattern

        def respond() -> Response:
            try:
                user, token = identify(core, request, route.job_token)
                entry["user"] = user.username if user is not None else None
                call = Call(core, request, params, user, token, route.pattern, route.job_token)
                return route.handler(call)
            except ApiError as refused:
                return answer(refused.body, refused.status)
            except GitFailed as failure:
                return answer({"message": f"400 Bad request - {failure}"}, 400)
            except ConnectionError:
                raise
            except ClientDisconnected as gone:
                # it died while it asked: there is nobody to answer, and nothing is wrong here
                raise ConnectionAbortedError(f"the body of {request.method} {raw} broke off") from gone
            except Exception:  # noqa: BLE001 - a bug of the sandbox: told as GitLab tells its own, and loudly in the log
                core.complain(f"{request.method} {raw} broke:\n" + traceback.format_exc())
                return answer({"message": "500 Internal Server Error"}, 500)

        shown = self._name_of(request)
        return core.moods.on_request(Asked(request.method, raw, route.pattern, shown), respond)

    def _name_of(self, request: Request) -> str | None:
        try:
            user, _ = identify(self.core, request, job_token_allowed=True)
        except ApiError:
            return None
        return user.username if user is not None else None

    def _git_or_nothing(self, request: Request, raw: str, entry: dict[str, Any]) -> Response:
        core = self.core

        def respond() -> Response:
            served = serve_git(core, request, request.path)
            if served is not None:
                entry["route"], entry["user"] = GIT_ROUTE, served[1]
                return served[0]
            core.complain(f"unknown path: {request.method} {raw}")
            return answer({"error": "404 Not Found"}, 404)

        return core.moods.on_request(Asked(request.method, raw, GIT_ROUTE, None), respond)


class _Handler(Handler):
    """HTTP/1.1, as git needs it for chunked pushes."""

    protocol_version = "HTTP/1.1"

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        """A mood hung up, or the client did: either way the connection is over."""
        super().connection_dropped(error, environ)
        if isinstance(error, ConnectionResetError):
            # Closed at once and without lingering, the socket answers with a reset. Its reader holds it open, too.
            with suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.connection.close()


class Server:
    """A threaded HTTP server on one address."""

    def __init__(self, core: Core, port: int) -> None:
        self._server = make_server(core.host, port, App(core), threaded=True, request_handler=_Handler)
        self._server.daemon_threads = True  # type: ignore[attr-defined] # of the threaded server that was asked for
        core.url = f"http://{core.host}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="gitlab", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()
