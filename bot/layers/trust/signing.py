"""Signatures as cosign makes and checks them: ECDSA P-256 over its simple-signing payload, or over a DSSE envelope."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.errors import OperatorError
from bot.layers.image import canonical

PASSWORD_VARIABLE = "COSIGN_PASSWORD"  # noqa: S105 - the name of a variable
MAX_KEY_BYTES = 16 * 1024

SIMPLE_SIGNING_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
DSSE_TYPE = "application/vnd.dsse.envelope.v1+json"

_HINT = (
    "Store a P-256 key in PEM as a protected CI variable (of type file, or masked), for example one made by "
    "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`."
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, and what it signs. It is never shown, not even by repr()."""

    _key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return "Signer(…)"

    @property
    def public(self) -> str:
        """The public key in PEM, as `cosign verify --key` wants it."""
        return (
            self._key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode("ascii")
        )

    def sign(self, payload: bytes) -> str:
        """A signature in base64."""
        return base64.b64encode(self._key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode("ascii")

    def made(self, signature: str, payload: bytes) -> bool:
        """Whether this key made a signature."""
        try:
            raw = base64.b64decode(signature, validate=True)
            self._key.public_key().verify(raw, payload, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True

    def envelope(self, kind: str, statement: bytes) -> bytes:
        """A statement in a DSSE envelope that this key signed."""
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode("ascii"), len(statement), statement)
        return canonical(
            {
                "payloadType": kind,
                "payload": base64.b64encode(statement).decode("ascii"),
                "signatures": [{"sig": self.sign(signed)}],
            }
        )


def load_signer(variable: str, variables: Mapping[str, str]) -> Signer:
    """The key in a CI variable, as text or as the path of a file. Raises OperatorError, without any of its content."""
    value = variables.get(variable, "")
    if not value:
        raise OperatorError(
            f"The signing key's variable {variable} is not set in this job.",
            f"Set it for the group or project. A protected variable reaches protected branches only. {_HINT}",
        )
    password = variables.get(PASSWORD_VARIABLE)
    return read_signer(_content(variable, value), password.encode() if password else None, variable)


def read_signer(content: bytes, password: bytes | None = None, variable: str = "key") -> Signer:
    """A key from PEM. Raises OperatorError."""
    if b"SIGSTORE PRIVATE KEY" in content or b"COSIGN PRIVATE KEY" in content:
        raise OperatorError(
            f"{variable} holds a key in cosign's own encrypted form, which is not read here.", _HINT
        )
    try:
        key = serialization.load_pem_private_key(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause: that might tell something of the key.
        raise OperatorError(
            f"{variable} holds no key in PEM that can be read"
            f"{'' if password else f' without a password ({PASSWORD_VARIABLE})'}.",
            _HINT,
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise OperatorError(f"{variable} holds a key of another kind than ECDSA on P-256.", _HINT)
    return Signer(key)


def simple_signing(image: str, digest: str) -> bytes:
    """What is signed of an image: its name and digest, as cosign writes it."""
    return canonical(
        {
            "critical": {
                "identity": {"docker-reference": image},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
    )


def _content(variable: str, value: str) -> bytes:
    if "-----BEGIN" in value:
        return value.encode()
    try:
        with Path(value).open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except (OSError, ValueError):
        raise OperatorError(f"{variable} is neither a key in PEM nor the path of one.", _HINT) from None
