"""The resolver's packages → one wheel each: the best for the environment among those whose hash the author allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urldefrag, urlsplit, urlunsplit

from bot.layers.built import BuiltWheel
from bot.layers.wanted import Line, shown
from bot.layers.wheel_tags import Target
from parser.model import Place, Problem, Requirement, Requirements
from parser.problems import ascii_controls, problem

_SECRET_WORDS = (
    "token",
    "sig",
    "key",
    "password",
    "secret",
    "credential",
    "auth",
    "expires",
    "x-amz",
    "x-goog",
)
"""Beginnings or parts of names in an address' query that are somebody's rights, and end some day."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A wheel of an index; `size` in bytes, or None where the index does not say."""

    name: str
    version: str
    filename: str
    sha256: str
    url: str
    size: int | None


def choose_wheels(
    document: Mapping[str, Any],
    lines: Sequence[Line],
    requirements: Requirements,
    target: Target,
    built: Mapping[str, BuiltWheel],
) -> tuple[list[Choice], list[Problem]]:
    """One wheel for each package of a pylock.toml, and what is wrong with those for which there is none."""
    chosen: list[Choice] = []
    problems: list[Problem] = []
    allowed = _Allowed(lines, requirements)
    for package in document.get("packages", ()):
        found = list(_wheels(package, built))
        fitting = [one for one in found if target.fit(one.filename) is not None]
        name = str(package.get("name"))
        fitting.sort(key=lambda one: (target.fit(one.filename) or (0, 0), one.filename))
        told = allowed.fault(name, str(package.get("version")), fitting)
        if told is not None:
            problems.append(told)
            continue
        permitted = allowed.of(name)
        best = next((one for one in fitting if permitted is None or one.sha256 in permitted), None)
        if best is None:
            words = f"{name} {package.get('version')}"
            why = "the index gives no hash for its wheel"
            problems.append(problem("requirement-unresolved", allowed.place(name), wanted=words, why=why))
            continue
        chosen.append(best)
    return chosen, problems


class _Allowed:
    """The hashes that the repository's own files allow for each package."""

    def __init__(self, lines: Sequence[Line], requirements: Requirements) -> None:
        self._items: dict[str, Requirement] = {line.item.normalized or "": line.item for line in lines}
        self._file = requirements.file
        self._hashes: dict[str, set[str]] = {}
        limits = [one for one in requirements.constraints if one.hashes]
        for item in [*(line.item for line in lines), *limits]:
            if hashes := {*item.hashes, *_of_address(item.url)}:
                self._hashes.setdefault(item.normalized or "", set()).update(hashes)
        # pip wants hashes for all as soon as there is one; a lock file of another tool has them where it can.
        given = any(line.item.hashes for line in lines) or bool(limits)
        self._everywhere = given and requirements.manager == "pip"

    def of(self, name: str) -> set[str] | None:
        """Hex digests; None where everything is allowed."""
        found = self._hashes.get(name)
        if found is None:
            return None
        return {one.removeprefix("sha256:") for one in found if one.startswith("sha256:")}

    def place(self, name: str) -> Place:
        item = self._items.get(name)
        return item.place if item else Place(self._file)

    def fault(self, name: str, version: str, fitting: Sequence[Choice]) -> Problem | None:
        """What the hashes say against all wheels of a package."""
        permitted = self.of(name)
        if permitted is None:
            if not self._everywhere:
                return None
            why = f"leads to {name} {version}, for which these files have no hash"
            return problem("requirement-hash", self.place(name), why=why)
        if any(one.sha256 in permitted for one in fitting) or not fitting:
            return None
        item = self._items.get(name)
        wanted = shown(item) if item else name
        if not permitted:
            mend = "Give the wheel's sha256."
        else:
            mend = "Update the hashes (`pip-compile --generate-hashes` does), if you know why they changed."
        return problem(
            "requirement-hash-wrong",
            self.place(name),
            wanted=f"{wanted} with {_hash_words(len(self._hashes[name]))}",
            found=f"{ascii_controls(fitting[0].filename)[:120]} with sha256:{fitting[0].sha256}",
            mend=mend,
        )


def _hash_words(count: int) -> str:
    return "the hash that is noted" if count == 1 else f"one of the {count} hashes that are noted"


def _of_address(url: str | None) -> Iterable[str]:
    fragment = urldefrag(url or "").fragment
    return (
        f"{key}:{value.lower()}"
        for key, value in parse_qsl(fragment)
        if key in ("sha256", "sha384", "sha512")
    )


def _wheels(package: Mapping[str, Any], built: Mapping[str, BuiltWheel]) -> Iterable[Choice]:
    name, version = str(package.get("name")), str(package.get("version"))
    said = [*package.get("wheels", ()), *filter(None, [package.get("archive")])]
    own = built.get(name)
    for one in said:
        digest = one.get("hashes", {}).get("sha256")
        address = str(one.get("url") or one.get("path") or "")
        filename = str(one.get("name") or unquote(urlsplit(address).path.rpartition("/")[2]))
        if own is not None and filename == own.filename and not address.startswith("http"):
            yield Choice(name, own.version, own.filename, own.sha256, own.url, own.size)
        elif isinstance(digest, str) and address.startswith(("https://", "http://")):
            size = one.get("size")
            yield Choice(
                name, version, filename, digest, _clean(address), size if isinstance(size, int) else None
            )


def _clean(address: str) -> str:
    """The address in ASCII, without user, fragment and a query that gives rights."""
    parts = urlsplit(urldefrag(address).url)
    names = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    query = "" if any(word in name for name in names for word in _SECRET_WORDS) else parts.query
    clean = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))
    return quote(clean, safe="%/:=&?~+!$,;'()*[]@-._")
