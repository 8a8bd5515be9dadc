"""The door to one registry: everything that the bot and its jobs ask of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from bot.adapters.registry.answers import MAX_JSON_BYTES, document
from bot.adapters.registry.blobs import Blobs, Progress
from bot.adapters.registry.manifests import Manifests, is_index
from bot.adapters.registry.values import Artifact, Manifest, Referrer, digest_of
from bot.adapters.registry.wire import PAUSES, Wire

if TYPE_CHECKING:
    from bot.adapters.registry.referrers import Referrers


class Registry:
    """One registry, with the rights of one user or of nobody. Safe for many threads.

    Every method raises TryAgain when the registry is busy or away, Refused when it says no, and OperatorError
    when it is no registry. `pauses`: seconds before each further try of one request; none for a caller that
    comes again by itself.
    """

    def __init__(
        self,
        host: str,
        username: str | None = None,
        password: str | None = None,
        *,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        account = (username, password) if username is not None and password is not None else None
        self._wire = Wire(host, account, pauses)
        self._blobs = Blobs(self._wire)
        self._manifests = Manifests(self._wire)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blobs.cancel()
        self._wire.close()

    @property
    def address(self) -> str:
        """Where it is: `https://registry.example.com`."""
        return self._wire.base

    @property
    def requests(self) -> int:
        """Requests sent so far, without those for tokens."""
        return self._wire.requests

    @property
    def token_requests(self) -> int:
        """Requests for tokens sent so far."""
        return self._wire.token_requests

    @property
    def bytes_sent(self) -> int:
        """Bytes of bodies sent so far."""
        return self._wire.bytes_sent

    def will_push(self, repository: str) -> None:
        """From now on ask for the right to push as well, whatever is done there: saves a token."""
        self._wire.will_push(repository)

    # Manifests and tags

    def fetch_tags(self, repository: str) -> tuple[str, ...]:
        """All tags of a repository; none when there is no such repository."""
        return self._manifests.tags(repository)

    def fetch_manifest(self, repository: str, reference: str, platform: str | None = None) -> Manifest | None:
        """The manifest behind a tag or digest, its digest made from the bytes; None when there is none.

        With a `platform` (`linux/arm64`) never an index; OperatorError when it is there for others only.
        """
        if platform is None:
            return self._manifests.fetch(repository, reference)
        return self._manifests.fetch_for(repository, reference, platform)

    def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> None:
        """Stores a manifest under a tag or its digest. Raises BlobsUnknown when some of its blobs are not there."""
        self._manifests.put(repository, reference, manifest)

    def ensure_tag(self, repository: str, tag: str, manifest: Manifest) -> None:
        """Lets a tag point to a manifest that the repository holds; its bytes stay as they are."""
        held = self._manifests.fetch(repository, tag)
        if held is None or held.digest != manifest.digest:
            self._manifests.put(repository, tag, manifest)

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Takes an image away, with every tag that leads to it; nothing where it is not there.

        Refused, or OperatorError: this registry, or our role, does not let us.
        """
        self._manifests.delete(repository, digest)

    def fetch_labels(self, repository: str, manifest: Manifest) -> Mapping[str, str]:
        """The labels of an image; those of the first platform when there are several."""
        labels = self.fetch_config(repository, manifest).get("Labels")
        if not isinstance(labels, dict):
            return {}
        return {key: value for key, value in labels.items() if isinstance(value, str)}

    def fetch_config(self, repository: str, manifest: Manifest) -> Mapping[str, Any]:
        """How an image is run, as the registry's JSON has it; that of the first platform when there are several."""
        read = document(manifest.content)
        if is_index(manifest):
            first = next(iter(read.get("manifests") or ()), None)
            digest = first.get("digest") if isinstance(first, dict) else None
            inner = self._manifests.fetch(repository, digest) if isinstance(digest, str) else None
            if inner is None or is_index(inner):
                return {}
            read = document(inner.content)
        config = read.get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        found = self.read_blob(repository, digest) if isinstance(digest, str) else None
        inside = document(found).get("config") if found is not None else None
        return inside if isinstance(inside, dict) else {}

    # Blobs

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the repository holds a blob."""
        return self._blobs.holds(repository, digest)

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Takes a blob over from another repository of this registry. False: it has to be sent."""
        return self._blobs.mount(repository, digest, source)

    def ensure_blob(
        self,
        repository: str,
        digest: str,
        size: int,
        opener: Callable[[], BinaryIO],
        progress: Progress | None = None,
        *,
        new: bool = False,
    ) -> bool:
        """Sends a blob of `size` bytes unless it is there; `new` does not look before. True when it was sent.

        `opener` is called for each try; `progress` is told the bytes that are through. OSError where the file cannot
        be read.
        """
        return self._blobs.ensure(repository, digest, size, opener, progress, new)

    def ensure_bytes(self, repository: str, body: bytes, *, new: bool = False) -> str:
        """Sends a small blob unless it is there, and gives its digest."""
        digest = digest_of(body)
        self._blobs.ensure(repository, digest, len(body), lambda: io.BytesIO(body), None, new)
        return digest

    def fetch_blob(
        self,
        repository: str,
        digest: str,
        sink: BinaryIO,
        size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Writes a blob to `sink`, going on where an answer broke off. What is there is good only on return.

        `size` in bytes, where it is known: more is not read. TryAgain when the blob is not there.
        """
        self._blobs.fetch(repository, digest, sink, size, progress)

    def read_blob(self, repository: str, digest: str, limit: int = MAX_JSON_BYTES) -> bytes | None:
        """A small blob, checked; None when there is none. OperatorError when it has more than `limit` bytes."""
        return self._blobs.read(repository, digest, limit)

    # What is attached

    def fetch_referrers(
        self, repository: str, digest: str, artifact_type: str | None = None
    ) -> tuple[Referrer, ...]:
        """What is attached to an image, of one artifact type or of all."""
        return self._referrers().fetch(repository, digest, artifact_type)

    def ensure_referrer(self, repository: str, subject: Manifest, artifact: Artifact) -> Manifest:
        """Attaches an artifact to an image; once, however often it is called. Gives the artifact's manifest."""
        return self._referrers().ensure(repository, subject, artifact)

    def _referrers(self) -> Referrers:
        # A build attaches nothing, and counts milliseconds.
        from bot.adapters.registry.referrers import Referrers

        return Referrers(self._wire, self._blobs, self._manifests)
