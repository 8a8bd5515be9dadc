"""The folder that the smoke job runs: the candidate's test as plain files, and the plan beside it."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "smoke"
"""The folder's name among the artifacts; the templates hold the same."""

STOP: Mapping[str, Any] = {"verdict": "stop"}
"""The plan of a pipeline that publishes nothing."""

_START = """\
import sys
from pathlib import Path

from candidate.trial import main

sys.exit(main(Path(__file__).with_name("plan.json")))
"""


def write_smoke(artifacts: Path, plan: Mapping[str, Any]) -> None:
    """Writes the folder, which `python -I FOLDER` runs."""
    folder = artifacts / NAME
    code = folder / "candidate"
    code.mkdir(parents=True)
    for file in importlib.resources.files("bot.ci.candidate").iterdir():
        if file.name.endswith(".py"):
            (code / file.name).write_bytes(file.read_bytes())
    (folder / "__main__.py").write_text(_START, encoding="ascii")
    (folder / "plan.json").write_text(json.dumps(plan), encoding="ascii")
