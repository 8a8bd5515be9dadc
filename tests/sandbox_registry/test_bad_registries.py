"""Registries that misbehave: each time a clear error or a way out, and never half a publication or a moved tag."""

from __future__ import annotations

import errno
import io
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from werkzeug.wrappers import Request

from bot.adapters.registry import Artifact, BlobsUnknown, Manifest, Part, Registry, digest_of
from bot.adapters.registry.connections import Connections, find_proxy
from bot.errors import OperatorError, Refused, TryAgain
from sandbox.registry import RegistryServer, trouble
from tests.ci.world import Answer, Asked
from tests.ci.world import server as http_server
from tests.sandbox_registry.registries import Place, our_registry, write_certificate
from tests.sandbox_registry.test_client_everywhere import image_of, put_image

BODY = bytes(range(256)) * 4000
DIGEST = digest_of(BODY)
QUICKLY = (0.01, 0.01, 0.01)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield our_registry(tmp_path / "registry", "tokens", stack)


@pytest.fixture
def server(place: Place) -> RegistryServer:
    assert place.server is not None
    return place.server


@pytest.fixture
def registry(place: Place) -> Iterator[Registry]:
    with Registry(place.host, *place.account, pauses=QUICKLY) as made:
        yield made


def send(registry: Registry, body: bytes = BODY) -> bool:
    return registry.ensure_blob("own/x", digest_of(body), len(body), lambda: io.BytesIO(body))


def test_a_mount_that_becomes_an_upload_is_used_as_one(
    registry: Registry, server: RegistryServer, place: Place
) -> None:
    with Registry(place.host, *place.lead) as lead:
        lead.ensure_bytes("shared/y", BODY)
    server.misbehave(trouble.mounts_nothing())
    assert not registry.mount_blob("own/x", DIGEST, "shared/y")
    before = registry.requests
    assert registry.ensure_blob("own/x", DIGEST, len(BODY), lambda: io.BytesIO(BODY), new=True)
    assert registry.requests - before == 1
    assert registry.read_blob("own/x", DIGEST) == BODY


def test_an_upload_that_nobody_used_is_given_up(place: Place, server: RegistryServer) -> None:
    server.misbehave(trouble.mounts_nothing())
    deleted: list[str] = []
    with Registry(place.host, *place.account) as registry:
        assert not registry.mount_blob("own/x", DIGEST, "shared/y")
        server.misbehave(lambda request: deleted.append(request.path) if request.method == "DELETE" else None)
    assert len(deleted) == 1
    assert "/own/x/blobs/uploads/" in deleted[0]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_registry_that_falls_over_in_an_upload_is_given_the_blob_again(
    registry: Registry, server: RegistryServer, status: int
) -> None:
    fault = trouble.falls_over(times=2, status=status)
    server.misbehave(fault)
    assert send(registry)
    assert fault.struck == 2
    assert registry.read_blob("own/x", DIGEST) == BODY


def test_a_registry_that_stays_down_gets_no_tag(registry: Registry, server: RegistryServer) -> None:
    old = put_image(registry, "own/x", "latest")
    server.misbehave(trouble.falls_over())
    with pytest.raises(TryAgain, match="HTTP 503 for the blob"):
        put_image(registry, "own/x", "latest", "a new layer")
    server.misbehave(None)
    assert registry.fetch_manifest("own/x", "latest") == old


