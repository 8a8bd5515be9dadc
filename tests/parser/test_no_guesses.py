"""What may turn out in several ways is told as not known, and what is not followed is told at all."""

import pytest
from repositories import report

HEAD = "import argparse, contextlib, os, subprocess\np = argparse.ArgumentParser()\n"
TAIL = "\nif __name__ == '__main__':\n    p.parse_args()\n"


def read(lines: str) -> dict:
    """The parameters of a script with these lines, by name."""
    return {one.name: one for one in report({"run.py": HEAD + lines + TAIL}).module.parameters}


@pytest.mark.parametrize(
    "lines",
    [
        "try:\n    v = 3\n    subprocess.check_output(['x'])\nexcept Exception:\n    v = 4\n",
        "v = 1\ntry:\n    subprocess.check_output(['x'])\n    v = 2\nexcept OSError:\n    pass\n",
        "try:\n    import absent_package\n    v = True\nexcept ImportError:\n    v = False\n",
        "def f():\n    try:\n        subprocess.run(['x'])\n        return True\n"
        "    except OSError:\n        return False\nv = f()\n",
        "def f():\n    try:\n        subprocess.run(['x'])\n        return True\n"
        "    except OSError:\n        pass\n    return False\nv = f()\n",
        "v = 1\nwith contextlib.suppress(KeyError):\n    os.environ['Y']\n    v = 2\n",
        "class C: v = 1\nc = C()\nif os.environ.get('X'):\n    c.v = 2\nv = c.v\n",
        "class C: pass\nif os.environ.get('X'):\n    C.w = 2\nv = getattr(C, 'w', 0)\n",
        "class C: pass\nc = C()\nif os.environ.get('X'):\n    c.w = 2\nv = hasattr(c, 'w')\n",
        "v = str({'x', 'y'})\n",
        "v = ' '.join({'x', 'y'})\n",
        "import functools\n@functools.singledispatch\ndef f(x): return 'any'\n"
        "@f.register\ndef _(x: int): return 'int'\nv = f(3)\n",
    ],
)
def test_a_value_that_may_be_another_is_not_known(lines: str) -> None:
    assert "default" in read(lines + "p.add_argument('--v', default=v)")["v"].unknown


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ("try:\n    import json\n    v = 1\nexcept ImportError:\n    v = 2\n", 1),
        ("try:\n    v = int('x')\nexcept ValueError:\n    v = 7\n", 7),
        ("try:\n    subprocess.run(['x'])\n    v = 1\nexcept OSError:\n    v = 1\n", 1),
        ("try:\n    subprocess.run(['x'])\n    v = 1\nexcept OSError:\n    raise SystemExit('no')\n", 1),
        ("class C: pass\nc = C()\nif os.environ.get('X'):\n    c.w = 2\nv = c.w\n", 2),
        ("with contextlib.suppress(KeyError):\n    {}['x']\n    v = 9\nv = 3\n", 3),
        ("v = 1\nwith contextlib.suppress(ZeroDivisionError):\n    1 / 0\n    v = 9\n", 1),
        (
            "class C:\n    def __len__(self): return 4\n    def __iter__(self): return iter([1])\nv = len(C())\n",
            4,
        ),
    ],
)
def test_a_value_that_is_the_same_on_every_way_is_known(lines: str, value: object) -> None:
    found = read(lines + "p.add_argument('--v', default=v)")["v"]
    assert (found.default, found.unknown) == (value, ())


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        ("os.environ.get('X') and p.add_argument('--v')", "os.environ.get('X')"),
        ("os.environ.get('X') or p.add_argument('--v')", "not (os.environ.get('X'))"),
        (
            "for n in ['v']:\n    if os.environ.get(n): continue\n    p.add_argument('--' + n)",
            "not (os.environ.get(n))",
        ),
        (
            "for n in ['u', 'v']:\n    p.add_argument('--' + n)\n    if os.environ.get(n): break",
            "not (os.environ.get(n))",
        ),
    ],
)
def test_an_argument_that_may_not_be_added_is_conditional(line: str, condition: str) -> None:
    found = read(line + "\np.add_argument('--after')")
    assert (found["v"].condition, found["after"].condition) == (condition, None)


