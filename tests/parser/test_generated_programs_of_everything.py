"""Programs of everything argparse has, put together at random: what is read is what argparse holds, in its order."""

import argparse
import contextlib
import io

from argparse_truth import walk
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import report

FIELDS = (
    *("name", "flags", "dest", "type", "default", "required", "choices", "nargs", "action", "help", "group"),
    *("subcommand", "const", "metavar", "excludes", "one_required", "deprecated", "printed_help"),
)
HEAD = """
import argparse
import enum
import functools
from pathlib import Path


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(str, enum.Enum):
    LARGE = "large"
    SMALL = "small"


class Keep(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values)


class Pair(argparse.Action):
    def __init__(self, option_strings, dest, nargs=None, metavar=("A", "B"), **words):
        super().__init__(option_strings, dest, nargs=2, metavar=metavar, **words)

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values)


def half(text):
    return float(text) / 2


def words(text):
    return text.split(",")


KNOWN = {"one": 1, "two": 2}
"""
TYPES = (
    *(
        "int",
        "float",
        "str",
        "bool",
        "complex",
        "Path",
        "half",
        "words",
        "lambda text: text.upper()",
        "Color",
    ),
    *("functools.partial(int, base=10)", "str.lower", "len", "ascii"),
)
ACTIONS = (
    *[None] * 6,
    *map(repr, ("store", "store_true", "store_false", "store_const", "append", "append_const", "count")),
    *map(repr, ("extend", "version")),
    *("argparse.BooleanOptionalAction", "Keep", "Pair", "argparse._StoreTrueAction", "argparse._CountAction"),
)
VALUED = (None, "'store'", "'append'", "'extend'", "Keep")
CHOICES = (
    *(
        "range(3)",
        "range(4, 0, -2)",
        "['a', 'b']",
        "('x',)",
        "list(KNOWN)",
        "KNOWN",
        "sorted(KNOWN.values())",
    ),
    *(
        "[one.value for one in Color]",
        "list(Color)",
        "tuple(Size)",
        "[str(n) for n in range(2)]",
        "'abc'",
        "()",
    ),
    "[*KNOWN, 'three']",
)
DEFAULTS = (
    *(
        "None",
        "0",
        "-3",
        "1.5",
        "True",
        "''",
        "'a'",
        "'7'",
        "'1.25'",
        "'red'",
        "'b c'",
        "[]",
        "[1, 'a']",
        "()",
    ),
    *("Color.RED", "Size.SMALL", "KNOWN['two']", "2 ** 5", "'x' * 3", "Path('a') / 'b'", "argparse.SUPPRESS"),
    *("{'k': 1}", "max(3, 4)", "f'{1 + 1}'", "'%d' % 3", "[1, 2][::-1]", "not KNOWN", "1e-05", "10 ** 12"),
)
HELPS = (
    *("'plain'", "'of %(default)s'", "'100%%'", "'%(dest)s: %(choices)s'", "'%(metavar)s / %(nargs)s'", "''"),
    *("'two\\n  lines'", "argparse.SUPPRESS", "'x' 'y'", "f'{len(KNOWN)} ways'", "'%(const)s %(required)s'"),
    *("'%(type)s'", "'{} and {}'.format('a', 1)", "None", "'%(default)r and %(default)5s'"),
)
FORMATTERS = (
    *("argparse.HelpFormatter", "argparse.RawTextHelpFormatter", "argparse.ArgumentDefaultsHelpFormatter"),
    *("argparse.MetavarTypeHelpFormatter", "argparse.RawDescriptionHelpFormatter"),
)
PLACES = ("parser", "parser", "parser", "group", "either", "inner", "sub", "deep", "common", "further")
names = st.sampled_from(["alpha", "beta", "a-b", "a_b", "c", "gamma", "al"])


@st.composite
def calls(draw: st.DrawFn, prefix: str) -> str:
    """One add_argument call; not every one of them is accepted by argparse."""
    name = draw(names)
    flags = [*draw(st.sampled_from([[f"{prefix * 2}{name}"], [f"{prefix}{name[0]}", f"{prefix * 2}{name}"]]))]
    if draw(st.integers(0, 3)) == 0:
        flags = draw(st.sampled_from([[f"{prefix}{name[0]}"], [name], [f"{prefix}{name}"], []]))
    action = draw(st.sampled_from(ACTIONS))
    given = {"action": action} if action else {}
    if action in (*VALUED, "argparse.BooleanOptionalAction") and draw(st.booleans()):
        given["type"] = draw(st.sampled_from(TYPES))
    if action in VALUED:
        if draw(st.booleans()):
            given["nargs"] = draw(
                st.sampled_from(["None", "'?'", "'*'", "'+'", "1", "2", "argparse.REMAINDER"])
            )
        if draw(st.integers(0, 2)) == 0:
            given["choices"] = draw(st.sampled_from(CHOICES))
    if action in ("'store_const'", "'append_const'") or draw(st.integers(0, 9)) == 0:
        given["const"] = draw(st.sampled_from(DEFAULTS))
    if action == "'version'":
        given["version"] = "'1.0'"
    if draw(st.booleans()):
        given["default"] = draw(st.sampled_from(DEFAULTS))
    if draw(st.booleans()):
        given["help"] = draw(st.sampled_from(HELPS))
    if draw(st.integers(0, 5)) == 0:
        given["metavar"] = draw(st.sampled_from(["'M'", "('M',)", "('M', 'N')", "None"]))
    if draw(st.integers(0, 6)) == 0:
        given["required"] = draw(st.sampled_from(["True", "False"]))
    if not flags or draw(st.integers(0, 6)) == 0:
        given["dest"] = repr(draw(names))
    arguments = [*map(repr, flags), *(f"{key}={value}" for key, value in given.items())]
    target = draw(st.sampled_from(PLACES))
    call = f"{target}.add_argument({', '.join(arguments)})"
    return draw(
        st.sampled_from([*[call] * 6, f"changed = {call}\nchanged.default = 3", f"{call}.help = 'new'"])
    )


