"""What GitLab and registry of the sandbox have in common as servers: a connection that gets no answer is told of."""

from __future__ import annotations

import logging
from typing import Any

from werkzeug.serving import WSGIRequestHandler

log = logging.getLogger(__name__)
# Told whatever level others have, but below what Python prints where nobody has set up logging: tests show it beside
# a client's complaint, and whoever plays is not bothered.
log.setLevel(logging.INFO)


class Handler(WSGIRequestHandler):
    """Without a line for each request, but with one for each connection that is closed without an answer."""

    def handle_one_request(self) -> None:
        """Read one request and answer it."""
        super().handle_one_request()
        if not self.raw_requestline:
            self._tell_unanswered("it ended, or timed out, before it asked anything")

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Reading or answering broke off: the client went away, or was hung up on."""
        # Left open, the connection would wait for a next request that a client without an answer never sends.
        self.close_connection = True
        asked = environ.get("REQUEST_URI", "?") if environ else "nothing yet"
        self._tell_unanswered(f"{type(error).__name__} ({error}); asked for: {asked}")

    def _tell_unanswered(self, why: str) -> None:
        log.info("%s closed %s: %s", self.server.server_address, self.client_address, why)

    def log(self, type: str, message: str, *args: Any) -> None:
        """What werkzeug would write: time-outs and requests that are no HTTP matter, answered requests do not."""
        if type == "error":
            self._tell_unanswered(message % args)
