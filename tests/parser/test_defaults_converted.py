"""A default that is a text goes through `type` at every start: what that refuses is told before, and nothing else."""

import contextlib
import io
import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from repositories import report

HEAD = (
    "import argparse, ast, enum, functools, json, os, random\n"
    "from enum import auto\n"
    "parser = argparse.ArgumentParser()\n"
)
TAIL = "\nif __name__ == '__main__':\n    parser.parse_args()\n"

ENUM = "class Mode(enum.Enum):\n    FAST = 'fast'\n    SLOW = 'slow'\n"
NAMED = (
    "class Mode(str, enum.Enum):\n"
    "    def _generate_next_value_(name, start, count, last):\n        return name.lower()\n"
    "    FAST = auto()\n    SLOW = auto()\n"
)
POSITIVE = (
    "def positive(text):\n    number = int(text)\n    if number <= 0:\n"
    "        raise argparse.ArgumentTypeError('not positive')\n    return number\n"
)
TRUTH = (
    "def truth(text):\n    if text.lower() in ('yes', 'true'):\n        return True\n"
    "    elif text.lower() in ('no', 'false'):\n        return False\n"
    "    else:\n        raise argparse.ArgumentTypeError('a boolean is expected')\n"
)
CAUGHT = (
    "def size(text):\n    try:\n        return int(text)\n    except ValueError:\n"
    "        raise argparse.ArgumentTypeError('no size')\n"
)
KINDER = "def size(text):\n    try:\n        return int(text)\n    except ValueError:\n        return 0\n"


def read(made: str, kind: str, default: str, more: str = "") -> tuple[dict, set[str]]:
    """The argument's default as it was read, and the codes that are told of it."""
    line = f"parser.add_argument('--value', type={kind}, default={default!r}{more})"
    found = report({"run.py": f"{HEAD}{made}{line}{TAIL}"})
    (one,) = (p for p in found.module.parameters if p.name == "value")
    return {"default": one.default, "unknown": one.unknown}, {p.code for p in found.problems}


def starts(made: str, kind: str, default: str) -> bool:
    """Whether argparse itself gets over the default."""
    line = f"parser.add_argument('--value', type={kind}, default={default!r})\nparser.parse_args([])\n"
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(HEAD + made + line, "made", "exec"), {})  # noqa: S102  our own program, made above
        except (SystemExit, ValueError, LookupError, TypeError, SyntaxError, NameError):
            return False
    return True


REFUSED = [
    (ENUM, "Mode", ""),
    (ENUM, "Mode", "FAST"),
    (ENUM.replace("enum.Enum", "str, enum.Enum"), "Mode", "quick"),
    ("class Mode(enum.IntEnum):\n    ONE = 1\n", "Mode", "1"),
    (NAMED, "Mode", "FAST"),
    (POSITIVE, "positive", "0"),
    (POSITIVE, "positive", ""),
    (TRUTH, "truth", ""),
    (CAUGHT, "size", "big"),
    ("", "lambda text: int(text)", "many"),
    ("", "lambda text: {'a': 1}[text]", "b"),
    ("", "functools.partial(int, base=16)", "xyz"),
    ("", "json.loads", ""),
    ("", "json.loads", "{a: 1}"),
    ("", "ast.literal_eval", "1 +"),
    ("", "bytes", "x"),
    ("", "argparse.FileType('r')", ""),
    ("class Size:\n    def __init__(self, text):\n        self.size = int(text)\n", "Size", "big"),
    ("class Reads:\n    def __call__(self, text):\n        return float(text)\n", "Reads()", "big"),
]


@pytest.mark.parametrize(("made", "kind", "default"), REFUSED)
def test_a_default_that_its_type_refuses_is_an_error(made: str, kind: str, default: str) -> None:
    one, codes = read(made, kind, default)
    assert "default-not-convertible" in codes
    assert one == {"default": None, "unknown": ("default",)}
    assert not starts(made, kind, default)


@pytest.mark.parametrize(
    ("made", "kind", "default", "value"),
    [
        (ENUM, "Mode", "fast", "fast"),
        (NAMED, "Mode", "slow", "slow"),
        (POSITIVE, "positive", "3", 3),
        (TRUTH, "truth", "No", False),
        (KINDER, "size", "big", 0),
        ("", "json.loads", "[1, 2]", (1, 2)),
        ("", "functools.partial(int, base=16)", "ff", 255),
    ],
)
def test_one_that_it_takes_is_what_the_type_makes_of_it(
    made: str, kind: str, default: str, value: object
) -> None:
    one, codes = read(made, kind, default)
    assert "default-not-convertible" not in codes
    assert one == {"default": value, "unknown": ()}
    assert starts(made, kind, default)


