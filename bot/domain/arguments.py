"""One parameter of a module → how a single text is handed over to it, and what an input for it looks like.

What argparse accepts is what an input accepts. An input at its default hands nothing over, so a default that only the
running script knows still applies. Where the script's default cannot be written as a text that means the same, the
input's default is the empty text, and it says so.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.component_words import Noted, description
from bot.domain.inputs import DECIMAL, LINE, MAX_OPTIONS, WHOLE, Input, InputType, Plain, matches, plain_text
from parser.model import Parameter, Value

FLAGS = frozenset({"store_true", "store_false", "store_const", "append_const"})
ENDINGS = frozenset({"help", "version", "parsers"})
_LISTED = frozenset({"append", "extend"})
_KNOWN = frozenset({*FLAGS, *_LISTED, "store", "count", "BooleanOptionalAction"})
_COUNTS = (None, "?", "*", "+", "...")
"""What argparse's nargs can be besides a number; labels of images may say anything."""

_NUMBERS = {"int": int, "float": float}
_EXACT = 2**53
"""Whole numbers below it are the same as floats."""

OUTPUT = "output"
"""Where results go when nobody says otherwise."""

TRUTHS = ("", "true", "false")


class Way(StrEnum):
    """How the words of an argument are made of its input's text; the program in the job knows the same names."""

    VALUE = "value"
    TRUTH = "truth"
    FLAG = "flag"
    EITHER = "either"
    TIMES = "times"
    EACH = "each"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Handed:
    """How one input's text becomes words of the command line; `under`: the subcommand that it belongs to.

    `default`: the text that hands nothing over; `real`: whether handing it over would mean the same.
    `off`: of EITHER the flag for false, of TRUTH the word for it. `count`: argparse's nargs.
    """

    input: str
    way: Way
    type: InputType
    flag: str = ""
    off: str = ""
    count: str | int | None = None
    default: str | None = None
    real: bool = False
    always: bool = False
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A parameter that no input can stand for, and why."""

    name: str
    why: str


def express(
    parameter: Parameter, name: str, framework: str, is_output: bool, role: str = ""
) -> tuple[Input, Handed] | LeftOut:
    """The parameter's input of that name, and how it is handed over. `is_output`: it says where results go.

    `role`: the entry point that it belongs to, where the module has several; its `subcommand` begins with that.
    """
    why = _why_not(parameter)
    if why:
        return LeftOut(" ".join((*parameter.subcommand, parameter.name)), why)
    good = [one for one in parameter.flags if _is_good_flag(one)]
    flag = next((one for one in good if one.startswith("--")), (*good, "")[0])
    made = Input(name, "string", "", "", parameter=parameter)
    handed = Handed(name, Way.VALUE, "string", flag, count=parameter.nargs, under=parameter.subcommand)
    made, handed, noted = _form(made, handed, parameter, framework, is_output)
    noted = (*noted, *_notes(made, handed, parameter))
    text = None if made.default is None else plain_text(made.default)
    handed = replace(handed, type=made.type, default=text, always=made.always)
    return replace(made, description=description(parameter, flag, noted, role)), handed


_Form = tuple[Input, Handed, tuple[Noted, ...]]


def _form(made: Input, handed: Handed, parameter: Parameter, framework: str, is_output: bool) -> _Form:
    """Type, default and limits of the input, by what the action does with words."""
    action = parameter.action or "store"
    if action in FLAGS or (action not in _KNOWN and parameter.nargs == 0):
        return replace(made, type="boolean", default=False), replace(handed, way=Way.FLAG), ()
    if action == "count":
        return replace(made, type="number", default=0), replace(handed, way=Way.TIMES), ()
    if action == "BooleanOptionalAction":
        off = _off(parameter, handed.flag, framework)
        if off:
            return _either(made, replace(handed, way=Way.EITHER, off=off), parameter)
        return replace(made, type="boolean", default=False), replace(handed, way=Way.FLAG), (Noted.NO_OFF,)
    if action in _LISTED and handed.flag:
        return _listed(made, replace(handed, way=Way.EACH), parameter)
    if parameter.nargs not in (None, "?"):
        return _listed(made, replace(handed, way=Way.WORDS), parameter)
    if parameter.type == "bool":
        off = "False" if framework == "click" else ""
        return _either(made, replace(handed, way=Way.TRUTH, off=off), parameter)
    if is_output:
        return replace(made, default=OUTPUT, regex=LINE, always=True), handed, (Noted.OUTPUT,)
    return _single(made, handed, parameter)


def _why_not(parameter: Parameter) -> str:
    vague = sorted({"flags", "action", "nargs"} & set(parameter.unknown))
    if vague:
        return f"its {' and '.join(vague)} are known only at run time"
    if parameter.action in ENDINGS:
        return "with it the script only tells something and ends"
    if parameter.nargs == 0 and (not parameter.flags or parameter.action in _LISTED):
        return "it takes no words"
    counted = isinstance(parameter.nargs, int) and parameter.nargs >= 0
    if not counted and parameter.nargs not in _COUNTS:
        return "nobody knows how many words it takes"
    if parameter.flags and not any(_is_good_flag(flag) for flag in parameter.flags):
        return "its name cannot stand on a command line behind which a value follows"
    return ""


def _is_good_flag(flag: str) -> bool:
    return "=" not in flag and matches(LINE, flag)


def must_be_given(parameter: Parameter) -> bool:
    """Whether every use must give it; what only a subcommand or a condition asks for, not every one must."""
    # argparse calls a positional `*` without a default required, and takes no words for it all the same
    may_lack = not parameter.flags and parameter.nargs in ("?", "*", "...")
    required = parameter.required is True and not may_lack
    return required and parameter.condition is None and not parameter.subcommand


def _single(made: Input, handed: Handed, parameter: Parameter) -> _Form:
    """One value: a number where the type and the default allow it, else a text."""
    required, default, options = must_be_given(parameter), own_default(parameter), _options(parameter)
    handed = replace(handed, real=default is not None)
    if parameter.type in _NUMBERS and (required or isinstance(default, int | float)):
        number = None if required else default
        made = replace(made, type="number", default=number, options=_with(number, options))
        return made, handed, ()
    text = None if required else "" if default is None else plain_text(default)
    texts = _with(text, tuple(dict.fromkeys(plain_text(one) for one in options)))
    number_or_none = not required and parameter.type in _NUMBERS
    kind = (WHOLE if parameter.type == "int" else DECIMAL) if number_or_none else LINE
    return replace(made, default=text, options=texts, regex="" if texts else kind), handed, ()


def _with(default: Plain | None, options: tuple[Plain, ...]) -> tuple[Plain, ...]:
    """Options among which the default is, as GitLab wants it; none where they are too many."""
    if not options:
        return ()
    every = options if default is None or default in options else (default, *options)
    return every if len(every) <= MAX_OPTIONS else ()


def _options(parameter: Parameter) -> tuple[Plain, ...]:
    """All values there are, where the text of each is known and can stand on a line."""
    if parameter.choices is None or "choices" in parameter.unknown:
        return ()
    known = [one for one in parameter.choices if isinstance(one, str | int | float)]
    good = all(_gives(parameter.type, one) and matches(LINE, plain_text(one)) for one in known)
    return tuple(known) if good and len(known) == len(parameter.choices) <= MAX_OPTIONS else ()


def _gives(kind: str | None, value: Value) -> bool:
    """Whether argparse's type makes of the value's own text what is equal to it."""
    if kind == "float" and type(value) is int:
        return abs(value) < _EXACT
    if isinstance(value, float) and not math.isfinite(value):
        return False
    wanted = {"str": str, "int": int, "float": float}.get(kind or "")
    return wanted is not None and type(value) is wanted


def own_default(parameter: Parameter) -> Plain | None:
    """The script's default, where handing its text over gives the script the same; None where there is none such."""
    value = parameter.default
    if "default" in parameter.unknown or value is None or parameter.action not in (None, "store"):
        return None
    if isinstance(value, str):
        # argparse hands a default that is a text to the type, as if it had been given
        numeric = parameter.type in _NUMBERS
        return value if not numeric and matches(LINE, value) else None
    return value if isinstance(value, int | float) and _gives(parameter.type, value) else None


