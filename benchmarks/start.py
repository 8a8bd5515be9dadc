"""How long `mlreef-bot describe` of the sample takes, from nothing to its end, as an installed program.

python -m benchmarks.start
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROUNDS = 25
LIMIT_MS = 150.0
"""The median of the rounds."""

ROOT = Path(__file__).parents[1]


def milliseconds(command: Sequence[str], environment: Mapping[str, str]) -> list[float]:
    """What each round took."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=dict(environment), check=True, stdout=subprocess.DEVNULL)
        took.append((time.perf_counter() - began) * 1e3)
    return took


def main() -> int:
    """Prints both times; exit code 1 when the limit is exceeded."""
    with tempfile.TemporaryDirectory() as compiled:
        # An installed program has its modules compiled; here they are compiled by the first run.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = compiled
        describe = [sys.executable, "-m", "bot", "describe", "samples/add-noise"]
        nothing = [sys.executable, "-c", "pass"]
        for command in (describe, nothing):
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        rows = {
            name: milliseconds(command, environment)
            for name, command in (("mlreef-bot describe", describe), ("Python itself", nothing))
        }
    for name, took in rows.items():
        print(f"{name:22} median {statistics.median(took):6.0f} ms   fastest {min(took):6.0f} ms")
    print(f"limit of the median {LIMIT_MS:.0f} ms")
    return int(statistics.median(rows["mlreef-bot describe"]) > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
