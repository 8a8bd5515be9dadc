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
