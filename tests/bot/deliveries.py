"""GitLab's deliveries as the tests send them; the payloads in tests/webhooks are our own, made up."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "webhooks"
NAMES = tuple(sorted(file.stem for file in FOLDER.glob("*.json")))

SECRET = "a-secret-token-of-the-hook"
SIGNING_TOKEN = "whsec_" + base64.b64encode(b"k" * 32).decode()


def payload(name: str, **changes: Any) -> dict[str, Any]:
    """One sample payload, with some of its fields changed."""
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return {**data, **changes}


def headers(key: str | None = "delivery-1", **more: str) -> dict[str, str]:
    """The headers of a delivery with the secret token."""
    given = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET, "Content-Type": "application/json"}
    return {**given, **({"Idempotency-Key": key} if key else {}), **more}


def signed(body: bytes, at: float, token: str = SIGNING_TOKEN, key: str = "delivery-1") -> dict[str, str]:
    """The headers of a signed delivery."""
    stamp = str(int(at))
    message = f"{key}.{stamp}.".encode() + body
    digest = hmac.digest(base64.b64decode(token.removeprefix("whsec_")), message, "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
