"""Operators, builtins and methods over known values; each bounded, so that no value can grow without limit."""

from __future__ import annotations

import ast
import json
import math
import operator
import posixpath
import re
import string
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from parser.interpreter import pythons
from parser.interpreter.values import MAX_ITEMS, MISSING, Jumbled, Unknown, known

MAX_TEXT = 100_000
"""Characters or bytes of a known text."""

MAX_LITERAL = 1_000
"""Characters of a text that `ast.literal_eval` is tried on."""

MAX_BITS = 8_192
"""Bits of a known integer."""

TOO_LARGE = Unknown("is too large to be worked out")
_FAILS = Unknown("cannot be worked out")
CERTAIN = frozenset(
    {
        *("KeyError", "IndexError", "ValueError", "TypeError", "AttributeError", "ZeroDivisionError"),
        *("JSONDecodeError", "SyntaxError"),
    }
)
"""Exceptions that follow from the values alone, not from what is allowed here."""

_PERCENT_WIDE = re.compile(r"%(?:\([^)]*\))?[-+ #0]*(?:\d*\.)?(?:\d{4,}|\*)")
_FORMAT_WIDE = re.compile(r"(?<!\{)\{(?!\{)[^{}]*(?:\{|\d{4,})")
_SPEC_WIDE = re.compile(r"\d{4,}")


def _bounded_add(left: Any, right: Any) -> Any:
    if isinstance(left, str | bytes | list | tuple) and len(left) + len(right) > _most(left):
        return TOO_LARGE
    return left + right


def _bounded_multiply(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, str | bytes | list | tuple):
        left, right = right, left
    if (
        isinstance(left, str | bytes | list | tuple)
        and isinstance(right, int)
        and len(left) * right > _most(left)
    ):
        return TOO_LARGE
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        return TOO_LARGE
    return left * right


def _bounded_power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > MAX_BITS:
        return TOO_LARGE
    return left**right


def _bounded_shift(left: Any, right: Any) -> Any:
    if not isinstance(left, int) or not isinstance(right, int) or left.bit_length() + right > MAX_BITS:
        return TOO_LARGE
    return left << right


def _bounded_modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str | bytes) and (_PERCENT_WIDE.search(str(left)) or _volume(right) > MAX_TEXT):
        return TOO_LARGE
    return left % right


def _most(value: Any) -> int:
    return MAX_TEXT if isinstance(value, str | bytes) else MAX_ITEMS


BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _bounded_add,
    ast.Sub: operator.sub,
    ast.Mult: _bounded_multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _bounded_modulo,
    ast.Pow: _bounded_power,
    ast.LShift: _bounded_shift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}
COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def _joined(*parts: Any) -> Any:
    return posixpath.join(*parts)


