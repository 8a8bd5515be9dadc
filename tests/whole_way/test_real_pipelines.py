"""The whole way with nothing played: real jobs build, try and promote real images.

GitLab starts a pipeline for the author's own push with the old file while the bot still reads; only the pipeline
whose file is what its commit gives may publish, however slow the bot is and whatever the order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
import yaml
from werkzeug.wrappers import Response

from bot.adapters.registry import Registry
from bot.domain.pipeline import JOB_NAMES
from bot.domain.tags import candidate_tag
from bot.domain.versions import Version
from sandbox.demo.stage import BASES
from tests.layers.making_wheels import Recipe
from tests.layers.package_index import PackageIndex, Shelf, served
from tests.whole_way.conftest import SCRIPT, Way, World
from tests.whole_way.machines import PIPELINE_SECONDS, ended, told, with_docker, without_an_engine
from tests.whole_way.test_mr_commands import DONE, Talk

pytestmark = pytest.mark.timeout(900)

FILES = {"add_noise.py": SCRIPT, "requirements.txt": "# nothing is needed\n"}
SALTED = SCRIPT.replace('"speckle"]', '"speckle", "salt"]')
WITHOUT_OUTPUT = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The engine `layers`, as on a machine without Docker."""
    with without_an_engine(tmp_path_factory.mktemp("real-pipelines")) as (world, _):
        yield world


@pytest.fixture(scope="module")
def by_docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The engine `docker`, with jobs in containers."""
    with with_docker(tmp_path_factory.mktemp("by-docker")) as world:
        yield world


def versions(way: Way) -> dict[str, str]:
    """Tags of versions, and the commit that each one's image was built from."""
    alice, path = way.world.alice, way.project.full_path
    found = {}
    with Registry(way.world.registry.address, alice.username, alice.token) as registry:
        for tag in registry.fetch_tags(path):
            if re.fullmatch(r"latest|master-\d+", tag):
                manifest = registry.fetch_manifest(path, tag)
                assert manifest is not None
                found[tag] = registry.fetch_labels(path, manifest)["org.opencontainers.image.revision"]
    return found


def base_digest(world: World) -> str:
    """The base image that modules are built on, which anybody may run."""
    config = yaml.safe_load(world.log.with_name("config.yaml").read_text())
    return str(config["environments"][0]["image"]).partition("@")[2]


def held_until(over: Event) -> Callable[[Callable[[], Response]], Response]:
    def script(answer: Callable[[], Response]) -> Response:
        assert over.wait(PIPELINE_SECONDS)
        return answer()

    return script


