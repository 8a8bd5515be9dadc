"""Which Python a repository asks for, in the files where tools keep that."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from parser.model import Place, PythonWish
from parser.script import Refused
from parser.source import Source

PIN_FILE = ".python-version"
PROJECT_FILE = "pyproject.toml"

MAX_WISH = 200
"""Characters of a wish; more is no list of versions."""

_PIN = re.compile(r"(?:python-?|cpython-)?(3\.\d{1,2})(?:\.\d+)?(?:[a-z]+\d*)?\Z", re.ASCII)


def read_python_wish(source: Source) -> PythonWish | None:
    """The versions of Python that fit; None when nothing is said, or nothing that can be understood."""
    return _pinned(source) or _required(source)


def _pinned(source: Source) -> PythonWish | None:
    if PIN_FILE not in source.contents:
        return None
    lines = source.contents[PIN_FILE].decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        word = line.strip()
        if word and not word.startswith("#"):
            found = _PIN.match(word)
            return PythonWish(f"=={found[1]}.*", Place(PIN_FILE, number)) if found else None
    return None


def _required(source: Source) -> PythonWish | None:
    if PROJECT_FILE not in source.contents:
        return None
    # slow to load, and few repositories have the file
    from parser.requirements.listed import Text, read_toml, table
    from parser.requirements.versions import poetry_specifier

    try:
        text = Text(source, PROJECT_FILE)
        content = read_toml(text)
    except Refused:
        # told by whoever needs the file
        return None
    wish = table(content, "project").get("requires-python")
    place = text.place("requires-python")
    if wish is None:
        poetry = table(content, "tool", "poetry", "dependencies").get("python")
        wish = poetry_specifier(poetry) if isinstance(poetry, str) else None
        place = text.place("\npython ", "\npython=", "python")
    if not isinstance(wish, str) or len(wish) > MAX_WISH:
        return None
    try:
        specifier = str(SpecifierSet(wish))
    except InvalidSpecifier:
        return None
    return PythonWish(specifier, place) if specifier else None
