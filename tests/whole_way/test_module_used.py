"""Published modules at work in other projects' pipelines: real modules, real jobs, real pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests
import yaml
from PIL import ImageStat

from bot.domain.panels import number_words
from bot.domain.pipeline import SMOKE
from bot.domain.snippets import component_snippet
from parser.read import read
from parser.source import load_source
from sandbox.demo.play import PICTURE
from tests.whole_way.conftest import Way, World
from tests.whole_way.learners import DRAW, LEARN
from tests.whole_way.machines import PIPELINE_SECONDS, ended, told, with_docker, without_an_engine
from tests.whole_way.places import VERSION, Stand
from tests.whole_way.sentences import FILES, SENTENCES
from tests.whole_way.studio import (
    SAMPLES,
    Studio,
    address_of_pages,
    artifacts,
    catalogue,
    changed,
    on_the_page,
    picture,
    publish,
    publish_files,
    rendered,
)

pytestmark = pytest.mark.timeout(900)

VALUES = {"input-path": "pictures", "output-path": "noisy", "mode": "s&p", "amount": "0.25", "seed": "3"}
"""What bob types into the form."""


@pytest.fixture(scope="module")
def namespaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A machine without an engine, and a catalogue."""
    with without_an_engine(tmp_path_factory.mktemp("module-used"), catalogue=catalogue()) as (world, _):
        yield world


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A machine with Docker, and a catalogue."""
    with with_docker(tmp_path_factory.mktemp("module-used"), catalogue=catalogue()) as world:
        yield world


@pytest.fixture(scope="module")
def noisy(namespaces: World) -> Way:
    """The published sample, on the machine without an engine."""
    return publish(namespaces, "add-noise")


@pytest.fixture(scope="module")
def measuring(containers: World) -> Way:
    """The sample as somebody published it who also measures how far the pictures went, on the machine with Docker."""
    script = (SAMPLES / "add-noise" / "im_add_noise.py").read_text()
    before = '        print(f"{file} -> {target}")\n'
    assert script.count(before) == 1
    measure = (
        "        far = float(numpy.mean((util.img_as_float(io.imread(file)) - noisy) ** 2))\n"
        '        written = json.dumps({"1": {"mse": far}})\n'
        '        (options.output_path / "experiment.json").write_text(written)\n'
    )
    script = script.replace(before, measure + before).replace(
        "import argparse\n", "import argparse\nimport json\n"
    )
    return publish(containers, "add-noise", {"im_add_noise.py": script.encode()})


def snippet_of_the_page(world: World, way: Way) -> str:
    """The lines that the module's page writes, which are those of the command and of the bot's note."""
    module = read(load_source(SAMPLES / "add-noise"), "add-noise").module
    assert module is not None
    snippet = component_snippet(module, way.project.full_path, VERSION, VALUES)
    assert snippet.problems == ()
    written = on_the_page(world, way.project.full_path, VALUES)
    assert written == snippet.text
    return written


def noisy_picture(kept: Mapping[str, bytes]) -> bytes:
    """The picture among a job's artifacts, noisy as it was asked for."""
    made = kept["noisy/harbour-s-and-p.png"]
    # a quarter of the values in each of three colours
    assert changed(PICTURE.read_bytes(), made) == pytest.approx(1 - 0.75**3, abs=0.02)
    return made


def test_a_second_project_uses_a_module_by_its_component_and_keeps_the_noisy_pictures(
    namespaces: World, noisy: Way
) -> None:
    written = snippet_of_the_page(namespaces, noisy)
    studio = Studio.of(namespaces, namespaces.sandbox.create_user("bob"))
    (job,) = studio.use({".gitlab-ci.yml": written, "pictures/harbour.png": PICTURE.read_bytes()})
    kept = artifacts(job)
    noisy_picture(kept)
    record = json.loads(kept["mlreef-run.json"])
    assert (record["module"], record["version"], record["exit_code"]) == (noisy.project.full_path, "1.0.0", 0)
    assert record["arguments"]["mode"] == "s&p"


