"""Values as people type them, into a form or a file → values of a component's inputs, or why they are none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.component import component_inputs, needed_inputs, only_role, role_of
from bot.domain.inputs import DECIMAL, LINE, WHOLE, Input, Plain, matches, plain_text
from bot.domain.own_inputs import ENTRY
from bot.domain.text import shorten, visible
from ci_templates.component_arguments import NotHandedOver, split_words
from parser.model import Module

InputValue = Plain | list[str]
"""A value as it stands below `inputs:`."""

MAX_VALUE_CHARS = 10_000
"""Characters of one value."""

MAX_SHOWN_CHARS = 60
"""Characters of what was typed that a refusal repeats: enough to find it again, on one line."""

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that cannot be used: of which field (the name of an input), and why, in words."""

    field: str
    message: str


def component_values(
    module: Module, values: Mapping[str, str]
) -> tuple[dict[str, InputValue], tuple[Refusal, ...]]:
    """What stands below `inputs:`, and every value that cannot stand there.

    A text that comes to the default is left out. An empty text is the empty text where the input takes it, and no value
    otherwise. Lists are words, split as a shell does it.
    """
    inputs = {one.name: one for one in component_inputs(module)}
    found: dict[str, InputValue] = {}
    refused = [
        Refusal(name, f"The module has no input of this name. It has {', '.join(list(inputs)[:30])}.")
        for name in values
        if name not in inputs
    ]
    for name, one in inputs.items():
        if name not in values and not one.required:
            continue
        value = read_value(one, values.get(name, ""))
        if isinstance(value, Refusal):
            refused.append(value)
        elif value is not None and not _is_same(value, one.default):
            found[name] = value
    return found, (*refused, *_of_other_entry_points(module, inputs, found))


def _of_other_entry_points(
    module: Module, inputs: Mapping[str, Input], found: dict[str, InputValue]
) -> list[Refusal]:
    """What was given to another entry point than the one that is to run, taken out; and what that lacks."""
    role = str(found.get(ENTRY, only_role(module)))
    if not role:
        return []
    refused = []
    for name in list(found):
        other = role_of(module, inputs[name])
        if other not in ("", role):
            del found[name]
            refused.append(Refusal(name, f"It belongs to the entry point `{other}`, and `{role}` is to run."))
    lacking = [one.name for one in needed_inputs(module, role) if one.name not in found]
    return [*refused, *(Refusal(name, f"The entry point `{role}` needs it.") for name in lacking)]


def read_value(one: Input, text: str) -> InputValue | Refusal | None:
    """The value of an input; None for an empty text where that is no value but the lack of one."""
    if len(text) > MAX_VALUE_CHARS:
        return Refusal(one.name, f"It is longer than {MAX_VALUE_CHARS} characters.")
    if not text.strip() and not _is_text(one, text):
        return Refusal(one.name, "It must be given.") if one.required else None
    readers = {"boolean": _read_truth, "number": _read_number, "array": _read_words}
    value = readers[one.type](one, text) if one.type in readers else text
    if isinstance(value, Refusal):
        return value
    if one.options and value not in one.options:
        return Refusal(one.name, f"{_shown(text)} is none of {_listed(one)}.")
    if isinstance(value, str) and not matches(one.regex or LINE, value):
        return Refusal(one.name, _why_not(one, value))
    return value


def _is_text(one: Input, text: str) -> bool:
    """Whether nothing, or nothing but blanks, is a value of its own. Of what must be given, nothing is none."""
    if one.type != "string" or (one.required and not text):
        return False
    return text in one.options if one.options else matches(one.regex or LINE, text)


def _is_same(value: InputValue, default: Plain | tuple[str, ...] | None) -> bool:
    return default is not None and (tuple(value) if isinstance(value, list) else value) == default


def _read_truth(one: Input, text: str) -> InputValue | Refusal:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    return Refusal(one.name, f"{_shown(text)} is neither `true` nor `false`.")


def _read_number(one: Input, text: str) -> InputValue | Refusal:
    word = text.strip()
    whole = one.parameter is not None and one.parameter.type == "int"
    if matches(WHOLE, word) and len(word) < 1000:
        return int(word)
    if whole or not matches(DECIMAL, word):
        return Refusal(one.name, f"{_shown(text)} is no {'whole ' if whole else ''}number.")
    number = float(word)
    if not math.isfinite(number):
        return Refusal(
            one.name,
            f"{_shown(text)} is no number that GitLab can hold; job-arguments takes it as the script does.",
        )
    return number


def _read_words(one: Input, text: str) -> InputValue | Refusal:
    try:
        words = split_words(one.name, text)
    except NotHandedOver as refusal:
        return Refusal(one.name, str(refusal))
    wrong = next((word for word in words if not word or not matches(LINE, word)), None)
    return words if wrong is None else Refusal(one.name, f"{_shown(wrong)} cannot be one of them.")


def _why_not(one: Input, text: str) -> str:
    if not matches(LINE, text):
        return "It must be one line, without control characters."
    kinds = {WHOLE: "no whole number", DECIMAL: "no number"}
    return f"{_shown(text)} is {kinds.get(one.regex, 'none of the texts that are possible here')}."


def _listed(one: Input) -> str:
    return ", ".join(_shown(plain_text(option)) for option in one.options if option != "")


def _shown(text: str) -> str:
    return f"`{shorten(visible(text), MAX_SHOWN_CHARS)}`"
