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

from ci_templates.component_arguments import NotHandedOver, command_line

REFUSED = 2
"""The exit code for values that give no command line; argparse's own is the same."""


def main() -> int:
    """One run, from the job's variables to its exit code. Values stand behind a `=`, so that none is empty."""
    shape = json.loads(os.environ["MLREEF_MODULE"])
    values = {name: os.environ.get(variable, "=")[1:] for name, variable in shape["variables"].items()}
    try:
        words = command_line(shape, values)
    except NotHandedOver as refusal:
        sys.stderr.write(f"mlreef: {refusal}\n")
        return REFUSED
    command = [*shape["command"], *words]
    sys.stderr.write(f"mlreef: {' '.join(map(shlex.quote, command))}\n")
    sys.stderr.flush()
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
