"""`mlreef-bot pipeline`: data pipelines checked and rendered, with modules from an API or from the bot's own store."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import BUG, GOOD, REFUSED, USAGE, main
from bot.adapters.modules import Described
from bot.adapters.store import Store
from bot.domain.catalogue import ListedModule, ListedVersion, VersionState
from parser.model import Module
from parser.read import read
from parser.source import load_source
from parser.wire import canonical, module_to_dict

SAMPLE = Path(__file__).parents[2] / "samples" / "add-noise"
PIPELINE = (
    "data: pictures\nsteps:\n  - module: lab/add-noise@1\n    with: {mode: speckle}\n  - lab/add-noise\n"
)

NOT_THERE = (404, b'{"hint": "It may be hidden.", "message": "There is nothing here"}')


@dataclass
class Shop:
    """A catalogue that answers as it is told, and remembers what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def has(self, project: str, ref: str, **more: Any) -> None:
        body = {
            "path": "lab/add-noise",
            "version": "1.4.2",
            "state": "outdated",
            "module": module_to_dict(add_noise()),
        } | more
        self.answers[f"/api/v1/modules/{project}/{ref}"] = (200, json.dumps(body).encode())


def add_noise() -> Module:
    found = read(load_source(SAMPLE), "add-noise").module
    assert found is not None
    return found


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers.get("PRIVATE-TOKEN")))
            status, body = made.answers.get(self.path, NOT_THERE)
            self.send_response(status)
            self.send_header("Location", made.url + "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with pictures and a pipeline, where one stands."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "mlreef-pipeline.yml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    for name in ("MLREEF_CATALOGUE", "MLREEF_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_pipeline_is_rendered_with_what_the_catalogue_says(
    shop: Shop, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.has("lab%2Fadd-noise", "1")
    shop.has("lab%2Fadd-noise", "latest", version="2.0.0", path="Lab/add-noise")
    monkeypatch.setenv("MLREEF_TOKEN", "glpat-mine")
    assert main(["pipeline", "render", "--catalogue", shop.url]) == GOOD
    document = yaml.safe_load(capsys.readouterr().out)
    assert [each["component"] for each in document["include"]] == [
        "$CI_SERVER_FQDN/lab/add-noise/add-noise@1.4.2",
        "$CI_SERVER_FQDN/Lab/add-noise/add-noise@2.0.0",
    ]
    assert document["stages"] == ["add-noise", "add-noise-2"]
    assert {token for _, token in shop.asked} == {"glpat-mine"}


def test_it_is_written_to_a_file_and_again_with_the_same_bytes(
    shop: Shop, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.has("lab%2Fadd-noise", "1")
    shop.has("lab%2Fadd-noise", "latest")
    monkeypatch.setenv("MLREEF_CATALOGUE", shop.url)
    written = []
    for _ in range(2):
        assert main(["pipeline", "render", "--output", ".gitlab-ci.yml"]) == GOOD
        written.append((place / ".gitlab-ci.yml").read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(b"# Written by `mlreef-bot pipeline render mlreef-pipeline.yml`")


def test_a_file_that_cannot_be_written_is_told(
    shop: Shop, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.has("lab%2Fadd-noise", "1")
    shop.has("lab%2Fadd-noise", "latest")
    assert main(["pipeline", "render", "--catalogue", shop.url, "--output", "gone/x.yml"]) == USAGE
    assert "gone/x.yml cannot be written" in capsys.readouterr().err


def test_what_is_wrong_is_told_by_line_and_nothing_is_written(
    shop: Shop, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.has("lab%2Fadd-noise", "latest")
    (place / "mlreef-pipeline.yml").write_text(PIPELINE.replace("pictures", "gone"))
    assert main(["pipeline", "check", "--catalogue", shop.url]) == REFUSED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mlreef-pipeline.yml:1:7: there is no 'gone' in this repository")
    assert lines[2].startswith(
        "mlreef-pipeline.yml:3:13: there is no published module 'lab/add-noise' in version 1"
    )
    assert main(["pipeline", "render", "--catalogue", shop.url, "--output", "out.yml"]) == REFUSED
    assert not (place / "out.yml").exists()


def test_a_file_that_cannot_be_read_asks_nobody(shop: Shop, place: Path) -> None:
    (place / "mlreef-pipeline.yml").write_text("steps: [")
    assert main(["pipeline", "check", "--catalogue", shop.url]) == REFUSED
    assert shop.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, b""), "does not take the token"),
        ((500, b"broken"), "its answer was 500"),
        ((302, b""), "its answer was 302"),
        ((404, b'{"message": "404 Project Not Found"}'), "its answer was 404"),
        ((404, b"<html>"), "does not answer as it should"),
        ((200, b"[]"), "its answer was 200"),
        ((200, b"{"), "does not answer as it should"),
        ((200, b'"' + b"x" * 5_000_000 + b'"'), "does not answer as it should"),
    ],
)
def test_a_catalogue_that_does_not_answer_is_told(
    shop: Shop, place: Path, capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes], words: str
) -> None:
    shop.answers["/api/v1/modules/lab%2Fadd-noise/1"] = answer
    assert main(["pipeline", "check", "--catalogue", shop.url]) == USAGE
    assert words in capsys.readouterr().err
    assert not any("elsewhere" in path for path, _ in shop.asked)


@pytest.mark.parametrize(
    "more",
    [{"version": "1"}, {"state": "unpublished"}, {"version": 3}, {"module": {"schema": 2}}, {"module": None}],
)
def test_an_answer_that_describes_no_module_counts_as_none(
    shop: Shop, place: Path, capsys: pytest.CaptureFixture[str], more: Mapping[str, Any]
) -> None:
    shop.has("lab%2Fadd-noise", "latest")
    shop.has("lab%2Fadd-noise", "1", **more)
    assert main(["pipeline", "check", "--catalogue", shop.url]) == REFUSED
    assert "there is no published module" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no catalogue is named"),
        (["--catalogue", "modules.example.com"], "is no address of a catalogue"),
        (["--catalogue", "https://x:99999"], "is no address of a catalogue"),
        (["--catalogue", "https://me@x"], "is no address of a catalogue"),
        (
            ["--catalogue", "http://modules.example.com"],
            "the token would go to modules.example.com unencrypted",
        ),
        (["gone.yml", "--catalogue", "https://x"], "gone.yml cannot be read"),
    ],
)
def test_what_must_be_told_first_is_asked_for(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "glpat-mine")
    assert main(["pipeline", "check", *arguments]) == USAGE
    assert words in capsys.readouterr().err


