"""Lock files: every package that is installed, with its exact version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from parser.model import Requirement
from parser.requirements.listed import Listed, Text, made, read_toml, table, tables, texts, unreadable
from parser.requirements.public import PYPI
from parser.source import Source

MAX_CONDITIONS = 4
"""Different conditions under which one package is needed; with more it is taken as always needed."""

MAX_ALIKE = 20
"""Versions of one package in a lock file."""

MAX_INDEXES = 20
"""Indexes of one lock file."""

_INDEX = re.compile(r"https?://[!-~]+")


def read_uv_lock(source: Source, file: str) -> Listed:
    """What the project itself needs, by way of its packages. Raises Refused."""
    text = Text(source, file)
    packages = tables(read_toml(text).get("package"))
    by_name: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        alike = by_name.setdefault(str(package.get("name")), [])
        if len(alike) < MAX_ALIKE:
            alike.append(package)
    roots = [one for one in packages if table(one, "source").keys() & {"editable", "virtual"}]
    wanted = _reached(roots, by_name)
    items = [
        _locked(package, text, marker=_joined(wanted[id(package)]))
        for package in packages
        if id(package) in wanted and package not in roots
    ]
    command = "uv export --no-dev --no-emit-project -o requirements.txt"
    indexes = [table(one, "source").get("registry") for one in packages if id(one) in wanted]
    return Listed("uv", tuple(items), command, (), _indexes(indexes))


def read_poetry_lock(source: Source, file: str) -> Listed:
    """The packages of the main group. Raises Refused."""
    return _by_groups(source, file, "poetry", "poetry export -o requirements.txt", "main")


def read_pdm_lock(source: Source, file: str) -> Listed:
    """The packages of the default group. Raises Refused."""
    return _by_groups(source, file, "pdm", "pdm export --prod -o requirements.txt", "default")


def read_pylock(source: Source, file: str) -> Listed:
    """The packages of a pylock.toml. Raises Refused."""
    text = Text(source, file)
    packages = tables(read_toml(text).get("packages"))
    items = [
        _locked(one, text, marker=_text(one.get("marker")))
        for one in packages
        if not isinstance(one.get("directory"), dict)
    ]
    return Listed("pylock", tuple(items), None, ())


def read_pipfile_lock(source: Source, file: str) -> Listed:
    """The default packages of a Pipfile.lock. Raises Refused."""
    text = Text(source, file)
    try:
        content = json.loads(text.text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise unreadable(
            file, line, f"it is not JSON: {error}", "Let `pipenv lock` write it again."
        ) from None
    items = []
    for name, form in table(content, "default").items():
        if not isinstance(form, dict) or isinstance(form.get("path"), str):
            continue
        version = _text(form.get("version")) or ""
        url = _text(form.get("file"))
        if repository := _text(form.get("git")):
            url = f"git+{repository}@{_text(form.get('ref')) or 'HEAD'}"
        items.append(
            made(
                name,
                "" if url else version.removeprefix("*"),
                text.place(f'"{name}"'),
                extras=texts(form.get("extras")),
                marker=_text(form.get("markers")),
                url=url,
                hashes=texts(form.get("hashes")),
            )
        )
    indexes = [one.get("url") for one in tables(table(content, "_meta").get("sources"))]
    return Listed("pipenv", tuple(items), "pipenv requirements > requirements.txt", (), _indexes(indexes))


def _by_groups(source: Source, file: str, manager: str, command: str, group: str) -> Listed:
    text = Text(source, file)
    items = []
    indexes: list[Any] = []
    for package in tables(read_toml(text).get("package")):
        groups = texts(package.get("groups")) or [_text(package.get("category")) or group]
        if package.get("optional") is True or group not in groups:
            continue
        markers = package.get("markers", package.get("marker"))
        markers = markers.get(group) if isinstance(markers, dict) else markers
        items.append(_locked(package, text, marker=_text(markers)))
        if table(package, "source").get("type") == "legacy":
            indexes.append(table(package, "source").get("url"))
    return Listed(manager, tuple(items), command, (), _indexes(indexes))


def _locked(package: dict[str, Any], text: Text, marker: str | None) -> Requirement:
    name, version = str(package.get("name")), _text(package.get("version"))
    origin = table(package, "source")
    url = _text(table(package, "archive").get("url"))
    if repository := _text(table(package, "vcs").get("url")):
        url = f"git+{repository}@{table(package, 'vcs').get('commit-id')}"
    if repository := _text(origin.get("git")):
        address, _, revision = repository.partition("#")
        url = f"git+{address.partition('?')[0]}" + (f"@{revision}" if revision else "")
    elif origin.get("type") == "git":
        url = f"git+{origin.get('url')}@{origin.get('resolved_reference')}"
    elif origin.get("type") == "url" or "registry" not in origin:
        url = url or _text(origin.get("url"))
    place = text.place(f'name = "{name}"', name)
    exact = f"=={version}" if version and not url else ""
    return made(name, exact, place, marker=marker, url=url, hashes=_hashes(package))


def _indexes(urls: Iterable[Any]) -> tuple[str, ...]:
    """Options for indexes besides the usual one, each once, in the file's order."""
    named = (url for url in urls if isinstance(url, str) and _INDEX.fullmatch(url))
    others = (url for url in named if url.rstrip("/").lower() != PYPI)
    return tuple(dict.fromkeys(f"--extra-index-url {url}" for url in others))[:MAX_INDEXES]


def _hashes(package: dict[str, Any]) -> list[str]:
    """`sha256:…` of every file of a package, in the words of each tool's lock."""
    files = [one for key in ("files", "wheels") for one in tables(package.get(key))]
    files += [one for key in ("sdist", "archive") if (one := table(package, key))]
    found = [digest for one in files if (digest := _text(one.get("hash")))]
    found += [f"{kind}:{digest}" for one in files for kind, digest in table(one, "hashes").items()]
    return list(dict.fromkeys(found))


def _reached(
    roots: list[dict[str, Any]], by_name: dict[str, list[dict[str, Any]]]
) -> dict[int, frozenset[str]]:
    """Packages by identity → the conditions under which they are needed; none at all: always."""
    found: dict[int, frozenset[str]] = {id(root): frozenset() for root in roots}
    waiting = list(roots)
    while waiting:
        package = waiting.pop()
        above = found[id(package)]
        for wish in tables(package.get("dependencies")):
            condition = _text(wish.get("marker"))
            conditions = frozenset([condition] if condition and not above else above)
            for needed in by_name.get(str(wish.get("name")), ()):
                if wish.get("version") not in (None, needed.get("version")):
                    continue
                known = found.get(id(needed))
                joined = (
                    conditions
                    if known is None
                    else known | conditions
                    if known and conditions
                    else frozenset()
                )
                joined = joined if len(joined) <= MAX_CONDITIONS else frozenset()
                if joined != known:
                    found[id(needed)] = joined
                    waiting.append(needed)
    return found


def _joined(conditions: frozenset[str]) -> str | None:
    if len(conditions) < 2:
        return next(iter(conditions), None)
    return " or ".join(f"({condition})" for condition in sorted(conditions))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
