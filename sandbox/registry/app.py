"""The OCI distribution protocol over HTTP: one request in, one answer out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import wrap_file

from sandbox.registry.auth import Authorizer
from sandbox.registry.names import Manifest, RegistryError, is_digest, is_name, is_tag
from sandbox.registry.storage import CHUNK_BYTES, Storage, read_manifest, subject_of

MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
"""A larger manifest is refused, as by other registries."""

PAGE_LIMIT = 1000
"""So many tags or repositories are in one answer at most."""

MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)

Interceptor = Callable[[Request], Response | None]
"""Sees every request first; an answer of its own stands instead of the registry's: misbehaviour on demand."""


class RegistryApp:
    """A WSGI application over one storage. Without `auth`, everybody may do everything."""

    def __init__(
        self,
        storage: Storage,
        auth: Authorizer | None = None,
        intercept: Interceptor | None = None,
        referrers: bool = True,
    ) -> None:
        self._storage = storage
        self.auth = auth
        self.intercept = intercept
        self._lists_referrers = referrers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        response = self.intercept(request) if self.intercept else None
        if response is None:
            try:
                response = self._answer(request)
            except RegistryError as fault:
                response = _json(fault.as_dict(), fault.status)
                if isinstance(fault, _Unauthorized):
                    response.headers["WWW-Authenticate"] = fault.challenge
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        path = request.path
        if path in ("/v2", "/v2/"):
            self._require_known(request)
            return _json({})
        if path == "/v2/_catalog":
            self._require_known(request)
            return _page(request, "repositories", self._storage.repositories(), {})
        for pattern, handler in _ROUTES:
            if found := pattern.fullmatch(path):
                name = found["name"]
                if not is_name(name):
                    raise RegistryError("NAME_INVALID", "invalid repository name", {"name": name})
                self._require(request, name)
                return handler(self, request, *found.groups())
        raise RegistryError("NOT_FOUND", f"no such address: {path}")

    # Who may

    def _require_known(self, request: Request) -> None:
        if self.auth and not self.auth.known(_token(request)):
            raise _Unauthorized(self.auth.challenge(None, _token(request) is not None))

    def _require(self, request: Request, repository: str) -> None:
        if self.auth is None:
            return
        actions = {"GET": ("pull",), "HEAD": ("pull",), "DELETE": ("delete",)}.get(
            request.method, ("pull", "push")
        )
        if request.method == "DELETE" and "/blobs/uploads/" in request.path:
            actions = ("pull", "push")
        wanted = [(repository, actions)]
        source = request.args.get("from", "")
        if request.method == "POST" and is_name(source):
            # As other registries: who wants to mount must be allowed to read there.
            wanted.append((source, ("pull",)))
        token = _token(request)
        if not all(self.auth.allowed(token, name, action) for name, asked in wanted for action in asked):
            scope = " ".join(f"repository:{name}:{','.join(asked)}" for name, asked in wanted)
            raise _Unauthorized(self.auth.challenge(scope, self.auth.known(token)))

    # Tags

    def _tags(self, request: Request, name: str) -> Response:
        _only(request, "GET")
        if not self._storage.holds(name):
            raise RegistryError("NAME_UNKNOWN", "repository name not known to registry", {"name": name})
        return _page(request, "tags", self._storage.tags(name), {"name": name})

    # Manifests

    def _manifest(self, request: Request, name: str, reference: str) -> Response:
        if not is_tag(reference) and not is_digest(reference):
            raise RegistryError("TAG_INVALID", "invalid tag or digest", {"reference": reference})
        if request.method in ("GET", "HEAD"):
            return self._get_manifest(request, name, reference)
        if request.method == "PUT":
            return self._put_manifest(request, name, reference)
        _only(request, "DELETE")
        gone = (
            self._storage.delete_manifest(name, reference)
            if is_digest(reference)
            else self._storage.delete_tag(name, reference)
        )
        if not gone:
            raise RegistryError("MANIFEST_UNKNOWN", "manifest unknown", {"reference": reference})
        return Response(status=HTTPStatus.ACCEPTED)

    def _get_manifest(self, request: Request, name: str, reference: str) -> Response:
        digest = reference if is_digest(reference) else self._storage.digest_of(name, reference)
        manifest = self._storage.manifest(name, digest) if digest else None
        if manifest is None:
            raise RegistryError("MANIFEST_UNKNOWN", "manifest unknown", {"reference": reference})
        response = Response(manifest.content, content_type=manifest.media_type)
        response.headers["Docker-Content-Digest"] = manifest.digest
        response.set_etag(manifest.digest)
        return response.make_conditional(request)

    def _put_manifest(self, request: Request, name: str, reference: str) -> Response:
        try:
            content = request.stream.read(MANIFEST_LIMIT_BYTES + 1)
        except ClientDisconnected as gone:
            raise ConnectionAbortedError("the manifest broke off") from gone
        if len(content) > MANIFEST_LIMIT_BYTES:
            raise RegistryError("MANIFEST_INVALID", f"manifest is larger than {MANIFEST_LIMIT_BYTES} bytes")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if is_digest(reference) and reference != digest:
            raise RegistryError("DIGEST_INVALID", "provided digest did not match uploaded content", digest)
        manifest = Manifest(digest, _media_type(request, content), content)
        self._storage.put_manifest(name, manifest, None if is_digest(reference) else reference)
        response = _created(f"/v2/{name}/manifests/{digest}", digest)
        subject = subject_of(manifest) if self._lists_referrers else None
        if subject is not None:
            response.headers["OCI-Subject"] = subject
        return response

    def _referrers(self, request: Request, name: str, digest: str) -> Response:
        if not self._lists_referrers:
            raise RegistryError("NOT_FOUND", f"no such address: {request.path}")
        _only(request, "GET")
        if not is_digest(digest):
            raise RegistryError("DIGEST_INVALID", "invalid digest", {"digest": digest})
        entries = [_attached(manifest) for manifest in self._storage.referrers(name, digest)]
        kind = request.args.get("artifactType")
        shown = [entry for entry in entries if kind in (None, entry["artifactType"])]
        response = _json({"schemaVersion": 2, "mediaType": MANIFEST_TYPES[3], "manifests": shown})
        response.content_type = MANIFEST_TYPES[3]
        if kind is not None:
            response.headers["OCI-Filters-Applied"] = "artifactType"
        return response

    # Blobs

    def _blob(self, request: Request, name: str, digest: str) -> Response:
        if not is_digest(digest):
            raise RegistryError("DIGEST_INVALID", "invalid digest", {"digest": digest})
        path = self._storage.blob(name, digest)
        if path is None:
            raise RegistryError("BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
        if request.method == "DELETE":
            self._storage.delete_blob(name, digest)
            return Response(status=HTTPStatus.ACCEPTED)
        _only(request, "GET", "HEAD")
        handle = path.open("rb")
        size = path.stat().st_size
        response = Response(
            wrap_file(request.environ, handle, CHUNK_BYTES),
            content_type="application/octet-stream",
            direct_passthrough=True,
        )
        response.call_on_close(handle.close)
        response.content_length = size
        response.headers["Docker-Content-Digest"] = digest
        response.set_etag(digest)
        # A client that lost its connection goes on where it was.
        return response.make_conditional(request, accept_ranges=True, complete_length=size)

    # Uploads

    def _begin(self, request: Request, name: str) -> Response:
        _only(request, "POST")
        mounted, source = request.args.get("mount"), request.args.get("from", "")
        can_mount = mounted and is_digest(mounted) and is_name(source)
        if can_mount and self._storage.mount(name, str(mounted), source):
            return _created(f"/v2/{name}/blobs/{mounted}", str(mounted))
        upload = self._storage.begin()
        digest = request.args.get("digest")
        if digest is None:
            return self._progress(name, upload, HTTPStatus.ACCEPTED)
        return self._end(request, name, upload, digest)

    def _upload(self, request: Request, name: str, upload: str) -> Response:
        if request.method == "GET":
            return self._progress(name, upload, HTTPStatus.NO_CONTENT)
        if request.method == "DELETE":
            self._storage.cancel(upload)
            return Response(status=HTTPStatus.NO_CONTENT)
        if request.method == "PATCH":
            self._receive(request, upload)
            return self._progress(name, upload, HTTPStatus.ACCEPTED)
        _only(request, "PUT")
        return self._end(request, name, upload, request.args.get("digest", ""))

    def _end(self, request: Request, name: str, upload: str, digest: str) -> Response:
        if not is_digest(digest):
            raise RegistryError("DIGEST_INVALID", "invalid digest", {"digest": digest})
        self._receive(request, upload)
        self._storage.finish(name, upload, digest)
        return _created(f"/v2/{name}/blobs/{digest}", digest)

    def _receive(self, request: Request, upload: str) -> None:
        announced = request.headers.get("Content-Range")
        if announced is not None:
            span = re.fullmatch(r"(?:bytes[ =])?(\d+)-(\d+)(?:/.*)?", announced)
            if span is None or int(span[1]) != self._storage.size(upload):
                raise RegistryError("RANGE_INVALID", "chunks must be uploaded in order, without gaps")
            if request.content_length not in (None, int(span[2]) - int(span[1]) + 1):
                raise RegistryError("SIZE_INVALID", "Content-Range and Content-Length differ")
        try:
            self._storage.append(upload, request.stream, request.content_length)
        except (ClientDisconnected, ConnectionError) as fault:
            raise RegistryError("BLOB_UPLOAD_INVALID", "the upload broke off") from fault

    def _progress(self, name: str, upload: str, status: HTTPStatus) -> Response:
        size = self._storage.size(upload)
        response = Response(status=status)
        response.headers["Location"] = f"/v2/{name}/blobs/uploads/{upload}"
        response.headers["Docker-Upload-UUID"] = upload
        response.headers["Range"] = f"0-{max(size - 1, 0)}"
        return response


_ROUTES: tuple[tuple[re.Pattern[str], Callable[..., Response]], ...] = (
    (re.compile(r"/v2/(?P<name>.+)/tags/list"), RegistryApp._tags),
    (re.compile(r"/v2/(?P<name>.+)/manifests/([^/]+)"), RegistryApp._manifest),
    (re.compile(r"/v2/(?P<name>.+)/blobs/uploads/?"), RegistryApp._begin),
    (re.compile(r"/v2/(?P<name>.+)/blobs/uploads/([0-9a-f]{32})"), RegistryApp._upload),
    (re.compile(r"/v2/(?P<name>.+)/blobs/([^/]+)"), RegistryApp._blob),
    (re.compile(r"/v2/(?P<name>.+)/referrers/([^/]+)"), RegistryApp._referrers),
)


class _Unauthorized(RegistryError):
    def __init__(self, challenge: str) -> None:
        super().__init__("UNAUTHORIZED", "authentication required")
        self.challenge = challenge


def _token(request: Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _only(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise RegistryError("UNSUPPORTED", f"{request.method} is not supported here")


def _media_type(request: Request, content: bytes) -> str:
    document = read_manifest(content)
    said = request.mimetype or document.get("mediaType")
    if said not in MANIFEST_TYPES or document.get("mediaType", said) != said:
        raise RegistryError("MANIFEST_INVALID", f"manifest invalid: media type {said}")
    return str(said)


def _attached(manifest: Manifest) -> dict[str, Any]:
    """A manifest as a list of referrers names it."""
    document = read_manifest(manifest.content)
    config = document.get("config") if isinstance(document.get("config"), dict) else {}
    entry = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.content),
        "artifactType": document.get("artifactType") or (config or {}).get("mediaType", ""),
    }
    annotations = document.get("annotations")
    return {**entry, "annotations": annotations} if isinstance(annotations, dict) else entry


def _page(request: Request, key: str, entries: Sequence[str], more: dict[str, Any]) -> Response:
    limit = request.args.get("n", str(PAGE_LIMIT))
    if not limit.isdecimal() or len(limit) > 9:
        raise RegistryError("PAGINATION_NUMBER_INVALID", "invalid number of results requested", {"n": limit})
    last = request.args.get("last", "")
    rest = [entry for entry in entries if entry > last]
    shown = rest[: min(int(limit), PAGE_LIMIT)]
    # Other registries answer null as well when the last tag is gone.
    response = _json({**more, key: shown if entries else None})
    if shown and len(rest) > len(shown):
        query = urlencode({"last": shown[-1], "n": len(shown)})
        response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response


def _created(location: str, digest: str) -> Response:
    response = Response(status=HTTPStatus.CREATED)
    response.headers["Location"] = location
    response.headers["Docker-Content-Digest"] = digest
    return response


def _json(value: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:

    return Response(json.dumps(value), status=status, content_type="application/json; charset=utf-8")
