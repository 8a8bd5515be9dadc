"""The command lines of Python's own library: what is read from them is what their `--help` says."""

import os
import re
import subprocess
import sys

import pytest

from fidelity.corpus import Candidate, candidates, standard_library
from parser.read import read
from parser.source import Source, load_source

LIBRARY = standard_library()
SECONDS = 20
# Those that print help with argparse, by their module's name.
MODULES = [
    *(
        "ast",
        "calendar",
        "cProfile.never",
        "compileall",
        "dis",
        "ensurepip",
        "gzip",
        "http.server",
        "inspect",
    ),
    *("json.tool", "mimetypes.never", "pickle", "pickletools", "py_compile", "random.never", "site.never"),
    *(
        "tarfile",
        "timeit.never",
        "tokenize",
        "trace",
        "unittest.never",
        "uuid.never",
        "venv",
        "zipapp",
        "zipfile",
    ),
]


def scripts() -> list[Candidate]:
    wanted = {name.replace(".", "/") + ".py" for name in MODULES}
    wanted |= {name.replace(".", "/") + "/__main__.py" for name in MODULES}
    return [one for one in candidates(LIBRARY) if one.path in wanted]


@pytest.fixture(scope="module")
def source() -> Source:
    return load_source(LIBRARY.root)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize("script", scripts(), ids=lambda one: one.path)
def test_a_command_line_of_the_library_reads_as_its_help_says(script: Candidate, source: Source) -> None:
    module = script.path.removesuffix("/__main__.py").removesuffix(".py").replace("/", ".")
    told = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        env={**os.environ, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    ).stdout
    found = read(source, "library", script.path).module
    assert found is not None
    parameters = [one for one in found.parameters if not one.subcommand]
    options = {flag for one in parameters for flag in one.flags} | {"-h", "--help"}
    listed = re.findall(r"^  (-[^\n]*?)(?:  |$)", told, re.MULTILINE)
    assert {flag for line in listed for flag in re.findall(r"(?:^|, )(--?[\w-]+)", line)} == options
    for one in parameters:
        if one.help and "%" not in one.help:
            assert words(one.help) in words(told), one.name
