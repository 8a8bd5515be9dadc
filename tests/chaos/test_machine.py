"""Random sequences of everything that may happen to a bot; at rest, each newest head has exactly one true end."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.app.doing import reconcile
from bot.config_file import load_config
from bot.domain.plan import State
from sandbox.gitlab.trouble import (
    Mishap,
    delay,
    die_after_effect,
    drop,
    duplicate,
    error_after_effect,
    half_answer,
    hang,
    maintenance_page,
    not_json,
    reorder,
    reset,
    resource_lock,
    server_error,
    slow_down,
)
from tests.chaos.arena import Arena
from tests.chaos.journeys import FILES, WITHOUT_OUTPUT, Drive, come_to_rest
from tests.chaos.measure import WHOLE, say
from tests.whole_way.conftest import SCRIPT

PROJECTS = 3
EXAMPLES = {"sqlite": 100, "postgresql": 50} if WHOLE else {"sqlite": 5, "postgresql": 3}
STEPS = 30 if WHOLE else 28
PUSHES_BETWEEN_RESTS = 5
WATCH_SECONDS = 1.5
"""How soon the bot looks for a pipeline's end that no hook told."""

HANG_SECONDS = 6.0
"""Longer than the bot waits for an answer."""

FAULTS: dict[str, Callable[[], Mishap]] = {
    "500": server_error,
    "502 after the effect": error_after_effect,
    "dead after the effect": die_after_effect,
    "resource lock": resource_lock,
    "resource lock by its reason": lambda: resource_lock(by_reason=True),
    "slow down": lambda: slow_down(1),
    "slow down, no time": slow_down,
    "reset": reset,
    "half an answer": half_answer,
    "maintenance": maintenance_page,
    "a page": not_json,
    "hang": lambda: hang(HANG_SECONDS),
}
STRAYS = {"dropped": drop, "twice": duplicate, "late": lambda: delay(0.7), "out of order": reorder}
WRITES = ("POST", "PUT")

