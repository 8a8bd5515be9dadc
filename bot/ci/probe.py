"""Asks a module's script, inside its image, whether it accepts the parameters that were read from it.

This file is copied into the smoke job as it is: only the standard library, Python 3.8 or later. It reads
smoke.json beside it. No probe runs the script's body: argparse checks the values that stand before `--help`,
prints the help and ends.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

TAIL_BYTES = 256 * 1024
"""Bytes of a script's output that are kept."""

SHOWN_LINES = 12
"""Lines of a script's output that are shown when it refuses."""

END_SECONDS = 5
"""Seconds that the output of an ended script is waited for."""

NOT_PUBLISHED = "Not published:"
"""Begins the line that says why; the service looks for the same words, but this file runs without the service."""

_OURS = ("CI_", "GITLAB_", "MLREEF_", "FF_", "RUNNER_", "DOCKER_AUTH", "TRACEPARENT")


def main(plan_file: Path) -> int:
    """Runs the plan; 0 when the script accepts all that it must."""
    plan = json.loads(plan_file.read_text(encoding="utf-8"))
    if plan["verdict"] != "publish":
        say("There is no new image to try: this pipeline does not publish.")
        return 0
    word = plan["help"]["word"]
    tried = " ".join([*plan["command"], "…", word])
    say("Trying " + tried + ", with every parameter in its turn; its body is not run.")
    refused: list[str] = []
    for group in plan["groups"]:
        shown = _ask(plan, group["prefix"])
        name = " ".join([*group["prefix"], word])
        if shown.why is None:
            say("  ok " + name)
            refused += _try_group(plan, group, shown.text)
            continue
        _say_refusal("no", name, shown)
        refused.append(name)
        if not group["prefix"]:
            last = shown.text.strip().splitlines()[-1:] or ["It printed nothing."]
            say(NOT_PUBLISHED + " the script does not even print its help, " + shown.why + ". " + last[0])
            return 1
    for skipped in plan["skipped"]:
        say("  ?  " + skipped["name"] + ": not tried, " + skipped["why"])
    if not refused:
        say("The script accepts what was read from it.")
        return 0
    say("What the image accepts and what was read from the script must agree: see the lines above.")
    say(NOT_PUBLISHED + " the script does not accept what was read from it: " + ", ".join(refused) + ".")
    return 1


class Answer:
    """How a script ended: `why` is None when well, else words; and the end of what it printed."""

    def __init__(self, why: str | None, text: str) -> None:
        self.why = why
        self.text = text


def _try_group(plan: dict[str, Any], group: dict[str, Any], help_text: str) -> list[str]:
    """Tries all probes of a group at once where they allow it, else one by one; names those that are refused."""
    prefix = group["prefix"]
    together = [probe for probe in group["probes"] if probe["together"]]
    words = [word for probe in together for word in probe["words"]]
    at_once = len(together) > 1 and _ask(plan, [*prefix, *words]).why is None
    refused = []
    for probe in group["probes"]:
        answer = Answer(None, "")
        if not (at_once and probe["together"]):
            answer = _ask(plan, [*prefix, *probe["words"]])
        if answer.why is None and not _is_known(plan, prefix, probe, help_text):
            answer = Answer("the script does not know it", "")
        if answer.why is None:
            say("  ok " + probe["name"])
            continue
        _say_refusal("no" if probe["must"] else "? ", probe["name"], answer)
        if probe["must"]:
            refused.append(probe["name"])
    return refused


def _is_known(plan: dict[str, Any], prefix: list[str], probe: dict[str, Any], help_text: str) -> bool:
    """Whether the parameter is there at all: argparse overlooks an unknown one when it comes to --help.

    The help names it; or else words that argparse must refuse, if it knows the parameter, are refused.
    """
    mentioned = re.search(r"(?<![\w-])" + re.escape(probe["mention"]) + r"(?![\w-])", help_text)
    if mentioned or plan["help"]["names_all"]:
        return bool(mentioned)
    return not probe["refused"] or _ask(plan, [*prefix, *probe["refused"]]).why is not None


def _say_refusal(sign: str, name: str, answer: Answer) -> None:
    say("  " + sign + " " + name + ": " + str(answer.why))
    for line in [line for line in answer.text.splitlines() if line.strip()][-SHOWN_LINES:]:
        say("       | " + line)


def _ask(plan: dict[str, Any], words: list[str]) -> Answer:
    """Runs the script once, with these words and the one that asks for help behind them."""
    helped = plan["help"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    environment["COLUMNS"] = "100"
    try:
        process = subprocess.Popen(
            [*plan["command"], *words, helped["word"]],
            cwd=plan["directory"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Answer(f"it cannot be started: {error}", "")
    tail = bytearray()
    reader = threading.Thread(target=_keep_tail, args=(process, tail), daemon=True)
    reader.start()
    why: str | None = None
    code: int | None = None
    try:
        code = process.wait(plan["seconds"])
    except subprocess.TimeoutExpired:
        why = f"it did not end within {plan['seconds']} seconds"
    else:
        if code < 0:
            why = f"it was ended by {_signal_name(-code)}"
        elif code:
            why = f"it ended with exit code {code}"
    _end(process)
    reader.join(END_SECONDS)
    text = bytes(tail).decode("utf-8", "replace")
    if code is not None and code == helped["code"]:
        # Some end with the code of a failure even so; then their help must be there to be seen.
        return Answer(None if helped["shows"] in text else "it did not print its help", text)
    return Answer(why, text)


def _keep_tail(process: subprocess.Popen[bytes], tail: bytearray) -> None:
    stream = process.stdout
    while stream is not None:
        piece = os.read(stream.fileno(), 65536)
        if not piece:
            return
        tail += piece
        del tail[:-TAIL_BYTES]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the script and everything that it started in its own group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def say(line: str) -> None:
    """Prints a line; control characters of a script's output are spelled out."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
    sys.stdout.buffer.write((shown[:2000] + "\n").encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(Path(__file__).with_name("smoke.json")))
