"""Names that look like others: letters of another alphabet among Latin ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from parser.model import Parameter, Problem
from parser.problems import problem, shown

_TWINS = frozenset(
    chr(point)
    for point in (
        # Cyrillic
        *(0x430, 0x435, 0x43E, 0x440, 0x441, 0x443, 0x445, 0x455, 0x456, 0x458, 0x501, 0x4BB, 0x4CF),
        *(0x410, 0x412, 0x415, 0x41A, 0x41C, 0x41D, 0x41E, 0x420, 0x421, 0x422, 0x425, 0x405, 0x406, 0x408),
        # Greek
        *(0x3BF, 0x3BD, 0x391, 0x392, 0x395, 0x396, 0x397, 0x399, 0x39A, 0x39C, 0x39D, 0x39F, 0x3A1, 0x3A4),
        *(0x3A5, 0x3A7),
    )
)
"""Letters that are drawn like Latin ones."""


def confusable_names(parameters: Iterable[Parameter]) -> list[Problem]:
    """A problem for each parameter whose name mixes look-alike letters with Latin ones."""
    found = []
    for parameter in parameters:
        if parameter.name.isascii():
            continue
        odd = [char for char in parameter.name if _looks_latin(char)]
        if odd and any(char.isascii() and char.isalpha() for char in parameter.name):
            why = f"{odd[0]} is {unicodedata.name(odd[0], 'another letter')}"
            found.append(problem("name-confusable", parameter.place, name=shown(parameter.name), why=why))
    return found


def _looks_latin(char: str) -> bool:
    """Whether it is drawn like a letter, digit or dash of ASCII, or is one in another width or style."""
    return not char.isascii() and (char in _TWINS or unicodedata.normalize("NFKC", char).isascii())