texts = st.sampled_from(["new choice", "comment", "mistake", "skip ci"])
numbers = st.integers(0, PROJECTS - 1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def arena(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Arena]:
    def database(_number: int) -> str:
        return "" if request.param == "sqlite" else request.getfixturevalue("cluster").create_database()

    with Arena(tmp_path, 1, database, watch_seconds=WATCH_SECONDS) as up:
        yield up
        assert up.sandbox.complaints == []


class Life(RuleBasedStateMachine):
    """Some projects and their bot; `arena` is set by the test."""

    arena: Arena
    runs = 0
    steps = 0

    @initialize()
    def begin(self) -> None:
        self.lane = self.arena.lanes[0]
        self.trouble = self.arena.mood
        self.drives: list[Drive] = []
        for _ in range(PROJECTS):
            project = self.arena.project(self.lane)
            self.arena.sandbox.protect_branch(project.id, "master", allow_force_push=True)
            self.drives.append(Drive(self.arena, self.lane, project, resends=False))
            self.drives[-1].way.push(FILES)
        self.version = 0
        self.since_rest = 0
        type(self).runs += 1

    # What people do

    @rule(number=numbers, text=texts)
    def push(self, number: int, text: str) -> None:
        self.version += 1
        self.since_rest += 1
        way = self.drives[number].way
        script = {
            "new choice": SCRIPT.replace('"speckle"]', f'"speckle", "n{self.version}"]'),
            "comment": f"{SCRIPT}# {self.version}\n",
            "mistake": f"{WITHOUT_OUTPUT}# {self.version}\n",
            "skip ci": f"{SCRIPT}# skip {self.version}\n",
        }[text]
        message = "Work [skip ci]" if text == "skip ci" else "Work"
        way.push({**FILES, "add_noise.py": script}, message=message)
        type(self).steps += 1

    @rule(first=numbers, second=numbers, text=texts)
    def push_two(self, first: int, second: int, text: str) -> None:
        self.push(first, text)
        self.push(second, text)

    @rule(number=numbers, back=st.integers(1, 3))
    def force_push(self, number: int, back: int) -> None:
        way = self.drives[number].way
        folder = Path(tempfile.mkdtemp(dir=self.arena.folder))
        self._git("clone", "--quiet", "--bare", self._address(way), str(folder))
        if int(self._git("-C", str(folder), "rev-list", "--count", "--first-parent", "master")) > back + 1:
            # the bot may be writing to the branch at this moment; then nobody pushes
            push = ("git", "-C", str(folder), "push", "--quiet", "--force")
            subprocess.run(
                [*push, self._address(way), f"master~{back}:master"], capture_output=True, check=False
            )
        shutil.rmtree(folder)

    @rule(number=numbers)
    def branch_and_delete(self, number: int) -> None:
        way = self.drives[number].way
        branches = f"{self.arena.sandbox.url}/api/v4/projects/{way.project.id}/repository/branches"
        headers = {"PRIVATE-TOKEN": self.arena.alice.token}
        if self.arena.sandbox.head(way.project.id, "release") is None:
            asked = requests.post(
                branches, json={"branch": "release", "ref": "master"}, headers=headers, timeout=10
            )
        else:
            asked = requests.delete(f"{branches}/{quote('release', safe='')}", headers=headers, timeout=10)
        asked.raise_for_status()

    @rule(number=numbers, verdict=st.sampled_from(["success", "failed"]))
    def pipelines_will_end(self, number: int, verdict: str) -> None:
        self.drives[number].verdict = verdict

    @rule(number=numbers)
    def pipelines_end(self, number: int) -> None:
        self.drives[number].busy()

    # What goes wrong

    @rule(stray=st.sampled_from(sorted(STRAYS)), times=st.integers(1, 3))
    def hooks_go_astray(self, stray: str, times: int) -> None:
        self.trouble.hooks(STRAYS[stray](), times=times)

    @rule(
        fault=st.sampled_from(sorted(FAULTS)), method=st.sampled_from(["*", "POST"]), after=st.integers(0, 2)
    )
    def gitlab_fails(self, fault: str, method: str, after: int) -> None:
        self.trouble.on(method, "*", FAULTS[fault](), after=after, user=self.lane.user.username)

    @rule(seconds=st.floats(0.0, 0.3), role=st.sampled_from(["door", "worker-1"]))
    def process_dies(self, seconds: float, role: str) -> None:
        time.sleep(seconds)
        self.lane.kill(role)
        self.lane.revive()

    @rule(seconds=st.floats(0.05, 0.8))
    def time_passes(self, seconds: float) -> None:
        time.sleep(seconds)

    # At rest

    @precondition(lambda self: self.since_rest >= PUSHES_BETWEEN_RESTS)
    @rule()
    def rest(self) -> None:
        self.since_rest = 0
        self.trouble.clear()
        come_to_rest(self.lane, *self.drives)
        # what nobody told of is found by the sweep
        reconcile(load_config(self.lane.config), act=True)
        come_to_rest(self.lane, *self.drives)
        for drive in self.drives:
            self._check(drive)

    def teardown(self) -> None:
        if hasattr(self, "drives"):
            self.rest()

    def _check(self, drive: Drive) -> None:
        way, head = drive.way, drive.way.head()
        if way.sandbox.read_file(way.project.id, "add_noise.py") is None:
            return
        found = self.lane.store.publication(way.project.id, head, "master")
        assert found is not None, f"{head} of {way.project.full_path} has no publication"
        state = State(found.state)
        assert state.ended, found
        assert state is not State.SUPERSEDED, found
        ours = [status for status in way.statuses(head) if not status.retried and status.ref == "master"]
        assert ours, f"no status tells of {found}"
        wanted = "success" if state is State.PUBLISHED else "failed"
        assert ours[-1].status == wanted, (found, ours)
        assert {status.status for status in ours} <= {"success", "failed", "canceled"}, (found, ours)
        self._check_commits(drive)

    def _check_commits(self, drive: Drive) -> None:
        """Each commit of the bot's changed the file, and none stands on another one that its content needed.

        A push between reading and committing puts the bot's commit on a commit that it has not read; then a second
        one brings the file right.
        """
        folder = str(self.arena.sandbox.core.git(drive.project).directory)
        log = self._git("-C", folder, "log", "--first-parent", "--format=%H %P\x1f%an", "master")
        authors = dict(line.split("\x1f") for line in log.splitlines())
        by_bot = [commit.split() for commit, author in authors.items() if author == self.lane.user.name]
        needed = {
            sha
            for sha, parent in by_bot
            if parent in self._git("-C", folder, "log", "-1", "--format=%B", sha)
        }
        for sha, parent in by_bot:
            assert parent not in needed, f"two commits of the bot in a row: {parent} {sha}"
            changed = self._git("-C", folder, "diff", "--name-only", parent, sha).split()
            assert changed == ["mlreef.yml"], (sha, changed)

    def _address(self, way: object) -> str:
        return self.arena.sandbox.git_url(way.project.id, self.arena.alice)  # type: ignore[attr-defined]

    @staticmethod
    def _git(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()


@pytest.mark.timeout(7200)
def test_whatever_happens_each_newest_head_has_one_true_end(arena: Arena) -> None:
    Life.arena, Life.runs, Life.steps = arena, 0, 0
    began = time.monotonic()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES[arena.lanes[0].kind],
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not WHOLE,
            database=None,
            print_blob=False,
            # a life takes seconds, and a shorter one of the same end hundreds of them
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    happened = len(arena.mood.happened)
    say(
        f"{Life.runs} random lives on {arena.lanes[0].kind} with {Life.steps} pushes, {happened} mishaps "
        f"and {arena.lanes[0].deaths} deaths in {time.monotonic() - began:.0f} s"
    )
