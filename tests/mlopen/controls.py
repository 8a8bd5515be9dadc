"""Control files for the tests, and the command that runs them as an image does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RUNNER = Path(__file__).parents[2] / "ci_templates" / "mlopen" / "runner.py"
SECONDS = 60
"""How long one run may take on a busy machine."""

COUNTING = """\
import os

from mlopenapp.utils import io_handler as io


def get_params(run=True):
    if run:
        return {"k": ("integer", {"default": 5}), "data": ("file"), "column_names": ("string")}
    return {"train - pos samples": ("upload"), "rate": ("float", {"default": 0.5})}


def train(inpt, params=None):
    inpt.open("r")
    lines = inpt.readlines()
    io.save_pipeline([(len(lines), "count")], [(sorted(params), "names")], os.path.basename(__file__))


def run_pipeline(input, model, args, params=None):
    return {"data": [[model, str(args), str(params)]]}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def model(self) -> str:
        """What the training says to give as `--model`."""
        found = re.search(r"run --model (\S+)$", self.err, re.MULTILINE)
        assert found is not None, self.err
        return found[1]


def write(folder: Path, text: str, name: str = "counting_control.py") -> Path:
    """A control file, and something to read beside it."""
    (folder / "lines.txt").write_text("one\ntwo\nthree\n")
    control = folder / name
    control.parent.mkdir(parents=True, exist_ok=True)
    control.write_text(text)
    return control


def run(control: Path, *words: str, before: Sequence[str] = ()) -> Ran:
    """One run in a process of its own, in the control file's folder; `before`: what starts it."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [*before, sys.executable, str(RUNNER), str(control), *words],
        cwd=control.parent,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
