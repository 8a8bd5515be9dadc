"""A package index of a few hand-made wheels, served over HTTP as JSON or HTML, that can also misbehave."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def make_wheel(
    name: str, version: str, requires: Iterable[str] = (), extras: str = "", size: int = 0
) -> bytes:
    """A wheel's bytes; `size` bytes of padding, stored."""
    folder = name.replace("-", "_")
    info = f"{folder}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extras}"
    metadata += "".join(f"Requires-Dist: {one}\n" for one in requires)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{folder}/__init__.py", f"__version__ = {version!r}\n")
        if size:
            archive.writestr(f"{folder}/weights.bin", hashlib.shake_256(name.encode()).digest(size))
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()


@dataclass
class Shelf:
    """One file of the index."""

    content: bytes
    requires_python: str = ""
    yanked: bool | str = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class PackageIndex:
    """What is served, and how; `requests` are the lines and accounts of all that was asked for."""

    packages: dict[str, dict[str, Shelf]] = field(default_factory=dict)
    account: tuple[str, str] | None = None
    html: bool = False
    sizes: bool = True
    break_off: dict[str, int] = field(default_factory=dict)
    """File → after how many bytes its answer ends, once."""
    ranges: bool = True
    busy: int = 0
    """How many requests are answered with 503."""
    moved_to: str = ""
    """Another server, to which files are redirected."""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def simple(self) -> str:
        return f"{self.url}/simple"

    def add(
        self,
        name: str,
        version: str,
        tag: str = "py3-none-any",
        requires: Iterable[str] = (),
        *,
        extras: str = "",
        size: int = 0,
        requires_python: str = "",
        yanked: bool | str = False,
    ) -> Shelf:
        """Puts a wheel there."""
        shelf = Shelf(make_wheel(name, version, requires, extras, size), requires_python, yanked)
        filename = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        self.packages.setdefault(name, {})[filename] = shelf
        return shelf

    def add_sources(self, name: str, version: str) -> None:
        """Puts sources there that would do harm when anybody ran them."""
        self.packages.setdefault(name, {})[f"{name}-{version}.tar.gz"] = Shelf(b"no archive at all")

    def file_url(self, filename: str) -> str:
        return f"{self.url}/files/{filename}"

    def accounts_seen(self) -> set[str]:
        return {account for _, _, account in self.requests}


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of localhost that nobody vouches for, and a server's context with it."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(secret, SHA256())
    )
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    key.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


@contextmanager
def served(index: PackageIndex, context: ssl.SSLContext | None = None) -> Iterator[PackageIndex]:
    """Serves an index on a free port of this machine, encrypted where there is a context for it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, index)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.url = f"http://127.0.0.1:{server.server_port}"
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        index.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, index: PackageIndex) -> None:
    given = request.headers.get("Authorization", "")
    account = base64.b64decode(given.removeprefix("Basic ")).decode() if given else ""
    index.requests.append((request.command, request.path, account))
    path = request.path.partition("?")[0]
    if index.busy:
        index.busy -= 1
        _send(request, 503, b"busy", "text/plain")
    elif index.account is not None and account != ":".join(index.account):
        _send(request, 401, b"who are you?", "text/plain", {"WWW-Authenticate": 'Basic realm="index"'})
    elif path.startswith("/simple/") and (name := path.split("/")[2]) in index.packages:
        _send_page(request, index, name)
    elif path.startswith("/files/") and (shelf := _shelf(index, path.rpartition("/")[2])):
        if index.moved_to:
            _send(request, 302, b"", "text/plain", {"Location": index.moved_to + request.path})
        else:
            _send_file(request, index, path.rpartition("/")[2], shelf)
    else:
        _send(request, 404, b"nothing here", "text/plain")


def _shelf(index: PackageIndex, filename: str) -> Shelf | None:
    return next((files[filename] for files in index.packages.values() if filename in files), None)


def _send_page(request: BaseHTTPRequestHandler, index: PackageIndex, name: str) -> None:
    files = index.packages[name]
    if index.html:
        links = [
            f'<a href="../../files/{filename}#sha256={shelf.sha256}"'
            f' data-requires-python="{shelf.requires_python.replace("<", "&lt;").replace(">", "&gt;")}"'
            f"{_yanked(shelf)}>{filename}</a>"
            for filename, shelf in files.items()
        ]
        _send(
            request, 200, f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), "text/html"
        )
        return
    listed = [
        {
            "filename": filename,
            "url": f"../../files/{filename}",
            "hashes": {"sha256": shelf.sha256},
            "requires-python": shelf.requires_python or None,
            "yanked": shelf.yanked,
        }
        | ({"size": len(shelf.content)} if index.sizes else {})
        for filename, shelf in files.items()
    ]
    page = {"meta": {"api-version": "1.1"}, "name": name, "files": listed, "versions": []}
    _send(request, 200, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")


def _yanked(shelf: Shelf) -> str:
    why = shelf.yanked if isinstance(shelf.yanked, str) else ""
    return f' data-yanked="{why}"' if shelf.yanked else ""


def _send_file(request: BaseHTTPRequestHandler, index: PackageIndex, filename: str, shelf: Shelf) -> None:
    content, status, headers = shelf.content, 200, {"Accept-Ranges": "bytes"} if index.ranges else {}
    wanted = request.headers.get("Range", "")
    if index.ranges and wanted.startswith("bytes=") and not wanted.startswith("bytes=-"):
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), int(last or len(content) - 1)
        status, headers = 206, {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
        content = content[start : end + 1]
    _send(request, status, content, "application/octet-stream", headers, index.break_off.pop(filename, None))


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    content: bytes,
    kind: str,
    headers: dict[str, str] | None = None,
    break_off: int | None = None,
) -> None:
    request.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content[:break_off])
        if break_off is not None:
            request.close_connection = True
