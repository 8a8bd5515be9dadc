"""The inputs of a module's component → the fields of a form, with what was typed into them and what was refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from markupsafe import Markup

from bot.domain.inputs import Input, Plain, plain_text
from bot.domain.interface_words import label
from bot.domain.own_inputs import ENTRY
from bot.domain.text import shorten_visible
from parser.model import Parameter

PREFIX = "p."
"""Begins the names of fields in an address: no input can be taken for one of the page's own words."""

MAX_VALUE_CHARS = 4000
MAX_HELP_CHARS = 600
MAX_WORDS_CHARS = 80
"""Characters of what was typed, of a help text, and of a default or an option, that are taken or shown.

What was typed stands in the page's address; a help text is a paragraph beside its field; the others have one line.
"""

TYPES: Mapping[str, str] = {"int": "whole number", "float": "number", "str": "text", "Path": "path"}
"""What `type=` usually says, as people say it; a function of the script's own keeps its name."""

_JOB = "Settings of the job"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `key` is its name in the address, `value` what was typed, `error` why that is refused."""

    id: str
    key: str
    label: str
    about: str
    help: str
    required: bool
    control: Literal["choice", "number", "text"]
    options: tuple[tuple[str, str], ...]
    placeholder: str
    value: str
    error: str

    @property
    def described(self) -> Markup:
        """The attributes that tell a screen reader of help and error; ids hold no foreign text."""
        ids = f"{self.id}-help {self.id}-error" if self.help else f"{self.id}-error"
        invalid = Markup(' aria-invalid="true"') if self.error else Markup()
        required = Markup(' aria-required="true"') if self.required else Markup()
        return Markup(' aria-describedby="{}"').format(ids) + invalid + required


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together; `folded` ones are seen on demand, and at once when one was touched."""

    title: str
    fields: tuple[Field, ...]
    folded: bool = False

    @property
    def touched(self) -> bool:
        """Whether something was typed into one of them."""
        return any(field.value or field.error for field in self.fields)


def read_values(given: Mapping[str, str]) -> dict[str, str]:
    """What was typed, by the names of inputs; an empty field is one that nobody touched."""
    return {
        key.removeprefix(PREFIX): value.replace("\r\n", "\n")[:MAX_VALUE_CHARS]
        for key, value in given.items()
        if key.startswith(PREFIX) and value
    }


def groups_of(
    inputs: Sequence[Input], values: Mapping[str, str], errors: Mapping[str, str]
) -> tuple[Group, ...]:
    """The form: the script's parameters as it groups them, then what the component itself can be told."""
    made = [(_title(one), _field(number, one, values, errors)) for number, one in enumerate(inputs)]
    others = _others(inputs, values)
    return tuple(
        Group(title, tuple(field for _, field in found), title == _JOB or title.partition(":")[0] in others)
        for title, found in groupby(made, key=lambda pair: pair[0])
    )


def _others(inputs: Sequence[Input], values: Mapping[str, str]) -> frozenset[str]:
    """The entry points that were not chosen, where somebody chose one of several."""
    roles = frozenset(str(role) for one in inputs if one.name == ENTRY for role in one.options)
    return roles - {values[ENTRY]} if values.get(ENTRY) in roles else frozenset()


def _title(one: Input) -> str:
    if one.name == ENTRY and one.parameter is None:
        return ""
    if one.parameter is None:
        return _JOB
    parts = (" ".join(one.parameter.subcommand), one.parameter.group or "")
    return shorten_visible(": ".join(part for part in parts if part), MAX_WORDS_CHARS)


def _field(number: int, one: Input, values: Mapping[str, str], errors: Mapping[str, str]) -> Field:
    parameter = one.parameter
    options = tuple(_options(one))
    return Field(
        id=f"field-{number}",
        key=PREFIX + one.name,
        label=label(parameter) if parameter else one.name,
        about=_about(one),
        help=shorten_visible(one.description, MAX_HELP_CHARS),
        required=one.required,
        control="choice" if options else "number" if one.type == "number" else "text",
        options=options,
        placeholder=_default(one),
        value=values.get(one.name, ""),
        error=errors.get(one.name, ""),
    )


def _options(one: Input) -> Iterator[tuple[str, str]]:
    values: tuple[Plain, ...] = ("true", "false") if one.type == "boolean" else one.options
    if not values:
        return
    default = _default(one)
    yield "", "choose one" if one.required else f"{default} (default)" if default else "default"
    words = {"true": "yes", "false": "no"} if one.type == "boolean" else {}
    for value in values:
        # an empty text is what a field says that nobody touched: it cannot be chosen besides
        if text := plain_text(value):
            yield text, words.get(text, shorten_visible(text, MAX_WORDS_CHARS))


def _default(one: Input) -> str:
    """What holds where nothing is typed, as far as it is known."""
    if one.required:
        return ""
    parameter = one.parameter
    if parameter is not None and "default" in parameter.unknown:
        return "the script decides"
    if isinstance(one.default, bool):
        return "yes" if one.default else "no"
    if isinstance(one.default, tuple):
        return shorten_visible(" ".join(one.default), MAX_WORDS_CHARS)
    if one.default in (None, ""):
        return _of_script(parameter)
    return shorten_visible(str(one.default), MAX_WORDS_CHARS)


def _of_script(parameter: Parameter | None) -> str:
    if parameter is None or parameter.default in (None, ""):
        return ""
    default = parameter.default
    words = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return shorten_visible(words, MAX_WORDS_CHARS)


def _about(one: Input) -> str:
    parameter = one.parameter
    if one.options:
        return f"one of {len(one.options)}"
    if one.type == "boolean":
        return "yes or no"
    if one.type == "array":
        return "list of words"
    if parameter is None:
        return "number" if one.type == "number" else "text"
    kind = parameter.type or "text"
    word = TYPES.get(kind, shorten_visible(kind, MAX_WORDS_CHARS))
    several = parameter.nargs not in (None, 0, "?") or parameter.action in ("append", "extend")
    return f"{word}, several: as in a shell" if several else word
