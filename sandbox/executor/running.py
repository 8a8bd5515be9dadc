"""One job's run: the tool's process from its start to its end, its log, and what is left of it."""

from __future__ import annotations

import os
import queue
import re
import secrets
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Literal

from sandbox.executor import containers
from sandbox.executor.groups import GRACE_SECONDS, POLL_SECONDS, end_group, stop
from sandbox.executor.leaving import leaving
from sandbox.executor.planning import complaint
from sandbox.executor.trace import Trace
from sandbox.executor.workplace import Workplace, folder_name, git_environment
from sandbox.node import Tools
from sandbox.plan import CANCELLED, NOT_RUN, TIMED_OUT

KEPT_LINES = 200
"""Of what gitlab-ci-local says beside the job's log, so many lines are kept to tell why it could not run."""

ENGINE_SOCKET = "/var/run/docker.sock"
"""Where a job finds the engine's socket, wherever it lies on this machine."""


@dataclass(frozen=True)
class Means:
    """What jobs are run with."""

    tools: Tools
    mode: Literal["docker", "shell"]
    helper_image: str | None
    job_limit_seconds: float


class Run:
    """One job while it runs."""

    def __init__(
        self,
        means: Means,
        place: Workplace,
        job: str,
        trace: Trace,
        variables: Mapping[str, str],
        empty: bool,
    ) -> None:
        self._means = means
        self._place = place
        self._job = job
        self._trace = trace
        self._variables = variables
        self._empty = empty
        self._scope = containers.Scope(f"{os.getpid()}-{secrets.token_hex(8)}")
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._beside: deque[str] = deque(maxlen=KEPT_LINES)
        self._exit_code: int | None = None

    def to_its_end(self, config_file: str, cancelled: threading.Event) -> int:
        process = self._start(config_file)
        readers = [
            threading.Thread(target=self._listen, args=(stream,), daemon=True)
            for stream in (process.stdout, process.stderr)
            if stream is not None
        ]
        for reader in readers:
            reader.start()
        deadline = time.monotonic() + self._means.job_limit_seconds
        stopped_by: int | None = None
        try:
            while process.poll() is None:
                if cancelled.wait(POLL_SECONDS) or leaving.is_set():
                    stopped_by = CANCELLED
                elif time.monotonic() > deadline:
                    stopped_by = TIMED_OUT
                if stopped_by is not None:
                    stop(process)
                self._pass_on()
        finally:
            if process.poll() is None:
                stop(process)
            end_group(process)
            for reader in readers:
                reader.join(GRACE_SECONDS)
            self._pass_on()
            # A job that came to its end has removed its containers itself.
            ended = stopped_by is None and self._exit_code is not None and process.returncode in (0, 1)
            if self._means.mode == "docker" and not ended:
                self._scope.ensure_gone()
        self._trace.finish()
        return self._verdict(process.returncode, stopped_by)

    def _start(self, config_file: str) -> subprocess.Popen[bytes]:
        means, place = self._means, self._place
        options = [*place.options(config_file, self._variables), "--no-json-schema-validation"]
        environment = git_environment()
        if means.mode == "docker":
            self._scope.write_program(place.programs)
            containers.write_login(place.root / "docker", self._variables)
            engine = containers.engine_address()
            environment["DOCKER_HOST"] = engine
            environment["DOCKER_CONFIG"] = str(place.root / "docker")
            options += [
                *("--container-executable", containers.PROGRAM, "--helper-image", str(means.helper_image)),
                *("--pull-policy", "if-not-present", "--no-umask", "--network", "host"),
            ]
            if engine.startswith("unix://"):
                options += ["--volume", f"{engine.removeprefix('unix://')}:{ENGINE_SOCKET}"]
        else:
            options += ["--force-shell-executor", "--shell-isolation"]
        environment["PATH"] = f"{place.programs}{os.pathsep}{environment.get('PATH', os.defpath)}"
        return subprocess.Popen(
            [*means.tools.command, *options, self._job],
            cwd=place.clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def _listen(self, stream: IO[bytes]) -> None:
        """Sort what the tool says: the job's own lines come from its log file instead, without a prefix."""
        own = (f"{self._job} > ", f"{self._job} $ ")
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if not line.startswith(own):
                self._said.put(line)

    def _pass_on(self) -> None:
        while not self._said.empty():
            self._runner_line(self._said.get())
        self._trace.follow(self._place.state / "output" / f"{folder_name(self._job)}.log")

    def _runner_line(self, line: str) -> None:
        said = line.removeprefix(f"{self._job} ") if line.startswith(f"{self._job} ") else None
        if said is None:
            self._beside.append(line)
        elif started := re.fullmatch(r"starting (\S+) \(.*\)", said):
            self._tell_start(started[1])
        elif pulled := re.fullmatch(r"pulled (\S+) in .*", said):
            self._trace.say(f"Pulled docker image {pulled[1]}")
        elif ended := re.fullmatch(r"finished in .*?(?: (?:WARN|FAIL) (\d+) ?)?", said):
            self._exit_code = int(ended[1] or 0)
        else:
            self._beside.append(line)

    def _tell_start(self, image: str) -> None:
        if self._means.mode == "docker":
            self._trace.say('Preparing the "docker" executor')
            self._trace.say(f"Using Docker executor with image {image} ...")
        else:
            self._trace.say('Preparing the "shell" executor')
        if self._empty:
            self._trace.say("Skipping Git repository setup")
        else:
            ref = self._variables.get("CI_COMMIT_REF_NAME") or self._variables.get("CI_COMMIT_BRANCH", "HEAD")
            self._trace.say(
                f"Checking out {self._variables['CI_COMMIT_SHA'][:8]} as detached HEAD (ref is {ref})..."
            )
        self._trace.say('Executing "step_script" stage of the job script')

    def _verdict(self, returncode: int, stopped_by: int | None) -> int:
        if stopped_by == CANCELLED:
            self._trace.say("ERROR: Job canceled")
            return CANCELLED
        if stopped_by == TIMED_OUT:
            limit = self._means.job_limit_seconds
            self._trace.say(f"ERROR: Job failed: execution took longer than {limit:g} seconds")
            return TIMED_OUT
        code = self._exit_code
        # Status 1 without a failed script: the tool itself broke off, before or after it.
        if code is None or (code == 0 and returncode != 0):
            why = complaint("\n".join(self._beside).encode())
            self._trace.say(f"ERROR: Job failed (system failure): {why}")
            return NOT_RUN
        self._trace.say("Job succeeded" if code == 0 else f"ERROR: Job failed: exit code {code}")
        return code
