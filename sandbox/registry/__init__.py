"""A small OCI registry: real pushes and pulls, GitLab's token way of asking who it is, content kept on disk."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import BaseWSGIServer, make_server

from sandbox.registry.app import Interceptor, RegistryApp
from sandbox.registry.auth import Authorizer
from sandbox.registry.storage import Storage, read_manifest
from sandbox.serving import Handler

__all__ = ["RegistryServer", "TagDetails"]

POLL_SECONDS = 0.05
"""How often the serving thread looks whether it is to stop."""

STOP_SECONDS = 10
"""How long `stop` waits for the serving thread."""


@dataclass(frozen=True)
class TagDetails:
    """What GitLab tells of a tag. `revision` is the configuration's digest without `sha256:`; sizes in bytes."""

    name: str
    digest: str
    revision: str
    created_at: str | None
    total_size: int


class RegistryServer:
    """The registry on one loopback port, served by threads of this process.

    The content lives in `directory` and is there again at the next start. Without `auth` everybody may do
    everything; without `referrers` it is an old one that keeps no list of what is attached to an image. Use as a
    context manager, or call `start` and `stop`.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        auth: Authorizer | None = None,
        *,
        host: str = "127.0.0.1",
        intercept: Interceptor | None = None,
        referrers: bool = True,
    ) -> None:
        self._storage = Storage(directory)
        self._app = RegistryApp(self._storage, auth, intercept, referrers)
        self._server: BaseWSGIServer = make_server(
            host, port, self._app, threaded=True, request_handler=Handler
        )
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """`ADDRESS:PORT`, as it stands in image names."""
        return f"{self._server.host}:{self._server.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def guard(self, auth: Authorizer | None) -> None:
        """From now on let `auth` decide who may do what: a GitLab can take a running registry under its wing."""
        self._app.auth = auth

    def misbehave(self, intercept: Interceptor | None) -> None:
        """From now on every request is seen by `intercept` first (see `sandbox.registry.trouble`); None: be good."""
        self._app.intercept = intercept

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="registry", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port; requests that run are cut off with their connections."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join(STOP_SECONDS)
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def repositories(self) -> list[str]:
        """Names of all repositories, sorted."""
        return list(self._storage.repositories())

    def tags(self, repository: str) -> list[str]:
        """A repository's tags, sorted; empty for an unknown one."""
        return list(self._storage.tags(repository))

    def delete_tag(self, repository: str, tag: str) -> bool:
        """Take a tag away, its manifest stays. False when there was none."""
        return self._storage.delete_tag(repository, tag)

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Take a manifest away with its tags, its blobs stay. False when there was none."""
        return self._storage.delete_manifest(repository, digest)

    def collect_garbage(self, repository: str) -> tuple[str, ...]:
        """Take away what no tag leads to, blobs too; gives the digests of the manifests that went."""
        return self._storage.collect_garbage(repository)

    def lose_blob(self, repository: str, digest: str) -> bool:
        """Take a blob away from a repository, as a clean-up gone wrong would. False when there was none."""
        return self._storage.delete_blob(repository, digest)

    def tag_details(self, repository: str, tag: str) -> TagDetails | None:
        """What GitLab's API tells of a tag; None when there is none."""
        digest = self._storage.digest_of(repository, tag)
        manifest = self._storage.manifest(repository, digest) if digest else None
        if manifest is None:
            return None
        document = read_manifest(manifest.content)
        config = document.get("config") or {}
        parts = [config, *(document.get("layers") or document.get("manifests") or [])]
        return TagDetails(
            name=tag,
            digest=manifest.digest,
            revision=str(config.get("digest", "")).removeprefix("sha256:"),
            created_at=self._created_at(repository, str(config.get("digest", ""))),
            total_size=sum(int(part.get("size", 0)) for part in parts),
        )

    def _created_at(self, repository: str, config_digest: str) -> str | None:
        # a list of images has no configuration
        path = self._storage.blob(repository, config_digest) if config_digest else None
        if path is None:
            return None
        try:
            config: Any = json.loads(path.read_bytes())
        except ValueError:
            return None
        created = config.get("created") if isinstance(config, dict) else None
        return created if isinstance(created, str) else None
