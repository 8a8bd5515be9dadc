"""pyproject.toml and Pipfile: the packages that a project asks for, in the words of several tools."""

from __future__ import annotations

import posixpath
from typing import Any

from parser.model import Problem, Requirement
from parser.problems import problem
from parser.requirements.item import read_item
from parser.requirements.listed import Listed, Text, invalid, made, read_toml, table, texts
from parser.requirements.pip_file import MAX_LINES, has_credentials, read_pip_file
from parser.requirements.versions import poetry_specifier
from parser.source import Source


def read_pyproject(source: Source, file: str) -> Listed:
    """`[project] dependencies`, those of poetry, and files they are kept in. Raises Refused."""
    text = Text(source, file)
    content = read_toml(text)
    problems: list[Problem] = []
    items: list[Requirement] = []
    for wish in texts(table(content, "project").get("dependencies"))[:MAX_LINES]:
        line = text.line(wish)
        if has_credentials(wish):
            problems.append(problem("requirement-credentials", line.place))
        elif (item := read_item(wish, line, problems.append)) is not None:
            items.append(item)
    dynamic = table(content, "tool", "setuptools", "dynamic", "dependencies").get("file")
    for name in [dynamic] if isinstance(dynamic, str) else texts(dynamic):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
        if path in source.entries:
            found, more = read_pip_file(source, path)
            items.extend(found.items if found else ())
            problems.extend(more)
    poetry = table(content, "tool", "poetry", "dependencies")
    if poetry and not items:
        items = _poetry_items(poetry, text, problems)
        return Listed("poetry", tuple(items), "poetry export -o requirements.txt", tuple(problems))
    return Listed("pyproject", tuple(items), None, tuple(problems))


def read_pipfile(source: Source, file: str) -> Listed:
    """`[packages]` of a Pipfile. Raises Refused."""
    text = Text(source, file)
    problems: list[Problem] = []
    items = _poetry_items(table(read_toml(text), "packages"), text, problems)
    return Listed("pipenv", tuple(items), "pipenv requirements > requirements.txt", tuple(problems))


def _poetry_items(packages: dict[str, Any], text: Text, problems: list[Problem]) -> list[Requirement]:
    items = []
    for name, wish in packages.items():
        if name.lower() == "python":
            continue
        place = text.place(f"\n{name} ", f"\n{name}=", f'"{name}"', name)
        for form in wish if isinstance(wish, list) else [wish]:
            item = _poetry_item(name, form, text, place.line, problems)
            if item is not None:
                items.append(item)
    return items


def _poetry_item(name: str, wish: Any, text: Text, line: int, problems: list[Problem]) -> Requirement | None:
    place = text.place(name)
    form = wish if isinstance(wish, dict) else {"version": wish}
    if form.get("optional") is True:
        return None
    if isinstance(form.get("path"), str):
        invalid(
            problems.append,
            place,
            f"{name} is a folder of the repository",
            "Remove it; the sources are there.",
        )
        return None
    url = form.get("url")
    if isinstance(repository := form.get("git"), str):
        revision = next(
            (form[key] for key in ("rev", "ref", "tag", "branch") if isinstance(form.get(key), str)), None
        )
        url = f"git+{repository}" + (f"@{revision}" if revision else "")
    version = form.get("version", "*")
    specifier = poetry_specifier(version) if isinstance(version, str) and not url else ""
    if specifier is None:
        why = f"the versions {version!r} of {name} cannot be written for pip"
        invalid(problems.append, place, why, "Write bounds like `>=1.2,<2`.")
        return None
    marker = form.get("markers")
    return made(
        name,
        specifier,
        place,
        extras=texts(form.get("extras")),
        marker=marker if isinstance(marker, str) else None,
        url=url if isinstance(url, str) else None,
    )
