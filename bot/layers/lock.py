"""The lock of an image: exactly which files its packages come from, as a pylock.toml (PEP 751) with one form only."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar
from urllib.parse import urlsplit

MAX_LOCK_BYTES = 4 * 1024 * 1024
"""Bytes of a lock that is read; two thousand wheels need a fifth of it."""

MAX_PACKAGES = 2_000
"""Wheels and conda packages of one lock."""

MAX_TEXT = 4_000
"""Characters of one address."""

BUILT_WHEELS = ".mlreef/wheels"
"""Folder of the checkout with the wheels that a job before built of sdists; their addresses begin with it."""

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CONDA_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9_.+!-]+")
_PYTHON = re.compile(r"3\.\d{1,2}")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9]+(?:/[a-z0-9]+)?")
_WHEEL = re.compile(r"([A-Za-z0-9_.]+)-([A-Za-z0-9_.+!]+)(?:-\d[A-Za-z0-9_.]*)?(?:-[A-Za-z0-9_.]+){3}\.whl")
_CONDA_FILE = re.compile(r"[A-Za-z0-9_.+!-]+\.(?:conda|tar\.bz2)")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """One wheel: `name` as indexes compare names, `sha256` in hex, `size` in bytes, `url` without credentials.

    The url of a wheel that was built for this repository is its path in the checkout, below BUILT_WHEELS.
    Raises ValueError when it is made of something that cannot be so.
    """

    name: str
    version: str
    filename: str
    sha256: str
    size: int
    url: str

    def __post_init__(self) -> None:
        named = _WHEEL.fullmatch(self.filename)
        _check(_NAME.fullmatch(self.name), "name", self.name)
        _check(_VERSION.fullmatch(self.version), "version", self.version)
        _check(named and re.sub(r"[-_.]+", "-", named[1]).lower() == self.name, "file name", self.filename)
        _check_file(self.sha256, self.size)
        if self.built:
            _check(self.url == f"{BUILT_WHEELS}/{self.filename}", "path", self.url)
        else:
            _check_url(self.url)

    @property
    def built(self) -> bool:
        """Whether it was built for this repository, and no index has it."""
        return self.url.startswith(f"{BUILT_WHEELS}/")


@dataclass(frozen=True, slots=True)
class LockedConda:
    """One package of conda: its build's name is `build`, its file lies in the channel's folder `subdir`.

    Raises ValueError when it is made of something that cannot be so.
    """

    name: str
    version: str
    build: str
    subdir: str
    filename: str
    sha256: str
    size: int
    url: str

    def __post_init__(self) -> None:
        _check(_CONDA_NAME.fullmatch(self.name), "name", self.name)
        for word in (self.version, self.build, self.subdir):
            _check(_VERSION.fullmatch(word), "version", word)
        _check(_CONDA_FILE.fullmatch(self.filename), "file name", self.filename)
        _check_file(self.sha256, self.size)
        _check_url(self.url)


@dataclass(frozen=True, slots=True)
class Lock:
    """All files of an image's packages, by name; each name once. Raises ValueError when it cannot be so.

    `python`: `3.12`. `platform`: `linux/amd64`.
    """

    python: str
    platform: str
    wheels: tuple[LockedWheel, ...]
    conda: tuple[LockedConda, ...] = ()

    def __post_init__(self) -> None:
        _check(_PYTHON.fullmatch(self.python), "Python", self.python)
        _check(_PLATFORM.fullmatch(self.platform), "platform", self.platform)
        _check(len(self.wheels) + len(self.conda) <= MAX_PACKAGES, "number of packages", "too many")
        object.__setattr__(self, "wheels", _by_name(self.wheels))
        object.__setattr__(self, "conda", _by_name(self.conda))


_Locked = TypeVar("_Locked", LockedWheel, LockedConda)


def _by_name(packages: Iterable[_Locked]) -> tuple[_Locked, ...]:
    ordered = tuple(sorted(packages, key=lambda one: one.name))
    for one, following in itertools.pairwise(ordered):
        _check(one.name != following.name, "list of packages", f"{one.name} twice")
    return ordered


def dump_lock(lock: Lock) -> bytes:
    """The lock as a pylock.toml: ASCII, the same bytes for the same value; no times, no paths, no credentials."""
    lines = [
        'lock-version = "1.0"',
        'created-by = "mlreef-bot"',
        f'requires-python = "=={lock.python}.*"',
        "packages = []" if not lock.wheels else "",
    ]
    lines = [line for line in lines if line]
    for wheel in lock.wheels:
        where = f"path = {_quoted(wheel.url)}" if wheel.built else f"url = {_quoted(wheel.url)}"
        lines += [
            "",
            "[[packages]]",
            f"name = {_quoted(wheel.name)}",
            f"version = {_quoted(wheel.version)}",
            f"wheels = [{{ name = {_quoted(wheel.filename)}, {where}, size = {wheel.size},"
            f" hashes = {{ sha256 = {_quoted(wheel.sha256)} }} }}]",
        ]
    lines += ["", "[tool.mlreef]", f"platform = {_quoted(lock.platform)}", f"python = {_quoted(lock.python)}"]
    for package in lock.conda:
        lines += ["", "[[tool.mlreef.conda]]"]
        for each in fields(LockedConda):
            value = getattr(package, each.name)
            lines.append(f"{each.name} = {value if isinstance(value, int) else _quoted(value)}")
    return "\n".join([*lines, ""]).encode("ascii")


def read_lock(content: bytes) -> Lock:
    """The lock of bytes that `dump_lock` wrote. ValueError says why they cannot be such."""
    if len(content) > MAX_LOCK_BYTES:
        raise ValueError(f"the lock has more than {MAX_LOCK_BYTES // 1024} KiB")
    try:
        root = tomllib.loads(content.decode("ascii"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"the lock is not TOML: {error}") from None
    if root.get("lock-version") != "1.0":
        raise ValueError(f"the lock's version is {root.get('lock-version')!r}, not '1.0'")
    own = _table(_table(root, "tool"), "mlreef")
    lock = Lock(
        _text(own, "python"),
        _text(own, "platform"),
        tuple(_read_wheel(one) for one in _tables(root, "packages")),
        tuple(_read_conda(one) for one in _tables(own, "conda")),
    )
    if dump_lock(lock) != content:
        raise ValueError("the lock is not in the form that mlreef-bot writes")
    return lock


def _read_wheel(package: Mapping[str, Any]) -> LockedWheel:
    wheels = _tables(package, "wheels")
    if len(wheels) != 1:
        raise ValueError(f"the lock has {len(wheels)} wheels of {package.get('name')!r}, not one")
    wheel = wheels[0]
    return LockedWheel(
        _text(package, "name"),
        _text(package, "version"),
        _text(wheel, "name"),
        _text(_table(wheel, "hashes"), "sha256"),
        _number(wheel, "size"),
        _text(wheel, "path" if "path" in wheel else "url"),
    )


def _read_conda(package: Mapping[str, Any]) -> LockedConda:
    texts = {each.name: _text(package, each.name) for each in fields(LockedConda) if each.name != "size"}
    return LockedConda(size=_number(package, "size"), **texts)


def _table(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    if not isinstance(found, dict):
        raise ValueError(f"the lock has no table {key!r}")
    return found


def _tables(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = value.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{key!r} in the lock is no list of tables")
    return found


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        raise ValueError(f"{key!r} in the lock is no text")
    return found


def _number(value: Mapping[str, Any], key: str) -> int:
    found = value.get(key)
    if not isinstance(found, int) or isinstance(found, bool):
        raise ValueError(f"{key!r} in the lock is no number")
    return found


def _check_file(sha256: str, size: int) -> None:
    _check(_SHA256.fullmatch(sha256), "sha256", sha256)
    _check(0 < size < 2**50, "size", str(size))


def _check_url(url: str) -> None:
    """A whole address, in ASCII, without user, password or fragment."""
    _check(len(url) <= MAX_TEXT and _ADDRESS.fullmatch(url), "address", url)
    parts = urlsplit(url)
    plain = parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc
    _check(plain and not parts.fragment, "address", url)


def _check(fine: object, what: str, value: str) -> None:
    if not fine:
        raise ValueError(f"{value[:200]!r} is no {what} in a lock")


def _quoted(text: str) -> str:
    # What a lock holds is printable ASCII, of which TOML escapes these two.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
