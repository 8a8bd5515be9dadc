"""Bytecode is made by the base's own Python, and is the same whatever happened before."""

from __future__ import annotations

import _imp
import importlib.util
import io
import marshal
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import OperatorError
from bot.layers.bytecode import Compile, compiler
from bot.layers.interpreter import Interpreter, unpack_interpreter
from bot.layers.values import Layer
from tests.layers.making_bases import EXECUTABLE, PYTHON, base_of, layer, python_layers

SOURCES = (
    b"def f(x):\n    return x in {'axis', 'limit area'}\n\ndef g(x):\n    return x in {'axis', 'limit area'}\n",
    b"def f():\n    class Inner:\n        class Most:\n            axis = 'f.<locals>.Inner'\n    return Inner\n",
    b"class A:\n    class B:\n        def c(self, axis, inplace=1):\n            return lambda: (self, 'A.B', axis)\n",
    "é = 1\nµ = 'µ'\ná = 'limit area'\n".encode(),
    "x = ['é', 'µ', 'á', 'a', 'B', '', 'é']\n".encode(),
    b"x = 2.5 ** 0.3333, 1e300, -0.0, 10 ** 30, 10 ** 30, (1, None, ...), 'axis', 'Inner', 'Most', 'inplace'\n",
    b"try:\n    x = f'{1!r:>{5}}'\nexcept* ValueError as error:\n    del error\n" * 3,
    b"y = x in {None, 1, 2.0, 'B', (1, 'B'), b'B', frozenset}, x in {None, 1, 2.0, 'B', (1, 'B'), b'B'}\n",
    "async def f(__x, /, *rows, é: 'B' = 1):\n    return [y async for y in rows if (z := y)]\n".encode(),
    b'"""A module."""\nfrom __future__ import annotations\nx: dict[str, "A.B"] = {}\nassert x, "limit area"\n',
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that everybody may look into."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def interpreter(folder: Path) -> Interpreter:
    """This Python, out of layers."""
    layers = [("layer", lambda content=content: io.BytesIO(content)) for content in python_layers()]
    return unpack_interpreter("the base", layers, "/usr/local/bin/python3", PYTHON, folder / "python")


@pytest.fixture(scope="module")
def cache(folder: Path) -> Path:
    """Where an unpacked Python is kept for all."""
    return folder / "cache"


@pytest.fixture(scope="module")
def compilers(cache: Path) -> Iterator[tuple[Compile, Compile]]:
    """Two compilers that know nothing of each other."""
    base, opener = base_of(*python_layers())
    with (
        compiler(base, opener, EXECUTABLE, PYTHON, cache) as one,
        compiler(base, opener, EXECUTABLE, PYTHON, cache) as other,
    ):
        yield one, other


def test_bytecode_is_what_this_python_loads_and_holds_its_final_path_and_the_hash_of_its_source(
    compilers: tuple[Compile, Compile],
) -> None:
    source = b"def f():\n    return 'here'\n"
    (made,) = compilers[0]([("/opt/mlreef/env/lib/x.py", source)])
    assert made is not None
    magic = importlib.util.MAGIC_NUMBER
    assert made[:8] == magic + b"\x01\0\0\0"
    assert made[8:16] == _imp.source_hash(int.from_bytes(magic, "little"), source)
    code = marshal.loads(made[16:])  # noqa: S302  # made here, of the source above
    assert isinstance(code, CodeType)
    assert code.co_filename == "/opt/mlreef/env/lib/x.py"
    names: dict[str, Callable[[], str]] = {}
    exec(code, names)  # noqa: S102  # the same
    assert names["f"]() == "here"


@pytest.mark.parametrize(
    "source",
    [
        b"x = (\n",
        b"x = 1\0\n",
        b"# coding: no-such-thing\n",
        b"x = '\xff'\n",
        b"(" * 300 + b")" * 300,
        b"return 1\n",
    ],
)
def test_what_does_not_compile_has_no_bytecode_and_stops_nothing(
    compilers: tuple[Compile, Compile], source: bytes
) -> None:
    made = list(compilers[0]([("/a.py", b"x = 1\n"), ("/b.py", source), ("/c.py", b"x = 2\n")]))
    assert [content is None for content in made] == [False, True, False]


def test_other_encodings_and_names_that_are_no_utf_8_compile(compilers: tuple[Compile, Compile]) -> None:
    japanese = "# coding: shift-jis\nx = '日本'\n".encode("shift-jis")
    name = b"/opt/\xff.py".decode("utf-8", "surrogateescape")
    first, second = compilers[0]([("/a.py", japanese), (name, b"x = 1\n")])
    assert first is not None
    assert second is not None
    assert "日本" in marshal.loads(first[16:]).co_consts  # noqa: S302  # made here, of the source above


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.sampled_from(range(len(SOURCES))), min_size=1, max_size=30))
def test_bytecode_does_not_depend_on_what_was_compiled_before_nor_where(
    compilers: tuple[Compile, Compile], fresh: dict[int, bytes | None], order: list[int]
) -> None:
    for compile in compilers:
        made = list(compile([(f"/m{number}.py", SOURCES[number]) for number in order]))
        assert made == [fresh[number] for number in order]


