"""How long it takes from the hook of a push to a merge request until its check is told, with many of them open.

    python -m benchmarks.reviews

All hooks are on; 50 merge requests are open, and something is published already. First each gets a push that changes
the interface (a note has to be written), then one that changes nothing which is told, then all of them get one at the
same time. The bot is `mlreef-bot serve`, door and worker, with its default database; GitLab and registry are the
sandbox's, on the same machine. Calls are those to GitLab's API, from the sandbox's log.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import requests

from bot.adapters.registry import Registry
from bot.adapters.registry.values import Manifest
from bot.domain.tags import LATEST, version_tag
from bot.layers.labels import module_labels
from parser.read import read
from parser.source import load_source
from sandbox.demo.stage import Images, environment, running_bot
from sandbox.gitlab import DEVELOPER, MAINTAINER, Project, Sandbox, User
from sandbox.gitlab.core import LoggedRequest
from sandbox.registry import RegistryServer

OPEN = 50
"""Merge requests that are open all the time."""

STATUS = "mlreef/check"
WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.4
"""Between two pushes: the worker comes to rest, as it would be when a hook arrives."""

MOST_P95_SECONDS = 1.0
MOST_CALLS_UNCHANGED = 8
SAMPLE = Path(__file__).parents[1] / "samples" / "add-noise"
SCRIPT = "im_add_noise.py"
FIRST_ARGUMENT = "    parser.add_argument("
IMAGES = Images("mlreef/bot:bench", "python:3.12-slim", "3.12")


@dataclass(frozen=True)
class Round:
    """What one push to each merge request took: seconds from hook to status, API calls and writes of notes."""

    name: str
    seconds: tuple[float, ...]
    calls: tuple[int, ...]
    notes: int


class Stage:
    """A project with something published and its open merge requests, and the bot that checks them."""

    def __init__(self, sandbox: Sandbox, project: Project, alice: User, bot: User) -> None:
        self.sandbox, self.project, self.alice, self.bot = sandbox, project, alice, bot

    def push(self, number: int, script: str, other: str, start: str | None = None) -> str:
        """A commit to the source branch of one merge request; gives its sha."""
        files = {SCRIPT: script, "notes.txt": other}
        return self.sandbox.commit(
            self.project.id, self.alice, files, branch=f"work-{number}", start_branch=start
        )

    def open(self, number: int) -> None:
        """One more merge request."""
        address = f"{self.sandbox.url}/api/v4/projects/{self.project.id}/merge_requests"
        body = {"source_branch": f"work-{number}", "target_branch": "main", "title": f"Work {number}"}
        made = requests.post(address, json=body, headers={"PRIVATE-TOKEN": self.alice.token}, timeout=10)
        made.raise_for_status()

    def told(self, sha: str) -> float:
        """Seconds from the merge request's hook to the answer to the status; ends the program when there is none."""
        end = time.monotonic() + WAIT_SECONDS
        while (asked := next((one for one in self.calls() if is_status(one, sha)), None)) is None:
            if time.monotonic() > end:
                raise SystemExit(f"no {STATUS} was told within {WAIT_SECONDS:.0f} seconds")
            time.sleep(0.005)
        hooks = (one for one in self.sandbox.hook_deliveries if one.event == "Merge Request Hook")
        hook = next(one for one in hooks if one.payload["object_attributes"]["last_commit"]["id"] == sha)
        return (asked.at + timedelta(seconds=asked.seconds) - hook.at).total_seconds()

    def calls(self) -> list[LoggedRequest]:
        """The bot's calls since the log was cleared."""
        return self.sandbox.calls(self.bot)


def is_status(asked: LoggedRequest, sha: str) -> bool:
    """Whether this call told the check of a commit."""
    return asked.method == "POST" and asked.path.endswith(f"/statuses/{sha}")


def script(extra: str = "") -> str:
    """The sample's script, with one more parameter when one is named."""
    text = (SAMPLE / SCRIPT).read_text("utf-8")
    if FIRST_ARGUMENT not in text:
        raise SystemExit("the sample has changed: benchmarks/reviews.py finds no add_argument in it")
    added = f'    parser.add_argument("--{extra}", type=int, default=1)\n' if extra else ""
    return text.replace(FIRST_ARGUMENT, added + FIRST_ARGUMENT, 1)


def publish(registry: RegistryServer, repository: str) -> None:
    """What promote would have left of the sample: an image that describes it, under the branch's first tags."""
    module = read(load_source(SAMPLE), "add-noise").module
    if module is None:
        raise SystemExit("the sample has changed: it cannot be read")
    config = json.dumps({"config": {"Labels": module_labels(module, environment(IMAGES), "layers")}}).encode()
    with Registry(registry.address) as client:
        digest = client.ensure_bytes(repository, config)
        about = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": len(config),
            "digest": digest,
        }
        content = {
            "schemaVersion": 2,
            "mediaType": Manifest.of(b"").media_type,
            "config": about,
            "layers": [],
        }
        manifest = Manifest.of(json.dumps(content).encode())
        for tag in (version_tag("main", 1), "1.0.0", LATEST):
            client.put_manifest(repository, tag, manifest)


