"""What every registry does alike; each test runs against ours and against Debian's docker-registry."""

from __future__ import annotations

import json

import pytest

from tests.sandbox_registry.client import OCI_INDEX, OCI_MANIFEST, Client, code_of, digest_of

ABSENT = digest_of(b"never pushed")


def test_it_says_which_protocol_it_speaks(client: Client) -> None:
    answer = client.ask("GET", "/v2/")
    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_blob_comes_back_as_it_went_in(client: Client) -> None:
    content = bytes(range(256)) * 5000
    digest = client.push_blob(content)
    for method in ("GET", "HEAD"):
        answer = client.ask(method, f"blobs/{digest}")
        assert answer.status_code == 200
        assert answer.headers["Content-Length"] == str(len(content))
        assert answer.headers["Docker-Content-Digest"] == digest
        assert answer.content == (content if method == "GET" else b"")


def test_a_part_of_a_blob_can_be_asked_for(client: Client) -> None:
    digest = client.push_blob(b"0123456789")
    answer = client.ask("GET", f"blobs/{digest}", headers={"Range": "bytes=4-"})
    assert answer.status_code == 206
    assert answer.content == b"456789"
    assert answer.headers["Content-Range"] == "bytes 4-9/10"


def test_an_empty_blob_is_a_blob(client: Client) -> None:
    digest = client.push_blob(b"")
    assert client.ask("GET", f"blobs/{digest}").content == b""


def test_a_blob_can_be_pushed_in_chunks(client: Client) -> None:
    upload = client.ask("POST", "blobs/uploads/")
    first = client.ask(
        "PATCH",
        upload.headers["Location"],
        data=b"abc",
        headers={"Content-Range": "0-2", "Content-Type": "application/octet-stream"},
    )
    assert first.status_code == 202
    assert first.headers["Range"] == "0-2"
    asked = client.ask("GET", first.headers["Location"])
    assert (asked.status_code, asked.headers["Range"]) == (204, "0-2")
    second = client.ask(
        "PATCH",
        asked.headers.get("Location", first.headers["Location"]),
        data=iter([b"d", b"ef"]),
        headers={"Content-Type": "application/octet-stream"},
    )
    assert (second.status_code, second.headers["Range"]) == (202, "0-5")
    done = client.ask(
        "PUT", second.headers["Location"], params={"digest": digest_of(b"abcdefgh")}, data=b"gh"
    )
    assert done.status_code == 201
    assert done.headers["Docker-Content-Digest"] == digest_of(b"abcdefgh")
    assert client.ask("GET", f"blobs/{digest_of(b'abcdefgh')}").content == b"abcdefgh"


def test_a_blob_with_another_digest_is_refused(client: Client) -> None:
    upload = client.ask("POST", "blobs/uploads/")
    done = client.ask("PUT", upload.headers["Location"], params={"digest": ABSENT}, data=b"other")
    assert (done.status_code, code_of(done)) == (400, "DIGEST_INVALID")
    assert client.ask("HEAD", f"blobs/{ABSENT}").status_code == 404
    assert client.ask("HEAD", f"blobs/{digest_of(b'other')}").status_code == 404


