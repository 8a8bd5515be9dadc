"""Recognises scripts that read their command line with something else than argparse."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from parser.model import Place, Problem
from parser.problems import problem
from parser.script import Script

FRAMEWORKS: Mapping[str, str] = {
    "click": "click",
    "typer": "typer",
    "absl.app": "absl",
    "absl.flags": "absl",
    "fire": "fire",
    "hydra": "Hydra",
    "tyro": "tyro",
    "docopt": "docopt",
    "optparse": "optparse",
    "getopt": "getopt",
    "jsonargparse": "jsonargparse",
    "simple_parsing": "simple-parsing",
    "configargparse": "ConfigArgParse",
    "tap": "typed-argument-parser",
    "transformers.HfArgumentParser": "HfArgumentParser",
    "plac": "plac",
    "cyclopts": "cyclopts",
}
"""Imported dotted name → the framework's own name."""

_MEND = (
    "Read the parameters with argparse instead: make an `argparse.ArgumentParser()`, add each parameter with"
    " `add_argument`, call `parse_args()` and pass the values on."
)


def other_framework(script: Script) -> Problem | None:
    """The problem that says which framework the script uses; None when none is seen."""
    for node in script.nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            framework = FRAMEWORKS.get(name) or FRAMEWORKS.get(name.partition(".")[0])
            if framework:
                return problem(
                    "other-framework", script.place(node), file=script.path, framework=framework, mend=_MEND
                )
    if "sys.argv" in script.text:
        line = script.text.count("\n", 0, script.text.index("sys.argv")) + 1
        place = Place(script.path, line)
        return problem("other-framework", place, file=script.path, framework="sys.argv", mend=_MEND)
    return None
