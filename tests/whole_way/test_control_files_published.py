"""Control files of mlopen, the whole way: published as they are, trained and run in containers and by components.

Of the samples, that of reviews goes its way in the demo (tests/demo/test_make_demo.py).
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.adapters.registry import Registry
from bot.domain.pipeline import SMOKE
from sandbox.demo.images import forget, run_published
from sandbox.images.running import Engine, Namespaces, Order, engine_version
from sandbox.images.running import Way as Runner
from tests.whole_way.conftest import Way, World
from tests.whole_way.machines import PIPELINE_SECONDS, ended, told, without_an_engine
from tests.whole_way.studio import SAMPLES, Studio, artifacts

pytestmark = pytest.mark.timeout(900)

RESULT = {"preds.json", "preds.csv", "report.html"}


@dataclass(frozen=True)
class Published:
    """A machine that runs images, and the published samples on it by their names."""

    world: World
    machine: Namespaces
    ways: dict[str, Way]

    def image(self, name: str) -> str:
        """The sample's image by digest."""
        path, world = self.ways[name].project.full_path, self.world
        with Registry(world.registry.address, world.alice.username, world.alice.token) as registry:
            manifest = registry.fetch_manifest(path, "1.0.0")
        assert manifest is not None
        return f"{world.registry.address}/{path}@{manifest.digest}"

    def run(self, way: Runner, name: str, shared: Path, *words: str) -> tuple[int, str]:
        """Runs the image on its own sample's files; what it writes is below /shared."""
        order = Order(
            self.image(name),
            arguments=words,
            binds=((SAMPLES / name, "/data", False), (shared, "/shared", True)),
            login=(self.world.alice.username, self.world.alice.token),
        )
        said: list[str] = []
        code = run_published(way, order, said.append)
        return code, "\n".join(said)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """Both, published by the bot and real jobs without a Docker engine."""
    with without_an_engine(tmp_path_factory.mktemp("control-files")) as (world, machine):
        ways = {}
        for name in ("mlopen-iris", "mlopen-network"):
            ways[name] = world.project()
            ways[name].push(
                {
                    path.relative_to(SAMPLES / name).as_posix(): path.read_bytes()
                    for path in (SAMPLES / name).rglob("*")
                    if path.is_file() and "__pycache__" not in path.parts
                }
            )
        for way in ways.values():
            assert "version 1.0.0" in told(way, way.bot_commit(), "success")
        yield Published(world, machine, ways)


@pytest.fixture(params=["namespaces", pytest.param("engine", marks=pytest.mark.engine)])
def container(request: pytest.FixtureRequest, published: Published, tmp_path: Path) -> Iterator[Runner]:
    """What runs the images: nothing but the kernel, and a Docker engine."""
    if request.param == "namespaces":
        yield published.machine
        return
    version = engine_version()
    assert version is not None
    yield Engine(version, tmp_path / "logins")
    forget(published.world.registry.address)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that the image's user may write to."""
    made = tmp_path / "shared"
    made.mkdir()
    made.chmod(0o777)
    return made


def rows(result: Path) -> list[Any]:
    found = json.loads((result / "preds.json").read_text())["table"]["rows"]
    assert isinstance(found, list)
    return found


def spirals_are_told_apart(found: list[Any]) -> None:
    assert len(found) == 40
    assert {row[2] for row in found} == {0, 1}
    # each spiral is the other one turned by half a circle, so a network that learnt them is sure
    assert all(row[3] < 0.1 or row[3] > 0.9 for row in found)
    with (SAMPLES / "mlopen-network" / "points.csv").open() as file:
        known = [(float(row["x"]), float(row["y"]), int(row["spiral"])) for row in csv.DictReader(file)]
    for x, y, spiral, _ in found:
        assert min(known, key=lambda point: math.dist(point[:2], (x, y)))[2] == spiral


def flowers_are_known(found: list[Any]) -> None:
    assert len(found) == 15
    assert sum(row[4] == row[5] for row in found) >= 13


@pytest.mark.parametrize(
    ("name", "learnt", "given", "judge"),
    [
        ("mlopen-iris", "flowers.csv", "known.csv", flowers_are_known),
        ("mlopen-network", "points.csv", "new-points.csv", spirals_are_told_apart),
    ],
)
def test_a_sample_is_trained_and_run_in_its_container(
    published: Published,
    container: Runner,
    shared: Path,
    name: str,
    learnt: str,
    given: str,
    judge: Callable[[list[Any]], None],
) -> None:
    code, said = published.run(
        container,
        name,
        shared,
        "train",
        "--input-path",
        f"/data/{learnt}",
        "--output-path",
        "/shared/trained",
    )
    assert code == 0, said
    told_model = re.search(r"run --model (/shared/trained/([0-9a-f]{64})\.mlopen@sha256:\2)$", said, re.M)
    assert told_model is not None, said
    words = ("run", "--input-path", f"/data/{given}", "--output-path", "/shared/result", "--model")
    code, said = published.run(container, name, shared, *words, told_model[1])
    assert code == 0, said
    assert {path.name for path in (shared / "result").iterdir()} == RESULT
    judge(rows(shared / "result"))
    # a bundle that somebody touched is not loaded, there either
    code, said = published.run(container, name, shared, *words, f"/shared/trained@sha256:{'0' * 64}")
    assert (code, "No such file" in said) == (2, True), said


def test_the_smoke_job_asks_both_commands_and_trains(published: Published) -> None:
    way = published.ways["mlopen-iris"]
    said = way.sandbox.job(ended(way, way.head()).id, SMOKE).trace.decode()
    asked = ("run --help", "model", "k", "weights", "train --help")
    assert [name for name in asked if f"  ok {name}\n" in said] == [*asked], said
    assert "7 parameters are held as they were read" in said
    assert "iris_control.py train --input-path flowers.csv --output-path /tmp/trained\n  ok\n" in said


def test_a_component_trains_and_another_run_uses_what_was_learnt_by_its_hash(published: Published) -> None:
    world, way = published.world, published.ways["mlopen-iris"]
    way.project.visibility = "public"
    world.sandbox.wait_for(
        lambda: world.sandbox.core.git(way.project).tag("1.0.0"), PIPELINE_SECONDS, "the component's tag"
    )
    studio = Studio.of(world, world.sandbox.create_user("bob"))
    place = f"$CI_SERVER_FQDN/{way.project.full_path}/iris@1.0.0"
    data = {name: (SAMPLES / "mlopen-iris" / name).read_bytes() for name in ("flowers.csv", "known.csv")}

    def job(**inputs: object) -> dict[str, bytes]:
        named = {name.replace("_", "-"): value for name, value in inputs.items()}
        text = yaml.safe_dump({"include": [{"component": place, "inputs": named}]})
        (ran,) = studio.use({".gitlab-ci.yml": text, **data})
        return artifacts(ran)

    trained = job(
        entry_point="train",
        train_input_path="flowers.csv",
        train_output_path="trained",
    )
    record = json.loads(trained["mlreef-run.json"])
    assert record["arguments"]["entry-point"] == "train"
    (bundle,) = (name for name in trained if name.endswith(".mlopen"))
    sha256 = hashlib.sha256(trained[bundle]).hexdigest()
    assert bundle == f"trained/{sha256}.mlopen"
    data["learnt.mlopen"] = trained[bundle]
    ran = job(
        entry_point="run",
        run_input_path="known.csv",
        run_output_path="result",
        run_model=f"learnt.mlopen@sha256:{sha256}",
    )
    assert {f"result/{name}" for name in RESULT} <= set(ran)
    flowers_are_known(json.loads(ran["result/preds.json"])["table"]["rows"])
