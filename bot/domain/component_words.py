"""The words about an input of a component: what it is for, and what its type cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum

from bot.domain.text import shorten, visible
from parser.model import Parameter

MAX_DESCRIPTION_CHARS = 1024
"""The limit that GitLab's schema of CI files sets."""

MAX_HELP_CHARS = 500
"""Characters of the script's own help: half of it all, so that what the bot has to say stands there, too."""

MAX_VALUE_CHARS = 100
MAX_CHOICES_SHOWN = 20
"""Of a default or a choice, and of choices: a line of them, the rest is in the script's own help."""


class Noted(StrEnum):
    """What an input has to say besides the parameter's help."""

    EMPTY = "empty"
    WORDS = "words"
    OUTPUT = "output"
    NO_OFF = "no off"
    NEEDED_THERE = "needed there"
    CHOICES = "choices"


def description(parameter: Parameter, flag: str, noted: Iterable[Noted], role: str = "") -> str:
    """The description of the parameter's input, on one line. `role`: the entry point it belongs to, of several."""
    command = parameter.subcommand[1:] if role else parameter.subcommand
    help_ = visible(parameter.printed_help or parameter.help or "").strip()
    said = [shorten(help_, MAX_HELP_CHARS)] if help_ else []
    said += [
        sentence
        for one in noted
        for sentence in _sentences(one, parameter, flag, "command" if command else "entry point")
    ]
    if command:
        said.append(f"Belongs to the command `{visible(' '.join(command))}`.")
    if role:
        said.append(f"Belongs to the entry point `{role}`.")
    if parameter.condition is not None:
        said.append(f"The script has it only when {_shown(parameter.condition)}.")
    if parameter.nargs == "?" and parameter.flags and parameter.const is not None:
        said.append(
            f"Without a value (`{visible(flag)}` in job-arguments) it means {_shown(parameter.const)}."
        )
    if parameter.action in ("store_const", "append_const"):
        said.append(f"Stands for {_shown(parameter.const)}.")
    if parameter.excludes:
        said.append(f"Not together with {visible(', '.join(parameter.excludes))}.")
    if parameter.one_required:
        said.append("One of them must be given.")
    if parameter.deprecated:
        said.append("Deprecated.")
    return shorten(" ".join(_ended(sentence) for sentence in said), MAX_DESCRIPTION_CHARS)


def _sentences(noted: Noted, parameter: Parameter, flag: str, part: str) -> Iterable[str]:
    match noted:
        case Noted.EMPTY:
            free = parameter.type not in ("int", "float", "bool") and parameter.choices is None
            yield f"Left empty it is not given{', and an empty text cannot be given' if free else ''}"
            if "default" in parameter.unknown:
                yield "Its default is known only at run time"
            elif parameter.default is not None:
                yield f"The script's default: {_shown(parameter.default)}"
        case Noted.WORDS:
            count = f"{parameter.nargs} words" if isinstance(parameter.nargs, int) else "Words"
            each = f", {visible(flag)} before each" if parameter.action in ("append", "extend") else ""
            yield f"{count}, split as a shell does it{each}"
        case Noted.OUTPUT:
            yield "What lies there after the run is kept as artifacts"
            if parameter.default is not None:
                yield f"The script's own default: {_shown(parameter.default)}"
        case Noted.NO_OFF:
            yield "What switches it off goes into job-arguments"
        case Noted.NEEDED_THERE:
            yield f"That {part} needs it"
        case Noted.CHOICES:
            choices = parameter.choices or ()
            rest = len(choices) - MAX_CHOICES_SHOWN
            more = f" and {rest} more" if rest > 0 else ""
            yield f"One of {', '.join(_shown(one) for one in choices[:MAX_CHOICES_SHOWN])}{more}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return shorten(visible(text), MAX_VALUE_CHARS)
