"""Fields of a parameter as they are worked out, each known or told not to be: shared by the readers of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parser.argparse_reader.read import MAX_FLAG, to_value
from parser.argparse_reader.words import enum_text, type_name
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import MISSING, Unknown, known, why_unknown
from parser.model import Parameter, Place, Problem, Value
from parser.problems import be, problem, shown

_CONVERTERS: Mapping[str, Any] = {"int": int, "float": float, "str": str, "complex": complex}


class Fields:
    """One declaration: its values by keyword, and which fields of the parameter are not known."""

    def __init__(self, machine: Machine, call: Call, name: str, values: dict[str, Any]) -> None:
        self.machine = machine
        self.call = call
        self.name = name
        self.values = values
        self.unknown: list[str] = []
        self.problems: list[Problem] = []

    def get(self, keyword: str, default: Any = None) -> Any:
        """What was given, or the default; Unknown when `**something` may have given it."""
        if keyword in self.values:
            return self.values[keyword]
        return Unknown(self.call.keywords_unknown) if self.call.keywords_unknown else default

    def note(self, field: str, why: str, keyword: str | None = None) -> None:
        """Says that a field is not known."""
        if field in self.unknown:
            return
        self.unknown.append(field)
        if self.call.keywords_unknown and why == self.call.keywords_unknown:
            return
        words = {
            "field": field,
            "be": be(field),
            "name": shown(self.name),
            "source": self.call.source(keyword or field),
            "why": why,
        }
        self.problems.append(problem("value-not-static", self.call.place, None, **words))

    def text(self, field: str, value: Any) -> str | None:
        """Text, or None when there is none or it is not known."""
        if value is None:
            return None
        if isinstance(value, str) and encodable(value):
            return value
        self.note(field, why_unknown(value) if not isinstance(value, str) else "cannot be encoded")
        return None

    def flag(self, field: str, value: Any) -> bool | None:
        """A truth value, or None when it is not known."""
        if known(value):
            return bool(value)
        self.note(field, why_unknown(value))
        return None

    def value(self, field: str, value: Any) -> Value:
        """A plain value, or None when it is not known."""
        if not known(enum_text(value)):
            value = [enum_text(one) for one in value] if isinstance(value, list | tuple) else value
        plain = to_value(enum_text(value))
        if isinstance(plain, Unknown):
            self.note(field, plain.why)
            return None
        return plain

    def type(self, value: Any) -> str | None:
        """The word for a type, as argparse's are told; None when it is not known."""
        name = type_name(value)
        if name is None:
            self.note("type", why_unknown(value))
        return name

    def converted(self, value: Value, type_: str | None, refused: str) -> Value:
        """A default as its type makes it; `refused` is the code of the problem when that fails."""
        if isinstance(value, tuple):
            return tuple(self.converted(one, type_, refused) for one in value)
        if value is None or type_ is None or type_ not in _CONVERTERS or isinstance(value, bool | Mapping):
            return value
        try:
            made: Value = _CONVERTERS[type_](value)
        except (ValueError, TypeError, OverflowError):
            words = {"name": shown(self.name), "value": shown(value), "type": type_}
            self.problems.append(problem(refused, self.call.place, None, **words))
            self.unknown.append("default")
            return None
        return made

    def finish(self, **values: Any) -> Parameter:
        """The parameter; fields that are not known are None in it."""
        if self.call.keywords_unknown and self.unknown:
            source, _, why = self.call.keywords_unknown.rpartition("` ")
            words = {"field": ", ".join(self.unknown), "name": shown(self.name), "why": why}
            words |= {"source": source.removeprefix("`"), "be": be(words["field"])}
            self.problems.append(problem("value-not-static", self.call.place, None, **words))
        condition = " and ".join(self.machine.conditions) or None
        if condition:
            words = {"name": shown(self.name), "condition": condition[:100]}
            self.problems.append(problem("argument-conditional", self.call.place, None, **words))
        place: Place = self.call.place
        return Parameter(
            name=self.name, place=place, unknown=tuple(self.unknown), condition=condition, **values
        )


def encodable(text: str) -> bool:
    """Whether the text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unusable(flags: tuple[str, ...], name: str) -> str | None:
    """Why nobody could ever give this on a command line."""
    for text in (name, *flags):
        if "\0" in text:
            return "it holds a NUL character"
        if not encodable(text):
            return "it holds half a surrogate pair"
        if len(text) > MAX_FLAG:
            return f"it has more than {MAX_FLAG} characters"
    return None


def given(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the values that are there."""
    return {name: values[name] for name in names if values.get(name, MISSING) is not MISSING}
