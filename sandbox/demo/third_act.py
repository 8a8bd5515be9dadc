"""The third act: somebody else finds the new version in the catalogue, and their pipeline uses it.

Only the sample plays it, after the second act. Bob has an account and nothing else: what he knows of the module is what
the catalogue tells everybody.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import gitlab
import requests
from gitlab.v4.objects import Project

from sandbox.demo import story
from sandbox.demo.children import DemoError
from sandbox.demo.terminal import Terminal
from sandbox.demo.waiting import wait_for

VERSION = "1.1.0"
"""What the second act publishes."""

PROJECT, FOLDER = "my-pictures", "pictures"
INPUTS: Mapping[str, str] = {"input-path": FOLDER, "mode": "speckle"}
FINAL = {"success", "failed", "canceled", "skipped"}

ANSWER_SECONDS = 20.0
"""How long one answer of the catalogue may take."""


@dataclass(frozen=True, slots=True)
class ThirdAct:
    """Who plays. `client` is GitLab's API in the user's name, `catalogue` its address, `module` the project's path."""

    client: gitlab.Gitlab
    user: str
    catalogue: str
    module: str
    picture: Path
    still_alive: Callable[[], None]
    terminal: Terminal

    def play(self, folder: Path) -> Path | None:
        """All of it; gives the picture that the pipeline made, put into `folder`, or None when it failed.

        DemoError when the bot died, or what has to come does not.
        """
        self.terminal.tell_all(story.chapter(12, "Third act: somebody else uses the module"))
        lines = wait_for(self._lines, f"{self.module} {VERSION} in the catalogue", self.still_alive)
        self.terminal.tell(
            story.happened(f"the catalogue has {self.module} {VERSION}, and the lines to use it:")
        )
        self.terminal.tell_all(story.job_line(".gitlab-ci.yml", line) for line in lines.splitlines())
        project = self._commit(lines)
        return self._keep(project, folder) if self._watch(project) else None

    def _lines(self) -> str | None:
        """What the catalogue writes for such inputs, once the version's component is there."""
        module = quote(self.module, safe="")
        address = f"{self.catalogue}/api/v1/modules/{module}/{VERSION}/component"
        try:
            found = requests.get(address, INPUTS, timeout=ANSWER_SECONDS)
        except requests.RequestException:
            return None
        return found.json()["text"] or None if found.ok else None

    def _commit(self, lines: str) -> Project:
        project = self.client.projects.create({"name": PROJECT, "path": PROJECT, "visibility": "private"})
        picture = base64.b64encode(self.picture.read_bytes()).decode()
        place = f"{FOLDER}/{self.picture.name}"
        project.commits.create(
            {
                "branch": "main",
                "commit_message": "Add noise to the pictures",
                "actions": [
                    {"action": "create", "file_path": ".gitlab-ci.yml", "content": lines},
                    {"action": "create", "file_path": place, "content": picture, "encoding": "base64"},
                ],
            }
        )
        self.terminal.tell(
            story.happened(f"{self.user} commits these lines and a picture to {project.path_with_namespace}")
        )
        return project

    def _watch(self, project: Project) -> bool:
        """Whether the pipeline ended well; its jobs are told with their logs."""
        pipeline = wait_for(
            lambda: next(iter(project.pipelines.list(get_all=False)), None), "the pipeline", self.still_alive
        )
        ended = wait_for(
            lambda: self._ended(project, pipeline.id), f"the end of pipeline {pipeline.id}", self.still_alive
        )
        for job in project.pipelines.get(pipeline.id).jobs.list(get_all=True):
            said = project.jobs.get(job.id).trace() or b""
            self.terminal.tell_all(story.job_line(job.name, line) for line in said.decode().splitlines())
            self.terminal.tell(story.job_ended(job.name, job.status, job.duration))
        return bool(ended.status == "success")

    def _ended(self, project: Project, number: int) -> Any:
        found = project.pipelines.get(number)
        return found if found.status in FINAL else None

    def _keep(self, project: Project, folder: Path) -> Path | None:
        """The first picture among the pipeline's artifacts."""
        (job,) = project.jobs.list(get_all=True)
        content = project.jobs.get(job.id).artifacts()
        if not isinstance(content, bytes):
            raise DemoError("GitLab gave no artifacts")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = next((one for one in archive.namelist() if one.endswith(".png")), None)
            if name is None:
                self.terminal.tell(story.went_wrong("the job kept no picture"))
                return None
            folder.mkdir()
            kept = folder / PurePosixPath(name).name
            kept.write_bytes(archive.read(name))
        self.terminal.tell(story.happened(f"the picture among the job's artifacts, {name}: {kept}"))
        return kept
