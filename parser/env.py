"""Environment variables of an image: which names and values a repository may set."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_ENV_BYTES = 16 * 1024
"""Bytes of one variable's value; an image builder's longest line is 64 KiB."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_STEERING = re.compile(r"(?:PATH|HOME|LD_.*|PYTHON.*|BASH_ENV|ENV|IFS)\Z", re.IGNORECASE)


def env_form_fault(name: str, value: str) -> str | None:
    """Why a variable cannot be written into an image, in words that follow its name; None when it can."""
    if not _NAME.match(name):
        return "is not a name of letters, digits and underscores"
    if len(value.encode("utf-8", "surrogatepass")) > MAX_ENV_BYTES:
        return f"is longer than {MAX_ENV_BYTES // 1024} KiB"
    if any(char != "\t" and (ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0) for char in value):
        return "holds a line break or another control character"
    if any(0xD800 <= ord(char) < 0xE000 for char in value):
        return "holds half a character"
    return None


def env_faults(env: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with variables that a repository sets, by name; besides their form, none may steer its runtime."""
    faults = {}
    for name, value in env.items():
        fault = env_form_fault(name, value)
        if fault is None and _STEERING.match(name):
            fault = "decides which programs and libraries run, and is not for a module to set"
        if fault is not None:
            faults[name] = fault
    return faults
