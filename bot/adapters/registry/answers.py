"""Reading a registry's answers: never more than expected, never slower than bearable, sorted by who must act."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import urllib3

from bot.adapters.registry.address import shown
from bot.errors import OperatorError, Refused, TryAgain

MAX_JSON_BYTES = 8 * 1024 * 1024
"""Bytes of any answer that is read as JSON, such as an image's configuration."""

MAX_SAID_BYTES = 16 * 1024
"""Bytes that are read of an answer that says no."""

SHOWN_CHARACTERS = 300
"""So much of what a registry says is passed on."""

PIECE_BYTES = 256 * 1024

GRACE_SECONDS = 60
"""So long an answer may be slower than SLOWEST_BYTES_PER_SECOND."""

SLOWEST_BYTES_PER_SECOND = 1024

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

Answer = urllib3.BaseHTTPResponse


class Broken(TryAgain):
    """An answer that broke off, came too slowly or was too short."""


def pieces(answer: Answer) -> Iterator[bytes]:
    """The body as it comes. Raises Broken when it ends too early or hardly moves."""
    began, got = time.monotonic(), 0
    try:
        while piece := answer.read(PIECE_BYTES, decode_content=False):
            got += len(piece)
            yield piece
            if time.monotonic() - began > GRACE_SECONDS + got / SLOWEST_BYTES_PER_SECOND:
                raise Broken("The registry answers more slowly than anybody can wait.")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Broken(f"The registry broke off in the middle of an answer: {type(error).__name__}.") from error
    finally:
        # What was read to its end goes back to the pool; the rest of another would be taken for the next answer.
        answer.close()


def content(answer: Answer, limit: int) -> bytes:
    """The whole body. Raises OperatorError when it is longer than `limit` bytes."""
    found = bytearray()
    for piece in pieces(answer):
        found += piece
        if len(found) > limit:
            raise OperatorError(
                f"The registry's answer from {shown(answer.url or '')} is bigger than {limit} bytes.",
                "Check that this address is a container registry.",
            )
    return bytes(found)


def dismiss(answer: Answer) -> bytes:
    """The beginning of a body that says no; the connection is good for the next request if that was all."""
    found = bytearray()
    try:
        for piece in pieces(answer):
            found += piece
            if len(found) > MAX_SAID_BYTES:
                break
    except Broken:
        # What was to be said is in the status.
        return bytes(found)
    return bytes(found[:MAX_SAID_BYTES])


def document(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises OperatorError for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise OperatorError(
            "The registry answered something that is no JSON object.",
            "Check that its address is that of a container registry.",
        )
    return value


def faults(body: bytes) -> list[Mapping[str, Any]]:
    """The protocol's list of errors (code, message, detail); empty when the body is something else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    listed = value.get("errors") if isinstance(value, dict) else None
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def told(body: bytes) -> str:
    """What a registry says beside a bad status, for people: `: CODE message`, or nothing."""
    said = " ".join(
        f"{entry.get('code', '')} {entry.get('message', '')}".strip() for entry in faults(body)[:3]
    )
    said = said or body[:SHOWN_CHARACTERS].decode("utf-8", "replace")
    said = "".join(letter if letter.isprintable() else " " for letter in said).strip()
    return f": {said[:SHOWN_CHARACTERS]}" if said else ""


def sort(registry: str, who: str, answer: Answer, body: bytes, what: str) -> Exception:
    """The error that a status other than 2xx is."""
    status, why = answer.status, told(body)
    if status in {401, 403}:
        return Refused(f"The registry {registry} refuses {what} to {who} (HTTP {status}){why}")
    if status in TRANSIENT or status >= 500 or status == 404:
        return TryAgain(f"The registry {registry} answered HTTP {status} for {what}{why}", seconds(answer))
    hint = "Check that this address is a container registry and that it accepts this request."
    if status == 413:
        hint = "Raise the size of a request that the proxy before the registry takes (client_max_body_size)."
    return OperatorError(f"The registry {registry} answered HTTP {status} for {what}{why}", hint)


def seconds(answer: Answer) -> float | None:
    """After how many seconds the registry wants to be asked again, where it says so as a number."""
    after = answer.headers.get("Retry-After", "")
    return float(after) if after.isascii() and after.isdigit() and len(after) < 9 else None
