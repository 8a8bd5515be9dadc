"""What somebody is asked who types `mlreef-bot init` and no more; defaults are what the folder says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bot.domain.templates import (
    TEMPLATES,
    VISIBILITIES,
    TemplateWish,
    fault_of_path,
    faults_of,
    name_of_folder,
    path_of_name,
)
from bot.domain.text import printable
from bot.errors import OperatorError
from bot.local.making import ADDRESSES, ProjectWish, check_address, check_token, first_set
from parser.annotations import DATA_TYPES

EXISTING = "existing"
"""The answer of those who want what is there set up."""

MAX_LOOKED_AT = 2000
"""Files of the folder that are looked at for a default."""

GIT_SECONDS = 10
"""Time that git may take to say where the folder is pushed to."""

_SUFFIXES: Mapping[str, frozenset[str]] = {
    "TABULAR": frozenset({".csv", ".tsv", ".parquet", ".xlsx"}),
    "IMAGE": frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif"}),
    "AUDIO": frozenset({".wav", ".mp3", ".flac", ".ogg"}),
    "VIDEO": frozenset({".mp4", ".avi", ".mkv", ".mov"}),
    "TEXT": frozenset({".txt", ".json", ".jsonl", ".xml", ".html"}),
}
_YES, _NO = ("y", "yes"), ("n", "no")

WishOf = Callable[[str], TemplateWish]

Ask = Callable[[str], str]
"""Shows a question and gives the answer, without blanks around it."""


def ask_for_wishes(
    folder: Path, environ: Mapping[str, str], ask: Ask, say: Callable[[str], None]
) -> tuple[TemplateWish, ProjectWish | None] | None:
    """What is wanted; None for those who want what is there set up. Asks again for what cannot be."""
    names = _names(folder)
    code = any(name.endswith((".py", ".ipynb")) for name in names)
    say("What shall this folder hold?")
    say(f"  {EXISTING}: what is there already, set up to be published")
    for name, each in TEMPLATES.items():
        say(f"  {name}: {each.about}")
    choice = _choose("Which one", (EXISTING, *TEMPLATES), EXISTING if code else "blank", ask, say)
    if choice == EXISTING:
        return None
    usual, found = TEMPLATES[choice], _data_type(names)
    wish = TemplateWish(choice)

    def named(given: str) -> TemplateWish:
        return TemplateWish(choice, name=given)

    def described(given: str) -> TemplateWish:
        return TemplateWish(choice, description=given)

    name = _valid(
        "Its name",
        name_of_folder(Path(os.path.realpath(folder)).name) or usual.name,
        named,
        ask,
        say,
    )
    description = _valid(
        "What it does, in one sentence",
        usual.description,
        described,
        ask,
        say,
    )
    reads = _choose("Type of data that it reads", DATA_TYPES, found or usual.input_type, ask, say)
    writes = _choose("Type of data that it writes", DATA_TYPES, usual.output_type, ask, say)
    visibility, project = wish.visibility, None
    if _wants_project(environ, ask, say):
        address = first_set(ADDRESSES, environ) or _remote(folder)
        gitlab = _until("Where GitLab is", address, _fault_of_address, ask, say)
        path = _until(
            "Path of the project, with its group if it has one", path_of_name(name), _fault_of_path, ask, say
        )
        seen = _choose("Who may see it", VISIBILITIES, visibility, ask, say)
        visibility = next(one for one in VISIBILITIES if one == seen)
        project = ProjectWish(gitlab, path)
    return TemplateWish(choice, name, description, reads, writes, visibility), project


def _answer(question: str, usual: str, ask: Ask) -> str:
    return ask(f"{question}{f' [{printable(usual)}]' if usual else ''}: ") or usual


def _choose(question: str, choices: Collection[str], usual: str, ask: Ask, say: Callable[[str], None]) -> str:
    known = {one.lower(): one for one in choices}
    while True:
        given = known.get(_answer(question, usual, ask).lower())
        if given is not None:
            return given
        say(f"  It is one of {', '.join(choices)}.")


def _valid(
    question: str, usual: str, wish_of: Callable[[str], TemplateWish], ask: Ask, say: Callable[[str], None]
) -> str:
    def fault_of(given: str) -> str:
        return "\n  ".join(fault.partition(": ")[2] for fault in faults_of(wish_of(given)))

    return _until(question, usual, fault_of, ask, say)


def _until(
    question: str, usual: str, fault_of: Callable[[str], str], ask: Ask, say: Callable[[str], None]
) -> str:
    """The first answer without a fault."""
    while True:
        given = _answer(question, usual, ask)
        fault = fault_of(given)
        if not fault:
            return given
        say(f"  {fault}")


def _wants_project(environ: Mapping[str, str], ask: Ask, say: Callable[[str], None]) -> bool:
    """Whether a project is to be made; where it could not be, that is said before anything more is asked."""
    while _choose("Make a project in GitLab, too", (*_YES, *_NO), "no", ask, say) in _YES:
        fault = _told(lambda: check_token(environ))
        if not fault:
            return True
        say(f"  {fault}")
    return False


def _fault_of_address(given: str) -> str:
    return _told(lambda: check_address(given))


def _fault_of_path(given: str) -> str:
    return fault_of_path(given.strip("/").rpartition("/")[2])


def _told(check: Callable[[], object]) -> str:
    """What a check says against something; "" for nothing."""
    try:
        check()
    except OperatorError as error:
        return printable(f"{error}. {error.hint}")
    return ""


def _names(folder: Path) -> tuple[str, ...]:
    """Names of files in the folder and one level below, as far as they are looked at."""
    found: list[str] = []
    for pattern in ("*", "*/*"):
        for file in folder.glob(pattern):
            if len(found) >= MAX_LOOKED_AT:
                return tuple(found)
            if not any(part.startswith(".") for part in file.relative_to(folder).parts) and file.is_file():
                found.append(file.name.lower())
    return tuple(found)


def _data_type(names: Collection[str]) -> str:
    """The type that most files are of; "" where there are none of a known type."""
    counted = {
        kind: sum(Path(name).suffix in suffixes for name in names) for kind, suffixes in _SUFFIXES.items()
    }
    best = max(counted, key=lambda kind: counted[kind])
    return best if counted[best] else ""


def _remote(folder: Path) -> str:
    """The host that git pushes the folder to, as an address; "" where there is none by http."""
    command = ["git", "-C", str(folder), "remote", "get-url", "origin"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    try:
        parts = urlsplit(done.stdout.strip())
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{host}" if parts.scheme in ("http", "https") and host else ""
