"""`.mlreef.yaml`: the repository's own wishes. Few have one, so what reads it is loaded only then."""

from __future__ import annotations

from parser.model import Problem, Settings
from parser.source import Source

PATH = ".mlreef.yaml"


def read_settings(source: Source) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings and everything wrong with them; no file gives the defaults."""
    if PATH not in source.entries:
        return Settings(), ()
    from parser.settings_file import read_settings_file

    return read_settings_file(source)