def test_an_experiment_of_two_operations_a_model_and_its_picture_runs_as_it_was_rendered(
    namespaces: World, noisy: Way, tmp_path: Path
) -> None:
    edges = publish(namespaces, "find-edges")
    learner, painter = (publish_files(namespaces, {"main.py": script.encode()}) for script in (LEARN, DRAW))
    steps = two_steps(noisy, edges)
    steps += [
        {"module": one.project.full_path, "name": name}
        for one, name in ((learner, "learnt"), (painter, "drawn"))
    ]
    kept = run_steps(namespaces, tmp_path, "experiment", steps)
    assert_edges_of_noise(kept)
    bright = brightness(kept[1]["mlreef-out/edges/harbour-speckle-edges.png"])
    model = json.loads(kept[2]["mlreef-out/learnt/model.json"])
    assert model["pictures"] == 1
    assert model["mean"] * 255 == pytest.approx(bright, abs=1)
    assert brightness(kept[3]["mlreef-out/drawn/learnt.png"]) == pytest.approx(bright, abs=1)


def two_steps(noisy: Way, edges: Way) -> list[dict[str, object]]:
    return [
        {
            "module": f"{noisy.project.full_path}@1",
            "name": "noisy",
            "with": {"mode": "speckle", "variance": 0.2},
        },
        {
            "module": edges.project.full_path,
            "name": "edges",
            "with": {"method": "scharr", "invert": True},
        },
    ]


def run_steps(
    world: World, folder: Path, kind: str, steps: list[dict[str, object]]
) -> list[Mapping[str, bytes]]:
    """The artifacts of each step of a pipeline that begins with a picture and is rendered, committed and run."""
    written = {"name": "How much noise?", "kind": kind, "data": "pictures", "steps": steps}
    files = {"mlreef-pipeline.yml": yaml.safe_dump(written), "pictures/harbour.png": PICTURE.read_bytes()}
    carol = world.sandbox.create_user("carol")
    text = rendered(world, carol, folder, files)
    exact = [str(one["component"]).rpartition("@")[2] for one in yaml.safe_load(text)["include"]]
    assert exact == [VERSION] * len(steps)
    return [artifacts(job) for job in Studio.of(world, carol).use({**files, ".gitlab-ci.yml": text})]


def assert_edges_of_noise(kept: list[Mapping[str, bytes]]) -> None:
    """What the two steps made of the picture: noise, then its edges, dark on bright as it was asked for."""
    harbour = PICTURE.read_bytes()
    assert changed(harbour, kept[0]["mlreef-out/noisy/harbour-speckle.png"]) > 0.5
    drawn = kept[1]["mlreef-out/edges/harbour-speckle-edges.png"]
    assert picture(drawn).size == picture(harbour).size
    assert brightness(drawn) > 127


def brightness(content: bytes) -> float:
    """Of a picture, from 0 to 255."""
    return float(ImageStat.Stat(picture(content).convert("L")).mean[0])


@pytest.mark.engine
@pytest.mark.executor
def test_a_pipeline_of_two_modules_runs_in_containers(
    containers: World, measuring: Way, tmp_path: Path
) -> None:
    edges = publish(containers, "find-edges")
    assert_edges_of_noise(run_steps(containers, tmp_path, "data", two_steps(measuring, edges)))