def _same_text(text: Any) -> Any:
    if not isinstance(text, str):
        raise TypeError
    return text


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "builtins.len": len,
    "builtins.int": int,
    "builtins.float": float,
    "builtins.complex": complex,
    "builtins.str": str,
    "builtins.bool": bool,
    "builtins.list": list,
    "builtins.tuple": tuple,
    "builtins.dict": dict,
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    "builtins.range": range,
    "builtins.sorted": sorted,
    "builtins.reversed": lambda items: list(reversed(items)),
    "builtins.enumerate": lambda *args, **kw: list(enumerate(*args, **kw)),
    "builtins.zip": lambda *args, strict=False: list(zip(*args, strict=strict)),
    "builtins.format": lambda value, spec="": formatted(value, spec),
    "builtins.min": min,
    "builtins.max": max,
    "builtins.sum": sum,
    "builtins.abs": abs,
    "builtins.round": round,
    "builtins.any": any,
    "builtins.all": all,
    "builtins.repr": repr,
    "builtins.chr": chr,
    "builtins.ord": ord,
    "builtins.divmod": divmod,
    "collections.OrderedDict": dict,
    "pathlib.Path": PurePosixPath,
    "pathlib.PurePath": PurePosixPath,
    "pathlib.PosixPath": PurePosixPath,
    "pathlib.PurePosixPath": PurePosixPath,
    "os.path.join": _joined,
    "os.path.basename": posixpath.basename,
    "os.path.dirname": posixpath.dirname,
    "os.path.splitext": posixpath.splitext,
    "os.path.normpath": posixpath.normpath,
    "math.sqrt": math.sqrt,
    "math.log": math.log,
    "math.log2": math.log2,
    "math.log10": math.log10,
    "math.exp": math.exp,
    "math.floor": math.floor,
    "math.ceil": math.ceil,
    "math.pow": math.pow,
    "math.sin": math.sin,
    "math.cos": math.cos,
    "textwrap.dedent": textwrap.dedent,
    "builtins.hex": hex,
    "builtins.oct": oct,
    "builtins.bin": bin,
    "builtins.pow": lambda *args: _bounded_power(*args) if len(args) == 2 else TOO_LARGE,
    "builtins.bytes": lambda *args: bytes(*args) if args and not isinstance(args[0], int) else b"",
    "builtins.hash": lambda value: TOO_LARGE,
    "builtins.slice": lambda *args: TOO_LARGE,
    "gettext.gettext": _same_text,
    "gettext.dgettext": lambda domain, text: _same_text(text),
    "gettext.ngettext": lambda one, many, count: _same_text(one if count == 1 else many),
    "platform.system": lambda: "Linux",
    "json.dumps": json.dumps,
    "json.loads": json.loads,
    "ast.literal_eval": lambda text: ast.literal_eval(text) if len(text) <= MAX_LITERAL else TOO_LARGE,
    "os.fspath": str,
    "os.path.isabs": posixpath.isabs,
    "os.path.split": posixpath.split,
    "os.path.normcase": posixpath.normcase,
    "posixpath.join": _joined,
}
TYPES: Mapping[str, type] = {
    f"builtins.{one.__name__}": one
    for one in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, range)
}
CONSTANTS: Mapping[str, Any] = {
    "sys.version_info": pythons.VERSION,
    "sys.platform": "linux",
    "os.name": "posix",
    "os.curdir": ".",
    "os.pardir": "..",
    "os.devnull": "/dev/null",
    "os.extsep": ".",
    "os.altsep": None,
    "sys.maxsize": sys.maxsize,
    "sys.float_info.epsilon": sys.float_info.epsilon,
    "sys.float_info.max": sys.float_info.max,
    "sys.float_info.min": sys.float_info.min,
    "logging.CRITICAL": 50,
    "logging.FATAL": 50,
    "logging.ERROR": 40,
    "logging.WARNING": 30,
    "logging.WARN": 30,
    "logging.INFO": 20,
    "logging.DEBUG": 10,
    "logging.NOTSET": 0,
    "string.punctuation": string.punctuation,
    "string.hexdigits": string.hexdigits,
    "string.whitespace": string.whitespace,
    "string.printable": string.printable,
    "math.pi": math.pi,
    "math.e": math.e,
    "math.inf": math.inf,
    "math.nan": math.nan,
    "math.tau": math.tau,
    "os.sep": "/",
    "os.path.sep": "/",
    "os.pathsep": ":",
    "os.linesep": "\n",
    "string.ascii_letters": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "string.ascii_lowercase": "abcdefghijklmnopqrstuvwxyz",
    "string.ascii_uppercase": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "string.digits": "0123456789",
    "typing.TYPE_CHECKING": False,
}
_TEXT_METHODS = frozenset(
    [
        "join",
        "format",
        "strip",
        "lstrip",
        "rstrip",
        "upper",
        "lower",
        "title",
        "capitalize",
        "casefold",
        "swapcase",
        "split",
        "rsplit",
        "splitlines",
        "startswith",
        "endswith",
        "replace",
        "removeprefix",
        "removesuffix",
        "find",
        "rfind",
        "index",
        "count",
        "partition",
        "rpartition",
        "isdigit",
        "isalpha",
        "isalnum",
        "isidentifier",
        "isspace",
        "isnumeric",
        "isdecimal",
        "zfill",
        "ljust",
        "rjust",
        "center",
        "expandtabs",
        "translate",
        "istitle",
        "isprintable",
        "isascii",
        "rindex",
        "isupper",
        "islower",
        "encode",
        "decode",
    ]
)
_PADDING = frozenset({"zfill", "ljust", "rjust", "center", "expandtabs"})
_METHODS: Mapping[type, frozenset[str]] = {
    str: _TEXT_METHODS,
    bytes: _TEXT_METHODS - {"format", "encode"},
    list: frozenset(
        ["append", "extend", "insert", "remove", "pop", "index", "count", "sort", "reverse", "copy", "clear"]
    ),
    tuple: frozenset({"index", "count"}),
    dict: frozenset(
        (
            *("keys", "values", "items", "get", "copy", "update", "pop", "setdefault", "clear", "popitem"),
            *("__getitem__", "__contains__", "__len__"),
        )
    ),
    set: frozenset(
        (
            *("add", "update", "union", "intersection", "difference", "symmetric_difference", "copy"),
            *("discard", "remove", "pop", "clear", "issubset", "issuperset", "isdisjoint"),
        )
    ),
    frozenset: frozenset(
        ["union", "intersection", "difference", "copy", "issubset", "issuperset", "isdisjoint"]
    ),
    range: frozenset({"index", "count"}),
    PurePosixPath: frozenset(["joinpath", "with_suffix", "with_name", "as_posix", "is_absolute"]),
    int: frozenset({"bit_length"}),
    float: frozenset({"is_integer", "as_integer_ratio"}),
}
PATH_ATTRIBUTES = frozenset({"parent", "name", "stem", "suffix", "parts", "suffixes", "anchor", "root"})
MUTATING = frozenset(
    [
        "append",
        "extend",
        "insert",
        "remove",
        "pop",
        "sort",
        "reverse",
        "clear",
        "update",
        "setdefault",
        "popitem",
        "add",
        "discard",
    ]
)


def formatted(value: Any, spec: str) -> Any:
    """`format(value, spec)`."""
    return TOO_LARGE if _SPEC_WIDE.search(spec) else apply(format, value, spec)


