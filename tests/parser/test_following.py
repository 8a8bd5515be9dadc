"""What is followed where several files, several parsers or conditions come together."""

import pytest
from repositories import report

MAIN = "\nif __name__ == '__main__':\n    main()\n"


def names(files: dict[str, str], entry: str | None = None) -> dict[str, str | None]:
    """Name of each parameter → its condition."""
    return {
        one.name: one.condition
        for one in report(files, **({"entry_point": entry} if entry else {})).module.parameters
    }


def test_what_a_strict_parse_comes_before_is_not_a_parameter() -> None:
    script = """import argparse
def main():
    first = argparse.ArgumentParser()
    first.add_argument("--first")
    known, rest = first.parse_known_args()
    second = argparse.ArgumentParser(parents=[first], add_help=False)
    second.add_argument("--second")
    second.parse_args(rest)
    third = argparse.ArgumentParser()
    third.add_argument("--third")
    third.parse_args()
"""
    assert names({"run.py": script + MAIN}) == {"first": None, "second": None}


def test_a_parser_that_reads_a_list_of_the_script_accepts_nothing() -> None:
    script = """import argparse
def main():
    inner = argparse.ArgumentParser()
    inner.add_argument("--inner")
    inner.parse_args(["--inner", "x"])
    outer = argparse.ArgumentParser()
    outer.add_argument("--outer")
    outer.parse_args()
"""
    assert names({"run.py": script + MAIN}) == {"outer": None}


def test_what_follows_a_return_that_may_have_come_is_conditional() -> None:
    script = """import argparse, os
def build(parser):
    parser.add_argument("--always")
    if os.path.exists("x"):
        return parser
    parser.add_argument("--sometimes")
    return parser
def main():
    build(argparse.ArgumentParser()).parse_args()
"""
    found = names({"run.py": script + MAIN})
    assert found == {"always": None, "sometimes": 'not (os.path.exists("x"))'}


def test_an_end_that_may_not_be_reached_does_not_end_the_script() -> None:
    script = """import argparse, os
def find():
    for place in ("a", "b"):
        if os.path.exists(place):
            return place
    raise SystemExit("nowhere")
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", default=find())
    parser.parse_args()
"""
    assert names({"run.py": script + MAIN}) == {"place": None}


@pytest.mark.parametrize(
    "line",
    [
        "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'shared'))",
        "sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'shared'))",
        "sys.path.insert(0, str(Path(__file__).parents[1].joinpath('shared')))",
        "sys.path.append('../shared')",
    ],
)
def test_modules_are_found_where_the_script_says(line: str) -> None:
    script = f"""import argparse, os, sys
from pathlib import Path
{line}
from options import add
def main():
    parser = argparse.ArgumentParser()
    add(parser)
    parser.parse_args()
"""
    options = "def add(parser):\n    parser.add_argument('--found')\n"
    files = {"tools/run.py": script + MAIN, "shared/options.py": options}
    assert names(files, "tools/run.py") == {"found": None}


def test_modules_above_the_script_are_found() -> None:
    script = "from package.options import parser\ndef main():\n    parser.parse_args()\n"
    options = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--found')\n"
    files = {
        "a/tools/deep/run.py": script + MAIN,
        "a/package/__init__.py": "",
        "a/package/options.py": options,
    }
    assert names(files, "a/tools/deep/run.py") == {"found": None}


def test_a_name_handed_on_by_packages_leads_to_its_source() -> None:
    files = {
        "run.py": "from package import add\nimport argparse\n"
        "def main():\n    parser = add(argparse.ArgumentParser())\n    parser.parse_args()\n" + MAIN,
        "package/__init__.py": "from .inner import add\n",
        "package/inner/__init__.py": "from package.inner.last import *\n",
        "package/inner/last.py": "def add(parser):\n    parser.add_argument('--found')\n    return parser\n",
    }
    assert names(files) == {"found": None}


def test_a_class_hands_its_parser_to_its_methods() -> None:
    script = """import argparse
class Base:
    commands = {}
    def __init__(self, parser=None):
        self.parser = parser or argparse.ArgumentParser()
        self.setup()
    def setup(self):
        raise NotImplementedError
    def __call__(self):
        return self.parser.parse_args()
class Tool(Base):
    def setup(self):
        group = self.parser.add_argument_group("tool")
        for name, words in self.options():
            group.add_argument(name, **words)
    @staticmethod
    def options():
        yield "--one", dict(type=int, default=1)
        yield "--two", {"action": "store_true"}
def main():
    Tool()()
"""
    found = report({"run.py": script + MAIN}).module.parameters
    assert [(one.name, one.type, one.default, one.group) for one in found] == [
        ("one", "int", 1, "tool"),
        ("two", "bool", False, "tool"),
    ]


