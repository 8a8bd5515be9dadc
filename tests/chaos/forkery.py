"""A program that has loaded everything and forks doors and workers from it, each within milliseconds.

What a fork then runs is the product's own `run_door` and `run_worker`; only the seconds of importing are saved.
Orders come as lines of JSON on standard input: `{"role": "door" or "worker", "config", "trap", "log", "listen"}`.
The answer to each is a line with the process id. All forks end with this program.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from bot.app.door import run_door
from bot.app.worker import run_worker
from bot.config_file import load_config
from bot.serve import open_socket
from tests.chaos.trap import Trap

DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""

LOADED = (
    *("gunicorn.workers.gthread", "bot.adapters.forge", "bot.adapters.reader", "bot.adapters.registry"),
    *(
        "bot.doorkeeper",
        "bot.follow",
        "bot.publication",
        "bot.starting",
        "bot.sweeper",
        "bot.webhook",
        "bot.worker",
    ),
)
"""Imported only so that no fork has to."""


def main() -> None:
    """Fork whatever is asked for until standard input ends."""
    for module in LOADED:
        importlib.import_module(module)
    # the kernel forgets ended forks by itself, so that nobody takes a dead one for alive
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    doors: dict[str, socket.socket] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if order["role"] == "door" and order["listen"] not in doors:
            # held here as the supervisor holds it: while a door is dead its callers wait in the backlog
            doors[order["listen"]] = open_socket(order["listen"])
        pid = os.fork()
        if pid == 0:
            live(order, doors)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def live(order: dict[str, Any], doors: dict[str, socket.socket]) -> None:
    """The life of a fork; never returns."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.setsid()
    try:
        Trap(Path(order["trap"]), order["role"]).set()
        config = load_config(Path(order["config"]))
        if order["role"] == "door":
            run_door(config, doors[order["listen"]].fileno())
        else:
            run_worker(config)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main()
