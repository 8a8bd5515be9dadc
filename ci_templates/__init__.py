"""GitLab CI files with named holes, one per build engine, and the Dockerfile of a module."""

from __future__ import annotations

import re
from importlib.resources import files

PROGRAM = ("component_results.py", "component_arguments.py", "component_run.py")
"""The parts of the program that runs a module in a component's job, in their order."""

_OWN_LINES = re.compile(r"^from (?:ci_templates\S*|__future__) import (?:[^(\n]*|\([^)]*\))\n", re.MULTILINE)


def read_template(name: str) -> str:
    """The text of a template, such as `docker.yml` or `module.Dockerfile`."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def mlopen_files() -> dict[str, bytes]:
    """What runs control files in an image: path below the runner's folder → content."""
    found: dict[str, bytes] = {}
    folders = [("", files(__name__).joinpath("mlopen"))]
    while folders:
        above, folder = folders.pop()
        for one in folder.iterdir() if folder.is_dir() else ():
            path = f"{above}{one.name}"
            if one.is_dir():
                folders.append((f"{path}/", one))
            elif path.endswith(".py"):
                found[path] = one.read_bytes()
    return found


def read_program() -> str:
    """The program that runs a module in a component's job, as one text that needs no file beside it."""
    parts = [_OWN_LINES.sub("", read_template(name)) for name in PROGRAM]
    return "\n\n".join(["from __future__ import annotations", *parts])
