"""What the files of other tools than pip say: a list of requirements, and how to make a requirements.txt of it."""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from parser.model import Place, Problem, Requirement
from parser.problems import ascii_controls, problem
from parser.requirements.item import Tell
from parser.requirements.lines import Line
from parser.requirements.names import normalized
from parser.script import Refused, read_content
from parser.source import Source, Undecodable, read_text


@dataclass(frozen=True, slots=True)
class Listed:
    """A file's requirements; `manager` installs from it, and `command` makes a requirements.txt of it."""

    manager: str
    items: tuple[Requirement, ...]
    command: str | None
    problems: tuple[Problem, ...]
    options: tuple[str, ...] = ()
    """Indexes besides the usual one, as options of a requirements file."""


class Text:
    """A file's text that can tell where a word of it stands, for readers that do not."""

    def __init__(self, source: Source, file: str) -> None:
        """Raises Refused when the file cannot be read."""
        self.file = file
        try:
            self.text = read_text(read_content(source, file))
        except Undecodable as error:
            raise unreadable(file, 1, str(error), "Save the file as UTF-8 text.") from None
        self._at = 0
        self._starts = [0, *(found.end() for found in re.finditer("\r\n|\r|\n", self.text))]

    def place(self, *words: str) -> Place:
        """Where the first of these words stands, behind what was found before; the file when nowhere."""
        for word in words:
            at = self.text.find(word, self._at)
            at = self.text.find(word) if at < 0 else at
            if at >= 0:
                self._at = at
                line = bisect.bisect_right(self._starts, at)
                column = at - self._starts[line - 1]
                return Place(self.file, line, column, line, column + len(word))
        return Place(self.file)

    def line(self, word: str) -> Line:
        """The word as if it were a line of a requirements file, at its place."""
        return Line(word, self.place(word), straight=False)


def unreadable(file: str, line: int, why: str, mend: str) -> Refused:
    """The refusal of a file that does not hold what its name promises."""
    return Refused(
        problem("file-unreadable", Place(file, line), file=file, why=ascii_controls(why)[:200], mend=mend)
    )


def read_toml(text: Text) -> dict[str, Any]:
    """The tables of a TOML file. Raises Refused."""
    try:
        return tomllib.loads(text.text)
    except tomllib.TOMLDecodeError as error:
        raise unreadable(text.file, _line_of(error), f"it is not TOML: {error}", "Correct it.") from None
    except (ValueError, RecursionError) as error:
        raise unreadable(text.file, 1, f"it is not TOML: {error}", "Correct it.") from None


def _line_of(error: tomllib.TOMLDecodeError) -> int:
    found = str(error).rpartition("(at line ")[2].partition(",")[0]
    return int(found) if found.isascii() and found.isdigit() else 1


def table(value: Any, *path: str) -> dict[str, Any]:
    """The mapping at a path of keys; empty when there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    """The texts of a list; empty when it is none."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def tables(value: Any) -> list[dict[str, Any]]:
    """The mappings of a list; empty when it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def made(
    name: str,
    specifier: str,
    place: Place,
    *,
    extras: Iterable[str] = (),
    marker: str | None = None,
    url: str | None = None,
    hashes: Iterable[str] = (),
) -> Requirement:
    """A requirement of what a file says in its own words."""
    known = tuple(sorted(extras))
    return Requirement(name, specifier, known, marker, url, place, normalized(name), tuple(hashes))


def invalid(tell: Tell, place: Place, why: str, mend: str) -> None:
    """Tells what cannot be read."""
    tell(problem("requirement-invalid", place, why=ascii_controls(why)[:200], mend=mend))


def pip_line(item: Requirement) -> str:
    """The requirement as a line of a requirements file."""
    extras = f"[{','.join(item.extras)}]" if item.extras else ""
    address = f" @ {item.url}" if item.url else item.specifier
    return f"{item.name}{extras}{address}" + (f" ; {item.marker}" if item.marker else "")
