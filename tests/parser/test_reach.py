"""What works in an author's shell and not in the image: imports that a file run by its path cannot make."""

import subprocess
import sys
from pathlib import Path

import pytest
from repositories import HEAD, PATHS, TAIL, report

from parser.model import Problem, Severity

UP = "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).resolve().parents[1]))\n"


def told(imports: str, at: str = "run.py", requirements: str = "", **beside: str) -> list[Problem]:
    """What is said of the reach of imports at the head of a script that lies at `at`; `beside`: name → folder."""
    files = {f"{folder}{name}.py": "X = 1\n" for name, folder in beside.items()}
    files |= {at: f"{imports}\n{HEAD}{PATHS}{TAIL}", "requirements.txt": requirements}
    codes = ("import-relative", "import-out-of-reach")
    return [one for one in report(files).problems if one.code in codes]


def test_a_relative_import_of_the_script_itself_is_an_error() -> None:
    (one,) = told("from .helpers import X", "pkg/run.py", helpers="pkg/")
    assert (one.code, one.severity, one.place.line) == ("import-relative", Severity.ERROR, 1)
    assert "`python pkg/run.py`" in one.message
    assert "`from helpers import X`" in one.hint


@pytest.mark.parametrize(
    ("imports", "written"),
    [
        ("from .helpers import X as Y", "Write `from helpers import X as Y` if"),
        ("from . import helpers", "Write `import helpers` if"),
        ("from ..helpers import X", "Import this file's package"),
        (f"from .helpers import {', '.join('X' * n for n in range(1, 20))}", "Import this file's package"),
    ],
)
def test_the_mend_of_a_relative_import_is_one_that_can_help(imports: str, written: str) -> None:
    (one,) = told(imports, "pkg/run.py", helpers="pkg/")
    assert one.hint.startswith(written)


@pytest.mark.parametrize(
    "imports",
    [
        "try:\n    from .helpers import X\nexcept ImportError:\n    from helpers import X",
        "def f():\n    from .helpers import X",
        "if __package__:\n    from .helpers import X",
        "__package__ = 'pkg'\nfrom .helpers import X",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .helpers import X",
    ],
)
def test_nothing_is_said_of_a_relative_import_that_may_be_left_out(imports: str) -> None:
    assert told(imports, "pkg/run.py", helpers="pkg/") == []


@pytest.mark.parametrize(
    ("imports", "at", "folder"),
    [
        ("from lib.helpers import X", "tools/run.py", "lib/"),
        ("import helpers", "tools/run.py", ""),
        ("import helpers", "tools/deep/run.py", "tools/"),
        ("import lib.helpers", "run.py", "src/lib/"),
    ],
)
def test_a_module_that_lies_where_python_does_not_look_is_told_once(
    imports: str, at: str, folder: str
) -> None:
    (one,) = told(f"{imports}\n{imports}", at, helpers=folder)
    assert (one.code, one.severity, one.place.line) == ("import-out-of-reach", Severity.WARNING, 1)
    assert f"`python {at}`" in one.message


@pytest.mark.parametrize(
    ("imports", "at", "requirements", "folder"),
    [
        ("import helpers", "tools/run.py", "", "tools/"),
        ("import helpers.x", "run.py", "", ""),
        ("import helpers", "tools/run.py", "helpers==1.0", ""),
        ("import helpers", "tools/run.py", "https://example.org/a.zip", ""),
        ("import json", "tools/run.py", "", ""),
        ("def f():\n    import helpers", "tools/run.py", "", ""),
        (UP + "import helpers", "tools/run.py", "", ""),
    ],
)
def test_nothing_is_said_of_a_module_that_may_be_found(
    imports: str, at: str, requirements: str, folder: str
) -> None:
    assert told(imports, at, requirements, helpers=folder) == []


@pytest.mark.parametrize(
    ("imports", "at", "folder"),
    [
        ("from .helpers import X", "pkg/run.py", "pkg/"),
        ("from lib.helpers import X", "tools/run.py", "lib/"),
        ("from lib.helpers import X", "src/tools/run.py", "src/lib/"),
        ("from lib.helpers import X", "tools/run.py", "src/lib/"),
        ("from helpers import X", "tools/run.py", "tools/"),
        ("from lib.helpers import X", "run.py", "src/lib/"),
    ],
)
def test_python_agrees_and_the_mend_that_is_offered_mends(
    tmp_path: Path, imports: str, at: str, folder: str
) -> None:
    problems = told(imports, at, helpers=folder)
    for path in (at, f"{folder}helpers.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / "helpers.py").write_text("X = 1\n")
    script = tmp_path / at

    def runs(text: str) -> bool:
        script.write_text(text)
        return subprocess.run([sys.executable, script], capture_output=True, timeout=60).returncode == 0

    assert runs(imports) == (problems == [])
    if problems:
        quoted = problems[0].hint.split("`")[1]
        relative = problems[0].code == "import-relative"
        assert runs(quoted if relative else f"import sys\nfrom pathlib import Path\n{quoted}\n{imports}")
