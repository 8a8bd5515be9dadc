"""Every kind of registry that the client must get on with: ours and Debian's; open, with passwords, with tokens."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.registry import RegistryServer
from sandbox.registry.auth import Scope, TokenAuthorizer, read_scopes
from tests.sandbox_registry.conftest import COMPARED, START_SECONDS, wait_for

USER, PASSWORD = "ada", "secret"
HTPASSWD = f"{USER}:$2b$04$CQ8t3qEP5zzPeedPX5ucEOzthYcnB3li3LEqWx8qoA6whgpOScxv6\n"
SERVICE, ISSUER = "container_registry", "gitlab-issuer"

RIGHTS = {"own": ("pull", "push"), "shared": ("pull",), "bases": ("pull",)}
"""What a job may do in the groups of repositories; nothing in all others. `lead` fills them by the back door."""

CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""

TOKEN = "auth: {{token: {{realm: {realm}, service: {service}, issuer: {issuer}, rootcertbundle: {bundle}}}}}"


@dataclass
class Door:
    """A token service with two accounts; remembers the scopes that it was asked for."""

    issue: Callable[[str, list[Scope]], str]
    asked: list[list[str]] = field(default_factory=list)
    given: int = 0

    def __call__(self, request: Request) -> Response:
        account = request.authorization
        user = account.username if account else None
        if account is not None and account.password != PASSWORD:
            return Response("{}", 401)
        scopes = request.args.getlist("scope")
        self.asked.append(scopes)
        given = []
        for scope in read_scopes(scopes):
            rights = ("pull", "push") if user == "lead" else RIGHTS.get(scope.repository.split("/")[0], ())
            allowed = tuple(action for action in scope.actions if user and action in rights)
            if allowed:
                given.append(Scope(scope.repository, allowed))
        if scopes and not given:
            return Response(json.dumps({"errors": [{"code": "DENIED", "message": "access forbidden"}]}), 403)
        self.given += 1
        return Response(json.dumps({"token": self.issue(user or "", given), "expires_in": 300}))


@dataclass
class Place:
    """A registry, who may enter, and what kind it is."""

    host: str
    account: tuple[str | None, str | None] = (None, None)
    lead: tuple[str | None, str | None] = (None, None)
    door: Door | None = None
    lists_referrers: bool = False
    server: RegistryServer | None = None


def our_registry(folder: Path, kind: str, stack: ExitStack) -> Place:
    server = stack.enter_context(RegistryServer(folder, referrers=kind != "old"))
    place = Place(server.address, lists_referrers=kind != "old", server=server)
    if kind == "tokens":
        secret = b"between both"
        place.door = Door(lambda user, given: auth.issue_token(user, given))
        auth = TokenAuthorizer(stack.enter_context(serve(place.door)), secret)
        server.guard(auth)
        place.account, place.lead = (USER, PASSWORD), ("lead", PASSWORD)
    return place


def debians_registry(folder: Path, kind: str, stack: ExitStack) -> Place:
    folder.mkdir(parents=True)
    place, auth = Place(f"127.0.0.1:{_free_port()}"), ""
    if kind == "passwords":
        (folder / "htpasswd").write_text(HTPASSWD)
        auth = f"auth: {{htpasswd: {{realm: local, path: {folder / 'htpasswd'}}}}}"
        place.account = place.lead = (USER, PASSWORD)
    if kind == "tokens":
        key, certificate = _certificate()
        (folder / "root.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        place.door = Door(lambda user, given: _jwt(key, certificate, user, given))
        realm = stack.enter_context(serve(place.door))
        auth = TOKEN.format(realm=realm, service=SERVICE, issuer=ISSUER, bundle=folder / "root.pem")
        place.account, place.lead = (USER, PASSWORD), ("lead", PASSWORD)
    port = place.host.rpartition(":")[2]
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port, auth=auth))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait, START_SECONDS)
    stack.callback(process.terminate)
    wait_for(f"http://{place.host}", good=(200, 401))
    return place


KINDS = ("ours open", "ours old", "ours tokens") + (
    ("debians open", "debians passwords", "debians tokens") if "docker-registry" in COMPARED else ()
)


@contextmanager
def registry_of(kind: str, folder: Path) -> Iterator[Place]:
    whose, _, how = kind.partition(" ")
    with ExitStack() as stack:
        make = our_registry if whose == "ours" else debians_registry
        yield make(folder / "registry", how, stack)


@contextmanager
def serve(door: Door) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, Request.application(door), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}/jwt/auth"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GitLab")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return key, built.sign(key, hashes.SHA256())


def write_certificate(certificate: Path, key: Path) -> None:
    """A certificate of 127.0.0.1 that vouches for itself, and its key, as PEM files."""
    private, signed = _certificate()
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _jwt(
    key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, user: str, given: list[Scope]
) -> str:
    """A token as Debian's registry wants it: signed, with the signer's certificate in its head."""
    chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": SERVICE,
        "sub": user,
        "iat": now,
        "nbf": now - 5,
        "exp": now + 300,
        "jti": secrets.token_hex(8),
        "access": [
            {"type": "repository", "name": scope.repository, "actions": list(scope.actions)}
            for scope in given
        ],
    }
    signed = f"{_encoded({'typ': 'JWT', 'alg': 'ES256', 'x5c': chain})}.{_encoded(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"{signed}.{signature.decode().rstrip('=')}"


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
