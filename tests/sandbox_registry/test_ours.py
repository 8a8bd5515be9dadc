"""What our registry does beyond the common protocol, and what Debian's does otherwise."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from sandbox.registry import RegistryServer
from tests.sandbox_registry.client import Client, code_of, digest_of


@pytest.fixture
def client(ours: RegistryServer) -> Client:
    return Client(ours.url)


@pytest.mark.parametrize(
    "name",
    ["Upper/case", "a//b", "a/../b", "-a/b", "a/b_", "a/_tags", "a" * 256, "a/%2e%2e/b", "%C3%BC/b", "a\\b"],
)
def test_an_illegal_name_is_refused(ours: RegistryServer, name: str) -> None:
    connection = http.client.HTTPConnection(ours.address, timeout=10)
    connection.putrequest("POST", f"/v2/{name}/blobs/uploads/")
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 400
    assert b'"NAME_INVALID"' in body


@pytest.mark.parametrize("tag", ["-a", ".a", "a" * 129, "a:b", "%2e%2e"])
def test_an_illegal_tag_is_refused(client: Client, tag: str) -> None:
    refused = client.put_manifest(tag, client.image())
    assert (refused.status_code, code_of(refused)) == (400, "TAG_INVALID")


@pytest.mark.parametrize(
    "content", [b"{}", b'{"schemaVersion": 1}', b'{"schemaVersion": 2, "mediaType": "a/b"}']
)
def test_only_manifests_of_version_2_are_taken(client: Client, content: bytes) -> None:
    refused = client.put_manifest("v1", content)
    assert (refused.status_code, code_of(refused)) == (400, "MANIFEST_INVALID")


def test_a_manifest_has_a_size_limit(client: Client) -> None:
    refused = client.put_manifest("v1", client.image() + b" " * 4 * 1024 * 1024)
    assert (refused.status_code, code_of(refused)) == (400, "MANIFEST_INVALID")


def test_tags_are_sorted_and_come_in_pages(client: Client) -> None:
    content = client.image()
    names = [f"t{number:02}" for number in range(7)]
    for name in reversed(names):
        client.put_manifest(name, content)
    first = client.ask("GET", "tags/list?n=3")
    assert first.json()["tags"] == names[:3]
    assert first.links["next"]["url"] == f"/v2/{client.repository}/tags/list?last=t02&n=3"
    assert client.all_tags("tags/list?n=3") == names
    assert client.ask("GET", "tags/list?n=7").links == {}
    assert code_of(client.ask("GET", "tags/list?n=no")) == "PAGINATION_NUMBER_INVALID"


def test_a_tag_can_be_deleted_and_its_manifest_stays(client: Client, ours: RegistryServer) -> None:
    content = client.image()
    for tag in ("one", "two", "three"):
        client.put_manifest(tag, content)
    assert client.ask("DELETE", "manifests/one").status_code == 202
    assert ours.delete_tag(client.repository, "two")
    assert not ours.delete_tag(client.repository, "two")
    assert ours.tags(client.repository) == ["three"]
    assert client.get_manifest(digest_of(content)).status_code == 200


def test_chunks_out_of_order_are_refused(client: Client) -> None:
    upload = client.ask("POST", "blobs/uploads/").headers["Location"]
    gap = client.ask("PATCH", upload, data=b"def", headers={"Content-Range": "3-5"})
    assert (gap.status_code, code_of(gap)) == (416, "RANGE_INVALID")
    wrong = client.ask("PATCH", upload, data=b"abc", headers={"Content-Range": "0-5"})
    assert (wrong.status_code, code_of(wrong)) == (400, "SIZE_INVALID")
    assert client.ask("GET", upload).headers["Range"] == "0-0"


def test_a_chunk_that_breaks_off_is_forgotten(client: Client, ours: RegistryServer) -> None:
    upload = client.ask("POST", "blobs/uploads/").headers["Location"]
    client.ask("PATCH", upload, data=b"abc")
    connection = http.client.HTTPConnection(ours.address, timeout=10)
    connection.putrequest("PATCH", upload)
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"half")
    connection.close()
    deadline = time.monotonic() + 10
    while client.ask("GET", upload).headers["Range"] != "0-2":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    done = client.ask("PUT", upload, params={"digest": digest_of(b"abcdef")}, data=b"def")
    assert done.status_code == 201


def test_a_blob_can_be_pushed_in_one_request(client: Client) -> None:
    digest = digest_of(b"at once")
    answer = client.ask("POST", "blobs/uploads/", params={"digest": digest}, data=b"at once")
    assert answer.status_code == 201
    assert client.ask("GET", f"blobs/{digest}").content == b"at once"


def test_unknown_addresses_and_methods_are_told_as_errors(client: Client) -> None:
    assert code_of(client.ask("GET", "/v1/")) == "NOT_FOUND"
    assert client.ask("POST", "tags/list").status_code == 405
    assert code_of(client.ask("POST", "tags/list")) == "UNSUPPORTED"


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    with RegistryServer(tmp_path) as first:
        client = Client(first.url)
        content = client.image()
        client.put_manifest("latest", content)
        upload = client.ask("POST", "blobs/uploads/").headers["Location"]
        client.ask("PATCH", upload, data=b"abc")
        port = int(first.address.rpartition(":")[2])
    with RegistryServer(tmp_path, port) as second:
        client = Client(second.url, repository=client.repository)
        assert client.get_manifest("latest").content == content
        assert client.ask("GET", f"blobs/{digest_of(b'a layer')}").content == b"a layer"
        done = client.ask("PUT", upload, params={"digest": digest_of(b"abcdef")}, data=b"def")
        assert done.status_code == 201


def test_it_tells_gitlab_what_it_holds(client: Client, ours: RegistryServer) -> None:
    content = client.image()
    client.put_manifest("v1", content)
    nested = Client(ours.url, repository=f"{client.repository}/nested")
    nested.put_manifest("v2", nested.image())
    assert ours.repositories() == [client.repository, nested.repository]
    assert client.ask("GET", "/v2/_catalog").json() == {
        "repositories": [client.repository, nested.repository]
    }
    told = ours.tag_details(client.repository, "v1")
    assert told is not None
    assert (told.name, told.digest, told.created_at) == ("v1", digest_of(content), "2026-01-02T03:04:05Z")
    assert told.revision == digest_of(b'{"created": "2026-01-02T03:04:05Z"}').removeprefix("sha256:")
    assert told.total_size == len(b'{"created": "2026-01-02T03:04:05Z"}') + len(b"a layer")
    assert ours.tag_details(client.repository, "v2") is None


def test_it_can_be_made_to_fail(tmp_path: Path) -> None:
    def once(request: Request) -> Response | None:
        return Response("sorry", 503) if request.method == "PUT" and "/manifests/" in request.path else None

    with RegistryServer(tmp_path, intercept=once) as server:
        client = Client(server.url)
        assert client.put_manifest("v1", client.image()).status_code == 503
        assert server.tags(client.repository) == []


def test_many_push_the_same_at_once(client: Client) -> None:
    def push(number: int) -> str:
        worker = Client(client.url, repository=client.repository)
        content = worker.image(f"layer {number % 3}" * 1000)
        assert worker.put_manifest(f"t{number}", content).status_code == 201
        return digest_of(content)

    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(push, range(24)))
    assert len(set(digests)) == 3
    for number, digest in enumerate(digests):
        assert client.get_manifest(f"t{number}").headers["Docker-Content-Digest"] == digest