def test_only_the_pipeline_with_the_right_file_publishes(running: World) -> None:
    way = running.project()
    iid = way.merge(FILES)
    first = way.bot_commit()
    assert "version 1.0.0 as master-1" in told(way, first, "success")
    assert versions(way) == {"master-1": first, "latest": first}
    (note,) = way.sandbox.wait_for(lambda: way.notes(iid), what="the note")
    assert "@sha256:" in note

    # a changed parameter, and a bot so slow that GitLab's own pipeline ends before it has committed
    over = Event()
    running.mood.once("POST", "/repository/commits", held_until(over))
    changed = way.push({"add_noise.py": SALTED})
    try:
        stale = ended(way, changed)
        assert way.head() == changed
    finally:
        over.set()
    assert stale.status == "success"
    assert "mlreef.yml" in way.sandbox.job(stale.id, "mlreef-verify").trace.decode()
    assert way.sandbox.job(stale.id, "mlreef-promote").exit_code == 75
    assert versions(way) == {"master-1": first, "latest": first}
    second = way.bot_commit()
    assert "version 1.1.0 as master-2" in told(way, second, "success")
    assert versions(way) == {"master-1": first, "master-2": second, "latest": second}

    # a refused push: its pipeline says so itself, and nothing moves
    refused = way.push({"add_noise.py": WITHOUT_OUTPUT})
    assert "output-path" in told(way, refused, "failed")
    red = ended(way, refused)
    assert red.status == "failed"
    assert way.sandbox.job(red.id, "mlreef-verify").status == "failed"
    assert "output-path" in way.sandbox.job(red.id, "mlreef-verify").trace.decode()
    assert versions(way) == {"master-1": first, "master-2": second, "latest": second}

    # the mend is one push, and the same file is right again: published without a commit of the bot's
    mended = way.push({"add_noise.py": SALTED + "# mended\n"})
    assert "version 1.1.1 as master-3" in told(way, mended, "success")
    assert versions(way)["latest"] == mended
    assert way.head() == mended
    successes = [d.sha for d in way.sandbox.deployments(way.project.id) if d.status == "success"]
    assert successes == [first, second, mended]

    # somebody's own mlreef.yml is put right: nothing of the image has changed, so nothing is built
    before = versions(way)
    way.push({"mlreef.yml": (way.file() or b"") + b"# mine\n"})
    put_right = way.sandbox.wait_for(
        lambda: way.head() if way.is_by_bot(way.head()) else None, PIPELINE_SECONDS, "the bot's commit"
    )
    assert "the same as 1.1.1 (master-3)" in told(way, put_right, "success")
    same = ended(way, put_right)
    assert same.status == "success"
    assert "Nothing is built here" in way.sandbox.job(same.id, "mlreef-build").trace.decode()
    assert way.sandbox.job(same.id, "mlreef-promote").exit_code == 75
    assert versions(way) == before
    tags = running.registry.tags(way.project.full_path)
    assert candidate_tag(put_right) in tags
    assert sorted(tag for tag in tags if Version.read(tag)) == ["1.0.0", "1.1.0", "1.1.1"]


def test_a_second_push_builds_the_sources_alone(
    running: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"import noises\n{SCRIPT}"
    recipe = Recipe({"noises/__init__.py": b"KINDS = ()\n"}, name="noises")
    wheel = Shelf(recipe.write(tmp_path).read_bytes())
    with served(PackageIndex({"noises": {recipe.filename: wheel}})) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.simple)
        way = running.project({"add_noise.py": script, "requirements.txt": "noises==1.0\n"})
        first = way.bot_commit()
        assert "version 1" in told(way, first, "success")
        assert any(recipe.filename in part for line in index.requests for part in line)
        index.requests.clear()
        second = way.push({"add_noise.py": f"{script}# again\n"})
        assert "version 1.0.1" in told(way, second, "success")
        assert index.requests == [], "a warm build reads the lock, not the wheels"
    said = way.sandbox.job(ended(way, second).id, "mlreef-build").trace.decode()
    found = re.search(r"only the sources are new; .* sent in (\d+) requests", said)
    assert found is not None, said
    assert int(found[1]) - 1 <= 8, "one was answered by asking who it is"
    assert versions(way) == {"master-1": first, "master-2": second, "latest": second}


def test_a_version_whose_image_was_collected_comes_back_to_the_same_digest(
    running: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe({"noises/__init__.py": b"KINDS = ()\n"}, name="noises")
    wheel = Shelf(recipe.write(tmp_path).read_bytes())
    with served(PackageIndex({"noises": {recipe.filename: wheel}})) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.simple)
        way = running.project({"add_noise.py": f"import noises\n{SCRIPT}", "requirements.txt": "noises\n"})
        sha = way.bot_commit()
        assert "version 1" in told(way, sha, "success")
        path = way.project.full_path
        before = {
            tag: details.digest
            for tag in ("1", "1.0.0", "latest", "master-1")
            if (details := running.registry.tag_details(path, tag))
        }
        [digest] = set(before.values())
        talk = Talk(way, way.open({"notes.txt": "Hi\n"}))

        assert "The image itself is removed, too." in talk.ask("/mlreef unpublish 1.0.0", DONE)
        assert running.registry.tags(path) == ["withdrawn-1.0.0", "withdrawn.master-1"]
        running.registry.collect_garbage(path)
        with Registry(running.registry.address, running.alice.username, running.alice.token) as registry:
            assert registry.fetch_manifest(path, digest) is None

        note = talk.say("/mlreef republish 1.0.0")
        talk.end(note, DONE, PIPELINE_SECONDS)
    [said] = talk.replies(note)
    assert "is back, the same image as before" in said
    assert "of its recorded lock, to the same bytes" in said
    after = {tag: details.digest for tag in before if (details := running.registry.tag_details(path, tag))}
    assert after == before
    # nothing was published anew, and the commit's own status is as it was
    assert [d.sha for d in way.sandbox.deployments(way.project.id) if d.status == "success"] == [sha]
    assert [status.status for status in way.statuses(sha)][-1] == "success"