def test_a_cancelled_upload_is_gone(client: Client) -> None:
    upload = client.ask("POST", "blobs/uploads/").headers["Location"]
    assert client.ask("DELETE", upload).status_code == 204
    again = client.ask("PUT", upload, params={"digest": digest_of(b"x")}, data=b"x")
    assert (again.status_code, code_of(again)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_can_be_mounted_from_another_repository(client: Client) -> None:
    digest = client.push_blob(b"shared")
    other = Client(client.url)
    assert other.ask("HEAD", f"blobs/{digest}").status_code == 404
    mounted = other.ask("POST", "blobs/uploads/", params={"mount": digest, "from": client.repository})
    assert mounted.status_code == 201
    assert mounted.headers["Docker-Content-Digest"] == digest
    assert other.ask("GET", f"blobs/{digest}").content == b"shared"


def test_what_cannot_be_mounted_can_be_uploaded_instead(client: Client) -> None:
    answer = client.ask("POST", "blobs/uploads/", params={"mount": ABSENT, "from": client.repository})
    assert answer.status_code == 202
    assert answer.headers["Location"]


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"])
def test_a_manifest_keeps_its_bytes_and_its_type(client: Client, media_type: str) -> None:
    content = client.image(media_type=media_type)
    put = client.put_manifest("v1", content, media_type)
    assert put.status_code == 201
    digest = digest_of(content)
    assert put.headers["Docker-Content-Digest"] == digest
    for reference in ("v1", digest):
        answer = client.ask("GET", f"manifests/{reference}", headers={"Accept": media_type})
        assert answer.status_code == 200
        assert answer.content == content
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Docker-Content-Digest"] == digest
        head = client.ask("HEAD", f"manifests/{reference}", headers={"Accept": media_type})
        assert head.headers["Content-Length"] == str(len(content))
        assert head.headers["Docker-Content-Digest"] == digest


def test_a_manifest_pushed_by_digest_has_no_tag_until_it_gets_one(client: Client) -> None:
    content = client.image()
    digest = digest_of(content)
    assert client.put_manifest(digest, content).status_code == 201
    assert client.get_manifest(digest).content == content
    for tag in ("main-1", "latest"):
        assert client.put_manifest(tag, content).status_code == 201
    assert client.ask("GET", "tags/list").json() == {"name": client.repository, "tags": ["latest", "main-1"]}
    assert client.get_manifest("latest", "HEAD").headers["Docker-Content-Digest"] == digest


def test_a_tag_moves_to_the_manifest_pushed_last(client: Client) -> None:
    old, new = client.image("old"), client.image("new")
    client.put_manifest("latest", old)
    client.put_manifest("latest", new)
    assert client.get_manifest("latest").content == new
    assert client.get_manifest(digest_of(old)).content == old


def test_an_index_needs_its_manifests(client: Client) -> None:
    manifest = client.image()

    def index(digest: str) -> bytes:
        part = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(manifest)}
        return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [part]}).encode()

    client.put_manifest(digest_of(manifest), manifest)
    assert client.put_manifest("many", index(digest_of(manifest)), OCI_INDEX).status_code == 201
    assert client.get_manifest("many").headers["Content-Type"] == OCI_INDEX
    refused = client.put_manifest("broken", index(ABSENT), OCI_INDEX)
    assert refused.status_code in (400, 404)
    assert client.get_manifest("broken").status_code == 404


def test_a_manifest_without_its_blobs_is_refused(client: Client) -> None:
    content = client.image().replace(digest_of(b"a layer").encode(), ABSENT.encode())
    refused = client.put_manifest("v1", content)
    assert (refused.status_code, code_of(refused)) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert client.get_manifest("v1").status_code == 404


@pytest.mark.parametrize("content", [b"", b"no json", b"[]"])
def test_what_is_no_manifest_is_refused(client: Client, content: bytes) -> None:
    refused = client.put_manifest("v1", content)
    assert refused.status_code == 400
    assert code_of(refused) == "MANIFEST_INVALID"


def test_a_manifest_with_another_digest_is_refused(client: Client) -> None:
    refused = client.put_manifest(ABSENT, client.image())
    assert (refused.status_code, code_of(refused)) == (400, "DIGEST_INVALID")


def test_what_is_not_there_is_told_in_the_protocols_words(client: Client) -> None:
    nowhere = client.ask("GET", "tags/list")
    assert (nowhere.status_code, code_of(nowhere)) == (404, "NAME_UNKNOWN")
    assert code_of(client.get_manifest("absent")) == "MANIFEST_UNKNOWN"
    assert code_of(client.ask("GET", f"blobs/{ABSENT}")) == "BLOB_UNKNOWN"
    client.put_manifest("v1", client.image())
    assert code_of(client.get_manifest("absent")) == "MANIFEST_UNKNOWN"


def test_all_tags_are_found_following_the_pages(client: Client) -> None:
    content = client.image()
    names = [f"t{number:02}" for number in range(7)]
    for name in reversed(names):
        client.put_manifest(name, content)
    assert sorted(client.all_tags("tags/list?n=3")) == names


def test_after_the_last_tag_is_gone_the_list_is_null(client: Client) -> None:
    content = client.image()
    client.put_manifest("one", content)
    client.put_manifest("two", content)
    digest = digest_of(content)
    assert client.ask("DELETE", f"manifests/{digest}").status_code == 202
    assert client.get_manifest("one").status_code == 404
    assert client.get_manifest(digest).status_code == 404
    assert client.ask("GET", "tags/list").json() == {"name": client.repository, "tags": None}
    again = client.ask("DELETE", f"manifests/{digest}")
    assert (again.status_code, code_of(again)) == (404, "MANIFEST_UNKNOWN")


def test_a_deleted_blob_is_gone_here_and_stays_elsewhere(client: Client) -> None:
    digest = client.push_blob(b"both")
    other = Client(client.url)
    other.push_blob(b"both")
    assert client.ask("DELETE", f"blobs/{digest}").status_code == 202
    assert client.ask("HEAD", f"blobs/{digest}").status_code == 404
    assert other.ask("GET", f"blobs/{digest}").content == b"both"
