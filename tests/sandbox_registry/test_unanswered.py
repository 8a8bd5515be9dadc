"""A connection that the sandbox closes without an answer leaves word of why."""

from __future__ import annotations

import http.client
import socket
import time
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from sandbox.registry import RegistryServer


def hang_up(_request: Request) -> Response | None:
    raise ConnectionAbortedError("on purpose")


def said(caplog: pytest.LogCaptureFixture, words: str) -> str:
    """Everything that was told, once the words are there."""
    until = time.monotonic() + 10
    while words not in caplog.text:
        assert time.monotonic() < until, caplog.text
        time.sleep(0.01)
    return caplog.text


def test_a_request_that_is_hung_up_on_is_told_with_its_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RegistryServer(tmp_path, intercept=hang_up) as server:
        client = http.client.HTTPConnection(server.address, timeout=10)
        client.request("GET", "/v2/lab/noise/tags/list")
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()
        told = said(caplog, "on purpose")
    assert "ConnectionAbortedError" in told
    assert "/v2/lab/noise/tags/list" in told


def test_a_client_that_asks_nothing_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with RegistryServer(tmp_path) as server:
        host, _, port = server.address.partition(":")
        socket.create_connection((host, int(port))).close()
        assert "before it asked anything" in said(caplog, "asked anything")


def test_answers_leave_no_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with RegistryServer(tmp_path) as server:
        for path, status in (("/v2/", 200), ("/nothing", 404)):
            client = http.client.HTTPConnection(server.address, timeout=10)
            client.request("GET", path)
            answer = client.getresponse()
            assert answer.status == status
            answer.read()
            client.close()
    assert caplog.text == ""
