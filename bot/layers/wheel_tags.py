"""Which wheels an environment can run, the best first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_OLD_NAMES = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
"""What platforms were called before their names held glibc's version."""

_OLDEST_GLIBC = 5
"""glibc 2.5, of which the first wheels for Linux spoke; those of ARM begin with 2.17."""

_OLDEST_GLIBC_ARM = 17
_UV_GLIBC = (17, 28, *range(31, 41))
"""The versions of glibc, 2.x, that uv has a platform for."""


@dataclass(frozen=True)
class Target:
    """What wheels must fit: `python` as `3.12`, `platform` as `linux/amd64`, `wheels` as `manylinux_2_28`."""

    python: str
    platform: str
    wheels: str

    @property
    def machine(self) -> str:
        """The processor, as wheels and Python name it."""
        return _MACHINES[self.platform]

    @cached_property
    def rank(self) -> dict[Tag, int]:
        """Every tag that fits → how good it is; 0 is the best."""
        version = tuple(int(part) for part in self.python.split("."))
        platforms = list(self._platforms())
        interpreter = f"cp{self.python.replace('.', '')}"
        tags = [
            *cpython_tags(python_version=version, platforms=platforms),
            *compatible_tags(python_version=version, interpreter=interpreter, platforms=platforms),
        ]
        return {tag: at for at, tag in reversed(list(enumerate(tags)))}

    def fit(self, filename: str) -> tuple[int, int] | None:
        """How well a wheel fits: the smaller the better; None where it does not, or is no wheel's name."""
        try:
            _, _, build, tags = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            return None
        ranks = [self.rank[tag] for tag in tags if tag in self.rank]
        return (min(ranks), -(build[0] if build else 0)) if ranks else None

    @property
    def uv_platform(self) -> str:
        """The nearest platform that uv knows and that runs nothing which this one does not."""
        kind, _, minor = self.wheels.split("_")
        if kind == "musllinux":
            return f"{self.machine}-unknown-linux-musl"
        known = max((one for one in _UV_GLIBC if one <= int(minor)), default=_UV_GLIBC[0])
        return f"{self.machine}-manylinux_2_{known}"

    def _platforms(self) -> Iterator[str]:
        kind, major, minor = self.wheels.split("_")
        machine = self.machine
        oldest = _OLDEST_GLIBC if machine == "x86_64" else _OLDEST_GLIBC_ARM
        for number in range(int(minor), (oldest if kind == "manylinux" else 0) - 1, -1):
            yield f"{kind}_{major}_{number}_{machine}"
            old = _OLD_NAMES.get((int(major), number)) if kind == "manylinux" else None
            if old and (machine == "x86_64" or number == _OLDEST_GLIBC_ARM):
                yield f"{old}_{machine}"
        yield f"linux_{machine}"
