"""How long it takes from a hook's arrival to the commit of mlreef.yml, against the sandbox.

    python -m benchmarks.commit

All hooks are on. Each push gives the sample's script one more parameter, so that each needs a commit; the next
push waits for the end of the last one. The bot is `mlreef-bot serve`, door and worker, with its default database.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.demo.stage import Images, running_bot
from sandbox.gitlab import DEVELOPER, MAINTAINER, Sandbox

PUSHES = 60
WARM_UP = 5
"""The first pushes count for nothing: databases are made and modules are loaded."""

WAIT_SECONDS = 20.0
PAUSE_SECONDS = 1.0
"""Between two pushes: the worker comes to rest, as it would be when a hook arrives."""

LIMITS = {"p50": 0.4, "p95": 1.0}
SAMPLE = Path(__file__).parents[1] / "samples" / "add-noise"
FIRST_ARGUMENT = "    parser.add_argument("


def script(number: int) -> str:
    """The sample's script with one more parameter, named by the number."""
    text = (SAMPLE / "im_add_noise.py").read_text("utf-8")
    added = f'    parser.add_argument("--extra-{number}", type=int, default={number})\n'
    if FIRST_ARGUMENT not in text:
        raise SystemExit("the sample has changed: benchmarks/commit.py finds no add_argument in it")
    return text.replace(FIRST_ARGUMENT, added + FIRST_ARGUMENT, 1)


def measure(folder: Path) -> list[float]:
    """Seconds from hook to commit, one for each push after the warm-up."""
    with Sandbox(folder / "gitlab") as sandbox:
        alice, bot = sandbox.create_user("alice"), sandbox.create_user("mlreef-bot", bot=True)
        requirements = (SAMPLE / "requirements.txt").read_text("utf-8")
        project = sandbox.create_project(
            "alice/add-noise",
            alice,
            visibility="public",
            ci_config_path="mlreef.yml",
            files={"im_add_noise.py": script(0), "requirements.txt": requirements},
        )
        sandbox.add_member(project.id, bot, DEVELOPER)
        sandbox.protect_branch(project.id, "main", push_level=MAINTAINER, push_users=[bot])
        images = Images("mlreef/bot:bench", "python:3.12-slim", "3.12")
        taken = []
        with running_bot(sandbox.url, bot.token, folder / "bot", images) as running:
            sandbox.add_hook(project.id, running.hook_url, token=running.hook_secret)
            for number in range(1, PUSHES + WARM_UP + 1):
                pushed = sandbox.commit(project.id, alice, {"im_add_noise.py": script(number)})
                taken.append(wait_for_commit(sandbox, project.id, pushed))
                time.sleep(PAUSE_SECONDS)
    return taken[WARM_UP:]


def wait_for_commit(sandbox: Sandbox, project_id: int, pushed: str) -> float:
    """Seconds between the push's hook and the answer to the bot's commit."""
    end = time.monotonic() + WAIT_SECONDS
    while sandbox.head(project_id) == pushed:
        if time.monotonic() > end:
            raise SystemExit(f"the bot did not commit within {WAIT_SECONDS:.0f} seconds")
        time.sleep(0.005)
    hook = next(sent for sent in sandbox.hook_deliveries if sent.payload.get("after") == pushed)
    while True:
        for asked in reversed(sandbox.requests):
            if asked.method == "POST" and asked.path.endswith("/repository/commits") and asked.at > hook.at:
                return (asked.at + timedelta(seconds=asked.seconds) - hook.at).total_seconds()
        if datetime.now(UTC) > hook.at + timedelta(seconds=WAIT_SECONDS):
            raise SystemExit("the sandbox logged no commit of the bot's")
        time.sleep(0.002)


def main() -> int:
    """Print the table; exit code 1 when a limit is passed."""
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(Path(folder))
    hundredths = statistics.quantiles(taken, n=100)
    figures = {"p50": statistics.median(taken), "p95": hundredths[94]}
    print(f"{len(taken)} pushes, each with a commit of mlreef.yml")
    for name, value in figures.items():
        print(f"  {name}  {value * 1000:6.0f} ms   limit {LIMITS[name] * 1000:.0f} ms")
    print(f"  max  {max(taken) * 1000:6.0f} ms")
    return int(any(value > LIMITS[name] for name, value in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