def test_on_the_bots_own_machine_its_store_is_the_catalogue(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.prepare(f"sqlite:///{place / 'bot.db'}")
    digests = {
        version: f"sha256:{number:064x}"
        for number, version in enumerate(("1.0.0", "1.2.0", "2.0.0", "3.0.0"))
    }
    first = ListedVersion(
        *(7, "main", 1, "1.0.0", "a" * 40, digests["1.0.0"], "r/lab/add-noise", 1, VersionState.OUTDATED),
        *(1.0, 1, "python"),
    )
    versions = [replace(first, number=n, version=v, digest=d) for n, (v, d) in enumerate(digests.items(), 1)]
    versions[2:] = [
        replace(versions[2], state=VersionState.PUBLISHED),
        replace(versions[3], state=VersionState.UNPUBLISHED),
    ]
    noise = add_noise()
    listed = ListedModule(
        *(7, "lab/add-noise", "https://gitlab/lab/add-noise", "public", noise.name, noise.slug, noise.kind),
        *(noise.input_type, noise.output_type, "", "", (), (), "", versions[2], 1.0),
    )
    store.list_module(listed, versions)
    for digest in digests.values():
        store.keep_described(Described(digest, canonical(module_to_dict(noise)), 1, 1.0, "", ""))
    store.close()
    (place / "config.yaml").write_text(
        yaml.safe_dump(
            {
                "gitlab": {"url": "http://gitlab.invalid"},
                "database": {"url": f"sqlite:///{place / 'bot.db'}"},
                "environments": [{"name": "python", "image": "python:3.12-slim", "python": "3.12"}],
                "builder": {"image": "mlreef-bot:test"},
            }
        )
    )
    assert main(["pipeline", "render", "--config", "config.yaml"]) == GOOD
    document = yaml.safe_load(capsys.readouterr().out)
    assert [each["component"].rpartition("@")[2] for each in document["include"]] == ["1.2.0", "2.0.0"]
    assert main(["pipeline", "check", "--config", "config.yaml"]) == GOOD != BUG