def measure(folder: Path) -> list[Round]:
    """The three rounds."""
    files = {SCRIPT: script(), "requirements.txt": (SAMPLE / "requirements.txt").read_text("utf-8")}
    with RegistryServer(folder / "registry") as registry:
        publish(registry, "alice/add-noise")
        with Sandbox(folder / "gitlab", registry=registry) as sandbox:
            alice, bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
            project = sandbox.create_project(
                "alice/add-noise", alice, visibility="public", ci_config_path="mlreef.yml", files=files
            )
            sandbox.add_member(project.id, bot, DEVELOPER)
            sandbox.protect_branch(project.id, "main", push_level=MAINTAINER, push_users=[bot])
            stage = Stage(sandbox, project, alice, bot)
            with running_bot(sandbox.url, bot.token, folder / "bot", IMAGES) as running:
                sandbox.add_hook(project.id, running.hook_url, token=running.hook_secret)
                for number in range(OPEN):
                    stage.push(number, script(), "0", start="main")
                    stage.open(number)
                stage.told(sandbox.head(project.id, f"work-{OPEN - 1}") or "")
                rest(stage)
                changed = one_by_one(stage, "interface changed", lambda n: (script(f"extra-{n}"), "1"))
                same = one_by_one(stage, "nothing to tell", lambda n: (script(f"extra-{n}"), "2"))
                return [changed, same, all_at_once(stage)]


def rest(stage: Stage) -> None:
    """Until the bot asks nothing any more."""
    stage.sandbox.wait_idle()
    seen = -1
    while seen != (seen := len(stage.calls())):
        time.sleep(1.5)


def one_by_one(stage: Stage, name: str, content: Callable[[int], tuple[str, str]]) -> Round:
    """A push to each, the next one when all that followed from the last is over."""
    seconds, calls, notes = [], [], 0
    for number in range(OPEN):
        stage.sandbox.clear_log()
        seconds.append(stage.told(stage.push(number, *content(number))))
        stage.sandbox.wait_idle()
        time.sleep(PAUSE_SECONDS)
        calls.append(len(stage.calls()))
        notes += len(writes_of_notes(stage.calls()))
    return Round(name, tuple(seconds), tuple(calls), notes)


def all_at_once(stage: Stage) -> Round:
    """A push to each as fast as GitLab takes them."""
    stage.sandbox.clear_log()
    pushed = [stage.push(number, script(f"extra-{number}"), "3") for number in range(OPEN)]
    seconds = [stage.told(sha) for sha in pushed]
    rest(stage)
    each = round(len(stage.calls()) / OPEN)
    return Round("all at once", tuple(seconds), (each,) * OPEN, len(writes_of_notes(stage.calls())))


def writes_of_notes(calls: list[LoggedRequest]) -> list[LoggedRequest]:
    """Those that write a note or a discussion."""
    return [
        one for one in calls if one.method != "GET" and ("/notes" in one.path or "/discussions" in one.path)
    ]


def main() -> int:
    """Print the table; exit code 1 when a promise is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = measure(Path(folder))
    print(f"{OPEN} open merge requests, one push to each")
    print(f"{'':22}  p50 ms  p95 ms  max ms  calls of a check   writes of notes")
    for one in rounds:
        hundredths = statistics.quantiles(one.seconds, n=100)
        figures = (statistics.median(one.seconds), hundredths[94], max(one.seconds))
        shown = "  ".join(f"{value * 1000:6.0f}" for value in figures)
        calls = f"median {statistics.median(one.calls):.0f}, most {max(one.calls)}"
        print(f"{one.name:22}  {shown}  {calls:17}  {one.notes:15}")
    changed, same, _ = rounds
    broken = [
        f'p95 of "{one.name}" above {MOST_P95_SECONDS:.0f} s'
        for one in (changed, same)
        if statistics.quantiles(one.seconds, n=100)[94] > MOST_P95_SECONDS
    ]
    if max(same.calls) > MOST_CALLS_UNCHANGED:
        broken.append(f"more than {MOST_CALLS_UNCHANGED} calls where nothing is to be told")
    if same.notes:
        broken.append("a note was written though nothing was to be told")
    kept = f"kept: p95 {MOST_P95_SECONDS:.0f} s; {MOST_CALLS_UNCHANGED} calls and no note where nothing is to be told"
    print("\n".join(broken) or kept)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
