"""Repositories whose image starts with files of ours: two entry points, or a control file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from parser.model import Module
from parser.read import read
from parser.source import load_source
from tests.mlopen.controls import COUNTING

TRAIN = '''"""Learns from a table, and writes what it learnt."""
import argparse, sys

p = argparse.ArgumentParser()
p.add_argument("--input-path", required=True, help="the table to learn from")
p.add_argument("--output-path", required=True)
p.add_argument("--epochs", type=int, default=3)
p.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")

if __name__ == "__main__":
    a = p.parse_args()
    print("trained", a.input_path, a.output_path, a.epochs, a.optimizer)
'''

INFER = '''"""Says what is in new data."""
import argparse

p = argparse.ArgumentParser()
p.add_argument("--input-path", required=True)
p.add_argument("--output-path", required=True)
p.add_argument("--model", required=True)
p.add_argument("--threshold", type=float, default=0.5)

if __name__ == "__main__":
    a = p.parse_args()
    print("inferred", a.input_path, a.output_path, a.model, a.threshold)
'''

SCRIPTS: Mapping[str, str] = {"train": TRAIN, "infer": INFER}

LAUNCHED: Mapping[str, Mapping[str, str]] = {
    "two entry points": {
        "tools/train.py": TRAIN,
        "infer.py": INFER,
        ".mlreef.yaml": "entry_points:\n  train: tools/train.py\n  infer: infer.py\n",
    },
    "a control file": {
        "counting_control.py": COUNTING,
        ".mlreef.yaml": "entry_points: {main: counting_control.py}\n",
    },
}
"""Files of each kind, beside whatever else a repository has."""


def several(folder: Path, scripts: Mapping[str, str] = SCRIPTS) -> Module:
    """The scripts as files `ROLE.py` of a repository in the folder, and the module that they are."""
    (folder / "requirements.txt").touch()
    for role, text in scripts.items():
        (folder / f"{role}.py").write_text(text)
    lines = "".join(f"  {role}: {role}.py\n" for role in scripts)
    (folder / ".mlreef.yaml").write_text(f"entry_points:\n{lines}")
    report = read(load_source(folder), "forest")
    assert report.module is not None, report.problems
    return report.module