def _either(made: Input, handed: Handed, parameter: Parameter) -> _Form:
    value = parameter.default
    if must_be_given(parameter):
        return replace(made, type="boolean", default=None), handed, ()
    if handed.way is Way.TRUTH and isinstance(value, str) and handed.off == "":
        value = bool(value)  # as argparse does with it
    if isinstance(value, bool) and "default" not in parameter.unknown:
        return replace(made, type="boolean", default=value), replace(handed, real=True), ()
    return replace(made, options=TRUTHS), handed, ()


def _listed(made: Input, handed: Handed, parameter: Parameter) -> _Form:
    text = _joined(parameter)
    real = text is not None and matches(LINE, text)
    default = None if must_be_given(parameter) else text if real else ""
    return replace(made, default=default, regex=LINE), replace(handed, real=real), ()


def _joined(parameter: Parameter) -> str | None:
    """A default list as words; None where its words would not give the script the same list."""
    value = parameter.default
    if (
        not isinstance(value, tuple)
        or not value
        or parameter.action != "store"
        or "default" in parameter.unknown
    ):
        return None
    words = [
        plain_text(one) for one in value if isinstance(one, str | int | float) and _gives(parameter.type, one)
    ]
    return shlex.join(words) if len(words) == len(value) else None


def _off(parameter: Parameter, flag: str, framework: str) -> str:
    """The flag that means no: argparse and absl name it after the other one; click's pairs may have any names."""
    named = (f"--no-{flag.lstrip('-')}", f"--no{flag.lstrip('-')}")
    found = next((one for one in parameter.flags if one in named), "")
    return found or (parameter.flags[1] if framework == "click" and len(parameter.flags) == 2 else "")


def _notes(made: Input, handed: Handed, parameter: Parameter) -> tuple[Noted, ...]:
    found = []
    if handed.way in (Way.WORDS, Way.EACH):
        found.append(Noted.WORDS)
    if made.default == "" and not handed.real:
        found.append(Noted.EMPTY)
    if parameter.required and parameter.subcommand:
        found.append(Noted.NEEDED_THERE)
    if parameter.choices and not made.options:
        found.append(Noted.CHOICES)
    return tuple(found)
