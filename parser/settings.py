"""`.mlreef.yaml`: the repository's own wishes. Few have one, so what reads it is loaded only then."""

from __future__ import annotations

import re

from parser.model import Problem, Settings
from parser.source import Source

PATH = ".mlreef.yaml"

GENERATED = "mlreef.yml"
"""The file that the bot adds to a repository, and that no image holds."""

MAX_ROLES = 8
"""Entry points of one module."""

ROLE = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
"""The word that selects an entry point."""

# GitLab would expand `$` and `*` in the path of a file that is included.
_CI_FILE = re.compile(r"(?:(?!\.{1,2}/)[A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+\.ya?ml\Z")


def is_ci_file(path: str) -> bool:
    """Whether a path from the root may stand in a pipeline as a CI file of the repository."""
    return _CI_FILE.match(path) is not None


def read_settings(source: Source) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings and everything wrong with them; no file gives the defaults."""
    if PATH not in source.entries:
        return Settings(), ()
    from parser.settings_file import read_settings_file

    return read_settings_file(source)
