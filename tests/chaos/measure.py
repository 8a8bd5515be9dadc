"""How much of the chaos is wanted, and where its figures go."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.figures import FIGURES

WHOLE = os.environ.get("MLREEF_TEST_CHAOS", "") == "whole"
"""Set by `make chaos`: everything instead of a slice, longer instead of shorter."""


def say(*lines: str) -> None:
    """Have lines printed at the end of the run."""
    FIGURES.extend(f"chaos: {line}" for line in lines)


def turn() -> int:
    """A number that grows with every commit of this repository, so that each takes another slice, always the same."""
    counted = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return int(counted.stdout.strip() or 0)
