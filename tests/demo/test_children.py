"""Programs that the demo starts end with it, and their words are not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.demo.children import DemoError, end_group, free_port, run, running, wait_until_ready

ROOT = Path(__file__).parents[2]
FAMILY = (
    "import subprocess, sys, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
)
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def said(log: Path) -> str:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if log.exists() and log.read_text().endswith("\n"):
            return log.read_text()
        time.sleep(0.02)
    raise AssertionError("the program said nothing")


def test_grandchildren_end_with_the_block(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running([sys.executable, "-c", FAMILY], log) as child:
        grandchild = int(said(log))
        assert alive(grandchild)
    assert child.returncode is not None
    assert not alive(grandchild)


def test_a_program_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as out:
        child = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=out, start_new_session=True)
    said(log)
    end_group(child, patience=0.2)
    assert child.returncode == -signal.SIGKILL


def test_a_failed_program_is_told_with_its_last_words() -> None:
    told: list[str] = []
    with pytest.raises(DemoError, match="exit code 3") as error:
        run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], tell=told.append)
    assert told == ["why"]
    assert "why" in str(error.value)


def test_a_server_that_dies_at_once_is_not_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    began = time.monotonic()
    with (
        pytest.raises(DemoError, match="no such setting"),
        running([sys.executable, "-c", "print('no such setting'); raise SystemExit(2)"], log) as child,
    ):
        wait_until_ready(f"http://127.0.0.1:{free_port()}/", child, log, 30)
    assert time.monotonic() - began < 10


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        pytest.raises(DemoError, match="did not answer"),
        running([sys.executable, "-c", "import time; time.sleep(600)"], log) as child,
    ):
        wait_until_ready(f"http://127.0.0.1:{free_port()}/", child, log, 0.3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGALRM])
def test_the_demo_ends_in_order_when_asked_or_when_its_time_is_over(
    tmp_path: Path, number: signal.Signals
) -> None:
    program = f"""
import sys, time
from sandbox.demo import __main__ as demo
from sandbox.demo.children import running
from pathlib import Path

demo._listen_to_signals(60)
try:
    with running([sys.executable, "-c", {FAMILY!r}], Path("log")):
        print("up", flush=True)
        time.sleep(600)
except (KeyboardInterrupt, demo.Terminated, demo.Deadline) as end:
    print(type(end).__name__, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == "up\n"
        grandchild = int(said(tmp_path / "log"))
        demo.send_signal(number)
        # A second Ctrl-C must not tear the cleaning up.
        demo.send_signal(signal.SIGINT)
        end = {signal.SIGINT: "KeyboardInterrupt", signal.SIGTERM: "Terminated", signal.SIGALRM: "Deadline"}
        assert demo.stdout.readline().strip() in {end[number], "KeyboardInterrupt"}
        assert demo.wait(20) == 0
    assert not alive(grandchild)
