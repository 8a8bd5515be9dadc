"""The sample of `.mlreef.yaml` against the module: its first word has to select one of several entry points."""

from __future__ import annotations

from dataclasses import replace

from parser.model import Edit, Module, Place, Problem, Settings
from parser.problems import problem, shown
from parser.source import Source

NEAR = 0.6
"""How alike a word has to be to the name of an entry point that it is taken for, from 0 to 1."""

MAX_COMPARED = 100
"""Characters of a word that is compared."""


def sample_problems(source: Source, settings: Settings, module: Module) -> list[Problem]:
    """What is wrong with the first word, where the module has several entry points."""
    words, place = settings.sample, settings.places.get("sample")
    roles = [point.role for point in module.entry_points]
    if words is None or place is None or not module.launched or (words and words[0] in roles):
        return []
    first = words[0] if words else ""
    why = f"begins with {shown(first)}" if words else "is empty"
    word_at = settings.places.get("sample.0")
    misspelt = _near(first, roles)
    meant = misspelt or _fitting(words, module)
    mend = f"Begin it with one of {', '.join(roles)}." + (f" Is {meant} meant?" if meant else "")
    edits: list[Edit] = []
    if meant is not None and word_at is not None:
        edits = [Edit(word_at, meant)] if misspelt else _put_before(source, place, word_at, meant)
    words_of = {"key": "sample", "why": f"{why}, and its first word selects an entry point", "mend": mend}
    return [problem("settings-value", word_at or place, None, edits=edits, **words_of)]


def _near(word: str, roles: list[str]) -> str | None:
    """The entry point that a word misses by a letter or two."""
    if word.startswith("-") or len(word) > MAX_COMPARED:
        return None
    import difflib  # slow to load, and a name is rarely wrong

    return next(iter(difflib.get_close_matches(word.lower(), roles, 1, NEAR)), None)


def _fitting(words: tuple[str, ...], module: Module) -> str | None:
    """The one entry point that takes all flags among the words."""
    flags = {word.partition("=")[0] for word in words if word.startswith("--")}
    fitting = [
        point.role
        for point in module.entry_points
        if flags <= {flag for one in module.parameters_of(point.role) for flag in one.flags}
    ]
    return fitting[0] if flags and len(fitting) == 1 else None


def _put_before(source: Source, place: Place, word_at: Place, role: str) -> list[Edit]:
    """The role as a further item of the list, as that is written."""
    lines = source.contents.get(place.file, b"").decode(errors="replace").splitlines()
    if not (place.line and word_at.line and place.line <= len(lines)):
        return []
    at = replace(word_at, end_line=word_at.line, end_column=word_at.column)
    if lines[place.line - 1][place.column : place.column + 1] == "[":
        return [Edit(at, f"{role}, ")]
    return [Edit(at, f"{role}\n{' ' * (place.column or 0)}- ")]
