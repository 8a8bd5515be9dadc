"""Programs put together at random: what is read from their text is what argparse holds when they run."""

import argparse
import contextlib
import io

from argparse_truth import walk
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import report

FIELDS = (
    "name",
    "flags",
    "dest",
    "type",
    "default",
    "required",
    "choices",
    "nargs",
    "action",
    "help",
    "group",
)
ACTIONS = [*[None] * 5, "store_true", "store_false", "count", "append", "extend", "store_const"]
HEAD = "import argparse\nfrom pathlib import Path\nparser = argparse.ArgumentParser()\n"
GROUP = "g = parser.add_argument_group('some title')\nm = parser.add_mutually_exclusive_group()\n"
TAIL = "\nif __name__ == '__main__':\n    parser.parse_args()\n"

words = st.text(st.characters(codec="utf-8", exclude_characters="\0%"), max_size=12)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True)
numbers = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6, allow_nan=False), st.booleans())
plain = st.one_of(st.none(), words, numbers, st.lists(st.one_of(words, numbers), max_size=3))


@st.composite
def calls(draw: st.DrawFn) -> str:
    """One add_argument call; not every one of them is accepted by argparse."""
    name = draw(names)
    flags = draw(st.sampled_from([[f"--{name}"], [f"-{name[0]}", f"--{name}"], [f"-{name[0]}"], [name]]))
    action = draw(st.sampled_from(ACTIONS))
    keywords = {}
    if action:
        keywords["action"] = repr(action)
    if action in (None, "append", "extend"):
        if draw(st.booleans()):
            keywords["type"] = draw(st.sampled_from(["int", "float", "str", "bool", "Path", "complex"]))
        if draw(st.booleans()):
            keywords["nargs"] = repr(
                draw(st.sampled_from([None, "?", "*", "+", 1, 2, 0, argparse.REMAINDER]))
            )
        if draw(st.integers(0, 3)) == 0:
            keywords["choices"] = repr(draw(st.lists(st.one_of(words, numbers), max_size=3)))
    if action == "store_const" or draw(st.integers(0, 9)) == 0:
        keywords["const"] = repr(draw(numbers))
    if draw(st.booleans()):
        keywords["default"] = repr(draw(plain))
    if draw(st.integers(0, 3)) == 0:
        keywords["required"] = repr(draw(st.booleans()))
    if draw(st.integers(0, 5)) == 0:
        keywords["dest"] = repr(draw(names))
    if draw(st.booleans()):
        keywords["help"] = repr(draw(words))
    target = draw(st.sampled_from(["parser", "parser", "g", "m"]))
    arguments = [*map(repr, flags), *(f"{key}={value}" for key, value in keywords.items())]
    return f"{target}.add_argument({', '.join(arguments)})"


def truth(program: str) -> list[dict] | None:
    """argparse's own actions, or None when it refuses the program or one of its defaults."""
    names: dict = {"__name__": "generated"}
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(program, "generated", "exec"), names)  # noqa: S102  our own program, made above
            return list(walk(names["parser"]))
        except (ValueError, TypeError, argparse.ArgumentError):
            return None


@given(st.lists(calls(), max_size=5))
@settings(max_examples=400, deadline=None)
def test_a_generated_program_is_read_as_argparse_runs_it(lines: list[str]) -> None:
    program = HEAD + GROUP + "\n".join(lines) + TAIL
    found = report({"run.py": program})
    expected = truth(program)
    refused = {"argument-refused", "default-not-convertible"} & {one.code for one in found.problems}
    if expected is None:
        assert refused, program
        return
    assert not refused, program
    read = found.module.parameters
    assert len(read) == len(expected), program
    for mine, theirs in zip(read, expected, strict=True):
        for field in FIELDS:
            if field not in mine.unknown:
                assert listed(getattr(mine, field)) == listed(theirs[field]), (field, program)
        assert set(mine.unknown) <= {"default", "choices"}, program


def listed(value: object) -> object:
    """Tuples as lists, as JSON has them; numbers with their type, since True is 1 for Python."""
    if isinstance(value, list | tuple):
        return [listed(item) for item in value]
    return (type(value).__name__, value)


statement_names = st.from_regex(r"[a-z]{2,6}", fullmatch=True)
values = st.one_of(st.integers(-99, 99), st.booleans(), st.none(), st.sampled_from(["a", "b c", "7", ""]))


