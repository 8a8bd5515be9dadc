"""Files made to break a reader: each gets a problem, quickly, and nothing is ever raised."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import HEAD, PATHS, TAIL, codes, of_script, report

from parser.model import Severity
from parser.read import read
from parser.source import Entry, Source

MANY = 100_000
SECONDS = 2.0

UNREADABLE = {
    "parentheses": "x = " + "(" * MANY,
    "parentheses that close": "x = " + "(" * MANY + ")" * MANY,
    "lists": "x = " + "[" * MANY + "]" * MANY,
    "brackets in strings": "x = " + "'(' + " * 200 + "(" * 150 + ")" * 150,
    "minus signs": "x = " + "-" * MANY + "1",
    "minus signs and spaces": "x = " + "- " * MANY + "1",
    "negations": "x = " + "not " * MANY + "1",
    "lambdas": "x = " + "lambda: " * MANY + "1",
    "powers": "x = " + "1 ** " * MANY + "1",
    "conditions": "x = " + "1 if 1 else " * MANY + "1",
    "elifs": "if a:\n pass\n" + "elif b:\n pass\n" * (MANY // 4),
    "sums": "x = " + "1 + " * MANY + "1",
    "attributes": "x = a" + ".b" * MANY,
    "calls": "x = f" + "()" * MANY,
    "subscripts": "x = f" + "[0]" * MANY,
    "f-strings": "x = " + 'f"{' * 60 + "1" + '}"' * 60,
    "comprehensions": "x = " + "[x for x in " * 150 + "y" + "]" * 150,
    "indentation": "".join(" " * depth + "if x:\n" for depth in range(1200)) + " " * 1200 + "pass",
    "a NUL byte": "x = 1\0",
    "Python 2": "print 'hello'\n",
    "an unclosed string": "x = '''",
    "nothing but a backslash": "\\",
    "a huge number": "x = " + "1" * 500_000,
}
READABLE_BUT_USELESS = {
    "attributes within limits": "x = a" + ".b" * 2500,
    "minus signs within limits": "x = " + "-" * 150 + "1",
    "a chain of assignments": "x = " * MANY + "1",
    "comparisons": "x = " + "1 < " * MANY + "2",
    "and": "x = " + "1 and " * MANY + "2",
    "decorators": "@a\n" * 5000 + "def f(): pass",
    "an endless range": "for i in range(10 ** 12):\n    parser.add_argument('--x%d' % i)",
    "a large range": "x = list(range(10 ** 9)); y = sum(range(10 ** 12)); z = sorted(range(10 ** 15))",
    "a huge text": "x = 'a' * 10 ** 12; y = x + x; z = 'a' * 99999 * 99999",
    "a huge tower": "x = 10 ** 10 ** 10; y = 2 ** 10 ** 9; z = 1 << 10 ** 9",
    "doubling": "x = 'a'\n" + "x = x + x\n" * 100,
    "doubling a list": "x = [1]\n" + "x = x + x\n" * 100,
    "nested doubling": "x = [1]\n" + "x = [x] * 100\n" * 40 + "parser.add_argument('--a', default=x)",
    "a padded text": "x = '%999999999d' % 1; y = f'{1:999999999}'; z = '{:>999999999}'.format(1)",
    "a width from a value": "x = '%*d' % (999999999, 1); w = 999999999; y = f'{1:{w}}'; z = '{:{}}'.format(1, w)",
    "replacing": "x = ('a' * 90000).replace('a', 'b' * 90000); y = ('b' * 90000).join('a' * 90000)",
    "padding methods": "x = 'a'.ljust(10 ** 12); y = 'a'.zfill(10 ** 12); z = '\\t'.expandtabs(10 ** 12)",
    "bytes": "x = bytes(10 ** 12); y = bytearray(10 ** 12); z = (1).to_bytes(10 ** 9, 'big')",
    "a dictionary in itself": "d = {}\nd['d'] = d\nparser.add_argument('--a', default=d)\nx = d == d; y = str(d)",
    "a list in itself": "d = []\nd.append(d)\nparser.add_argument('--a', default=d, choices=d)\ny = sorted(d)",
    "recursion": "def f(n):\n    parser.add_argument('--a%d' % n)\n    return f(n + 1)\nf(0)",
    "mutual recursion": "def f(): g(); parser.parse_args\ndef g(): f(); f()\nf()",
    "branching recursion": "def f(n):\n" + "    f(n + 1)\n" * 50 + "    parser.add_argument('--x')\nf(0)",
    "many calls": "".join(f"def f{n}():\n    f{n + 1}(); f{n + 1}(); parser\n" for n in range(40))
    + "def f40(): parser.add_argument('--deep')\nf0()",
    "a class of itself": "class A(A): pass\nclass B: pass\nB.__bases__ = (B,)\nB().x.y.z()\nA()",
    "an endless loop": "while True:\n    pass",
    "a long loop": "i = 0\nwhile i < 10 ** 9:\n    i += 1",
    "a comprehension tower": "x = [a + b + c for a in range(9000) for b in range(9000) for c in range(9000)]",
    "a loop over itself": "x = [1]\nfor i in x:\n    x.append(i)",
    "star of itself": "x = [1]\nx = [*x, *x, *x]\n" * 30,
    "an import of itself": "import run\nfrom run import *\nfrom . import run\nrun.parser.add_argument('--again')",
    "special numbers": "parser.add_argument('--a', default=float('nan'))\nparser.add_argument('--b', default=1e400)\n"
    "parser.add_argument('--c', default=10 ** 300)\nparser.add_argument('--d', default=1j)",
    "a surrogate": "parser.add_argument('--a', default='\\ud800', help='\\udfff')",
    "help of itself": "parser.add_argument('--a', help='%(default)999999999d %(x)s %', default=1)",
    "an unknown everything": "parser.add_argument(*b, **a)\nparser.add_argument(*b)\nparser.add_argument(*[1])\n"
    "parser.add_argument()\nparser.add_argument(None)\nparser.add_argument('')\nparser.add_argument('-')",
    "wrong fields": "parser.add_argument('--a', nargs=[], type=[], choices=1, required='x', dest=1, action=1,"
    " default=..., help=1, metavar=1)\nparser.add_argument('--b', choices=1)\nparser.add_argument('--c', dest=1)",
    "unhashable keys": "x = {[]: 1, {}: 2}; y = {(1, []): 2}; z = {*[[]]}; x[[]] = 1; y[{}]; z.add([])",
    "slices": "x = [1, 2][::0]; y = 'a'[1:'b']; z = (1,)[10 ** 30]; range(10 ** 30)[::10 ** 20]",
    "formats": "x = '{0.__class__}'.format(1); y = '{'.format(); z = '%s %s' % 1; '%(a)s' % {}; f'{1!r:^{2}}'",
    "match": "match x:\n    case {'a': [1, *rest]}:\n        parser.add_argument('--m')\n    case _:\n        pass",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_parsed_is_one_problem(name: str) -> None:
    began = time.process_time()
    found = report({"run.py": HEAD + UNREADABLE[name] + PATHS + TAIL})
    assert time.process_time() - began < SECONDS
    assert found.module is None or found.problems
    assert all(len(problem.message) < 1000 and problem.message.isprintable() for problem in found.problems)


@pytest.mark.parametrize("name", READABLE_BUT_USELESS)
def test_what_would_take_forever_is_given_up(name: str) -> None:
    began = time.process_time()
    found = of_script("try:\n    pass\nfinally:\n    pass\n" + READABLE_BUT_USELESS[name])
    assert time.process_time() - began < SECONDS
    assert found.module is not None
    assert {"input-path", "output-path"} <= {one.name for one in found.module.parameters}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe" + "import argparse".encode("utf-16-le"), "UTF-16"),
        (b"# -*- coding: no-such -*-\nimport argparse", "unknown encoding"),
        (b"# -*- coding: rot13 -*-\nimport argparse", "no text encoding"),
        (b"# -*- coding: ascii -*-\nx = '\xc3\xa4'", "line 2 is not ascii"),
        (b"x = 1\ny = '\xff'", "line 2 is not utf-8"),
        (b"x = 1\0", "NUL byte in line 1"),
    ],
)
def test_bytes_that_are_no_text_are_named(content: bytes, said: str) -> None:
    found = report({"run.py": content}, entry_point="run.py")
    assert found.refused
    assert said in found.problems[0].message


def test_old_mac_line_ends_form_feeds_and_a_byte_order_mark_are_no_trouble() -> None:
    script = (HEAD + "\f\n" + PATHS + TAIL).replace("\n", "\r").encode()
    found = report({"run.py": b"\xef\xbb\xbf" + script})
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]


def test_latin_1_is_read_as_its_coding_line_says() -> None:
    script = "# coding: latin-1\n" + HEAD + PATHS + "parser.add_argument('--a', default='ä')" + TAIL
    found = report({"run.py": script.encode("latin-1")})
    assert found.module.parameters[-1].default == "ä"


def test_links_and_files_that_could_not_be_fetched_are_named() -> None:
    entries = {"run.py": Entry("run.py", "symlink"), "requirements.txt": Entry("requirements.txt", "file")}
    found = read(Source(entries, {}), "p", entry_point="run.py")
    assert codes(found) == ["file-unreadable", "file-unreadable"]
    assert "symbolic link" in " ".join(problem.message for problem in found.problems)


def test_import_cycles_and_five_thousand_modules_are_read_in_time() -> None:
    files = {f"m{n}.py": f"from m{n + 1} import *\nimport m{n - 1}\ndef f(): pass\n" for n in range(5000)}
    files["run.py"] = "from m0 import *\nimport m1, m4999\n" + HEAD + PATHS + TAIL
    began = time.process_time()
    found = report(files)
    assert time.process_time() - began < SECONDS
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]


def test_settings_cannot_blow_up() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'}, *a]\n" for n in range(60)
    )
    for text in (
        bomb,
        "[" * 5000,
        "a: &a [*a]\nname: *a",
        "- 1",
        "\0",
        "x: !!python/object:os.system 1",
        "%",
        "'",
    ):
        found = report({".mlreef.yaml": text, "run.py": HEAD + PATHS + TAIL})
        assert any(problem.code.startswith("settings") for problem in found.problems)


@given(st.binary(max_size=300), st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_bytes_at_all_make_the_reader_raise(script: bytes, requirements: bytes, wishes: bytes) -> None:
    found = report(
        {"run.py": script, "requirements.txt": requirements, ".mlreef.yaml": wishes}, entry_point="run.py"
    )
    assert found.module is None or found.module.main == "run.py"


PROGRAM = (
    HEAD
    + PATHS
    + "f'{x}' @a.b(1) ** if else for in not lambda: class return None await global [] {} # \\ \n \n"
)
PIECES = st.sampled_from(re.findall(r"\w+|[^\w ]| ", PROGRAM))


@given(st.lists(PIECES, max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_pile_of_python_words_makes_the_reader_raise(pieces: list[str]) -> None:
    found = of_script(" ".join(pieces))
    assert found.module is not None or any(one.severity is Severity.ERROR for one in found.problems)
