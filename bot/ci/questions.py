"""Module → what its parser is asked in the image: every choice, the defaults, and a wrong value for each type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parser.model import Parameter, Value

MAX_CHOICES = 200
"""Choices of one parameter that are asked; of more, the first ones."""

NO_CHOICE = "no-such-choice"
NO_NUMBER = "1.5x"
"""Texts that no list of choices holds, and that are no number of any kind."""

_EXACT = 2**53
"""Whole numbers below it are the same as floats."""

_VALUE_ACTIONS = frozenset({"store", "append", "extend"})
_NUMBERS = frozenset({"int", "float", "complex"})


@dataclass(frozen=True, slots=True)
class Question:
    """Words for the parser, and how it must take them: `accepted` or `refused`.

    `prefix`: the subcommand; `key`: the flag or dest by which the parser that holds the parameter is found.
    """

    name: str
    prefix: tuple[str, ...]
    key: str
    words: tuple[str, ...]
    expected: str


def plan_questions(parameters: Sequence[Parameter]) -> tuple[Question, ...]:
    """All questions, in the parameters' order. Of a parameter that is not known well enough there are none."""
    return tuple(question for parameter in parameters for question in _about(parameter, parameters))


def _about(parameter: Parameter, all_of_them: Sequence[Parameter]) -> Iterator[Question]:
    count = count_of(parameter.nargs)
    vague = {"action", "nargs", "flags", "type", "choices"} & set(parameter.unknown)
    if parameter.condition or vague or parameter.action not in _VALUE_ACTIONS or count is None:
        return
    if _stands_behind_others(parameter, all_of_them):
        return
    key = flag_of(parameter) if parameter.flags else parameter.dest
    for value, expected in _values(parameter):
        words = _words(parameter, value, count)
        if words is not None:
            yield Question(parameter.name, parameter.subcommand, key, words, expected)


def _values(parameter: Parameter) -> Iterator[tuple[str, str]]:
    choices = parameter.choices
    if choices is None:
        if parameter.type in _NUMBERS:
            yield NO_NUMBER, "refused"
        if parameter.type in _NUMBERS | {"str"} and _is_asked_as_default(parameter.default, parameter.type):
            yield text_of(parameter.default), "accepted"
        return
    texts = [text_of(choice) for choice in choices if fits(choice, parameter.type)]
    if len(texts) != len(choices) or not texts:
        # a type of the script's own makes them of texts that are not known
        return
    for text in texts[:MAX_CHOICES]:
        yield text, "accepted"
    yield (_unlisted(choices) if parameter.type in _NUMBERS else NO_CHOICE), "refused"


def fits(choice: Value, kind: str | None) -> bool:
    """Whether the type makes of the choice's own text what is equal to the choice."""
    if kind == "float" and type(choice) is int:
        return abs(choice) < _EXACT
    wanted = {"str": str, "int": int, "float": float}.get(kind or "")
    return wanted is not None and type(choice) is wanted


def _unlisted(choices: Sequence[Value]) -> str:
    numbers = [choice for choice in choices if isinstance(choice, int | float)]
    return str(int(max(numbers)) + 1)


def _is_asked_as_default(default: Value, kind: str | None) -> bool:
    """A default that is no text is never converted, so it may be one that the type would refuse: 1e3 for an int."""
    if isinstance(default, bool) or not isinstance(default, str | int | float):
        return False
    return kind != "int" or not isinstance(default, float)


def _words(parameter: Parameter, value: str, count: int) -> tuple[str, ...] | None:
    if parameter.flags and parameter.nargs is None:
        # one word, so that a value may start with a dash; a short flag takes even an empty one only apart
        flag = flag_of(parameter)
        if flag.startswith("--"):
            return (f"{flag}={value}",)
        return (f"{flag}{value}",) if value and not value.startswith("=") else None
    if value.startswith("-"):
        # it would be taken for an option
        return None
    return (*((flag_of(parameter),) if parameter.flags else ()), *(value,) * count)


def flag_of(parameter: Parameter) -> str:
    """The option by which a parameter is given: the long one where there is one."""
    return next((flag for flag in parameter.flags if flag.startswith("--")), parameter.flags[0])


def text_of(value: Value) -> str:
    """A value as it stands on a command line."""
    return value if isinstance(value, str) else repr(value)


def count_of(nargs: str | int | None) -> int | None:
    """How many values to give; None where that is not to be said."""
    if isinstance(nargs, int):
        return nargs if 0 < nargs <= 100 else None
    return {None: 1, "?": 1, "*": 1, "+": 1}.get(nargs)


def stands_before(parameter: Parameter, subcommand: tuple[str, ...]) -> bool:
    """Whether a parameter belongs to a command above the subcommand, so that its words come first."""
    return (
        parameter.subcommand != subcommand and subcommand[: len(parameter.subcommand)] == parameter.subcommand
    )


def _stands_behind_others(parameter: Parameter, all_of_them: Sequence[Parameter]) -> bool:
    """Positionals are told apart by their order alone; options of a subcommand come behind those above it."""
    if any(not one.flags and stands_before(one, parameter.subcommand) for one in all_of_them):
        return True
    before = all_of_them[: all_of_them.index(parameter)]
    return not parameter.flags and any(
        not one.flags and one.subcommand == parameter.subcommand for one in before
    )