def test_a_busy_registry_is_left_alone_as_long_as_it_wants(
    registry: Registry, server: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    server.misbehave(trouble.is_busy(times=1, after_seconds=7))
    assert registry.fetch_tags("own/x") == ()
    assert waited == [7]
    server.misbehave(trouble.is_busy(after_seconds=3600))
    with pytest.raises(TryAgain) as raised:
        registry.fetch_tags("own/x")
    assert raised.value.after == 3600
    assert waited == [7]


def test_a_new_challenge_in_the_middle_is_answered(
    registry: Registry, server: RegistryServer, place: Place
) -> None:
    registry.ensure_bytes("own/x", b"first")
    assert place.door is not None
    given = place.door.given
    realm = server._app.auth.challenge("repository:own/x:pull,push", True) if server._app.auth else ""
    server.misbehave(trouble.asks_again(realm))
    assert send(registry)
    assert place.door.given == given + 1
    assert registry.read_blob("own/x", DIGEST) == BODY


def test_a_registry_that_asks_for_ever_refuses(registry: Registry, server: RegistryServer) -> None:
    realm = server._app.auth.challenge("repository:own/x:pull,push", True) if server._app.auth else ""
    fault = trouble.asks_again(realm, times=100)
    server.misbehave(fault)
    with pytest.raises(Refused, match="the blob sha256:"):
        send(registry)
    assert fault.struck <= 4


def test_a_blob_lost_before_the_manifest_is_named_and_no_tag_moves(
    registry: Registry, server: RegistryServer
) -> None:
    old = put_image(registry, "own/x", "latest")
    config, layer = registry.ensure_bytes("own/x", b"{}"), registry.ensure_bytes("own/x", BODY)
    new = image_of(config, layer)
    server.misbehave(trouble.loses_before_manifest(lambda: server.lose_blob("own/x", layer)))
    with pytest.raises(BlobsUnknown) as raised:
        registry.put_manifest("own/x", "latest", new)
    assert raised.value.digests == (layer,)
    assert registry.fetch_manifest("own/x", "latest") == old
    assert send(registry)
    registry.put_manifest("own/x", "latest", new)
    assert registry.fetch_manifest("own/x", "latest") == new


def test_another_digest_than_ours_is_not_believed(registry: Registry, server: RegistryServer) -> None:
    image = put_image(registry, "own/x", "v1")
    server.misbehave(trouble.stores_something_else())
    with pytest.raises(TryAgain, match=f"stored sha256:0+ under v2 instead of {image.digest}"):
        registry.put_manifest("own/x", "v2", image)


def test_a_page_for_people_is_no_list_and_no_image(registry: Registry, server: RegistryServer) -> None:
    put_image(registry, "own/x", "v1")
    server.misbehave(trouble.answers_nonsense())
    found = registry.fetch_manifest("own/x", "v1")
    assert found is not None
    with pytest.raises(OperatorError, match="no JSON object"):
        registry.fetch_labels("own/x", found)


def test_other_bytes_are_thrown_away_and_asked_for_again(registry: Registry, server: RegistryServer) -> None:
    send(registry)
    server.misbehave(trouble.other_bytes(times=1))
    sink = io.BytesIO(b"before")
    sink.seek(0, io.SEEK_END)
    registry.fetch_blob("own/x", DIGEST, sink)
    assert sink.getvalue() == b"before" + BODY
    server.misbehave(trouble.other_bytes())
    with pytest.raises(TryAgain, match="other bytes"):
        registry.fetch_blob("own/x", DIGEST, io.BytesIO())


@contextmanager
def cutting(body: bytes, cut: Callable[[int], int], ranges: bool = True) -> Iterator[tuple[str, list[str]]]:
    """A server that closes the connection after `cut(number of the request)` bytes of what is asked for."""
    listening = socket.create_server(("127.0.0.1", 0))
    heard: list[str] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                asked = b""
                while b"\r\n\r\n" not in asked:
                    asked += connection.recv(4096)
                lines = asked.decode().lower().split("\r\n")
                wanted = next((line for line in lines if line.startswith("range:")), "")
                heard.append(wanted)
                begin = int(wanted.partition("=")[2].rstrip("-")) if wanted and ranges else 0
                rest = body[begin:]
                status = (
                    f"206 Partial\r\nContent-Range: bytes {begin}-{len(body) - 1}/{len(body)}"
                    if begin
                    else "200 OK"
                )
                head = f"HTTP/1.1 {status}\r\nContent-Length: {len(rest)}\r\n\r\n"
                connection.sendall(head.encode() + rest[: cut(len(heard))])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", heard
    finally:
        # A blocked accept does not see a mere close.
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on_where_it_was(ranges: bool) -> None:
    with cutting(BODY, lambda number: 300_000 * number, ranges) as (url, heard):
        sink, told = io.BytesIO(), list[int]()
        with Registry(url, pauses=QUICKLY) as registry:
            registry.fetch_blob("g/p", DIGEST, sink, len(BODY), told.append)
    assert sink.getvalue() == BODY
    assert told[-1] == len(BODY)
    assert len(heard) == (3 if ranges else 4)
    assert heard[0] == ""
    assert all(wanted.startswith("range: bytes=") for wanted in heard[1:])


def test_a_download_that_always_breaks_off_is_told(tmp_path: Path) -> None:
    with cutting(BODY, lambda _: 0) as (url, heard), Registry(url, pauses=QUICKLY) as registry:
        with pytest.raises(TryAgain, match="broke off"):
            registry.fetch_blob("g/p", DIGEST, io.BytesIO(), len(BODY))
        assert len(heard) == len(QUICKLY) + 1


def test_a_full_disk_is_no_fault_of_the_registry() -> None:
    class Full(io.BytesIO):
        def write(self, piece: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with cutting(BODY, lambda _: len(BODY)) as (url, heard), Registry(url, pauses=QUICKLY) as registry:
        with pytest.raises(OSError, match="No space left"):
            registry.fetch_blob("g/p", DIGEST, Full(), len(BODY))
        assert len(heard) == 1


def test_more_than_was_announced_is_not_read() -> None:
    with cutting(BODY, lambda _: len(BODY)) as (url, _), Registry(url, pauses=()) as registry:
        with pytest.raises(TryAgain, match="other bytes"):
            registry.fetch_blob("g/p", DIGEST, io.BytesIO(), 1000)
        with pytest.raises(OperatorError, match="bigger than 1000 bytes"):
            registry.read_blob("g/p", DIGEST, 1000)


def test_a_registry_that_hangs_up_while_it_is_sent_something_is_tried_again() -> None:
    with cutting(b"", lambda _: 0) as (url, heard), Registry(url, pauses=QUICKLY) as registry:
        with pytest.raises((TryAgain, OperatorError)):
            registry.ensure_blob("g/p", DIGEST, len(BODY), lambda: io.BytesIO(BODY), new=True)
        assert heard


@pytest.mark.parametrize(
    "location",
    ["", "http://storage.example.com/x", "ftp://x/y", "http://u:p@127.0.0.1:1/x", "http://[", "//:1"],
)
def test_a_password_and_a_blob_go_nowhere_strange(location: str) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method == "HEAD":
            return Answer(404)
        return Answer(202, headers={"Location": location})

    with http_server(answer) as (url, heard), Registry(url, "ada", "secret", pauses=()) as registry:
        with pytest.raises(OperatorError, match="which is not https"):
            registry.ensure_bytes("g/p", b"x")
        assert [asked.method for asked in heard] == ["HEAD", "POST"]


def test_a_blob_may_be_sent_elsewhere_but_not_with_the_password() -> None:
    with http_server(lambda _: Answer(201)) as (storage, stored):

        def answer(asked: Asked) -> Answer:
            if "authorization" not in asked.headers:
                return Answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
            return Answer(202, headers={"Location": f"{storage}/put?signature=abc"})

        with http_server(answer) as (url, _), Registry(url, "ada", "secret") as registry:
            registry.ensure_bytes("g/p", b"x", new=True)
    (put,) = stored
    assert put.path == f"/put?signature=abc&digest={digest_of(b'x')}"
    assert "authorization" not in put.headers


def test_redirects_end() -> None:
    with http_server(lambda asked: Answer(307, headers={"Location": asked.path})) as (url, heard):
        with (
            Registry(url, pauses=()) as registry,
            pytest.raises(OperatorError, match="redirects more than 5"),
        ):
            registry.read_blob("g/p", DIGEST)
    assert len(heard) == 6


def test_a_proxy_that_takes_no_big_requests_is_sent_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.registry.blobs.CHUNK_BYTES", 400_000)
    spans: list[str] = []

    def answer(asked: Asked) -> Answer:
        length = int(asked.headers.get("content-length", 0))
        if length > 400_000:
            return Answer(413)
        if asked.method == "PATCH":
            spans.append(asked.headers["content-range"])
        if asked.method == "PUT":
            return Answer(201)
        return Answer(202, headers={"Location": f"/v2/g/p/blobs/uploads/1?part={len(spans)}"})

    with http_server(answer) as (url, heard), Registry(url, pauses=()) as registry:
        registry.ensure_blob("g/p", DIGEST, len(BODY), lambda: io.BytesIO(BODY), new=True)
    assert spans == ["0-399999", "400000-799999", "800000-1023999"]
    assert heard[-1].path == f"/v2/g/p/blobs/uploads/1?part=3&digest={DIGEST}"


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (Answer(404), OperatorError, "no place for g/p"),
        (
            Answer(403, b'{"errors": [{"code": "DENIED", "message": "quota is full"}]}'),
            Refused,
            "quota is full",
        ),
        (Answer(507, b"disk full"), TryAgain, "disk full"),
        (Answer(202, headers={"Location": "/x"}), TryAgain, "stored|did not take|answered"),
    ],
)
def test_a_registry_that_takes_nothing_says_why(said: Answer, error: type[Exception], words: str) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(500) if asked.method == "PUT" else said

    with http_server(answer) as (url, _), Registry(url, pauses=()) as registry:
        with pytest.raises(error, match=words):
            registry.ensure_bytes("g/p", b"x", new=True)


