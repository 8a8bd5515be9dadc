"""A container registry over HTTP: tags, manifests and labels. The OCI distribution protocol, as much as is needed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from bot.errors import OperatorError, Refused, TryAgain

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and between two pieces of an answer."""

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""Bytes of a manifest; the protocol asks registries to take no more."""

MAX_CONFIG_BYTES = 8 * 1024 * 1024
"""Bytes of an image's configuration, which holds its labels."""

MAX_TAG_PAGES = 200
"""Pages of a list of tags; a registry that never ends is not followed."""

TAGS_PER_PAGE = 500

_IMAGE_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])\Z")
_CHALLENGE = re.compile(r'([a-z]+)="([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image by its digest: the very bytes that the digest is made of."""

    digest: str
    media_type: str
    content: bytes


def read_image(image: str) -> tuple[str, str]:
    """The host and the repository in an image's name without tag, such as `registry.example.com/group/project`."""
    host, slash, repository = image.partition("/")
    if not slash or not repository:
        raise ValueError(f"{image!r} is not the name of an image in a registry")
    return host, repository


class Registry:
    """One registry, with the rights of one user or of nobody.

    Every method raises TryAgain when the registry is busy or away, Refused when it says no, and OperatorError
    when it is no registry.
    """

    def __init__(self, host: str, username: str | None = None, password: str | None = None) -> None:
        self._base = _base_url(host)
        self._account = (username, password) if username is not None and password is not None else None
        self._session = requests.Session()
        # Only what is given here is sent: no ~/.netrc, which could answer for a host of the same name.
        self._session.trust_env = False
        self._session.proxies.update(requests.utils.get_environ_proxies(self._base))
        self._session.verify = _certificates()
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def fetch_tags(self, repository: str) -> tuple[str, ...]:
        """All tags of a repository; none when there is no such repository."""
        tags: list[str] = []
        url: str | None = f"{self._base}/v2/{repository}/tags/list?n={TAGS_PER_PAGE}"
        for _ in range(MAX_TAG_PAGES):
            if url is None:
                return tuple(tags)
            answer = self._ask("GET", url, repository, "pull")
            if answer.status_code == 404:
                return tuple(tags)
            page = _json(self._good(answer, f"tags of {repository}"))
            tags += [tag for tag in page.get("tags") or () if isinstance(tag, str)]
            following = answer.links.get("next", {}).get("url")
            url = self._same_origin(urljoin(answer.url, following)) if following else None
        raise OperatorError(
            f"The registry {self._base} lists more than {MAX_TAG_PAGES} pages of tags of {repository}.",
            "Remove old tags, for example with a clean-up policy in GitLab.",
        )

    def fetch_manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest behind a tag or digest, its digest made from the bytes; None when there is none."""
        answer = self._ask(
            "GET",
            f"{self._base}/v2/{repository}/manifests/{reference}",
            repository,
            "pull",
            headers={"Accept": ", ".join(_IMAGE_TYPES + _INDEX_TYPES)},
        )
        if answer.status_code == 404:
            return None
        content = _content(self._good(answer, f"manifest {reference} of {repository}"), MAX_MANIFEST_BYTES)
        digest = _digest(content)
        if reference.startswith("sha256:") and reference != digest:
            raise TryAgain(f"The registry {self._base} answered other bytes than those of {reference}.")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return Manifest(digest, media_type, content)

    def fetch_labels(self, repository: str, manifest: Manifest) -> Mapping[str, str]:
        """The labels of an image; those of the first platform when there are several."""
        document = _document(manifest.content)
        if manifest.media_type in _INDEX_TYPES or "manifests" in document:
            first = next(iter(document.get("manifests") or ()), None)
            digest = first.get("digest") if isinstance(first, dict) else None
            inner = self.fetch_manifest(repository, digest) if isinstance(digest, str) else None
            if inner is None or "manifests" in _document(inner.content):
                return {}
            document = _document(inner.content)
        config = document.get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        if not isinstance(digest, str):
            return {}
        answer = self._ask("GET", f"{self._base}/v2/{repository}/blobs/{digest}", repository, "pull")
        if answer.status_code == 404:
            return {}
        content = _content(self._good(answer, f"configuration of {repository}"), MAX_CONFIG_BYTES)
        if _digest(content) != digest:
            raise TryAgain(f"The registry {self._base} answered other bytes than those of {digest}.")
        inside = _document(content).get("config")
        labels = inside.get("Labels") if isinstance(inside, dict) else None
        if not isinstance(labels, dict):
            return {}
        return {key: value for key, value in labels.items() if isinstance(value, str)}

    def ensure_tag(self, repository: str, tag: str, manifest: Manifest) -> None:
        """Lets a tag point to a manifest that the repository holds; its bytes stay as they are."""
        held = self.fetch_manifest(repository, tag)
        if held is not None and held.digest == manifest.digest:
            return
        answer = self._ask(
            "PUT",
            f"{self._base}/v2/{repository}/manifests/{tag}",
            repository,
            "pull,push",
            headers={"Content-Type": manifest.media_type},
            data=manifest.content,
        )
        self._good(answer, f"tag {tag} of {repository}")
        told = answer.headers.get("Docker-Content-Digest", manifest.digest)
        if told != manifest.digest:
            raise TryAgain(
                f"The registry {self._base} stored {told} under {tag} instead of {manifest.digest}."
            )

    def _ask(self, method: str, url: str, repository: str, actions: str, **more: Any) -> requests.Response:
        scope = f"repository:{repository}:{actions}"
        answer = self._send(method, url, self._authorization(scope), **more)
        challenge = answer.headers.get("WWW-Authenticate", "")
        if answer.status_code == 401 and challenge.lower().startswith("bearer "):
            # A token lives for minutes; an old one is refused like none at all.
            self._tokens[scope] = self._fetch_token(dict(_CHALLENGE.findall(challenge)), scope)
            answer = self._send(method, url, self._authorization(scope), **more)
        return answer

    def _authorization(self, scope: str) -> Mapping[str, str] | tuple[str, str] | None:
        token = self._tokens.get(scope)
        return {"Authorization": f"Bearer {token}"} if token is not None else self._account

    def _send(
        self, method: str, url: str, authorization: Mapping[str, str] | tuple[str, str] | None, **more: Any
    ) -> requests.Response:
        headers = dict(more.pop("headers", {}))
        if isinstance(authorization, Mapping):
            headers.update(authorization)
            authorization = None
        try:
            # Read in pieces, so that nobody's answer fills the memory.
            return self._session.request(
                method, url, headers=headers, auth=authorization, timeout=TIMEOUT, stream=True, **more
            )
        except requests.RequestException as error:
            raise TryAgain(f"The registry {self._base} does not answer: {_why(error)}.") from error

    def _fetch_token(self, challenge: Mapping[str, str], scope: str) -> str:
        realm = challenge.get("realm", "")
        if urlsplit(realm).scheme != "https" and not _is_plain(realm):
            raise OperatorError(
                f"The registry {self._base} sends its users to {realm!r} for a token, which is not https.",
                "Set the registry's auth.token.realm to an https address.",
            )
        asked = {"service": challenge.get("service", ""), "scope": scope}
        try:
            answer = self._session.get(
                realm, params=asked, auth=self._account, timeout=TIMEOUT, stream=True, allow_redirects=False
            )
        except requests.RequestException as error:
            raise TryAgain(f"The registry's token service {realm} does not answer: {_why(error)}.") from error
        given = _json(self._good(answer, "a token"))
        token = given.get("token") or given.get("access_token")
        if not isinstance(token, str):
            raise OperatorError(
                f"The token service {realm} answered without a token.",
                "Check the registry's token authentication.",
            )
        return token

    def _good(self, answer: requests.Response, what: str) -> requests.Response:
        status = answer.status_code
        if 200 <= status < 300:
            return answer
        if status in {401, 403}:
            who = f"the user {self._account[0]}" if self._account else "nobody in particular"
            raise Refused(f"The registry {self._base} refuses {what} to {who} (HTTP {status}).")
        if status >= 500 or status in {404, 408, 425, 429}:
            raise TryAgain(
                f"The registry {self._base} answered HTTP {status} for {what}.", _seconds(answer.headers)
            )
        raise OperatorError(
            f"The registry {self._base} answered HTTP {status} for {what}: {_content(answer, 2000, cut=True)!r}.",
            "Check that this address is a container registry and that it accepts this request.",
        )

    def _same_origin(self, url: str) -> str:
        if urlsplit(url)[:2] != urlsplit(self._base)[:2]:
            raise OperatorError(
                f"The registry {self._base} continues its list of tags at another address, {url!r}.",
                "Set the registry's own address (http.host), or the proxy's forwarded headers.",
            )
        return url


def _base_url(host: str) -> str:
    if "://" in host:
        return host.rstrip("/")
    name = host if host.startswith("[") and host.endswith("]") else re.sub(r":\d+\Z", "", host)
    return f"{'http' if _LOOPBACK.match(name) else 'https'}://{host}"


def _is_plain(url: str) -> bool:
    """Whether http is good enough there: nobody listens between this machine and itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "http" and bool(_LOOPBACK.match(f"[{host}]" if ":" in host else host))


def _certificates() -> str | bool:
    settings = requests.Session().merge_environment_settings("https://registry.invalid", {}, None, None, None)
    verify = settings["verify"]
    return verify if isinstance(verify, str) else True


def _content(answer: requests.Response, limit: int, cut: bool = False) -> bytes:
    content = bytearray()
    try:
        for piece in answer.iter_content(64 * 1024):
            content += piece
            if len(content) > limit:
                break
    except requests.RequestException as error:
        raise TryAgain(f"The registry broke off in the middle of an answer: {_why(error)}.") from error
    finally:
        answer.close()
    if len(content) > limit and not cut:
        raise OperatorError(
            f"The registry's answer to {answer.url} is bigger than {limit} bytes.",
            "Check that this address is a container registry.",
        )
    return bytes(content[:limit])


def _json(answer: requests.Response) -> dict[str, Any]:
    return _document(_content(answer, MAX_CONFIG_BYTES))


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise OperatorError(
            "The registry answered something that is no JSON object.",
            "Check that its address is that of a container registry.",
        )
    return document


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _seconds(headers: Mapping[str, str]) -> float | None:
    told = headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() else None


def _why(error: Exception) -> str:
    return type(error).__name__
