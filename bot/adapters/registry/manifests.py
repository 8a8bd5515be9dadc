"""Manifests and tags: read by tag, digest or platform; written, and compared with what the registry then says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin

from bot.adapters.registry.address import origin
from bot.adapters.registry.answers import MAX_JSON_BYTES, Answer, content, dismiss, document, faults
from bot.adapters.registry.auth import delete, pull, push
from bot.adapters.registry.values import (
    IMAGE_TYPES,
    INDEX_TYPES,
    BlobsUnknown,
    Manifest,
    digest_of,
)
from bot.adapters.registry.wire import Wire
from bot.errors import OperatorError, TryAgain

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""Bytes of a manifest; the protocol asks registries to take no more."""

MAX_TAG_PAGES = 200
"""Pages of a list of tags; a registry that never ends is not followed."""

TAGS_PER_PAGE = 500

_UNKNOWN_BLOB = {"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"}


class Manifests:
    """The manifests and tags of one registry's repositories. Safe for many threads."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def tags(self, repository: str) -> tuple[str, ...]:
        """All tags of a repository; none when there is no such repository."""
        what = f"tags of {repository}"
        found: list[str] = []
        url: str | None = f"{self._wire.base}/v2/{repository}/tags/list?n={TAGS_PER_PAGE}"
        for _ in range(MAX_TAG_PAGES):
            if url is None:
                return tuple(found)
            answer = self._wire.ask("GET", url, pull(repository), what)
            if answer.status == 404:
                dismiss(answer)
                return tuple(found)
            page = document(content(self._wire.good(answer, what), MAX_JSON_BYTES))
            listed = page.get("tags")
            found += [tag for tag in listed if isinstance(tag, str)] if isinstance(listed, list) else []
            url = next_page(self._wire, answer, what)
        raise OperatorError(
            f"The registry {self._wire.base} lists more than {MAX_TAG_PAGES} pages of tags of {repository}.",
            "Remove old tags, for example with a clean-up policy in GitLab.",
        )

    def fetch(self, repository: str, reference: str) -> Manifest | None:
        """The manifest behind a tag or digest, its digest made from the bytes; None when there is none."""
        what = f"manifest {reference} of {repository}"
        accepted = {"Accept": ", ".join(IMAGE_TYPES + INDEX_TYPES)}
        answer = self._wire.ask("GET", _path(repository, reference), pull(repository), what, headers=accepted)
        if answer.status == 404:
            dismiss(answer)
            return None
        found = content(self._wire.good(answer, what), MAX_MANIFEST_BYTES)
        digest = digest_of(found)
        if reference.startswith("sha256:") and reference != digest:
            raise TryAgain(f"The registry {self._wire.base} answered other bytes than those of {reference}.")
        return Manifest(digest, answer.headers.get("Content-Type", "").partition(";")[0].strip(), found)

    def fetch_for(self, repository: str, reference: str, platform: str) -> Manifest | None:
        """The manifest of one platform (`linux/arm64`, `linux/arm/v7`); an image of one platform as it is.

        Raises OperatorError when it is there for others only.
        """
        found = self.fetch(repository, reference)
        if found is None or not is_index(found):
            return found
        entries = document(found.content).get("manifests")
        listed = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        digest = next((str(entry.get("digest")) for entry in listed if _is_for(entry, platform)), None)
        if digest is None:
            offered = sorted(
                {name for entry in listed if (name := _platform(entry)) and "unknown" not in name}
            )
            raise OperatorError(
                f"{repository}@{found.digest} is not there for {platform}, only for {', '.join(offered) or 'none'}.",
                "Choose an image that is made for this platform, or take the platform off the environment.",
            )
        inner = self.fetch(repository, digest)
        if inner is None or is_index(inner):
            raise TryAgain(
                f"The registry {self._wire.base} lists {digest} in {found.digest} and has no such image."
            )
        return inner

    def put(self, repository: str, reference: str, manifest: Manifest) -> Mapping[str, str]:
        """Stores a manifest under a tag or its digest; gives the answer's headers. Raises BlobsUnknown."""
        what = f"manifest {reference} of {repository}"
        if len(manifest.content) > MAX_MANIFEST_BYTES:
            raise OperatorError(
                f"The manifest for {repository} has {len(manifest.content)} bytes; "
                f"registries take {MAX_MANIFEST_BYTES}.",
                "Shorten the labels and annotations.",
            )
        answer = self._wire.ask(
            "PUT",
            _path(repository, reference),
            push(repository),
            what,
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
        )
        body = dismiss(answer)
        if not 200 <= answer.status < 300:
            lost = [fault for fault in faults(body) if fault.get("code") in _UNKNOWN_BLOB]
            if lost:
                digests = sorted({digest for fault in lost for digest in _digests(fault.get("detail"))})
                raise BlobsUnknown(
                    f"The registry {self._wire.base} does not have all of {repository}: {', '.join(digests)}",
                    digests,
                )
            raise self._wire.sorted(answer, what, body)
        told = answer.headers.get("Docker-Content-Digest", manifest.digest)
        if told != manifest.digest:
            raise TryAgain(
                f"The registry {self._wire.base} stored {told} under {reference} instead of {manifest.digest}."
            )
        return answer.headers

    def delete(self, repository: str, digest: str) -> None:
        """Takes a manifest away by its digest; one that is not there is as good."""
        what = f"to delete {digest} of {repository}"
        answer = self._wire.ask("DELETE", _path(repository, digest), delete(repository), what)
        if answer.status == 404:
            dismiss(answer)
            return
        dismiss(self._wire.good(answer, what))


def is_index(manifest: Manifest) -> bool:
    """Whether this is a list of images, one a platform."""
    return manifest.media_type in INDEX_TYPES or "manifests" in document(manifest.content)


def next_page(wire: Wire, answer: Answer, what: str) -> str | None:
    """Where a list goes on, at the same registry. Raises OperatorError when it goes on elsewhere."""
    link = _link(answer.headers.get("Link", ""))
    if link is None:
        return None
    try:
        url = urljoin(answer.url or wire.base, link)
        own = origin(url) == origin(wire.base)
    except ValueError:
        own, url = False, link
    if not own:
        raise OperatorError(
            f"The registry {wire.base} continues its list of {what} at another address, {url!r}.",
            "Set the registry's own address (http.host), or the proxy's forwarded headers.",
        )
    return url


def _link(header: str) -> str | None:
    """The address of `<address>; rel="next"`."""
    for entry in header.split(","):
        address, _, rest = entry.partition(";")
        if 'rel="next"' in rest.replace(" ", "").replace("'", '"') or "rel=next" in rest.replace(" ", ""):
            return address.strip().removeprefix("<").removesuffix(">")
    return None


def _path(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{quote(reference, safe=':')}"


def _platform(entry: Mapping[str, Any]) -> str:
    named = entry.get("platform")
    if not isinstance(named, dict):
        return ""
    parts = [named.get(key) for key in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if isinstance(part, str) and part)


def _is_for(entry: Mapping[str, Any], platform: str) -> bool:
    """Whether an entry of an index is this platform's. arm64 is the same with and without its `v8`."""
    return _platform(entry).removesuffix("/v8") == platform.removesuffix("/v8")


def _digests(detail: object) -> list[str]:
    if isinstance(detail, str):
        return [detail]
    named = detail.get("digest", detail.get("Digest")) if isinstance(detail, dict) else None
    return [named] if isinstance(named, str) else []
