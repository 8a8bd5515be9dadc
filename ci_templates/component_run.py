"""Runs a published module in a job: values of inputs, command line, run, and what is kept of it.

Part of the program that runs in a component's job, in the module's own image. Python 3.8 or newer, and nothing but its
standard library.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ci_templates.component_arguments import (
    NotHandedOver,
    chosen,
    command_line,
    given_values,
    is_default,
    split_words,
)
from ci_templates.component_results import fetch_file, keep_model, open_metrics

REFUSED = 2
"""The exit code for values that give no command line; argparse's own is the same."""

RECORD, METRICS = "mlreef-run.json", "mlreef-metrics.txt"
"""What the run was, and what it measured; both are kept as artifacts."""


def main() -> int:
    """One run, from the job's variables to its exit code. Values stand behind a `=`, so that none is empty."""
    shape = json.loads(os.environ["MLREEF_MODULE"])
    values = {name: os.environ.get(variable, "=")[1:] for name, variable in shape["variables"].items()}
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MLREEF_")}
    try:
        shape = chosen(shape, values)
        for address in split_words("job-fetch", values.get("job-fetch", "")):
            fetch_file(address, "fetched")
        if values.get("job-model"):
            environment["MLREEF_MODEL"] = use_model(shape, values, fetch_file(values["job-model"], "model"))
        words = command_line(shape, values)
    except NotHandedOver as refusal:
        sys.stderr.write(f"mlreef: {refusal}\n")
        return REFUSED
    command = [*shape["command"], *words]
    sys.stderr.write(f"mlreef: {' '.join(map(shlex.quote, command))}\n")
    sys.stderr.flush()
    before = measured(shape, values)
    code = subprocess.run(command, env=environment, check=False).returncode
    # what lay there before, out of the repository or an earlier job, was not measured by this run
    found = [path for path, written in measured(shape, values).items() if before.get(path) != written]
    return keep_results(shape, values, found[:1], code if code >= 0 else 128 - code)


def measured(shape: Mapping[str, Any], values: Mapping[str, str]) -> dict[Path, int]:
    """Where an experiment.json lies, and when it was written, in nanoseconds."""
    folder = Path(values.get(shape["output"] or "", "."))
    places = dict.fromkeys((folder / "experiment.json", Path("experiment.json")))
    return {path: path.stat().st_mtime_ns for path in places if path.is_file()}


def use_model(shape: Mapping[str, Any], values: dict[str, str], path: str) -> str:
    """Hands a fetched model to the parameter that is there for it, if nobody gave that another value.

    A control file of mlopen loads one by its digest only, and the input names that.
    """
    bundle = shape["framework"] == "mlopen"
    sha256 = values["job-model"].partition("#sha256=")[2].lower()
    for one in shape["parameters"]:
        if one["input"] == shape["model"] and is_default(values[one["input"]], one):
            values[one["input"]] = f"{path}@sha256:{sha256}" if bundle else path
    return path


def keep_results(shape: Mapping[str, Any], values: Mapping[str, str], found: list[Path], code: int) -> int:
    """Writes down what the run was and what it measured, if it did; gives the job's exit code."""
    record = {
        "schema": 1,
        **{name: shape[name] for name in ("module", "slug", "version", "digest", "metrics")},
        "arguments": {
            **({"entry-point": shape["role"]} if shape["role"] else {}),
            **given_values(shape, values),
        },
        "exit_code": code,
        "experiment": str(found[0]) if found else None,
        "model": None,
    }
    if found:
        text = open_metrics(found[0])
        if text:
            Path(METRICS).write_text(text, encoding="utf-8")
    kept = values.get("job-keep-model")
    try:
        if kept and code == 0:
            record["model"] = keep_model(kept, shape["slug"], shape["version"])
    finally:
        Path(RECORD).write_text(json.dumps(record), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
