"""The whole way with nothing played: real jobs in real containers build, try and promote real images.

GitLab starts a pipeline for the author's own push with the old file while the bot still reads; only the pipeline
whose file is what its commit gives may publish, however slow the bot is and whatever the order.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from werkzeug.wrappers import Response

from bot.domain.pipeline import JOB_NAMES
from bot.domain.tags import candidate_tag
from sandbox.demo.children import free_port
from sandbox.demo.images import BOT_IMAGE, forget
from sandbox.demo.stage import ensure_images
from sandbox.executor import GitlabCiLocal
from sandbox.gitlab import Sandbox
from sandbox.gitlab.state import Pipeline
from sandbox.node import ensure_helper_image, ensure_tools
from sandbox.registry import RegistryServer
from tests.whole_way.conftest import SCRIPT, Mood, Way, World, serving

pytestmark = [pytest.mark.engine, pytest.mark.executor, pytest.mark.timeout(600)]

FILES = {"add_noise.py": SCRIPT, "requirements.txt": "# nothing is needed\n"}
SALTED = SCRIPT.replace('"speckle"]', '"speckle", "salt"]')
WITHOUT_OUTPUT = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")
PIPELINE_SECONDS = 240.0
SLOW_SECONDS = 25.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("real-pipelines")
    images = ensure_images(lambda _line: None)
    executor = GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(images.base))
    mood = Mood()
    with (
        RegistryServer(folder / "registry") as registry,
        Sandbox(folder / "gitlab", executor=executor, registry=registry, moods=mood) as sandbox,
    ):
        alice, bot = (
            sandbox.create_user("alice"),
            sandbox.create_user("mlreef-bot", bot=True, name="MLReef bot"),
        )
        listen = f"127.0.0.1:{free_port()}"
        log = folder / "bot.log"
        with serving(folder, sandbox.url, bot.token, listen, log, images, timeout_seconds=60):
            yield World(sandbox, registry, mood, alice, bot, f"http://{listen}/webhooks/gitlab", log)
        forget(registry.address)


def ended(way: Way, sha: str) -> Pipeline:
    """The commit's own pipeline, once it has ended."""
    return way.sandbox.wait_pipeline(way.pipeline(sha).id, PIPELINE_SECONDS)


def told(way: Way, sha: str, state: str) -> str:
    found = way.sandbox.wait_for(
        lambda: next((s for s in way.statuses(sha)[-1:] if s.status == state), None),
        PIPELINE_SECONDS,
        f"the status {state}",
    )
    return str(found.description)


def versions(way: Way) -> dict[str, str]:
    """Tags other than candidates, and the commit that each one's image was built from."""
    registry, path = way.world.registry, way.project.full_path
    found = {}
    for tag in registry.tags(path):
        if not tag.startswith(("c-", "sha256-", "l-")):
            run = ["docker", "pull", "-q", f"{registry.address}/{path}:{tag}"]
            subprocess.run(run, check=True, capture_output=True)
            label = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
            inspect = ["docker", "image", "inspect", "-f", label, f"{registry.address}/{path}:{tag}"]
            found[tag] = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()
    return found


def login(way: Way) -> None:
    alice = way.world.alice
    subprocess.run(
        ["docker", "login", "-u", alice.username, "--password-stdin", way.world.registry.address],
        input=alice.token,
        text=True,
        check=True,
        capture_output=True,
    )


def slowly(answer: Callable[[], Response]) -> Response:
    time.sleep(SLOW_SECONDS)
    return answer()


def test_only_the_pipeline_with_the_right_file_publishes(running: World) -> None:
    way = running.project()
    login(way)
    iid = way.merge(FILES)
    first = way.bot_commit()
    assert "version 1" in told(way, first, "success")
    assert versions(way) == {"master-1": first, "latest": first}
    (note,) = way.sandbox.wait_for(lambda: way.notes(iid), what="the note")
    assert "@sha256:" in note

    # a changed parameter, and a bot so slow that GitLab's own pipeline ends before it has committed
    running.mood.once("POST", "/repository/commits", slowly)
    changed = way.push({"add_noise.py": SALTED})
    stale = ended(way, changed)
    assert stale.status == "success"
    assert "mlreef.yml" in way.sandbox.job(stale.id, "mlreef-verify").trace.decode()
    assert way.sandbox.job(stale.id, "mlreef-promote").exit_code == 75
    assert versions(way) == {"master-1": first, "latest": first}
    second = way.bot_commit()
    assert "version 2" in told(way, second, "success")
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
    assert "version 3" in told(way, mended, "success")
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
    assert "the same as master-3" in told(way, put_right, "success")
    same = ended(way, put_right)
    assert same.status == "success"
    assert "Nothing is built here" in way.sandbox.job(same.id, "mlreef-build").trace.decode()
    assert way.sandbox.job(same.id, "mlreef-promote").exit_code == 75
    assert versions(way) == before
    assert candidate_tag(put_right) in running.registry.tags(way.project.full_path)


def test_a_module_is_published_from_the_projects_own_ci(running: World) -> None:
    own = (
        "stages: [check, publish]\nunit:\n  stage: check\n  image: $TOOLS\n  variables: {TOOLS: base}\n"
        "  script: [echo fine]\n  rules: [{when: never}]\n"
        "release:\n  stage: publish\n  trigger:\n    include: [{local: mlreef.yml}]\n    strategy: depend\n"
    )
    way = running.project({**FILES, ".gitlab-ci.yml": own}, ci_config_path=None)
    login(way)
    ours = way.bot_commit()
    assert "version 1" in told(way, ours, "success")
    assert versions(way) == {"master-1": ours, "latest": ours}
    parents = [p for p in way.sandbox.pipelines(way.project.id, ours) if p.source == "push"]
    assert [way.sandbox.wait_pipeline(p.id).status for p in parents] == ["success"]
    names = {j.name for p in way.sandbox.pipelines(way.project.id, ours) for j in way.sandbox.jobs(p.id)}
    assert set(JOB_NAMES) <= names


def test_stages_of_the_authors_own_really_run_and_are_given_the_candidate(running: World) -> None:
    in_it = "image: {name: $MLREEF_CANDIDATE, entrypoint: ['']}"
    way = running.project(
        {
            **FILES,
            ".mlreef.yaml": "stages: {before: [ci/lint.yml], after: [ci/try.yml]}\n",
            "ci/lint.yml": f"look: {{image: '{BOT_IMAGE}', script: ['echo verdict $MLREEF_VERDICT']}}\n",
            "ci/try.yml": "try:\n  variables: {GIT_STRATEGY: none}\n  "
            + in_it
            + "\n  script: ['python /app/add_noise.py --help', 'echo given $MLREEF_DIGEST']\n",
        }
    )
    login(way)
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
    image = f"{way.world.registry.address}/{way.project.full_path}"
    inspect = ["docker", "image", "inspect", "-f", "{{.RepoDigests}}", f"{image}:master-1"]
    assert given in subprocess.run(inspect, check=True, capture_output=True, text=True).stdout

    # a stage that fails: built and tried, and no tag moves
    failing = way.push({"ci/try.yml": f"try:\n  {in_it}\n  script: ['echo no good', 'exit 3']\n"})
    told_of = way.sandbox.wait_for(
        lambda: [s for s in way.statuses(failing) if s.status == "failed"], PIPELINE_SECONDS, "the refusal"
    )
    assert "your stage ci/try.yml stopped it: the job try failed" in str(told_of[-1].description)
    assert versions(way) == before