@pytest.fixture(scope="module")
def fresh(cache: Path) -> dict[int, bytes | None]:
    """Each source compiled by a process that compiled nothing else."""
    made = {}
    for number, source in enumerate(SOURCES):
        base, opener = base_of(*python_layers())
        with compiler(base, opener, EXECUTABLE, PYTHON, cache) as compile:
            (made[number],) = compile([(f"/m{number}.py", source)])
    return made


def test_only_files_of_the_base_are_mapped_and_nothing_of_this_process_is_handed_on(
    interpreter: Interpreter,
) -> None:
    script = (
        "import os, sys\nprint(sys.flags.no_site, sorted(os.environ))\nprint(open('/proc/self/maps').read())"
    )
    done = subprocess.run(
        interpreter.command(script),
        cwd=interpreter.folder,
        env=dict(interpreter.environment()),
        capture_output=True,
        text=True,
        check=True,
    )
    told, _, maps = done.stdout.partition("\n")
    assert (
        told == "1 ['GLIBC_TUNABLES', 'LC_ALL', 'LD_PRELOAD', 'PYTHONHASHSEED', 'PYTHONHOME', 'PYTHONUTF8']"
    )
    mapped = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "/" in line}
    assert any("libc.so" in path for path in mapped)
    assert [path for path in mapped if not path.startswith(str(interpreter.folder))] == []


def test_an_ordinary_user_can_compile(interpreter: Interpreter) -> None:
    done = subprocess.run(
        interpreter.command("import os\nprint(os.getuid(), compile('1', '', 'eval').co_consts)"),
        cwd=interpreter.folder,
        env=dict(interpreter.environment()),
        user=65534 if os.getuid() == 0 else None,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[0] != "0"


def test_an_unpacked_base_is_kept_where_a_folder_is_given_and_not_asked_for_again(tmp_path: Path) -> None:
    base, opener = base_of(*python_layers())
    with compiler(base, opener, EXECUTABLE, PYTHON, tmp_path / "cache") as compile:
        first = list(compile([("/a.py", SOURCES[0])]))

    def closed(_: Layer) -> io.BytesIO:
        raise AssertionError("asked for again")

    with compiler(base, closed, EXECUTABLE, PYTHON, tmp_path / "cache") as compile:
        assert list(compile([("/a.py", SOURCES[0])])) == first
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_base_of_another_python_is_told_to_the_operator() -> None:
    base, opener = base_of(*python_layers())
    with (
        compiler(base, opener, EXECUTABLE, "3.99") as compile,
        pytest.raises(OperatorError, match=r"no standard library of Python 3\.99"),
    ):
        list(compile([("/a.py", b"")]))


def test_a_base_without_that_python_is_told_to_the_operator() -> None:
    base, opener = base_of(layer(("etc/passwd", b"")))
    with (
        compiler(base, opener, EXECUTABLE, PYTHON) as compile,
        pytest.raises(OperatorError, match=f"it has no {EXECUTABLE}"),
    ):
        list(compile([("/a.py", b"")]))


def test_a_broken_layer_is_told_to_the_operator() -> None:
    below, above = python_layers()
    base, opener = base_of(below[:-2000], above)
    with (
        compiler(base, opener, EXECUTABLE, PYTHON) as compile,
        pytest.raises(OperatorError, match="is broken"),
    ):
        list(compile([("/a.py", b"")]))


def test_a_python_that_does_not_start_is_told_with_what_it_said() -> None:
    below, above = python_layers()
    missing = layer(
        (f"usr/local/lib/python{PYTHON}/encodings/__init__.py", b"raise SystemError('no such luck')")
    )
    base, opener = base_of(below, above, missing)
    with (
        compiler(base, opener, EXECUTABLE, PYTHON) as compile,
        pytest.raises(OperatorError, match="no such luck"),
    ):
        list(compile([("/a.py", b"")]))


def test_compilers_end_with_whoever_started_them(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from tests.layers.making_bases import *\nfrom bot.layers.bytecode import compiler\n"
        "base, opener = base_of(*python_layers())\n"
        "with compiler(base, opener, EXECUTABLE, PYTHON) as compile:\n"
        "    list(compile([('/a.py', b'x = 1')]))\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    paths = os.pathsep.join((str(Path(__file__).parents[2]), str(Path(__file__).parent)))
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    try:
        assert parent.stdout.readline() == b"ready\n"
        assert _running_below(tmp_path)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    until = time.monotonic() + 10
    while _running_below(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    assert _running_below(tmp_path) == []
    shutil.rmtree(tmp_path)


def _running_below(folder: Path) -> list[str]:
    """Processes whose working folder is below this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = str((process / "cwd").readlink())
        except OSError:
            continue
        if here.startswith(str(folder)):
            found.append(process.name)
    return found
