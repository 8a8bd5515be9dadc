"""What the demo needs of a machine, looked at before anything is installed. Standard library only."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

NOISE, MLOPEN = SAMPLES = ("noise", "mlopen")
"""What the demo publishes by itself: a script, or a control file."""

ANSWER_SECONDS = 5.0
"""A tool that does not answer in this time counts as broken."""

LAYERS, DOCKER = ENGINES = ("layers", "docker")
"""What images are built with: files alone, or a Docker engine."""

INSIDE = Path(__file__).parents[1] / "images" / "inside.py"

OLDEST_GIT = (2, 31)
"""Since then `git http-backend` and partial clones do what the sandbox and the pipeline ask of them."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Something the machine lacks, and how to get it."""

    what: str
    how: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said: its exit code (None when it is not there or hung), and its words."""

    code: int | None
    words: str


def ask(command: Sequence[str], told: str = "") -> Answer:
    """Run a program that only tells something about itself; `told` is its standard input."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, input=told)
    except subprocess.TimeoutExpired:
        return Answer(None, f"no answer within {ANSWER_SECONDS:.0f} seconds")
    except OSError as error:
        return Answer(None, str(error))
    return Answer(done.returncode, (done.stdout + done.stderr).strip())


def judge_engine(client: str | None, answer: Answer) -> Missing | None:
    """From the docker client's path and its `docker version`: what is missing to build and run images."""
    if client is None:
        return Missing(
            "a Docker engine: there is no `docker` on PATH",
            "Debian: sudo scripts/ci-machine.sh installs and starts one (apt-get install docker.io); "
            "elsewhere: https://docs.docker.com/engine/install/",
        )
    if answer.code == 0:
        return None
    last = answer.words.splitlines()[-1] if answer.words else "it said nothing"
    if "permission denied" in answer.words.lower():
        return Missing(
            f"the right to use the Docker engine ({last})",
            "sudo usermod --append --groups docker $USER, then log in again; or run this as root",
        )
    return Missing(
        f"a Docker engine that answers ({last})",
        "start it: sudo systemctl start docker; or, where no systemd runs: sudo scripts/ci-machine.sh",
    )


def judge_git(answer: Answer) -> Missing | None:
    """From `git --version`: whether git is there and new enough."""
    wanted = ".".join(map(str, OLDEST_GIT))
    found = re.search(r"(\d+)\.(\d+)", answer.words) if answer.code == 0 else None
    if found is None:
        return Missing("git", f"Debian: sudo apt-get install git (version {wanted} or newer)")
    if (int(found[1]), int(found[2])) < OLDEST_GIT:
        return Missing(
            f"git {wanted} or newer (here is {found[0]})", "Debian 12 and newer bring one that will do"
        )
    return None


def judge_http_backend(answer: Answer) -> Missing | None:
    """From the listing of git's own programs: the one that serves repositories over HTTP."""
    if answer.code == 0 and Path(answer.words, "git-http-backend").exists():
        return None
    return Missing("git's http-backend", "Debian: sudo apt-get install git (it is part of that package)")


def judge_namespaces(answer: Answer) -> Missing | None:
    """From sandbox/images/inside.py without a command: whether this user may run an unpacked image, cut off."""
    if answer.code == 0:
        return None
    last = answer.words.splitlines()[-1] if answer.words else "it said nothing"
    return Missing(
        f"a way to run images: there is no Docker engine, and no namespaces for this user ({last})",
        "run this as root; or let users have them: sudo sysctl kernel.unprivileged_userns_clone=1 on Debian, "
        "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; or install a Docker engine",
    )


def judge_rsync(path: str | None) -> Missing | None:
    """The CI executor carries artifacts between jobs with rsync."""
    return None if path else Missing("rsync (the CI executor needs it)", "Debian: sudo apt-get install rsync")


def missing(engine: str = LAYERS) -> tuple[Missing, ...]:
    """Everything this machine lacks for the demo with that engine; empty when it can run."""
    client = shutil.which("docker")
    with ThreadPoolExecutor() as pool:  # together, so that the answer is there within a second
        daemon = pool.submit(ask, ["docker", "version", "--format", "{{.Server.Version}}"])
        git = pool.submit(ask, ["git", "--version"])
        git_programs = pool.submit(ask, ["git", "--exec-path"])
        inside = pool.submit(ask, [sys.executable, "-I", str(INSIDE)], '{"user": 10001}')
        verdicts = [judge_engine(client, daemon.result())]
        if engine == LAYERS:
            # Either will do.
            verdicts = [verdicts[0] and judge_namespaces(inside.result())]
        verdicts.append(judge_git(git.result()))
        if verdicts[-1] is None:
            verdicts.append(judge_http_backend(git_programs.result()))
    if engine != LAYERS:
        verdicts.append(judge_rsync(shutil.which("rsync")))
    return tuple(verdict for verdict in verdicts if verdict is not None)


def lines(found: Sequence[Missing]) -> list[str]:
    """What a person reads when something is missing."""
    if not found:
        return []
    told = ["This machine lacks what the demo needs:", ""]
    for lack in found:
        told += [f"  - {lack.what}", f"      {lack.how}"]
    return [
        *told,
        "",
        "On Debian, as root, scripts/ci-machine.sh gets all of it. Nothing was installed or started.",
    ]


def main(arguments: Sequence[str]) -> int:
    """Exit code 0: the demo can run. 2: it cannot, and stderr says why. Arguments: engine, sample, repository."""
    engine, sample, *repositories = [*arguments, *(LAYERS, NOISE)[len(arguments) :]]
    if engine not in ENGINES:
        sys.stderr.write(f"ENGINE: {engine} is none of {', '.join(ENGINES)}\n")
        return 2
    if sample not in SAMPLES:
        sys.stderr.write(f"SAMPLE: {sample} is none of {', '.join(SAMPLES)}\n")
        return 2
    for repository in repositories:
        if not Path(repository).expanduser().is_dir():
            sys.stderr.write(f"REPO: {repository} is no directory\n")
            return 2
    found = missing(engine)
    sys.stderr.writelines(line + "\n" for line in lines(found))
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
