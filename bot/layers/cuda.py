"""What of a lock is there for graphics cards: which CUDA, and how much of the image it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.layers.lock import Lock, LockedWheel

_LOCAL = re.compile(r"\+cu(\d{2})(\d{1,2})\b")
_NUMBERED = re.compile(r"-cu(?:da)?(\d{2})x?(?:-|\Z)")
_NAMES = re.compile(
    r"nvidia-(?!ml-py\Z)|cuda-(?:bindings|pathfinder|toolkit|python)\Z|cupy|jax-cuda|triton\Z"
)
_NO_LIBRARIES = frozenset(("triton", "cuda-pathfinder"))
"""Packages that come along with CUDA's libraries, and prove nothing alone."""


@dataclass(frozen=True, slots=True)
class CudaSet:
    """Wheels that a machine without a graphics card has no use for; `size` in bytes, `version` as `12.4` or `12`."""

    version: str | None
    wheels: tuple[LockedWheel, ...]

    @property
    def size(self) -> int:
        """Bytes of the wheels together."""
        return sum(wheel.size for wheel in self.wheels)


def cuda_of(lock: Lock) -> CudaSet | None:
    """CUDA's part of a lock; None where it has none."""
    wheels = tuple(
        one
        for one in lock.wheels
        if _NAMES.match(one.name) or _NUMBERED.search(one.name) or _LOCAL.search(one.version)
    )
    if not {one.name for one in wheels} - _NO_LIBRARIES:
        return None
    return CudaSet(_version(wheels), wheels)


def _version(wheels: tuple[LockedWheel, ...]) -> str | None:
    exact = next((found for one in wheels if (found := _LOCAL.search(one.version))), None)
    if exact is not None:
        # cu118 is 11.8, cu1210 would be 12.10.
        return f"{exact[1]}.{exact[2]}"
    return next((found[1] for one in wheels if (found := _NUMBERED.search(one.name))), None)