def test_a_list_of_referrers_that_is_a_page_for_people_is_looked_for_under_the_tag() -> None:
    entry = {"digest": DIGEST, "mediaType": "m", "size": 3, "artifactType": "a/b"}

    def answer(asked: Asked) -> Answer:
        if "/referrers/" in asked.path:
            return Answer(200, b"<html>", {"Content-Type": "text/html"})
        assert asked.path.endswith("/manifests/" + DIGEST.replace(":", "-"))
        return Answer(200, json.dumps({"manifests": [entry, 7, {"size": "x"}]}).encode())

    with http_server(answer) as (url, _), Registry(url, pauses=()) as registry:
        (found,) = registry.fetch_referrers("g/p", DIGEST)
        assert (found.digest, found.artifact_type) == (DIGEST, "a/b")
        assert registry.fetch_referrers("g/p", DIGEST, "c/d") == ()


def test_who_is_overwritten_in_the_list_of_an_old_registry_writes_again(tmp_path: Path) -> None:
    with RegistryServer(tmp_path / "old", referrers=False) as old, Registry(old.address) as registry:
        image = put_image(registry, "own/x", "v1")
        first, second = (Artifact("a/b", (Part("text/plain", text),)) for text in (b"of another", b"of ours"))
        other = registry.ensure_referrer("own/x", image, first)
        tag = image.digest.replace(":", "-")
        theirs = registry.fetch_manifest("own/x", tag)
        assert theirs is not None
        reads: list[str] = []

        def overwrite(request: Request) -> None:
            # The other one read the list before we wrote it, and writes it after us.
            if request.method == "GET" and request.path.endswith(tag):
                reads.append(request.path)
                if len(reads) == 2:
                    old.misbehave(None)
                    registry.put_manifest("own/x", tag, theirs)

        old.misbehave(overwrite)
        ours = registry.ensure_referrer("own/x", image, second)
        found = {one.digest for one in registry.fetch_referrers("own/x", image.digest)}
        assert found == {other.digest, ours.digest}


