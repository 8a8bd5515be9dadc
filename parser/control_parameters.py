"""What mlopen's `get_params` gives → parameters, just as the command in the image makes its options of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parser.argparse_reader.read import to_value
from parser.interpreter.operations import len_of
from parser.interpreter.values import SPOILT, Unknown, known, why_unknown
from parser.model import Parameter, Place, Problem, Value
from parser.problems import be, problem, shown

TAKEN = frozenset({"input-path", "output-path", "model", "help", "command"})
"""Names that the commands themselves need; a parameter of such a name gets `param-` in front."""

MAX_DECLARED = 200
"""Parameters of one command."""

MAX_CHOICES = 1_000
"""Values that one parameter may be chosen from."""

_TYPES = {
    "string": "str",
    "integer": "int",
    "float": "float",
    "choice": "str",
    "file": "str",
    "upload": "str",
}
_BOOL = frozenset({"bool", "boolean"})
_PATHS = frozenset({"file", "upload"})
_KNOWN = ", ".join((*_TYPES, "bool"))
_NUMBERS = {"int": int, "float": float}
_HELP = ("help", "help_text", "label")
_FORM = 'Write it as in `"alpha": ("float", {"default": 0.5})`.'


class _Refused(ValueError):
    """Why the command in the image could not make an option of it, and what to write."""

    def __init__(self, why: str, mend: str = _FORM) -> None:
        super().__init__(why)
        self.mend = mend


@dataclass(slots=True)
class Declared:
    """The parameters of one command, in the dictionary's order, and what is wrong with them."""

    parameters: list[Parameter] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def declared(value: Any, at: Place, places: Mapping[str, Place], command: str) -> Declared:
    """What `get_params` gave for a command, `train` or `run`, as the interpreter knows it.

    `at` is where the function is, `places` where names are written in it.
    """
    found = Declared()
    if known(value) and not value:
        return found
    if not isinstance(value, dict):
        if known(value):
            why, mend = f"for `{command}` it gives {shown(value)}, not a dictionary", _FORM
            found.problems.append(
                problem("control-parameter-refused", at, name="get_params", why=why, mend=mend)
            )
        else:
            found.problems.append(unknown_parameters(command, at, why_unknown(value)))
        return found
    flags: set[str] = set()
    for name, written in value.items():
        place = places.get(name, at) if isinstance(name, str) else at
        if name == SPOILT:
            found.problems.append(unknown_parameters(command, at, why_unknown(SPOILT)))
            continue
        try:
            if len(found.parameters) >= MAX_DECLARED:
                raise _Refused(f"it is one of more than {MAX_DECLARED}", "Declare fewer.")
            parameter, problems = _parameter(name, written, place, command)
            own = {flag_of(name), parameter.name if parameter else flag_of(name)}
            plain = {one.replace("_", "-") for one in own}
            if plain & flags:
                both = sorted(plain & flags)[0]
                raise _Refused(f"another parameter is --{both} as well", "Give them different names.")
            flags |= plain
        except _Refused as refused:
            words = {"name": shown(name), "why": str(refused), "mend": refused.mend}
            found.problems.append(problem("control-parameter-refused", place, None, **words))
            continue
        found.problems.extend(problems)
        if parameter is not None:
            found.parameters.append(parameter)
    return found


def unknown_parameters(command: str, at: Place, why: str) -> Problem:
    """Says that the parameters of a command are not, or not all, known."""
    return problem("control-parameters-unknown", at, None, command=command, why=why)


def flag_of(name: str) -> str:
    """The option for a name, without its dashes in front; empty where the name has no letter or digit."""
    flag = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")
    return f"param-{flag}" if flag.replace("_", "-") in TAKEN else flag


def _parameter(name: Any, written: Any, place: Place, command: str) -> tuple[Parameter | None, list[Problem]]:
    if not isinstance(name, str):
        raise _Refused("its name is no text")
    flag = flag_of(name)
    if not flag:
        raise _Refused(
            "its name has no letter and no digit", "Choose a name of letters, digits, `-` and `_`."
        )
    kind, options = _parts(written)
    if not known(kind) or isinstance(options, Unknown):
        if not known(kind):
            # whether it is a flag, and which one, is not known either
            return None, [_unknown(name, command, place, kind)]
        if kind in _BOOL:
            return None, [_unknown(name, command, place, options)]
    if kind not in _TYPES and kind not in _BOOL:
        raise _Refused(f"it is of the type {shown(kind)}", f"Types are {_KNOWN}.")
    made = _Option(name, flag, str(kind), options, place, command)
    return (made.flag_parameter() if kind in _BOOL else made.value_parameter()), made.problems


def _parts(written: Any) -> tuple[Any, Any]:
    """The type and the options of what stands behind a name."""
    if isinstance(written, str) or not (isinstance(written, list | tuple) or known(written)):
        return written, {}
    if not isinstance(written, list | tuple) or not 1 <= len(written) <= 2:
        raise _Refused("what it is given is no type, and no type with options")
    kind = written[0]
    options = written[1] if len(written) == 2 else {}
    if known(kind) and not isinstance(kind, str):
        raise _Refused("its type is no text")
    if isinstance(options, dict):
        return kind, options
    if known(options):
        raise _Refused("its options are no dictionary")
    return kind, Unknown(why_unknown(options))