UNSURE = [
    "class Mode(enum.Enum):\n    A = 'a'\n    @classmethod\n    def _missing_(cls, text):\n        return cls.A\n",
    "from elsewhere import Base\nclass Mode(Base):\n    A = 'a'\n",
    "class Mode(enum.Enum):\n    A = os.environ.get('A', 'b')\n",
    "from elsewhere import Kind\nclass Mode(enum.Enum, metaclass=Kind):\n    A = 'a'\n",
    "def Mode(text):\n    if os.environ.get('KIND'):\n        return 1\n    raise ValueError(text)\n",
    "def Mode(text):\n    if random.random() < 0.5:\n        raise ValueError(text)\n    return 1\n",
    "def Mode(text):\n    for one in os.listdir('.'):\n        raise ValueError(one)\n    return 1\n",
    "def Mode(text):\n    while random.random() < 0.5:\n        raise ValueError(text)\n    return 1\n",
    "def Mode(text):\n    if not os.path.exists(text):\n        raise argparse.ArgumentTypeError('not there')\n"
    "    return text\n",
    "def Mode(text):\n    try:\n        return os.stat(text).st_size\n    except OSError:\n        pass\n"
    "    raise ValueError(text)\n",
    "def Mode(text):\n    assert os.path.isdir(text), 'no folder'\n    return text\n",
    "import elsewhere\ndef Mode(text):\n    if text in elsewhere.KNOWN:\n        return text\n"
    "    raise ValueError(text)\n",
    "import elsewhere\ndef Mode(text):\n    return elsewhere.make(text) or int(text)\n",
    "import elsewhere\ndef Mode(text):\n    with elsewhere.calm():\n        raise ValueError(text)\n    return 1\n",
]


AGREED = (1, "b")
"""What those of them give that go on in one way only."""


@pytest.mark.parametrize("made", UNSURE)
def test_where_nobody_can_tell_it_is_not_known_and_said_so(made: str) -> None:
    one, codes = read(made, "Mode", "b")
    assert "default-not-convertible" not in codes
    # what the ways that go on agree in is known
    assert one["unknown"] == ("default",) or one["default"] in AGREED
    assert ("value-not-static" in codes) == bool(one["unknown"])


def test_a_default_that_is_never_looked_at_is_a_warning() -> None:
    line = f"{HEAD}{ENUM}parser.add_argument('--value', type=Mode, default='', required=True){TAIL}"
    (told,) = (one for one in report({"run.py": line}).problems if one.code == "default-not-convertible")
    assert told.severity == "warning"


@pytest.mark.parametrize(("nargs", "refused"), [("*", False), ("?", True)])
def test_of_a_positional_it_depends_on_how_many_it_takes(nargs: str, refused: bool) -> None:
    line = f"parser.add_argument('value', type=int, nargs={nargs!r}, default='many')"
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            exec(compile(f"{HEAD}{line}\nparser.parse_args([])", "made", "exec"), {})  # noqa: S102  our own program
            stops = False
        except SystemExit:
            stops = True
    assert stops == refused
    found = report({"run.py": f"{HEAD}{line}{TAIL}"})
    assert ("default-not-convertible" in {one.code for one in found.problems}) == refused


bodies = st.recursive(
    st.sampled_from(
        [
            "return int(text)",
            "return {'a': 1}[text]",
            "raise argparse.ArgumentTypeError(text)",
            "raise KeyError(text)",
            "raise ValueError",
            "return Mode(text)",
            "text = text.strip()",
            "text = text + '1'",
            "return [float(one) for one in text.split(',')]",
            "return text[3]",
            "pass",
        ]
    ),
    lambda inner: st.one_of(
        st.tuples(
            st.sampled_from(["if text:", "if text.isdigit():", "if 'a' in text:", "if len(text) > 1:"]), inner
        ),
        st.tuples(
            st.just("try:"), inner, st.sampled_from(["except ValueError:", "except Exception:"]), inner
        ),
        st.tuples(st.just("for one in text:"), inner),
        st.tuples(st.just("with open(os.devnull):"), inner),
        st.lists(inner, min_size=2, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


def written(body: object, depth: int) -> list[str]:
    """A body as lines of Python."""
    if isinstance(body, str):
        return [f"{'    ' * depth}{body}"]
    lines: list[str] = []
    headed = False
    for one in body:
        if isinstance(one, str) and one.endswith(":"):
            lines.append(f"{'    ' * depth}{one}")
            headed = True
            continue
        lines += written(one, depth + headed)
        headed = False
    return lines


@given(bodies, st.sampled_from(["", "a", "1", "fast", " 7 ", "1,2", "1111"]))
@example(("try:", "return int(text)", "except ValueError:", "pass"), "a")
@settings(max_examples=300, deadline=None)
def test_what_is_told_of_a_type_is_what_argparse_does(body: object, default: str) -> None:
    made = "\n".join(itertools.chain([f"{ENUM}def kind(text):"], written(body, 1))) + "\n"
    one, codes = read(made, "kind", default)
    works = starts(made, "kind", default)
    if "default-not-convertible" in codes:
        assert not works, made
    elif not one["unknown"] and "for one in text:" not in made:
        # a loop that may have been left before is followed further than it may go
        assert works, made