def test_a_manifest_that_no_registry_takes_is_not_sent() -> None:
    with http_server(lambda _: Answer(201)) as (url, heard), Registry(url) as registry:
        with pytest.raises(OperatorError, match="registries take 4194304"):
            registry.put_manifest("g/p", "v1", Manifest.of(b" " * 4_194_305))
    assert heard == []


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://r.example.com/v2/", {}, None),
        ("https://r.example.com/v2/", {"https_proxy": "http://p:3128"}, "http://p:3128"),
        ("https://r.example.com/v2/", {"HTTPS_PROXY": "p:3128"}, "http://p:3128"),
        ("https://r.example.com/v2/", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("https://r.example.com/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.b, .example.com"}, None),
        ("https://r.example.com/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "xample.com"}, "http://p:1"),
        ("https://r.example.com/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ("https://10.1.2.3/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://10.1.2.3/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/99,"}, "http://p:1"),
        ("http://127.0.0.1:5000/", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://localhost/", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://[::1]:5000/", {"HTTP_PROXY": "http://p:1"}, None),
    ],
)
def test_the_environment_names_the_proxy(url: str, environment: dict[str, str], proxy: str | None) -> None:
    assert find_proxy(url, environment) == proxy


def test_requests_go_through_the_proxy_with_its_own_login_only() -> None:
    with http_server(lambda _: Answer(200, b"{}")) as (proxy, heard):
        environment = {"http_proxy": proxy.replace("http://", "http://joe:pass%21@")}
        connections = Connections(environment)
        answer = connections.send("GET", "http://registry.invalid/v2/", {})
        assert answer.read() == b"{}"
        connections.close()
    assert heard[0].path == "http://registry.invalid/v2/"
    assert heard[0].headers["proxy-authorization"] == "Basic am9lOnBhc3Mh"


@pytest.mark.parametrize("proxy", ["socks5://p:1", "http://[", "http://p:notaport"])
def test_a_proxy_that_cannot_be_used_is_told(proxy: str) -> None:
    with pytest.raises(OperatorError, match="proxy"):
        Connections({"https_proxy": proxy}).send("GET", "https://registry.invalid/", {})


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_text("no certificate")
    for name in (tmp_path / "bundle.pem", tmp_path / "absent.pem"):
        with pytest.raises(OperatorError, match="cannot be read"):
            Connections({"REQUESTS_CA_BUNDLE": str(name)}).send("GET", "https://127.0.0.1:1/", {})


def test_a_registry_is_believed_by_the_certificates_that_the_environment_names(tmp_path: Path) -> None:
    bundle, key = tmp_path / "bundle.pem", tmp_path / "key.pem"
    write_certificate(bundle, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, key)
    with http_server(lambda _: Answer(200, b"{}"), context) as (url, _):
        url = url.replace("http://", "https://")
        trusting = Connections({"REQUESTS_CA_BUNDLE": str(bundle)})
        assert trusting.send("GET", url, {}).status == 200
        trusting.close()
        with pytest.raises(OperatorError, match="No safe connection") as raised:
            Connections({}).send("GET", url, {})
        assert "REQUESTS_CA_BUNDLE" in raised.value.hint
