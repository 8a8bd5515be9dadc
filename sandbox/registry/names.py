"""The words of the OCI distribution protocol: names, tags, digests, and its errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

NAME_LIMIT = 255
"""Characters of a repository's whole name."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class RegistryError(Exception):
    """An answer in the protocol's own error form."""

    def __init__(self, code: str, message: str, detail: object = None) -> None:
        super().__init__(message)
        self.code, self.message, self.detail = code, message, detail

    @property
    def status(self) -> HTTPStatus:
        return _STATUS.get(self.code, HTTPStatus.BAD_REQUEST)

    def as_dict(self) -> dict[str, object]:
        return {"errors": [{"code": self.code, "message": self.message, "detail": self.detail}]}


_STATUS = {
    "BLOB_UNKNOWN": HTTPStatus.NOT_FOUND,
    "BLOB_UPLOAD_UNKNOWN": HTTPStatus.NOT_FOUND,
    "MANIFEST_UNKNOWN": HTTPStatus.NOT_FOUND,
    "NAME_UNKNOWN": HTTPStatus.NOT_FOUND,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "RANGE_INVALID": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "UNAUTHORIZED": HTTPStatus.UNAUTHORIZED,
    "UNSUPPORTED": HTTPStatus.METHOD_NOT_ALLOWED,
}


def is_name(text: str) -> bool:
    """Whether this is a legal repository name."""
    return len(text) <= NAME_LIMIT and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether this is a legal tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether this is a digest that the registry can check."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True)
class Manifest:
    """A stored manifest, byte for byte as it was pushed."""

    digest: str
    media_type: str
    content: bytes
