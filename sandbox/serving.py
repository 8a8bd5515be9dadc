"""What GitLab and registry of the sandbox have in common as servers: a connection that gets no answer is told of."""

from __future__ import annotations

import sys
from typing import Any

from werkzeug.serving import WSGIRequestHandler


class Handler(WSGIRequestHandler):
    """Without a line for each request, but with one for each connection that is closed without an answer.

    Such a line is on standard error, where tests show it beside a client's complaint about it.
    """

    def handle_one_request(self) -> None:
        """Read one request and answer it."""
        super().handle_one_request()
        if not self.raw_requestline:
            self.tell_unanswered("it ended, or timed out, before it asked anything")

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Reading or answering broke off: the client went away, or was hung up on."""
        # Left open, the connection would wait for a next request that a client without an answer never sends.
        self.close_connection = True
        asked = environ.get("REQUEST_URI", "?") if environ else "nothing yet"
        self.tell_unanswered(f"{type(error).__name__} ({error}); asked for: {asked}")

    def tell_unanswered(self, why: str) -> None:
        """Say that a connection was closed without a whole answer."""
        sys.stderr.write(f"sandbox: {self.server.server_address} closed {self.client_address}: {why}\n")

    def log(self, type: str, message: str, *args: Any) -> None:
        """What werkzeug would write: time-outs and requests that are no HTTP matter, answered requests do not."""
        if type == "error":
            self.tell_unanswered(message % args)
