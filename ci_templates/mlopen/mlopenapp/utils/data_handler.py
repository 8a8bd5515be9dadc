"""A helper that control files import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def list_to_js_obj(lst: Iterable[Any]) -> list[dict[str, Any]]:
    """Each item as `{"name": item}`."""
    return [{"name": item} for item in lst]
