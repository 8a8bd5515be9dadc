"""The process of the catalogue's pages: beside the door, never in its way, and started again when it dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from live_service import Service

PAGES = {"MLREEF_CATALOGUE__ENABLED": "true", "MLREEF_CATALOGUE__LISTEN": "127.0.0.1:0"}
ANSWER_SECONDS = 20.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path, more=PAGES)
    yield running
    running.end()


def address_of(service: Service) -> str:
    service.wait(lambda: "shows its catalogue on http" in service.said())
    return service.said().split("shows its catalogue on ")[1].split()[0]


def ask(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except (URLError, OSError):
        return 0, ""


def test_pages_are_served_beside_the_door_also_while_gitlab_is_away(service: Service) -> None:
    pages = address_of(service)
    assert ask(f"{pages}/livez")[0] == 200
    status, words = ask(f"{pages}/modules/group/noise")
    assert status == 503
    assert "GitLab does not answer now" in words
    assert service.get("/livez") == 200
    assert service.post("while-pages-are-up") == 202
    # each keeps to its own
    assert ask(f"{pages}/webhooks/gitlab")[0] == 404
    assert service.get("/publications") == 404


def test_pages_that_die_come_back_and_the_door_does_not_notice(service: Service) -> None:
    pages = address_of(service)
    assert ask(f"{pages}/livez")[0] == 200
    (before,) = service.children("web")
    os.kill(before, signal.SIGKILL)
    assert service.post("while-pages-are-dead") == 202
    service.wait(lambda: service.children("web") not in ([], [before]))
    service.wait(lambda: ask(f"{pages}/livez")[0] == 200)


def test_everything_ends_together_and_cleanly(service: Service) -> None:
    address_of(service)
    assert service.end() == 0


def test_without_the_setting_there_are_no_pages(tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        assert service.children("web") == []
        assert "catalogue" not in service.said()
    finally:
        service.end()
