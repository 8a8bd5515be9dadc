"""A client as thin as the protocol, and images of a few bytes to push with it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

TIMEOUT_SECONDS = 20

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Client:
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    repository: str = field(default_factory=lambda: f"group/project-{uuid.uuid4().hex[:10]}")

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return requests.request(
            method,
            urljoin(f"{self.url}/v2/{self.repository}/", path),
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            **options,
        )

    def push_blob(self, content: bytes) -> str:
        begun = self.ask("POST", "blobs/uploads/")
        assert begun.status_code == 202, begun.text
        done = self.ask("PUT", begun.headers["Location"], params={"digest": digest_of(content)}, data=content)
        assert done.status_code == 201, done.text
        return digest_of(content)

    def all_tags(self, path: str = "tags/list") -> list[str]:
        """All tags, page by page."""
        answer = self.ask("GET", path)
        found = list(answer.json()["tags"] or [])
        following = answer.links.get("next")
        return found + self.all_tags(following["url"]) if following else found

    def image(self, text: str = "a layer", media_type: str = OCI_MANIFEST) -> bytes:
        """Push an image's blobs and give the manifest that would make it one."""
        config, layer = json.dumps({"created": "2026-01-02T03:04:05Z"}).encode(), text.encode()
        self.push_blob(config)
        self.push_blob(layer)
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest_of(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": digest_of(layer),
                    "size": len(layer),
                }
            ],
        }
        # Spaces and order must survive: the digest is over these very bytes.
        return json.dumps(manifest, indent=3).encode() + b"\n"

    def put_manifest(
        self, reference: str, content: bytes, media_type: str = OCI_MANIFEST
    ) -> requests.Response:
        return self.ask("PUT", f"manifests/{reference}", data=content, headers={"Content-Type": media_type})

    def get_manifest(self, reference: str, method: str = "GET") -> requests.Response:
        return self.ask(method, f"manifests/{reference}", headers={"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"})


def code_of(response: requests.Response) -> str:
    """The error's code in the protocol's own form."""
    (error,) = response.json()["errors"]
    assert set(error) >= {"code", "message"}
    code = error["code"]
    assert isinstance(code, str)
    return code
