"""A job's processes: a group of their own, asked to end, and ended."""

from __future__ import annotations

import os
import signal
import subprocess

POLL_SECONDS = 0.05
"""How often a running job's log is looked at."""

GRACE_SECONDS = 10.0
"""What a job's processes get to end by themselves after SIGTERM."""


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the job's processes to end, which removes its containers, and end them if they do not."""
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def end_group(process: subprocess.Popen[bytes]) -> None:
    """What a shell job left in the background must not outlive it."""
    _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        # The group is gone already.
        return
