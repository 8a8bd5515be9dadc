"""The trap itself: a process dies at exactly the commit it is to die at, also at one that the driver does alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.adapters.store import Store
from tests.chaos.trap import AFTER, BEFORE, arm

PROGRAM = """
import sys
from pathlib import Path
from bot.adapters.store import Store
from tests.chaos.trap import Trap
Trap(Path(sys.argv[1]), "door").set()
store = Store(sys.argv[2])
for number in range(3):
    store.accept(f"key {number}", {"kind": "push"})
"""


@pytest.mark.parametrize(("when", "stored"), [(BEFORE, 1), (AFTER, 2)])
def test_a_door_dies_at_the_commit_of_its_second_delivery(
    tmp_path: Path, database_url: str, when: str, stored: int
) -> None:
    store = Store.prepare(database_url)
    name = "door commits INSERT deliveries"
    arm(tmp_path, "a case", "door", name, 2, when)
    ended = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path, database_url], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert len(store.pending(10)) == stored
    store.close()
    seen = [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]
    assert seen == [["a case", name, 1], ["a case", name, 2]]