def has_method(value: Any, name: str) -> bool:
    """Whether `value.name(…)` is something that can be worked out here."""
    return name in _METHODS.get(dict if isinstance(value, dict) else type(value), ())


def has_method_of(kind: type, name: str) -> bool:
    """Whether `kind.name` is a method that can be worked out here."""
    return name in _METHODS.get(kind, ())


def apply(function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """The function's result on known values, or Unknown when it fails."""
    try:
        result = function(*args, **keywords)
    except Exception as error:  # noqa: BLE001  an expression of the author's can fail in every way
        kind = type(error).__name__
        return Unknown(_FAILS.why, kind if kind in CERTAIN else "")
    return bounded(result)


def bounded(result: Any) -> Any:
    """The result itself unless it is larger than anything worth knowing."""
    if isinstance(result, str | bytes) and len(result) > MAX_TEXT:
        return TOO_LARGE
    if isinstance(result, int) and result.bit_length() > MAX_BITS:
        return TOO_LARGE
    if isinstance(result, list | tuple | set | dict | frozenset | range) and len_of(result) > MAX_ITEMS:
        return result if isinstance(result, range) else TOO_LARGE
    return result


def len_of(value: Any) -> int:
    """The length; a range can be longer than len() can say."""
    try:
        return len(value)
    except OverflowError:
        return MAX_ITEMS + 1


NO_ORDER = Unknown("comes from a set, whose order differs from run to run")


_WRITE = frozenset({"builtins.str", "builtins.repr", "builtins.format"})


def jumbled(items: list[Any]) -> Any:
    """A list of items whose order is not known; the list itself where there is only one."""
    return Jumbled(NO_ORDER.why, kind="list", items=items) if len(items) > 1 else items


def is_unordered(value: Any) -> bool:
    """Whether it is a set of several items, or known and holds one: nobody knows how Python writes that."""
    return isinstance(value, set | frozenset | list | tuple | dict) and known(value) and _has_set(value)


def _has_set(value: Any) -> bool:
    if isinstance(value, set | frozenset) and len(value) > 1:
        return True
    items = value.values() if isinstance(value, dict) else value
    return isinstance(value, set | frozenset | list | tuple | dict) and any(map(_has_set, items))


def call_function(name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """A builtin or library function by its dotted name, on known arguments; MISSING when it is none we know."""
    function = FUNCTIONS.get(name)
    if function is None:
        return MISSING
    if name in _WRITE and any(map(is_unordered, args)):
        return NO_ORDER
    if name.endswith(
        (
            ".list",
            ".tuple",
            ".set",
            ".sorted",
            ".sum",
            ".enumerate",
            ".zip",
            ".reversed",
            ".dict",
            ".fromkeys",
        )
    ) and any(isinstance(arg, range) and len_of(arg) > MAX_ITEMS for arg in args):
        return TOO_LARGE
    if name in ("builtins.min", "builtins.max", "builtins.any", "builtins.all", "builtins.frozenset") and any(
        isinstance(arg, range) and len_of(arg) > MAX_ITEMS for arg in args
    ):
        return TOO_LARGE
    return apply(function, *args, **keywords)


def call_method(value: Any, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """A method of a plain value; arguments of containers' methods may be anything."""
    if isinstance(value, str | bytes):
        if not all(known(arg) for arg in (*args, *keywords.values())):
            return Unknown("is put together from values not known")
        if name in _PADDING and any(isinstance(arg, int) and arg > MAX_TEXT // 10 for arg in args):
            return TOO_LARGE
        volume = _volume(args) + _volume(list(keywords.values()))
        if name == "format" and (_FORMAT_WIDE.search(str(value)) or volume > MAX_TEXT):
            return TOO_LARGE
        if name == "join" and args and (_volume(args[0]) + len(value) * len_of_any(args[0])) > MAX_TEXT:
            return TOO_LARGE
        if (
            name == "replace"
            and len(args) > 1
            and (len(value) + 1) * max(1, len_of_any(args[1])) > MAX_TEXT * 10
        ):
            return TOO_LARGE
    if isinstance(value, list | dict | set) and name in MUTATING and len(value) >= MAX_ITEMS:
        return TOO_LARGE
    if name in ("extend", "update") and args and len_of_any(args[0]) > MAX_ITEMS:
        return TOO_LARGE
    method = getattr(value, name, None)
    if method is None:
        return Unknown(f"is no value that has {name}()")
    result = apply(method, *args, **keywords)
    if isinstance(value, dict) and name in ("keys", "values", "items") and not isinstance(result, Unknown):
        return list(result)
    return result


def len_of_any(value: Any) -> int:
    """The length of what has one, else 0."""
    return (
        len_of(value) if isinstance(value, str | bytes | list | tuple | set | dict | frozenset | range) else 0
    )


def _volume(value: Any) -> int:
    """About how many characters the value takes when written out."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_volume(key) + _volume(item) + 4 for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return sum(_volume(item) + 2 for item in value)
    return 30
