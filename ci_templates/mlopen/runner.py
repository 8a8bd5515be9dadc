"""Runs a control file: `python runner.py CONTROL_FILE train|run …`.

The stand-in for `mlopenapp` is imported before anything of the repository can be, so no file there takes its place.
Then Python finds modules as it does for a script: first in the control file's folder, last in this one.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

HERE = str(Path(__file__).resolve().parent)


def main() -> int:
    """The exit code: 0 done; 1 the control file must be mended; 2 the command line must."""
    if len(sys.argv) < 2:
        sys.stderr.write("usage: runner.py CONTROL_FILE train|run ...\n")
        return 2
    sys.path[:] = [HERE, *(folder for folder in sys.path if folder != HERE)]
    run_command = importlib.import_module("mlopenapp._run.command").run_command

    sys.path[:] = [*sys.path[1:], HERE]
    return int(run_command(Path(sys.argv[1]), sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
