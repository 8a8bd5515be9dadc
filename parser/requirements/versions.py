"""Versions as conda and poetry write them → as pip does."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

_PLAIN = re.compile(r"\d+(?:\.\d+)*")
_CONDA = re.compile(r"(?:[^:\s]+::)?([A-Za-z0-9_.-]+)\s*(?:\[([^]]*)\])?\s*(.*)\Z", re.DOTALL)
_CONDA_VERSION = re.compile(r"version\s*=\s*['\"]?([^'\"]+)")


def conda_parts(text: str) -> tuple[str, str] | None:
    """`channel::name version build` in any of its forms → the name and its versions, without the build."""
    found = _CONDA.match(text.strip())
    if found is None:
        return None
    name, inner, rest = found.group(1), found.group(2) or "", found.group(3).strip()
    if not rest and (version := _CONDA_VERSION.search(inner)):
        rest = version.group(1)
    if rest[:1] == "=" and rest[:2] != "==":
        exact, build, _ = rest[1:].strip().partition("=")
        # With a build behind it, or in an exported file, the version is exact.
        return name.lower(), f"=={exact}" if build else f"={exact}"
    words = rest.split()
    if len(words) > 1 and not words[0].endswith((",", "=", "<", ">", "|")) and words[1][:1] not in ",=<>|!~":
        rest = words[0]
    if rest.startswith("==") and "=" in rest[2:]:
        rest = rest[: rest.index("=", 2)]
    return name.lower(), rest.replace(" ", "")


def conda_specifier(versions: str) -> str | None:
    """conda's versions as pip writes them; None where pip has no words for it."""
    parts = []
    for part in versions.split(","):
        if part in ("", "*"):
            continue
        if part.startswith("=") and not part.startswith("=="):
            part = f"=={part[1:].removesuffix('.*').removesuffix('*')}.*"
        elif part[0].isdigit():
            part = f"=={part}" if not part.endswith("*") else f"=={part.rstrip('.*')}.*"
        elif part.startswith((">=", "<=", ">", "<")):
            part = part.removesuffix(".*")
        parts.append(part)
    return _checked(",".join(parts))


def poetry_specifier(versions: str) -> str | None:
    """poetry's versions, carets and tildes included, as pip writes them; None where pip has no words for it."""
    parts = []
    for part in re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])", versions.strip()):
        if part in ("", "*"):
            continue
        part = part.replace(" ", "")
        if part[0] == "^" or (part[0] == "~" and part[1:2] != "="):
            bounds = _bounds(part)
            if bounds is None:
                return None
            part = bounds
        elif part[0].isdigit():
            part = f"=={part}"
        elif part[0] == "=" and part[1:2] != "=":
            part = f"={part}"
        parts.append(part)
    return _checked(",".join(parts))


def _bounds(part: str) -> str | None:
    """`^1.2` and `~1.2` as a lowest version and the first that is too new."""
    version = part[1:]
    plain = _PLAIN.match(version)
    if plain is None:
        return None
    numbers = [int(number[:18]) for number in plain.group().split(".")]
    if part[0] == "^":
        at = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        at = min(1, len(numbers) - 1)
    upper = [*numbers[:at], numbers[at] + 1]
    return f">={version},<{'.'.join(map(str, upper))}"


def _checked(specifier: str) -> str | None:
    try:
        return str(SpecifierSet(specifier))
    except InvalidSpecifier:
        return None