@pytest.mark.engine
@pytest.mark.executor
def test_a_module_is_used_measured_taken_back_and_used_again_as_it_was(
    containers: World, measuring: Way, tmp_path: Path
) -> None:
    sandbox, path = containers.sandbox, measuring.project.full_path
    stand = Stand(measuring, address_of_pages(containers), tmp_path, "noise")
    release = (measuring.project.id, VERSION)
    sandbox.wait_for(lambda: release in sandbox.state.releases, PIPELINE_SECONDS, "the release")

    # used by the lines of its page: the picture is kept, and what was measured is told on the commit
    studio = Studio.of(containers, sandbox.create_user("bob"))
    written = snippet_of_the_page(containers, measuring)
    (job,) = studio.use({".gitlab-ci.yml": written, "pictures/harbour.png": PICTURE.read_bytes()})
    kept = artifacts(job)
    first = noisy_picture(kept)
    mse = number_words(json.loads(kept["noisy/experiment.json"])["1"]["mse"])
    seen = Way(containers, studio.project)
    comment = seen.comment(seen.head())
    assert f"**`{path}` `{VERSION}` ran** in the job [`{job.name}`]" in comment
    assert f"| `mse` | `{mse}` |" in comment

    # taken back: nobody finds it, and a pipeline that asks for it says so
    before = stand.found()
    assert all(before.values()), before
    stand.ask("unpublish")
    sandbox.wait_for(
        lambda: requests.get(stand.api(), timeout=20).status_code == 404, PIPELINE_SECONDS, "its end"
    )
    after = stand.found()
    assert not any(after.values()), after
    assert studio.push({".gitlab-ci.yml": written + "# again\n"}, "again").yaml_errors is not None

    # brought back: the same digest, the same picture, and the merge request is told that nothing is different
    stand.ask("republish")
    sandbox.wait_for(stand.is_listed, PIPELINE_SECONDS, "its return")
    sandbox.wait_for(lambda: release in sandbox.state.releases, PIPELINE_SECONDS, "the release")
    again = stand.found()
    assert all(again.values()), again
    images, were = again["the images"], before["the images"]
    assert isinstance(images, dict)
    assert isinstance(were, dict)
    assert (set(images.values()), len(set(images.values()))) == (set(were.values()), 1)
    request = seen.ask(
        "POST",
        "merge_requests",
        {"source_branch": "again", "target_branch": "main", "title": "Again"},
        studio.user,
    )
    (job,) = studio.use({".gitlab-ci.yml": written + "# and again\n"}, "again")
    assert noisy_picture(artifacts(job)) == first
    [note] = sandbox.wait_for(
        lambda: [one for one in seen.notes(int(request["iid"])) if "`mse`" in one],
        PIPELINE_SECONDS,
        "the note",
    )
    assert f"| `mse` | `{mse}` |  | `{mse}` | the same |" in note


def test_both_entry_points_of_one_image_are_published_and_used(namespaces: World) -> None:
    way = namespaces.project()
    way.project.visibility = "public"
    way.push(FILES)
    sha = way.bot_commit()
    assert "version 1.0.0" in told(way, sha, "success")
    smoke = way.sandbox.job(ended(way, sha).id, SMOKE).trace.decode()
    assert smoke.count("parameters are held as they were read") == 2, "each parser was asked from inside"
    assert "Running the sample of .mlreef.yaml: python /opt/mlreef/entry.py" in smoke
    way.sandbox.wait_for(
        lambda: way.sandbox.core.git(way.project).tag("1.0.0"), PIPELINE_SECONDS, "the component's tag"
    )
    path = way.project.full_path
    common = {"job-name": "learn", "job-stage": "build"}
    train = on_the_page(
        namespaces,
        path,
        {**common, "entry-point": "train", "train-input-path": "mine.tsv", "train-output-path": "learnt"},
    )
    infer = on_the_page(
        namespaces,
        path,
        {
            "job-needs": "learn",
            "entry-point": "infer",
            "infer-input-path": "new.txt",
            "infer-model-path": "learnt/model.json",
        },
    )
    assert infer.startswith("include:\n")
    studio = Studio.of(namespaces, namespaces.sandbox.create_user("bob"))
    learn, said = studio.use(
        {
            ".gitlab-ci.yml": train + infer.removeprefix("include:\n"),
            "mine.tsv": SENTENCES,
            "new.txt": "well well\nis it lost\n",
        }
    )
    assert json.loads(artifacts(learn)["learnt/model.json"])["bad"]["lost"] == 2
    assert json.loads(artifacts(said)["output/said.json"]) == ["good", "bad"]
    record = json.loads(artifacts(said)["mlreef-run.json"])
    assert record["arguments"]["entry-point"] == "infer"
    assert "train-output-path" not in record["arguments"]
