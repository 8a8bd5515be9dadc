"""A module with two entry points, made of two scripts as the parser makes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from parser.model import EntryPoint, Module
from parser.read import read
from parser.source import load_source

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


def several(folder: Path, scripts: Mapping[str, str] = SCRIPTS) -> Module:
    """The scripts as files `ROLE.py` of the folder, and the module that they are."""
    (folder / "requirements.txt").touch()
    for role, text in scripts.items():
        (folder / f"{role}.py").write_text(text)
    points, parameters = [], []
    modules = {role: read(load_source(folder), "test", f"{role}.py").module for role in scripts}
    for role, module in modules.items():
        assert module is not None
        points.append(EntryPoint(role, f"{role}.py", module.framework))
        parameters += [replace(one, subcommand=(role, *one.subcommand)) for one in module.parameters]
    first = next(iter(modules.values()))
    assert first is not None
    return replace(first, entry_points=tuple(points), parameters=tuple(parameters))
