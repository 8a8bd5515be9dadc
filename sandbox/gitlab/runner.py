"""Runs jobs with an executor, as a pair of GitLab runners would; without one, jobs wait to be played by hand."""

from __future__ import annotations

import io
import queue
import shutil
import threading
import time
import traceback
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.executor.workplace import artifacts, folder_name, whole_file
from sandbox.gitlab.git import run_git
from sandbox.gitlab.including import whole_config
from sandbox.gitlab.quick_plan import quick_plan
from sandbox.gitlab.rules import Invalid
from sandbox.gitlab.values import Job, Pipeline
from sandbox.gitlab.variables import job_variables, pipeline_variables
from sandbox.plan import NOT_RUN, TIMED_OUT, Executor, PipelinePlan

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

JOBS_AT_ONCE = 2
SYSTEM_FAILURE = "runner_system_failure"
REASONS = {NOT_RUN: SYSTEM_FAILURE, TIMED_OUT: "job_execution_timeout"}


@dataclass
class Runner:
    """`delay` seconds pass between a push and its pipeline; with neither delay nor executor it is made at once."""

    core: Core
    executor: Executor | None = None
    delay: float = 0.0
    _jobs: queue.SimpleQueue[Job | None] = field(default_factory=queue.SimpleQueue)
    _errands: queue.SimpleQueue[tuple[float, Callable[[], None]] | None] = field(
        default_factory=queue.SimpleQueue
    )
    _busy: int = 0
    _idle: threading.Condition = field(default_factory=threading.Condition)
    _started: bool = False
    _threads: list[threading.Thread] = field(default_factory=list)

    # Errands: what GitLab does in the background

    def soon(self, errand: Callable[[], None]) -> None:
        """Do something after the request that caused it."""
        if self.executor is None and self.delay <= 0:
            errand()
            return
        self._start()
        with self._idle:
            self._busy += 1
        self._errands.put((time.monotonic() + self.delay, errand))

    def submit(self, job: Job) -> None:
        """Give a pending job to the executor; without one it stays pending until somebody plays it."""
        if self.executor is None:
            return
        self._start()
        with self._idle:
            self._busy += 1
        self._jobs.put(job)

    def _start(self) -> None:
        with self._idle:
            if self._started:
                return
            self._started = True
        names: list[tuple[str, Callable[[], None]]] = [("errands", self._do_errands)]
        names += [(f"runner-{number}", self._do_jobs) for number in range(1, JOBS_AT_ONCE + 1)]
        for name, target in names:
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _done(self) -> None:
        with self._idle:
            self._busy -= 1
            self._idle.notify_all()

    def _do_errands(self) -> None:
        while (item := self._errands.get()) is not None:
            due, errand = item
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                errand()
            except Exception:  # noqa: BLE001 - one failed errand must not end the thread that does all of them
                self.core.complain("an errand failed:\n" + traceback.format_exc())
            finally:
                self._done()

    def _do_jobs(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._run(job)
            except Exception:  # noqa: BLE001 - told as GitLab tells a broken runner, and in the log
                self.core.complain(f"job {job.name} broke the runner:\n" + traceback.format_exc())
                self.core.pipelines.finish(job, "failed", reason=SYSTEM_FAILURE)
            finally:
                self._done()

    # Plans and jobs

    def plan(self, pipeline: Pipeline, content: bytes) -> PipelinePlan:
        """The jobs of a pipeline to be; asks the executor where there is one."""
        variables = pipeline_variables(self.core, pipeline)
        try:
            whole = whole_config(self.core, pipeline, content, variables)
        except Invalid as failure:
            return PipelinePlan((), (), (str(failure),))
        if self.executor is None:
            return quick_plan(whole, variables)
        checkout = self._checkout(pipeline)
        if whole != content:
            whole_file(checkout).parent.mkdir(parents=True, exist_ok=True)
            whole_file(checkout).write_bytes(whole)
        config = checkout / pipeline.config_path
        if not config.exists():
            # The configuration comes from another project.
            config.parent.mkdir(parents=True, exist_ok=True)
            config.write_bytes(content)
        # Whoever reads the file by himself fetches what it includes as the one whose pipeline it is.
        token = self.core.state.new_token(pipeline.user_id, name="a pipeline in the making")
        try:
            known = {**variables, "CI_JOB_TOKEN": token.value}
            return self.executor.plan(checkout, pipeline.config_path, known)
        finally:
            token.revoked = True

    def _checkout(self, pipeline: Pipeline) -> Path:
        """A clone at the pipeline's commit, on its branch, with GitLab's address as its origin."""
        if pipeline.checkout is not None:
            return pipeline.checkout
        project = self.core.state.projects[pipeline.project_id]
        git = self.core.git(project)
        target = self.core.directory / "checkouts" / uuid.uuid4().hex / project.path
        target.parent.mkdir(parents=True)
        run_git(target.parent, "clone", "--quiet", "--no-checkout", str(git.directory), str(target))
        there = run_git(target, "rev-parse", "--verify", "--quiet", f"{pipeline.sha}^{{commit}}", ok=(0, 1))
        if not there:
            # The branch was deleted or moved away meanwhile.
            run_git(target, "fetch", "--quiet", "origin", pipeline.sha)
        branch = ["--detach"] if pipeline.tag else ["-B", pipeline.ref]
        run_git(target, "checkout", "--quiet", "--force", *branch, pipeline.sha)
        run_git(target, "remote", "set-url", "origin", f"{self.core.web_url(project)}.git")
        pipeline.checkout = target
        return target

    def _run(self, job: Job) -> None:
        core, executor = self.core, self.executor
        if executor is None or not core.pipelines.start(job):
            return
        pipeline = core.state.pipelines[job.pipeline_id]
        checkout = self._checkout(pipeline)
        variables = job_variables(core, job, core.state.new_job_token(job).value)
        code = executor.run(
            checkout, pipeline.config_path, job.name, variables, job.trace.extend, job.cancelled
        )
        kept = artifacts(checkout) / folder_name(job.name)
        job.artifacts, job.dotenv = _packed(kept), _dotenv(kept)
        if code in REASONS:
            core.pipelines.finish(job, "failed", reason=REASONS[code])
        else:
            core.pipelines.finish(job, "success" if code == 0 else "failed", exit_code=code)

    def ended(self, job: Job) -> None:
        """A job's token dies with the job."""
        for token in job.tokens:
            token.revoked = True

    def forget(self, pipeline: Pipeline) -> None:
        """Remove the checkout of a pipeline that came to nothing."""
        if pipeline.checkout is not None:
            shutil.rmtree(pipeline.checkout.parent, ignore_errors=True)
            pipeline.checkout = None

    def wait_idle(self, until: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: self._busy == 0, timeout=max(0.0, until - time.monotonic()))

    def close(self) -> None:
        """Cancel what runs and let the threads go home."""
        with self.core.state.lock:
            for job in self.core.state.jobs.values():
                job.cancelled.set()
        self._errands.put(None)
        for _ in range(JOBS_AT_ONCE):
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(timeout=10)


def _packed(folder: Path) -> bytes | None:
    """A job's artifacts as GitLab hands them out: a zip archive, None where there are none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if not files:
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def _dotenv(folder: Path) -> dict[str, str]:
    """What a job's dotenv report says; the executor keeps it among the artifacts."""
    reports = (folder / ".gitlab-ci-reports" / "dotenv").rglob("*")
    files = sorted(file for file in reports if file.is_file() and not file.is_symlink())
    lines = [line for file in files for line in file.read_text("utf-8").splitlines() if "=" in line]
    return dict(line.split("=", 1) for line in lines)
