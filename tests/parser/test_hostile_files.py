"""Files made to break a reader: each gets a problem, quickly, and nothing is ever raised."""

import gc
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_files import READABLE_BUT_USELESS, UNREADABLE
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import HEAD, PATHS, TAIL, codes, of_script, report

from parser.model import Severity
from parser.read import read
from parser.source import Entry, Source, load_source

SECONDS = 2.0


@pytest.fixture(autouse=True)
def only_the_reader_is_measured() -> Iterator[None]:
    """What other tests have left is not looked through for garbage while a reading is timed."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


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
        (b"\xff\xfe\0\0" + "import argparse".encode("utf-32-le"), "UTF-32"),
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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("print 'hello'", "Python 2"),
        ("raise ValueError, 'x'", "Python 2"),
        ("type Size = int", "Python 3.12"),
        ("def first[T](items: list[T]) -> T: ...", "Python 3.12"),
        ("class Box[T]: ...", "Python 3.12"),
        ("x = f'{\"\\n\".join([])}'", "Python 3.12"),
        ("x = t'{size}'", "Python 3.14"),
        ("try: pass\nexcept ValueError, TypeError: pass", "Python 3.14"),
    ],
)
def test_the_python_that_a_source_is_written_for_is_named(line: str, said: str) -> None:
    found = of_script(line)
    known = sys.version_info[:2] >= tuple(int(part) for part in said.split()[1].split(".")) > (3,)
    assert known == (found.module is not None)
    assert known or f"looks like {said}" in found.problems[0].message


def test_a_file_of_ten_megabytes_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_bytes(b"(" * 10_000_000)
    began = time.process_time()
    found = read(load_source(tmp_path), "p", entry_point="run.py")
    assert time.process_time() - began < SECONDS
    assert codes(found)[0] == "file-unreadable"


def test_five_thousand_modules_on_a_disk_are_read_in_time(tmp_path: Path) -> None:
    for number in range(5000):
        (tmp_path / f"m{number}.py").write_text(f"from m{number + 1} import *\n")
    (tmp_path / "run.py").write_text("from m0 import *\n" + HEAD + PATHS + TAIL)
    (tmp_path / "requirements.txt").write_text("")
    began = time.process_time()
    found = read(load_source(tmp_path), "p")
    assert time.process_time() - began < SECONDS
    assert found.module is not None


@pytest.mark.alone
def test_a_repository_of_many_large_scripts_is_read_in_time() -> None:
    large = "parser.parse_args\n" * 20_000
    found = report({f"s{number}.py": HEAD + large + TAIL for number in range(60)})
    assert found.module is None
    began = time.process_time()
    found = report(
        {f"s{number}.py": HEAD + large + TAIL for number in range(60)} | {"run.py": HEAD + PATHS + TAIL}
    )
    assert time.process_time() - began < SECONDS
    assert found.refused


def test_modules_beyond_what_is_read_are_left_alone() -> None:
    files = {f"m{number}.py": "x = 1\n" * 40_000 for number in range(9)}
    imports = "".join(f"import m{number}\nm{number}.x\n" for number in range(9))
    found = report({**files, "run.py": imports + HEAD + PATHS + TAIL})
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]
    assert not found.refused


def test_imports_do_not_leave_the_repository(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("NAME = '--secret'\n")
    inside = tmp_path / "repository"
    inside.mkdir()
    (inside / "linked.py").symlink_to(tmp_path / "secret.py")
    (inside / "folder").symlink_to(tmp_path)
    (inside / "requirements.txt").write_text("")
    body = (
        "from linked import NAME as a\nfrom folder.secret import NAME as b\nfrom ..secret import NAME as c\n"
    )
    adds = "".join(f"parser.add_argument({name})\n" for name in "abc")
    (inside / "run.py").write_text(body + HEAD + PATHS + adds + TAIL)
    found = read(load_source(inside), "p")
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]
    assert "secret" not in str([one.message for one in found.problems if "--secret" in one.message])


def test_mutual_recursion_between_modules_ends() -> None:
    files = {
        "a.py": "import b\ndef f(parser, n):\n    b.g(parser, n + 1)\n",
        "b.py": "import a\ndef g(parser, n):\n    a.f(parser, n + 1)\n    parser.add_argument('--n%d' % n)\n",
        "run.py": "import a\n" + HEAD + PATHS + "a.f(parser, 0)\n" + TAIL,
    }
    began = time.process_time()
    found = report(files)
    assert time.process_time() - began < SECONDS
    assert {"input-path", "output-path"} <= {one.name for one in found.module.parameters}


def test_many_imports_of_nearly_the_names_of_many_modules_are_compared_in_time() -> None:
    files = {f"module_number_{n}.py": "def f(): pass\n" for n in range(5000)}
    imports = "".join(f"from modul_number_{n} import g\n" for n in range(300))
    began = time.process_time()
    found = report({**files, "run.py": imports + HEAD + PATHS + TAIL})
    assert time.process_time() - began < SECONDS
    assert not found.refused


@pytest.mark.parametrize("flag", ["--m\u043ede", "--\uff4dode", "--\U0001d426ode"])
def test_a_name_with_letters_that_look_alike_is_told(flag: str) -> None:
    assert "name-confusable" in codes(of_script(f"parser.add_argument({flag!r})"))


@pytest.mark.parametrize("flag", ["--größe", "--размер", "--α", "--mode"])
def test_a_name_of_one_alphabet_is_nothing_to_tell(flag: str) -> None:
    assert "name-confusable" not in codes(of_script(f"parser.add_argument({flag!r})"))


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


@pytest.mark.parametrize("line", ["!pip install numpy", "%matplotlib inline", "    !ls"])
def test_a_line_of_a_notebook_is_named_as_that(line: str) -> None:
    (told,) = [
        one for one in report({"run.py": f"import os\n{line}\n"}).problems if one.code == "syntax-error"
    ]
    assert "a notebook's" in told.message
