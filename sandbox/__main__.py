"""GitLab and registry alone, to play with: `python -m sandbox [--directory DIR] [--port PORT] [--jobs BASE]`.

Makes a user (administrator) and prints the addresses and the user's token as one line of JSON; runs until Ctrl-C.
With --jobs pipelines really run, in containers of the local engine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.executor import GitlabCiLocal
from sandbox.gitlab import Sandbox
from sandbox.node import ToolsMissing, ensure_helper_image, ensure_tools
from sandbox.registry import RegistryServer

USER = "root"


def main(argv: Sequence[str]) -> int:
    """See the module's first lines. Exit code 2: --jobs was asked for and something is missing."""
    parser = argparse.ArgumentParser("python -m sandbox", description="A GitLab and a registry to play with.")
    parser.add_argument(
        "--directory", type=Path, help="where their content goes (default: a temporary folder)"
    )
    parser.add_argument("--port", type=int, default=0, help="port of the GitLab (default: any that is free)")
    parser.add_argument(
        "--jobs", metavar="BASE", help="run pipelines; BASE is a local Debian image with Python"
    )
    options = parser.parse_args(argv)
    try:
        executor = (
            GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(options.jobs))
            if options.jobs
            else None
        )
    except ToolsMissing as lack:
        sys.stderr.write(f"{lack}\n")
        return 2
    # Whoever stops a service by SIGTERM wants it to end as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        directory = options.directory or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        registry = stack.enter_context(RegistryServer(directory / "registry"))
        gitlab = stack.enter_context(
            Sandbox(directory / "gitlab", port=options.port, executor=executor, registry=registry)
        )
        user = gitlab.create_user(USER, admin=True)
        line = {
            "gitlab": gitlab.url,
            "registry": registry.address,
            "user": user.username,
            "token": user.token,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
