"""Waiting for what the bot does next, as somebody does who looks again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sandbox.demo.children import DemoError

LOOK_SECONDS = 0.2
"""Time between two looks at GitLab."""

STILL_SECONDS = 300.0
"""When what is waited for was not seen for this long, something hangs."""

_Seen = TypeVar("_Seen")


def wait_for(look: Callable[[], _Seen | None], what: str, still_alive: Callable[[], None]) -> _Seen:
    """What a look finds at last. `still_alive` may raise before each; DemoError when it does not come."""
    end = time.monotonic() + STILL_SECONDS
    while time.monotonic() < end:
        still_alive()
        found = look()
        if found is not None:
            return found
        time.sleep(LOOK_SECONDS)
    raise DemoError(f"{what} did not come within {STILL_SECONDS:.0f} seconds")