def test_an_unknown_value_is_told_with_its_text_and_not_guessed() -> None:
    script = """import argparse, os, socket
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default=socket.gethostname(), help=f"on {os.getcwd()}")
    parser.add_argument("--level", default="1", type=int, help="%(default)s of %(prog)s")
    parser.parse_args()
"""
    found = report({"run.py": script + MAIN})
    host, level = found.module.parameters
    assert (host.default, host.help, host.unknown) == (None, None, ("default", "help", "printed_help"))
    assert (level.default, level.help, level.printed_help) == (1, "%(default)s of %(prog)s", "1 of run.py")
    told = [one.message for one in found.problems if one.code == "value-not-static"]
    assert any("`socket.gethostname()`" in one for one in told)
    assert any('`f"on {os.getcwd()}"`' in one for one in told)


@pytest.mark.parametrize("order", ["before", "after"])
def test_defaults_of_a_dict_that_is_not_known_leave_none_for_granted(order: str) -> None:
    setting, adding = "p.set_defaults(**json.load(open('x')))", "p.add_argument('--a')"
    lines = [setting, adding] if order == "before" else [adding, setting]
    script = "import argparse, json\np = argparse.ArgumentParser()\n" + "\n".join(lines)
    found = report({"run.py": script + "\np.add_argument('--b', default=1)\np.parse_args()\n"})
    one, two = found.module.parameters
    assert (one.default, one.unknown) == (None, ("default",))
    assert (two.default, two.unknown) == (1, ())


DIRECTORY = """import argparse, kinds
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=[one for one in dir(kinds) if not one.startswith("_")])
    parser.parse_args()
"""


def test_the_names_of_a_package_are_known_when_it_imports_all_of_its_modules() -> None:
    files = {"run.py": DIRECTORY + MAIN, "kinds/__init__.py": "from . import oak as _o, pine\nOTHER = 1\n"}
    files |= {"kinds/oak.py": "x = 1\n", "kinds/pine.py": "y = 1\n"}
    (kind,) = report(files).module.parameters
    assert kind.choices == ("OTHER", "oak", "pine")
    (kind,) = report(files | {"kinds/elm.py": "z = 1\n"}).module.parameters
    assert kind.choices is None
    assert "choices" in kind.unknown


def test_a_name_that_only_type_checkers_are_told_is_found() -> None:
    lazy = "import sys\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .made import build as make\n"
    files = {
        "run.py": "from tools import make\ndef main():\n    make().parse_args()\n" + MAIN,
        "tools/__init__.py": lazy + "else:\n    sys.modules[__name__] = object()\n",
        "tools/made.py": "import argparse\ndef build():\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--made')\n    return parser\n",
    }
    assert names(files, "run.py") == {"made": None}


def test_a_way_that_reads_the_command_line_leaves_nothing_to_the_others() -> None:
    script = """import argparse, sys
TABLE = {}
def again(args):
    parser = argparse.ArgumentParser()
    parser.add_argument("--again")
    parser.parse_args(args)
    TABLE["late"] = "--late"
def main():
    args = sys.argv[1:]
    if args and args[0] == "again":
        TABLE["flag"] = "--wrong"
        again(args[1:])
    parser = argparse.ArgumentParser()
    parser.add_argument(TABLE.get("late", "--right"))
    parser.parse_args(args)
"""
    found = names({"run.py": script + MAIN})
    assert found == {"again": 'args and args[0] == "again"', "right": None}


def test_a_method_of_a_path_that_is_not_followed_is_not_missing() -> None:
    script = """import argparse, pathlib
def main():
    parser = argparse.ArgumentParser()
    try:
        pathlib.Path("settings").mkdir()
        parser.add_argument("--made")
    except AttributeError:
        parser.add_argument("--refused")
    parser.parse_args()
"""
    assert names({"run.py": script + MAIN}) == {"made": None}


def test_what_is_added_on_both_ways_by_the_same_call_is_always_there() -> None:
    script = """import argparse, functools, os
def timed(function):
    @functools.wraps(function)
    def wrapper():
        if os.environ.get("TIMED"):
            return function()
        else:
            return function()
    return wrapper
@timed
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--always")
    if os.path.exists("x"):
        parser.add_argument("--sometimes")
    parser.parse_args()
"""
    found = names({"run.py": script + MAIN})
    assert found["always"] is None
    assert "os.path.exists" in (found["sometimes"] or "")
