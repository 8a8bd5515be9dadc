"""What proves that a delivery is GitLab's, and what tells two deliveries apart: decided from headers and bytes.

Three proofs. A signature over the bytes (GitLab 19 and later): when one is there it must be good, whatever else the
request carries. A secret token that all hooks share. A token derived for one project: whoever reads it in that
project's settings can speak for no other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from werkzeug.datastructures import Headers

from bot.errors import SenderError

MAX_KEY_CHARACTERS = 200
"""A longer delivery id is kept as its hash."""

CONTENT_KEY_SECONDS = 600
"""Within this span equal content counts as one delivery where GitLab sends no id for it. Not for ever: a branch that
is put back and forth tells the same again, and means it."""

SIGNATURE = "webhook-signature"

_DERIVED = re.compile(r"([1-9][0-9]{0,18})\.[0-9a-f]{64}")
"""A project's token: its id, and an HMAC-SHA256 in hex digits."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What proves that a delivery is GitLab's. All texts; several of a kind allow changing them in turn.

    `masters` derive the tokens of single projects; `tolerance_seconds` is how far clocks may be apart.
    """

    secrets: tuple[str, ...] = ()
    signing_tokens: tuple[str, ...] = ()
    masters: tuple[str, ...] = ()
    tolerance_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Proven:
    """A sender who showed a good token; `project_id` is the one project he may speak for, None for any."""

    project_id: int | None = None


class Lock:
    """The keys, made ready. Raises ValueError for a signing token that is none."""

    def __init__(self, keys: Keys) -> None:
        self._secrets = tuple(secret.encode() for secret in keys.secrets)
        self._masters = keys.masters
        self._signing = tuple(_signing_key(token) for token in keys.signing_tokens)
        self._tolerance_seconds = keys.tolerance_seconds

    def check_head(self, headers: Headers, now: float) -> Proven:
        """All that can be checked before the body is read; `now` in seconds since 1970. Raises SenderError (401).

        A signed request is proven only by `check_signature`.
        """
        if SIGNATURE in headers:
            self._check_time(headers, now)
            return Proven()
        return self._check_token(headers.get("X-Gitlab-Token") or "")

    def check_signature(self, headers: Headers, body: bytes) -> None:
        """Refuse a signed request (SenderError 401) whose signature fits none of our signing tokens."""
        if SIGNATURE not in headers:
            return
        if not self._signing:
            raise SenderError(401, "the delivery is signed, and no signing token is configured to check that")
        # Header bytes arrive as latin-1.
        signed = (
            f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode("latin-1", "replace") + body
        )
        wanted = [b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256")) for key in self._signing]
        given = [part.encode("latin-1", "replace") for part in headers[SIGNATURE].split(" ")]
        matches = [hmac.compare_digest(one, other) for one in wanted for other in given]
        if not any(matches):
            raise SenderError(401, "the signature is not made with one of our signing tokens")

    def _check_time(self, headers: Headers, now: float) -> None:
        stamp = headers.get("webhook-timestamp", "")
        if not headers.get("webhook-id") or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 15:
            raise SenderError(401, "the signature lacks its id or time")
        if abs(now - int(stamp)) > self._tolerance_seconds:
            raise SenderError(401, "the signature is too old, or a clock is wrong")

    def _check_token(self, given: str) -> Proven:
        if not given:
            raise SenderError(401, "the delivery carries neither a signature nor a secret token")
        raw = given.encode("latin-1", "replace")
        # Every secret is compared, so time tells nothing.
        matches = [hmac.compare_digest(raw, secret) for secret in self._secrets]
        if any(matches):
            return Proven()
        if named := _DERIVED.fullmatch(given):
            project_id = int(named[1])
            wanted = [derive_token(master, project_id).encode() for master in self._masters]
            matches = [hmac.compare_digest(raw, one) for one in wanted]
            if any(matches):
                return Proven(project_id)
        raise SenderError(401, "the secret token is not one of ours")


def derive_token(master: str, project_id: int) -> str:
    """The secret token for the hooks of one project: `<project id>.<HMAC-SHA256(master, project id)>`."""
    digest = hmac.digest(master.encode(), str(project_id).encode(), "sha256")
    return f"{project_id}.{digest.hex()}"


def check_project(proven: Proven, project_id: int | None) -> None:
    """Refuse (SenderError 403) an event about a project that its token does not speak for."""
    if proven.project_id is not None and project_id is not None and project_id != proven.project_id:
        raise SenderError(403, "the token belongs to another project than the delivery tells of")


def delivery_key(headers: Headers, body: bytes, now: float) -> str:
    """What tells that two deliveries are one: GitLab's own id for it, else its content within a span of time.

    - `Idempotency-Key` (GitLab 17.4 and later) stays the same when a delivery is sent again. `webhook-id` is the
      same value by another name; of a signed delivery it is the one that the signature covers.
    - `X-Gitlab-Webhook-UUID` never stands alone: documentation says that it names the hook, code makes it anew for
      each request. Taken by itself in the first case every later delivery of a hook would be thrown away; beside
      the content it does no harm in either case.
    - `X-Gitlab-Event-UUID` is no part of it: deliveries of different hooks share it.
    """
    names = ("webhook-id", "Idempotency-Key") if SIGNATURE in headers else ("Idempotency-Key", "webhook-id")
    for name in names:
        if value := headers.get(name):
            return f"idempotency-key {_short(value)}"
    # the body names the project
    parts = (headers.get("X-Gitlab-Webhook-UUID", ""), headers.get("X-Gitlab-Event", ""))
    content = hashlib.sha256(b"".join(part.encode("utf-8", "replace") + b"\0" for part in parts))
    content.update(body)
    return f"content {int(now // CONTENT_KEY_SECONDS)} {content.hexdigest()}"


def _short(value: str) -> str:
    if len(value) <= MAX_KEY_CHARACTERS and value.isascii() and value.isprintable():
        return value
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def _signing_key(token: str) -> bytes:
    try:
        key = base64.b64decode(token.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("a signing token is `whsec_` followed by base64") from error
    return key
