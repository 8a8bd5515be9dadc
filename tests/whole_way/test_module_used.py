"""Published modules at work in other projects' pipelines: real modules, real jobs, real pictures."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import yaml
from PIL import Image, ImageChops, ImageStat

from bot.domain.snippets import component_snippet
from bot.web.fields import PREFIX
from parser.read import read
from parser.source import load_source
from sandbox.demo.children import free_port
from sandbox.demo.images import forget
from sandbox.demo.play import CACHE, PICTURE
from sandbox.demo.stage import Images, bring_base, ensure_images
from sandbox.executor import GitlabCiLocal
from sandbox.executor.bare import BareMachine
from sandbox.gitlab import User
from sandbox.gitlab.state import Job, Pipeline
from sandbox.images.host_base import ensure_host_base
from sandbox.images.running import Namespaces
from sandbox.node import ensure_helper_image, ensure_tools
from sandbox.plan import Executor
from sandbox.registry import RegistryServer
from tests.web.forms import Form
from tests.whole_way.conftest import Way, World
from tests.whole_way.test_real_pipelines import PIPELINE_SECONDS, told, up

pytestmark = pytest.mark.timeout(900)

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def namespaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A machine without an engine: images are unpacked, and run in namespaces."""
    folder = tmp_path_factory.mktemp("module-used")
    layout = ensure_host_base(CACHE / "base" / "host", lambda _line: None)
    way = Namespaces(folder / "images", CACHE / "unpacked")

    def join(registry: RegistryServer) -> tuple[Executor, Images]:
        images = bring_base(registry, layout)
        return BareMachine(images.bot, images.base, way, CACHE), images

    with up(folder, join, catalogue=catalogue()) as world:
        yield world


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A machine with Docker, whose jobs gitlab-ci-local runs in containers."""
    images = ensure_images(lambda _line: None)
    executor = GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(images.base))
    folder = tmp_path_factory.mktemp("module-used")
    with up(folder, lambda _registry: (executor, images), catalogue=catalogue()) as world:
        yield world
        forget(world.registry.address)


def catalogue() -> Mapping[str, object]:
    """Settings of a catalogue of its own for each world."""
    return {"enabled": True, "listen": f"127.0.0.1:{free_port()}", "processes": 1, "cache_seconds": 0}


def publish(world: World, sample: str) -> Way:
    """Let the bot publish one of the samples, for everybody; gives its project, once its component is there."""
    files = {
        path.relative_to(SAMPLES / sample).as_posix(): path.read_bytes()
        for path in (SAMPLES / sample).rglob("*")
        if path.is_file()
    }
    # both samples import the same packages, so one build brings them for both
    files["requirements.txt"] = (SAMPLES / "add-noise" / "requirements.txt").read_bytes()
    way = world.project()
    way.project.visibility = "public"
    way.push(files)
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


def use(world: World, user: User, files: Mapping[str, str | bytes]) -> Pipeline:
    """The pipeline of a second project, somebody else's, with these files, once it has ended."""
    project = world.sandbox.create_project(f"studio/{next(world.names)}", user, default_branch="main")
    sha = world.sandbox.commit(project.id, user, files)
    (pipeline,) = world.sandbox.wait_for(
        lambda: world.sandbox.pipelines(project.id, sha), PIPELINE_SECONDS, "the pipeline"
    )
    ended = world.sandbox.wait_pipeline(pipeline.id, PIPELINE_SECONDS)
    said = {job.name: job.trace.decode() for job in world.sandbox.jobs(pipeline.id)}
    assert (ended.yaml_errors, ended.status) == (None, "success"), "\n".join(said.values())
    return ended


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


@pytest.fixture(scope="module")
def noisy(namespaces: World) -> Way:
    """The published sample, on the machine without an engine."""
    return publish(namespaces, "add-noise")


def test_a_second_project_uses_a_module_by_its_component_and_keeps_the_noisy_pictures(
    namespaces: World, noisy: Way
) -> None:
    module = read(load_source(SAMPLES / "add-noise"), "add-noise").module
    assert module is not None
    values = {"input-path": "pictures", "output-path": "noisy", "mode": "s&p", "amount": "0.25", "seed": "3"}
    snippet = component_snippet(module, noisy.project.full_path, "1.0.0", values)
    assert snippet.problems == ()
    written = on_the_page(namespaces, noisy.project.full_path, values)
    assert written == snippet.text
    bob = namespaces.sandbox.create_user("bob")
    harbour = PICTURE.read_bytes()
    pipeline = use(namespaces, bob, {".gitlab-ci.yml": written, "pictures/harbour.png": harbour})
    (job,) = namespaces.sandbox.jobs(pipeline.id)
    kept = artifacts(job)
    # a quarter of the values in each of three colours
    assert changed(harbour, kept["noisy/harbour-s-and-p.png"]) == pytest.approx(1 - 0.75**3, abs=0.02)
    record = json.loads(kept["mlreef-run.json"])
    assert (record["module"], record["version"], record["exit_code"]) == (noisy.project.full_path, "1.0.0", 0)
    assert record["arguments"]["mode"] == "s&p"


def test_a_pipeline_of_two_modules_runs_as_it_was_rendered(
    namespaces: World, noisy: Way, tmp_path: Path
) -> None:
    run_two_modules(namespaces, noisy, tmp_path)


@pytest.mark.engine
@pytest.mark.executor
def test_a_pipeline_of_two_modules_runs_in_containers(containers: World, tmp_path: Path) -> None:
    run_two_modules(containers, publish(containers, "add-noise"), tmp_path)


def run_two_modules(world: World, noisy: Way, folder: Path) -> None:
    """A picture goes through both samples, in the pipeline of somebody who wrote a few lines."""
    edges = publish(world, "find-edges")
    first_step = {
        "module": f"{noisy.project.full_path}@1",
        "name": "noisy",
        "with": {"mode": "speckle", "variance": 0.2},
    }
    second_step = {"module": edges.project.full_path, "with": {"method": "scharr", "invert": True}}
    written = {"name": "How much noise?", "data": "pictures", "steps": [first_step, second_step]}
    harbour = PICTURE.read_bytes()
    files = {"mlreef-pipeline.yml": yaml.safe_dump(written), "pictures/harbour.png": harbour}
    carol = world.sandbox.create_user("carol")
    text = rendered(world, carol, folder, files)
    assert f"{noisy.project.full_path}/add-noise@1.0.0" in text
    pipeline = use(world, carol, {**files, ".gitlab-ci.yml": text})
    first, second = world.sandbox.jobs(pipeline.id)
    made = artifacts(first)["mlreef-out/noisy/harbour-speckle.png"]
    assert changed(harbour, made) > 0.5
    last = artifacts(second)[f"mlreef-out/{second.name}/harbour-speckle-edges.png"]
    drawn = picture(last)
    assert drawn.size == picture(harbour).size
    # dark on bright, as it was asked for
    assert ImageStat.Stat(drawn.convert("L")).mean[0] > 127