@pytest.mark.engine
@pytest.mark.executor
def test_a_module_is_published_from_the_projects_own_ci(by_docker: World) -> None:
    own = (
        "stages: [check, publish]\nunit:\n  stage: check\n  image: $TOOLS\n  variables: {TOOLS: base}\n"
        "  script: [echo fine]\n  rules: [{when: never}]\n"
        "release:\n  stage: publish\n  trigger:\n    include: [{local: mlreef.yml}]\n    strategy: depend\n"
    )
    way = by_docker.project({**FILES, ".gitlab-ci.yml": own}, ci_config_path=None)
    ours = way.bot_commit()
    assert "version 1" in told(way, ours, "success")
    assert versions(way) == {"master-1": ours, "latest": ours}
    parents = [p for p in way.sandbox.pipelines(way.project.id, ours) if p.source == "push"]
    assert [way.sandbox.wait_pipeline(p.id).status for p in parents] == ["success"]
    names = {j.name for p in way.sandbox.pipelines(way.project.id, ours) for j in way.sandbox.jobs(p.id)}
    assert set(JOB_NAMES) <= names


def test_stages_of_the_authors_own_really_run_and_are_given_the_candidate(running: World) -> None:
    in_it = "image: {name: $MLREEF_CANDIDATE, entrypoint: ['']}"
    base = running.registry.address + "/" + BASES + "@" + base_digest(running)
    way = running.project(
        {
            **FILES,
            ".mlreef.yaml": "stages: {before: [ci/lint.yml], after: [ci/try.yml]}\n",
            "ci/lint.yml": f"look: {{image: '{base}', script: ['echo verdict $MLREEF_VERDICT']}}\n",
            "ci/try.yml": "try:\n  variables: {GIT_STRATEGY: none}\n  "
            + in_it
            + "\n  script: ['python /app/add_noise.py --help', 'echo given $MLREEF_DIGEST', "
            # what it leaves in the name of our jobs stays in its own pipeline
            + f"'echo MLREEF_VERDICT=stop >own.env', 'echo MLREEF_DIGEST=sha256:{'0' * 64} >>own.env']\n"
            + "  artifacts: {reports: {dotenv: own.env}}\n",
        }
    )
    ours = way.bot_commit()
    told(way, ours, "success")
    before = versions(way)
    assert before == {"master-1": ours, "latest": ours}
    stages = [p for p in way.sandbox.pipelines(way.project.id, ours) if p.source == "parent_pipeline"]
    said = {job.name: job.trace.decode() for p in stages for job in way.sandbox.jobs(p.id)}
    assert sorted(said) == ["look", "try"]
    assert "verdict publish" in said["look"]
    assert "usage: add_noise.py" in said["try"]
    (given,) = re.findall(r"^given (sha256:[0-9a-f]{64})$", said["try"], re.MULTILINE)
    image = running.registry.tag_details(way.project.full_path, "master-1")
    assert image is not None
    assert image.digest == given

    # a stage that fails: built and tried, and no tag moves
    failing = way.push({"ci/try.yml": f"try:\n  {in_it}\n  script: ['echo no good', 'exit 3']\n"})
    told_of = way.sandbox.wait_for(
        lambda: [s for s in way.statuses(failing) if s.status == "failed"], PIPELINE_SECONDS, "the refusal"
    )
    assert "your stage ci/try.yml stopped it: the job try failed" in str(told_of[-1].description)
    assert versions(way) == before