@st.composite
def statements(draw: st.DrawFn) -> str:
    """One statement that adds arguments in a round-about way."""
    name, other = draw(st.lists(statement_names, min_size=2, max_size=2, unique=True))
    value, default = draw(values), draw(values)
    target = draw(st.sampled_from(["parser", "group", "sub", "parent"]))
    flag = f"--{name}"
    return draw(
        st.sampled_from(
            [
                f"{target}.add_argument('{flag}', default={value!r})",
                f"for word in ({name!r}, {other!r}):\n    {target}.add_argument('--' + word, default={value!r})",
                f"for number in range({draw(st.integers(0, 3))}):\n"
                f"    {target}.add_argument(f'{flag}-{{number}}', default=number * {draw(st.integers(-5, 5))})",
                f"for key, item in {{ {name!r}: {value!r}, {other!r}: {default!r} }}.items():\n"
                f"    {target}.add_argument('--%s' % key, default=item)",
                f"if {draw(st.booleans())} and not {draw(st.booleans())}:\n"
                f"    {target}.add_argument('{flag}')\nelse:\n    {target}.add_argument('--{other}')",
                f"add = {target}.add_argument\nadd('{flag}', help='x' + {str(value)!r})",
                f"functools.partial({target}.add_argument, default={value!r})('{flag}')",
                f"{target}.add_argument('{flag}', **{{'default': {value!r}, 'dest': {other!r}}})",
                f"{target}.add_argument(*['-{name[0]}', '{flag}'], nargs={draw(st.sampled_from(['?', '*', 2]))!r})",
                f"{target}.set_defaults({name}={value!r})",
                f"helper({target}, {name!r}, default={value!r})",
                f"Options({name!r}).add_to({target})",
                f"one_of = {target}.add_mutually_exclusive_group(required={draw(st.booleans())})\n"
                f"one_of.add_argument('{flag}')\none_of.add_argument('--{other}')",
                f"try:\n    found = KNOWN[{name!r}]\nexcept KeyError:\n    found = {value!r}\n"
                f"{target}.add_argument('{flag}', default=found)",
                f"{target}.add_argument('{flag}').default = {value!r}",
                f"{target}.add_argument('{flag}', choices=sorted([{name!r}, {other!r}]), default={other!r})",
                f"[{target}.add_argument('--' + word) for word in {[name, other]!r} if word > 'm']",
            ]
        )
    )


ROUND_ABOUT = """import argparse, functools
from dataclasses import dataclass
KNOWN = {"ab": 1}
def helper(given, name, **words):
    if len(name) > 4:
        return given.add_argument("--" + name[:4], **words)
    return given.add_argument("--" + name, help=f"{name} of {words!r}", **words)
@dataclass
class Options:
    name: str
    value: int = 3
    def add_to(self, given):
        given.add_argument(f"--{self.name}", type=int, default=str(self.value))
parent = argparse.ArgumentParser(add_help=False)
parser = argparse.ArgumentParser(description="x")
group = parser.add_argument_group("titled")
sub = parser.add_subparsers(dest="command").add_parser("go")
"""


def runs(program: str) -> list[dict] | None:
    """argparse's own actions; None when the program cannot run or argparse refuses a default."""
    names: dict = {"__name__": "generated"}
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(program, "generated", "exec"), names)  # noqa: S102  our own program, made above
            return list(walk(names["parser"]))
        except (ValueError, TypeError, argparse.ArgumentError):
            return None


@given(st.lists(statements(), max_size=5), st.sampled_from(["error", "resolve"]))
@settings(max_examples=300, deadline=None)
def test_a_round_about_program_is_read_as_argparse_runs_it(lines: list[str], handler: str) -> None:
    made = f"parser = argparse.ArgumentParser(parents=[parent], conflict_handler={handler!r})\n"
    before = [line for line in lines if "parent" in line]
    after = [line for line in lines if "parent" not in line]
    head = ROUND_ABOUT.replace(
        'parser = argparse.ArgumentParser(description="x")\n', "\n".join(before) + "\n" + made
    )
    program = head + "\n".join(after) + TAIL
    found = report({"run.py": program})
    expected = runs(program)
    refused = {"argument-refused", "default-not-convertible"} & {one.code for one in found.problems}
    if expected is None:
        assert refused, program
        return
    assert not refused, program
    read = {(one.subcommand, one.flags): one for one in found.module.parameters}
    assert sorted(read) == sorted((tuple(one["subcommand"]), tuple(one["flags"])) for one in expected), (
        program
    )
    for theirs in expected:
        mine = read[tuple(theirs["subcommand"]), tuple(theirs["flags"])]
        assert not mine.unknown, (mine.unknown, program)
        for field in (*FIELDS, "const", "excludes", "one_required"):
            assert listed(getattr(mine, field)) == listed(theirs[field]), (field, program)
