"""The whole way, live: `python -m sandbox.demo [--engine layers|docker] [--sample noise|mlopen] [--repo DIR] [--keep]`.

Everything that a person reads goes to stderr. stdout gets one line of JSON, the outcome. Exit codes: 0 published,
1 refused or failed, 2 something is missing here, 3 a fault of the demo.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox.demo import checks
from sandbox.demo.children import DemoError
from sandbox.demo.outcome import EXIT_CODES
from sandbox.demo.terminal import Line, Style, Terminal

DEADLINE_SECONDS = 20 * 60
"""The demo ends by then, whatever happens."""

CLEANUP_SECONDS = 45
"""Ending what was started may take so long; then the rest is killed with the demo."""

COULD_NOT_START, OWN_FAULT, INTERRUPTED = 2, 3, 130


class Deadline(Exception):
    """The time is over."""


class Terminated(BaseException):
    """Somebody asked the demo to end."""


def main(argv: Sequence[str]) -> int:
    """See the module's first lines."""
    options = _options(argv)
    terminal = Terminal(sys.stderr)
    lacks = checks.missing(options.engine)
    if lacks:
        terminal.tell_all(checks.lines(lacks))
        return COULD_NOT_START
    repository = Path(options.repo).expanduser().resolve() if options.repo else None
    if repository is not None and not repository.is_dir():
        terminal.tell(Line(f"--repo: {repository} is no directory", Style.BAD))
        return COULD_NOT_START
    _listen_to_signals(options.deadline)
    try:
        from sandbox.demo.play import play

        outcome = play(
            repository,
            terminal,
            engine=options.engine,
            sample=options.sample,
            keep=options.keep,
            tell_outcome=_tell_outcome,
        )
        return EXIT_CODES[outcome.ending]
    except Deadline:
        terminal.tell(
            Line(f"The demo was not done within {options.deadline} seconds and was ended.", Style.BAD)
        )
        return OWN_FAULT
    except DemoError as error:
        terminal.tell(Line(f"The demo cannot go on: {error}", Style.BAD))
        return OWN_FAULT
    except (KeyboardInterrupt, Terminated):
        terminal.tell(Line("Ended as asked; nothing is left running.", Style.FAINT))
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - whatever it is, a person reads it and the exit code says whose fault it is
        terminal.tell(*traceback.format_exc().splitlines())
        return OWN_FAULT


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m sandbox.demo", description="Publish a repository, live, on real parts."
    )
    parser.add_argument(
        "--engine",
        choices=checks.ENGINES,
        default=checks.LAYERS,
        help="what builds the image (default: layers)",
    )
    parser.add_argument(
        "--sample",
        choices=checks.SAMPLES,
        default=checks.NOISE,
        help="what is published: a script that adds noise to pictures, or a control file (default: noise)",
    )
    parser.add_argument("--repo", metavar="DIR", help="a repository of your own instead of the sample")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    parser.add_argument(
        "--deadline", type=int, default=DEADLINE_SECONDS, metavar="SECONDS", help="end by then"
    )
    return parser.parse_args(argv)


def _tell_outcome(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _listen_to_signals(deadline: int) -> None:
    def over(number: int, frame: FrameType | None) -> NoReturn:
        _hurry()
        raise Deadline

    def asked(number: int, frame: FrameType | None) -> NoReturn:
        _hurry()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated

    signal.signal(signal.SIGALRM, over)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked)
    signal.alarm(deadline)


def _hurry() -> None:
    """From here on the demo only cleans up: no second signal may tear that, and it may not last."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end = time.monotonic() + CLEANUP_SECONDS

    def give_up(number: int, frame: FrameType | None) -> None:
        # The deadline may have been on its way already when the demo was asked to end.
        if time.monotonic() >= end:
            os._exit(OWN_FAULT)

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, CLEANUP_SECONDS, 1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Server threads that wait for a peer must not keep a finished demo alive.
    os._exit(code)