def test_the_help_of_a_foreign_formatter_is_not_told() -> None:
    script = (
        "import argparse, rich_argparse\np = argparse.ArgumentParser(formatter_class=rich_argparse.Rich)\n"
    )
    found = report({"run.py": script + "p.add_argument('--v', help='x')" + TAIL}).module.parameters[0]
    assert (found.help, found.printed_help) == ("x", None)
    assert "printed_help" in found.unknown


def test_a_formatter_that_comes_with_a_star_import_is_known() -> None:
    script = (
        "from argparse import *\nclass Fmt(ArgumentDefaultsHelpFormatter, RawTextHelpFormatter): pass\n"
        "p = ArgumentParser(formatter_class=lambda prog: Fmt(prog, width=90))\n"
        "p.add_argument('--v', help='x', default=1)"
    )
    found = report({"run.py": script + TAIL}).module.parameters[0]
    assert (found.printed_help, found.unknown) == ("x (default: 1)", ())


def test_an_endless_loop_is_followed_until_it_is_left() -> None:
    found = read("i = 0\nwhile True:\n    p.add_argument(f'--n{i}')\n    i += 1\n    if i >= 3: break\n")
    assert list(found) == ["n0", "n1", "n2"]


def test_a_function_that_calls_itself_is_followed_to_its_end() -> None:
    found = read("def f(n):\n    if n:\n        p.add_argument(f'--r{n}')\n        f(n - 1)\nf(5)\n")
    assert list(found) == ["r5", "r4", "r3", "r2", "r1"]


def test_a_function_that_calls_itself_too_often_is_told() -> None:
    lines = "def f(q, n):\n    if n:\n        q.add_argument(f'--r{n}')\n        f(q, n - 1)\nf(p, 50)\n"
    found = report({"run.py": HEAD + lines + TAIL})
    told = [one.message for one in found.problems if one.code == "file-unfollowed"]
    assert told == ["run.py could not be followed to its end: f() calls itself more often than is followed."]


@pytest.mark.parametrize("last", ["main()", "import sys\nsys.exit(main())"])
def test_the_only_script_that_parses_needs_no_guard(last: str) -> None:
    lines = "def main():\n    p = argparse.ArgumentParser()\n    p.add_argument('--v')\n    p.parse_args()\n"
    found = report({"run.py": "import argparse\n" + lines + last + "\n", "lib.py": "X = 1\n"})
    assert [one.name for one in found.module.parameters] == ["v"]
    assert "entry-point-assumed" in {one.code for one in found.problems}


MATCH = """def build(mode):
    match mode:
        case 'train' | 'fit': p.add_argument('--epochs')
        case None: p.add_argument('--nothing')
        case 3 if mode > 5: p.add_argument('--large')
        case 3: p.add_argument('--three')
        case str() as word: p.add_argument('--' + word)
        case other: p.add_argument(f'--other-{other}')
"""


@pytest.mark.parametrize(
    ("mode", "found"),
    [("'fit'", ["epochs"]), ("None", ["nothing"]), ("3", ["three"])],
)
def test_a_match_on_a_known_value_takes_one_case(mode: str, found: list[str]) -> None:
    assert {name: one.condition for name, one in read(MATCH + f"build({mode})").items()} == dict.fromkeys(
        found
    )


def test_a_match_on_what_is_not_known_may_take_any_case() -> None:
    found = read(MATCH + "build(os.environ.get('X'))")
    assert {one.condition for one in found.values()} == {"match mode"}
    assert list(found)[:2] == ["epochs", "nothing"]


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ("v = ({'a': 1} | {'b': 2})['b']", 2),
        ("d = {'a': 1}\nd |= {'b': 2}\nv = d['b']", 2),
        ("d = {'a': 1, 'b': 2}\ndel d['a']\nv = len(d)", 1),
        ("d = {'a': 1}\ne = d\nd |= {'b': 2}\nv = e['b']", 2),
        ("v = [a + str(b) for a, b in zip('xy', [1, 2], strict=True)][1]", "y2"),
        ("v = list(dict.fromkeys(['u', 'u', 'w']))[1]", "w"),
        ("v = format(3.5, '.2f')", "3.50"),
        ("try:\n    v = [][0]\nexcept IndexError:\n    v = 8", 8),
    ],
)
def test_what_python_makes_of_plain_values_is_known(lines: str, value: object) -> None:
    found = read(lines + "\np.add_argument('--v', default=v)")["v"]
    assert (found.default, found.unknown) == (value, ())


