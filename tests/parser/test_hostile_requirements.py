"""Files of requirements that want to cost much: each is done with in two seconds of a core."""

import time

import pytest
from repositories import HEAD, PATHS, TAIL, report, source

from parser.requirements import read_requirements

MIB = 1024 * 1024
SECONDS = 2.0

LINES = {
    "one package on every line": "a>1\n" * 20_000,
    "one package with ever other versions": "".join(f"a>{number}\n" for number in range(20_000)),
    "contradictions": "".join(f"a=={number}\n" for number in range(20_000)),
    "blanks": "a" + " " * (MIB - 3) + "b",
    "hashes and blanks": " #" * (MIB // 2 - 1),
    "number signs": "#a" * (MIB // 2 - 1),
    "continuations": "\\\n" * (MIB // 2 - 1),
    "brackets": "a" + "[" * (MIB - 2),
    "brackets of conditions": "a; " + "(" * 3_000,
    "many brackets of conditions": "a; " + "(" * (MIB - 5),
    "conditions": "a; " + "os_name=='a' or " * 60_000,
    "quotes": "-r " + "'\"" * (MIB // 2 - 2),
    "dashes": "- " * (MIB // 2 - 1),
    "addresses": "://a@" * (MIB // 5),
    "slashes": "a @ " + "/" * (MIB - 5),
    "commas": "a" + "," * (MIB - 2),
    "versions": "a==" + "1." * (MIB // 2 - 3),
    "includes": "-r requirements.txt\n" * 20_000,
    "a wheel": "https://a/" + "a-" * (MIB // 2 - 20) + ".whl",
    "variables": "${A" * (MIB // 3 - 1),
}


@pytest.mark.parametrize("what", sorted(LINES))
def test_a_hostile_requirements_file_is_done_with_in_time(what: str) -> None:
    began = time.process_time()
    _, problems = read_requirements(source({"requirements.txt": LINES[what][: MIB - 1]}), None)
    assert time.process_time() - began < SECONDS
    assert problems or what in ("number signs", "hashes and blanks", "continuations")


PACKAGE = '[[package]]\nname = "a"\n'
ROOT = '[[package]]\nname = "r"\nsource = { virtual = "." }\ndependencies = ['
LISTS = {
    "uv.lock": PACKAGE * 8_000 + ROOT + '{ name = "a" },' * 8_000 + "]\n",
    "poetry.lock": PACKAGE * 20_000,
    "pyproject.toml": "[project]\ndependencies = [" + '"a",' * 50_000 + "]\n",
    "Pipfile": "[packages]\n" + "".join(f'a{number} = "^1"\n' for number in range(20_000)),
    "environment.yml": "dependencies:\n" + "- a=1\n" * 5_000,
    "Pipfile.lock": '{"default": {' + ",".join(f'"a{number}": {{}}' for number in range(20_000)) + "}}",
}


@pytest.mark.parametrize("file", sorted(LISTS))
def test_a_hostile_list_of_another_tool_is_done_with_in_time(file: str) -> None:
    assert len(LISTS[file]) < MIB
    began = time.process_time()
    _, problems = read_requirements(source({"requirements.txt": None, file: LISTS[file]}), None)
    assert time.process_time() - began < SECONDS
    assert problems


@pytest.mark.parametrize(
    "imports",
    [
        "".join(f"import a{number}\n" for number in range(3_000)),
        "from . import " + ", ".join(f"a{number}" for number in range(3_000)) + "\n",
        "import " + ", ".join(f"a{number}" for number in range(3_000)) + "\n",
    ],
)
def test_hostile_imports_are_done_with_in_time(imports: str) -> None:
    requirements = "".join(f"p{number}\n" for number in range(1_900))
    script = f"def f():\n    {imports.replace(chr(10), chr(10) + '    ')}\n{HEAD}{PATHS}{TAIL}"
    began = time.process_time()
    found = report({"run.py": script, "requirements.txt": requirements})
    assert time.process_time() - began < SECONDS
    assert not found.refused