@st.composite
def others(draw: st.DrawFn, prefix: str) -> str:
    """A statement that is no plain call of add_argument."""
    name, value = draw(names), draw(st.sampled_from(DEFAULTS))
    place = draw(st.sampled_from(PLACES))
    dest = name.replace("-", "_")
    return draw(
        st.sampled_from(
            [
                f"parser.set_defaults({dest}={value})",
                f"sub.set_defaults({dest}={value})",
                f"for n, word in enumerate(KNOWN):\n"
                f"    {place}.add_argument(f'{prefix * 2}{{word}}', default=n)",
                f"if len(KNOWN) > 1 and not {value}:\n    {place}.add_argument('{prefix * 2}{name}-x')\n"
                f"else:\n    {place}.add_argument('{prefix * 2}{name}-y', default={value})",
                f"another = {place}.add_mutually_exclusive_group(required=True)\n"
                f"another.add_argument('{prefix * 2}{name}1')\nanother.add_argument('{prefix * 2}{name}2')",
                f"parser.add_argument_group('more', 'of it').add_argument('{prefix * 2}{name}3', default={value})",
                f"words_ = dict(default={value})\n{place}.add_argument('{prefix * 2}{name}4', **words_)",
            ]
        )
    )


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A whole script."""
    prefix = draw(st.sampled_from(["-", "-", "-", "+", "/"]))
    words = {"prog": "'tool'"}
    if prefix != "-":
        words["prefix_chars"] = repr(draw(st.sampled_from([prefix, f"-{prefix}"])))
    some = {
        "conflict_handler": ("'resolve'", "'error'"),
        "argument_default": ("argparse.SUPPRESS", "None", "'7'", "0"),
        "add_help": ("False", "True"),
        "formatter_class": FORMATTERS,
        "fromfile_prefix_chars": ("'@'",),
        "allow_abbrev": ("False",),
        "exit_on_error": ("False",),
        "description": ("'what'",),
    }
    for key, values in some.items():
        if draw(st.integers(0, 3)) == 0:
            words[key] = draw(st.sampled_from(values))
    lines = draw(st.lists(st.one_of(calls(prefix), calls(prefix), others(prefix)), max_size=6))
    first = [line for line in lines if "common." in line]
    parents = "common" if draw(st.booleans()) else ""
    chars = f", prefix_chars={words['prefix_chars']}" if "prefix_chars" in words else ""
    made = ", ".join(f"{key}={value}" for key, value in words.items())
    head = [
        f"common = argparse.ArgumentParser(add_help=False{chars})",
        "further = common.add_argument_group('further')",
        *first,
        f"parser = argparse.ArgumentParser({made}, parents=[{parents}])",
        "group = parser.add_argument_group('titled')",
        "commands = parser.add_subparsers(dest='command')",
        "sub = commands.add_parser('go', aliases=['g'], help='goes')",
        f"deep = sub.add_subparsers().add_parser('deep', parents=[{parents}])",
        # after the subparsers: this Python cannot show the usage of a group without members
        "either = parser.add_mutually_exclusive_group()",
        "inner = group.add_mutually_exclusive_group(required=True)",
    ]
    rest = [line for line in lines if line not in first]
    return "\n".join([HEAD, *head, *rest, "if __name__ == '__main__':", "    parser.parse_args()", ""])


def truth(program: str) -> list[dict] | None:
    """argparse's own actions, or None when it refuses the program, one of its defaults or its help."""
    held: dict = {"__name__": "generated"}
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(program, "generated", "exec"), held)  # noqa: S102  our own program, made above
            return list(walk(held["parser"]))
        except (ValueError, TypeError, AttributeError, KeyError, argparse.ArgumentError):
            return None


def listed(value: object) -> object:
    """Tuples as lists, as JSON has them; numbers with their type, since True is 1 for Python."""
    if isinstance(value, list | tuple):
        return [listed(item) for item in value]
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return (type(value).__name__, value)


REFUSALS = {"argument-refused", "default-not-convertible", "help-not-printable"}


@given(programs())
@settings(max_examples=200, deadline=None)
def test_a_program_of_everything_is_read_as_argparse_runs_it(program: str) -> None:
    check(program)


def check(program: str) -> None:
    """Reads the program and compares it with what argparse makes of it."""
    found = report({"run.py": program})
    expected = truth(program)
    refused = REFUSALS & {one.code for one in found.problems}
    if expected is None:
        assert refused, program
        return
    assert not refused, (refused, program)
    read = [one for one in found.module.parameters if one.action != "help"]
    assert [(one.subcommand, one.flags, one.name) for one in read] == [
        (tuple(one["subcommand"]), tuple(one["flags"]), one["name"]) for one in expected
    ], program
    for mine, theirs in zip(read, expected, strict=True):
        for field in FIELDS:
            if field not in mine.unknown:
                told, held = getattr(mine, field), theirs[field]
                assert listed(told) == listed(held), (field, theirs["name"], program)