def test_an_own_class_of_namespaces_makes_objects_of_that_class() -> None:
    found = read(
        "class Options(argparse.Namespace):\n    def __init__(self, **given):\n"
        "        super().__init__(**given)\n        self.extra = 4\n"
        "o = Options()\nif not isinstance(o, Options):\n    raise TypeError\n"
        "p.add_argument('--v', default=o.extra)"
    )
    assert found["v"].default == 4


def test_a_script_that_ends_by_an_exception_before_it_parses_strictly_is_told() -> None:
    lines = (
        "class Broken(Exception): pass\np.add_argument('--first')\np.parse_known_args()\n"
        "raise Broken('no')\np.add_argument('--lost')\n"
    )
    found = report(
        {"run.py": "import argparse\np = argparse.ArgumentParser()\n" + lines + "p.parse_args()\n"}
    )
    told = {one.code: one for one in found.problems}
    assert (told["file-unfollowed"].place.line, "raises" in told["file-unfollowed"].message) == (6, True)


@pytest.mark.parametrize(
    "method",
    [
        "def __iter__(self): return iter(self)",
        "def __str__(self): return str(self)",
        "def __len__(self): return len(self)",
        "def __eq__(self, other): return self == other",
        "def __getattr__(self, name): return getattr(self, name + 'x')",
        "def __getitem__(self, key): return self[key]",
        "def __call__(self, *args): return self(*args)",
    ],
)
def test_an_object_that_asks_itself_without_end_costs_its_argument_at_most(method: str) -> None:
    lines = f"class A:\n    {method}\na = A()\np.add_argument('--first')\n"
    asked = "choices=a, default=a.p, help=str(a), type=a, required=a == a, metavar=a[1], nargs=len(a)"
    found = report(
        {"run.py": HEAD + lines + f"p.add_argument('--own', {asked})\np.add_argument('--last')" + TAIL}
    )
    assert {"first", "last"} <= {one.name for one in found.module.parameters}
    assert "value-not-static" in {one.code for one in found.problems}


@pytest.mark.parametrize(
    "value",
    [
        "dict.fromkeys(range(10**9))",
        "list(zip(range(10**9), range(10**9)))",
        "format(1, '9' * 9)",
        "range(10**9) | 1",
    ],
)
def test_what_would_be_too_large_is_not_made(value: str) -> None:
    assert "default" in read(f"p.add_argument('--v', default={value})")["v"].unknown


def test_arguments_added_in_a_loop_over_a_set_are_all_there() -> None:
    found = read("for n in {'b', 'a'}:\n    p.add_argument('--' + n, default=n)")
    assert {name: (one.default, one.condition) for name, one in found.items()} == {
        "a": ("a", None),
        "b": ("b", None),
    }


def test_which_argument_a_loop_over_a_set_adds_before_it_ends_is_not_known() -> None:
    assert read("for n in {'b', 'a'}:\n    p.add_argument('--' + n)\n    break") == {}


@pytest.mark.parametrize("change", ["append('z')", "clear()", "__setitem__(0, 'z')"])
def test_a_list_made_of_a_set_and_changed_since_is_not_known(change: str) -> None:
    found = read(f"v = list({{'b', 'a'}})\nv.{change}\np.add_argument('--v', default=sorted(v))")["v"]
    assert (found.default, found.unknown) == (None, ("default",))


def test_what_a_function_adds_after_it_may_have_returned_is_conditional() -> None:
    body = "def add():\n    if os.environ.get('X'):\n        return\n    p.add_argument('--later')\nadd()"
    assert read(body)["later"].condition == "not (os.environ.get('X'))"


def test_arguments_in_text_that_is_executed_are_told_as_not_followed() -> None:
    found = report({"run.py": HEAD + "exec('p.add_argument(\"--hidden\")')" + TAIL})
    told = {one.code: one for one in found.problems}
    assert "text that is executed" in told["argument-not-followed"].message
