"""Published samples, and somebody else's projects whose pipelines use them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
import yaml
from PIL import Image, ImageChops

from bot.web.fields import PREFIX
from sandbox.demo.children import free_port
from sandbox.gitlab import DEVELOPER, Project, Sandbox, User
from sandbox.gitlab.state import Job, Pipeline
from tests.web.forms import Form
from tests.whole_way.conftest import SECRET, Way, World
from tests.whole_way.machines import PIPELINE_SECONDS, told

SAMPLES = Path(__file__).parents[2] / "samples"


def catalogue() -> Mapping[str, object]:
    """Settings of a catalogue of its own for each world."""
    return {"enabled": True, "listen": f"127.0.0.1:{free_port()}", "processes": 1, "cache_seconds": 0}


def publish(world: World, sample: str, changed_files: Mapping[str, bytes] | None = None) -> Way:
    """Let the bot publish one of the samples, for everybody; gives its project, once its component is there."""
    files = {
        path.relative_to(SAMPLES / sample).as_posix(): path.read_bytes()
        for path in (SAMPLES / sample).rglob("*")
        if path.is_file()
    }
    return publish_files(world, {**files, **(changed_files or {})})


def publish_files(world: World, files: Mapping[str, bytes]) -> Way:
    """The same for a module that is these files, and needs what the samples need."""
    # all import the same packages, so one build brings them for all
    requirements = (SAMPLES / "add-noise" / "requirements.txt").read_bytes()
    way = world.project()
    way.project.visibility = "public"
    way.push({**files, "requirements.txt": requirements})
    sha = way.bot_commit()
    assert "version 1.0.0" in told(way, sha, "success")
    way.sandbox.wait_for(
        lambda: way.sandbox.core.git(way.project).tag("1.0.0"), PIPELINE_SECONDS, "the component's tag"
    )
    listed = f"{address_of_pages(world)}/api/v1/modules/{quote(way.project.full_path, safe='')}/1.0.0"
    way.sandbox.wait_for(
        lambda: requests.get(listed, timeout=20).ok, PIPELINE_SECONDS, "the module in the catalogue"
    )
    return way


@dataclass
class Studio:
    """A project of somebody's that uses modules, and tells the bot what happens in it."""

    world: World
    user: User
    project: Project

    @classmethod
    def of(cls, world: World, user: User) -> Studio:
        name = f"studio/{next(world.names)}"
        project = world.sandbox.create_project(
            name, user, default_branch="main", files={"README.md": "Ours\n"}
        )
        world.sandbox.add_member(project.id, world.bot, DEVELOPER)
        world.sandbox.add_hook(project.id, world.hook_url, token=SECRET)
        return cls(world, user, project)

    @property
    def sandbox(self) -> Sandbox:
        return self.world.sandbox

    def push(self, files: Mapping[str, str | bytes], branch: str = "main") -> Pipeline:
        """The pipeline of a commit with these files, once it has ended."""
        start = None if self.sandbox.head(self.project.id, branch) else "main"
        sha = self.sandbox.commit(self.project.id, self.user, files, branch=branch, start_branch=start)

        def started() -> Pipeline | None:
            found = self.sandbox.pipelines(self.project.id, sha)
            return next((one for one in found if one.source == "push"), None)

        pipeline = self.sandbox.wait_for(started, PIPELINE_SECONDS, "the pipeline")
        return self.sandbox.wait_pipeline(pipeline.id, PIPELINE_SECONDS)

    def use(self, files: Mapping[str, str | bytes], branch: str = "main") -> list[Job]:
        """The jobs of such a pipeline, which has ended well."""
        ended = self.push(files, branch)
        jobs = self.sandbox.jobs(ended.id)
        said = "\n".join(job.trace.decode() for job in jobs)
        assert (ended.yaml_errors, ended.status) == (None, "success"), said
        return [job for job in jobs if job.kind == "build"]


def artifacts(job: Job) -> dict[str, bytes]:
    assert job.artifacts is not None
    with zipfile.ZipFile(io.BytesIO(job.artifacts)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def changed(before: bytes, after: bytes) -> float:
    """The share of pixels that are not the same in two pictures of one size."""
    one, other = picture(before), picture(after)
    assert one.size == other.size
    counts = ImageChops.difference(one, other).getcolors(one.width * one.height)
    return sum(count for count, colour in counts or () if any(colour)) / (one.width * one.height)


def rendered(world: World, user: User, folder: Path, files: Mapping[str, str | bytes]) -> str:
    """What `mlreef-bot pipeline render` makes of a folder with these files, for somebody who asks the catalogue."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot", "pipeline", "render"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(SAMPLES.parent),
            "MLREEF_CATALOGUE": address_of_pages(world),
            "MLREEF_TOKEN": user.token,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def address_of_pages(world: World) -> str:
    """Where the world's catalogue is."""
    settings = yaml.safe_load(world.log.with_name("config.yaml").read_text())
    return f"http://{settings['catalogue']['listen']}"


def on_the_page(world: World, path: str, values: Mapping[str, str]) -> str:
    """What the module's page writes for a `.gitlab-ci.yml` when its form is filled in so."""
    address = f"{address_of_pages(world)}/modules/{path}"

    def asked() -> str | None:
        page = requests.get(address, {f"{PREFIX}{name}": text for name, text in values.items()}, timeout=20)
        return page.text if page.ok else None

    page: str = world.sandbox.wait_for(asked, PIPELINE_SECONDS, "the module's page")
    return Form(page).snippet