def _unknown(name: str, command: str, place: Place, value: Any) -> Problem:
    """Says that not even the option of one parameter is known."""
    return unknown_parameters(command, place, f"for {shown(name)} {why_unknown(value)}")


def _partly(name: str, command: str, place: Place, fields: tuple[str, ...], value: Any) -> Problem:
    words = {"field": ", ".join(fields), "be": be(", ".join(fields)), "name": shown(name)}
    words |= {"source": f"get_params for {command}", "why": why_unknown(value)}
    return problem("value-not-static", place, None, **words)


class _Option:
    """One option that is made of a name, a type and options."""

    def __init__(self, name: str, flag: str, kind: str, options: Any, place: Place, command: str) -> None:
        self.name = name
        self.flag = flag
        self.kind = kind
        self.options = options
        self.place = place
        self.command = command
        self.problems: list[Problem] = []
        self.unknown: list[str] = []

    def value_parameter(self) -> Parameter:
        """One that takes a value."""
        type_ = _TYPES[self.kind]
        choices = self._choices() if self.kind == "choice" else None
        default, required = self._default(type_, choices)
        return self._made(
            self.flag,
            type=type_,
            default=default,
            required=required,
            choices=choices,
            nargs=None,
            action="store",
            metavar="FILE" if self.kind in _PATHS else None,
        )

    def flag_parameter(self) -> Parameter | None:
        """One that takes no value; None where it is not known which it is."""
        default = self._option("default", False)
        if not known(default):
            self.problems.append(_unknown(self.name, self.command, self.place, default))
            return None
        return self._made(
            f"no-{self.flag}" if default else self.flag,
            type="bool",
            default=bool(default),
            required=False,
            choices=None,
            nargs=0,
            action="store_false" if default else "store_true",
            const=not default,
        )

    def _made(self, flag: str, **values: Any) -> Parameter:
        words, printed = self._help()
        return Parameter(
            name=flag,
            flags=(f"--{flag}",),
            dest=flag.replace("-", "_"),
            help=words,
            printed_help=printed,
            place=self.place,
            unknown=tuple(dict.fromkeys(self.unknown)),
            **values,
        )

    def _option(self, key: str, default: Any) -> Any:
        """What an option is; Unknown where that is not known."""
        if isinstance(self.options, Unknown):
            return self.options
        if key in self.options:
            return self.options[key]
        return SPOILT if SPOILT in self.options else default

    def _note(self, fields: tuple[str, ...], value: Any) -> None:
        self.unknown.extend(fields)
        self.problems.append(_partly(self.name, self.command, self.place, fields, value))

    def _choices(self) -> tuple[Value, ...] | None:
        given = self._option("choices", ())
        if not known(given):
            self._note(("choices", "default"), given)
            return None
        if not isinstance(given, list | tuple | range) or not given:
            raise _Refused("it has no choices", 'Write them: `("choice", {"choices": ["fast", "exact"]})`.')
        if len_of(given) > MAX_CHOICES:
            raise _Refused(f"it has more than {MAX_CHOICES} choices", "Offer fewer, or a text.")
        # Django's form takes pairs of a value and what is shown for it
        values = [one[0] if isinstance(one, list | tuple) and one else one for one in given]
        return tuple(self._text(one) for one in values)

    def _default(self, type_: str, choices: tuple[Value, ...] | None) -> tuple[Value, bool | None]:
        """The default, and whether a value must be given."""
        default = self._option("default", None)
        if default is None:
            if choices:
                return choices[0], False
            if self.kind == "choice":
                return None, False
            blank = self._option("blank", True)
            if not known(blank):
                self._note(("default", "required"), blank)
                return None, None
            return ("" if self.kind == "string" and blank is not False else None), blank is False
        if not known(default):
            self._note(("default",), default)
            return None, False
        if self.kind == "choice":
            text = self._text(default)
            if choices is not None and text not in choices:
                raise _Refused(
                    f"its default {shown(text)} is none of its choices", "Name one of the choices."
                )
            return text, False
        return self._converted(default, type_), False

    def _text(self, value: Any) -> str:
        try:
            plain = to_value(str(value))
        except ValueError:  # Python writes no whole number of thousands of digits
            raise _Refused("it holds a number that is too large", "Write a smaller one.") from None
        if not isinstance(plain, str):
            raise _Refused("it holds text that cannot be encoded", "Write plain text.")
        return plain

    def _converted(self, default: Any, type_: str) -> Value:
        """The default as argparse gives it: a text is converted, anything else is left as it is."""
        if isinstance(default, str) and type_ in _NUMBERS:
            try:
                default = _NUMBERS[type_](default)
            except ValueError:
                raise _Refused(
                    f"its default {shown(default)} is no {self.kind}", "Correct the default."
                ) from None
        plain = to_value(default)
        if isinstance(plain, Unknown):
            self._note(("default",), plain)
            return None
        return plain

    def _help(self) -> tuple[str | None, str | None]:
        """The help as it is given to argparse, and as that prints it."""
        said = next(self._texts(), self.name if self.name != self.flag else None)
        return (None, None) if said is None else (said.replace("%", "%%"), said)

    def _texts(self) -> Iterator[str]:
        for key in _HELP:
            text = self._option(key, None)
            if isinstance(text, str) and text:
                yield text
