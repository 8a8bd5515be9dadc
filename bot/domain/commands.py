"""A comment's first line → the command that it is, or why it is none that can be done.

A command is `/mlreef NAME`, or the bot's own name in its place: `@mlreef-bot NAME`. Only the beginning of the first
line counts: what is indented, quoted or in a code block begins with something else. Talk to the bot that is no command
word for word is talk, and gets no answer.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.gitlab import DEVELOPER, EVERYBODY

PREFIX = "/mlreef"
"""What a command begins with, in any case of its letters; GitLab has no quick action of that name."""

MAX_ARGUMENT = 255
"""Longest argument (characters): a path, a name or a version."""

LIKENESS = 0.6
"""How like a command's name a word must be to be taken for a slip of the pen (0 to 1)."""


class Name(StrEnum):
    """Every command, in the order in which help lists them."""

    HELP = "help"
    STATUS = "status"
    EXPLAIN = "explain"
    CHECK = "check"
    PUBLISH = "publish"
    RETRY = "retry"
    CANCEL = "cancel"
    REPUBLISH = "republish"
    UNPUBLISH = "unpublish"
    ENTRYPOINT = "entrypoint"
    ENVIRONMENT = "environment"
    INIT = "init"


ARGUMENTS = {
    Name.EXPLAIN: "CODE",
    Name.REPUBLISH: "VERSION",
    Name.UNPUBLISH: "VERSION",
    Name.ENTRYPOINT: "FILE",
    Name.ENVIRONMENT: "NAME",
}
"""What is named behind a command; the others stand alone."""

OPTIONAL = {Name.INIT: ("argparse", "annotations")}
"""Words that may stand behind a command which else stands alone."""

SPACED = (Name.ENTRYPOINT, Name.ENVIRONMENT)
"""Commands whose argument may have blanks in it."""

LEVELS = {
    Name.HELP: EVERYBODY,
    Name.STATUS: EVERYBODY,
    Name.EXPLAIN: EVERYBODY,
}
"""Who may: all that is not named here is for Developers."""

OF_VERSIONS = (Name.UNPUBLISH, Name.REPUBLISH)
"""Commands for Maintainers, and for who pushed the version while they are a Developer (`bot.domain.withdrawal`)."""

OTHER_WORDS = {
    "build": Name.PUBLISH,
    "deploy": Name.PUBLISH,
    "release": Name.PUBLISH,
    "review": Name.CHECK,
    "recheck": Name.CHECK,
    "test": Name.CHECK,
    "rebuild": Name.RETRY,
    "rerun": Name.RETRY,
    "restart": Name.RETRY,
    "abort": Name.CANCEL,
    "stop": Name.CANCEL,
    "rollback": Name.REPUBLISH,
    "delete": Name.UNPUBLISH,
    "remove": Name.UNPUBLISH,
    "withdraw": Name.UNPUBLISH,
    "why": Name.EXPLAIN,
    "info": Name.STATUS,
    "where": Name.STATUS,
    "commands": Name.HELP,
    "setup": Name.INIT,
    "start": Name.INIT,
    "main": Name.ENTRYPOINT,
    "image": Name.ENVIRONMENT,
}
"""What people say who mean one of ours."""


@dataclass(frozen=True, slots=True)
class Command:
    """One of ours, with what is named behind it, or an empty argument."""

    name: Name
    argument: str = ""

    @property
    def level(self) -> int:
        """The access level that it takes."""
        return LEVELS.get(self.name, DEVELOPER)


@dataclass(frozen=True, slots=True)
class Misused:
    """One of ours with too little behind it (`given` is empty), or too much."""

    name: Name
    given: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No command of ours; `meant` is the one that it may have been."""

    word: str
    meant: Name | None


def read_command(line: str, bot_name: str) -> Command | Misused | Unknown | None:
    """The command that a comment's first line is; None for talk. An empty `bot_name` is nobody's."""
    first, _, rest = line.partition(" ")
    if first.lower() == PREFIX:
        return _read(rest)
    if not bot_name or first.rstrip(":,").lower() != f"@{bot_name.lower()}":
        return None
    again, _, after = rest.strip().partition(" ")
    if again.lower() == PREFIX:
        return _read(after)
    found = _read(rest)
    return found if isinstance(found, Command) and rest.strip() else None


def usage(name: Name) -> str:
    """How a command is written."""
    return f"{PREFIX} {name} {ARGUMENTS.get(name, '')}".rstrip()


def _read(rest: str) -> Command | Misused | Unknown:
    word, _, argument = rest.strip().partition(" ")
    if not word:
        return Command(Name.HELP)
    if word.lower() not in list(Name):
        return Unknown(word, _meant(word.lower()))
    name, argument = Name(word.lower()), _bare(argument)
    if argument and argument.lower() in OPTIONAL.get(name, ()):
        return Command(name, argument.lower())
    fits = bool(argument) and len(argument) <= MAX_ARGUMENT and (" " not in argument or name in SPACED)
    if fits if name in ARGUMENTS else not argument:
        return Command(name, argument)
    return Misused(name, argument)


def _bare(argument: str) -> str:
    """Without the marks of code or quotation that people put around a name."""
    argument = argument.strip()
    for mark in ("`", '"', "'"):
        if len(argument) > 2 and argument.startswith(mark) and argument.endswith(mark):
            return argument[1:-1].strip()
    return argument


def _meant(word: str) -> Name | None:
    if word in OTHER_WORDS:
        return OTHER_WORDS[word]
    near = difflib.get_close_matches(word, [*Name, *OTHER_WORDS], 1, LIKENESS)
    return (OTHER_WORDS.get(near[0]) or Name(near[0])) if near else None
