"""The second job on a real engine: what a commit becomes, and what an author reads when it becomes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from bot.adapters.engine import Engine
from bot.adapters.registry import Registry
from bot.ci.finish import takes_words
from bot.errors import OperatorError
from parser.wire import canonical
from tests.ci.samples import SCRIPT, dotenv, publishable, settings, variables
from tests.ci.world import Repository, run_job

pytestmark = pytest.mark.engine

PRINTS = (
    "import json, os, sys\n"
    "shown = {name: value for name, value in os.environ.items() if name.startswith('X_')}\n"
    "print(json.dumps([sys.argv, shown, os.getuid(), os.getcwd(), sorted(map(ascii, os.listdir('.')))]))\n"
)


@dataclass
class Workshop:
    """A project on an engine and a registry; what it leaves on the engine is removed in the end."""

    repository: Repository
    registry: str
    base: str
    path: str = field(default_factory=lambda: f"group/b-{uuid.uuid4().hex[:12]}")

    @property
    def image(self) -> str:
        return f"{self.registry}/{self.path}"

    def commit(self, files: dict[str, str | bytes] | None = None, **env: str) -> str:
        return publishable(self.repository, files, settings(self.base, **env))

    def build(self, sha: str, **more: str) -> tuple[int, str]:
        code, log = run_job("build", variables(self.repository, sha, self.image, **more))
        assert "secret-job-token" not in log
        return code, log

    def built(self, sha: str) -> str:
        """Builds and gives the candidate's name by digest."""
        code, log = self.build(sha)
        assert code == 0, log
        return dotenv(self.repository.path, "build.env")["MLREEF_CANDIDATE"]

    def inspect(self, name: str) -> dict[str, object]:
        return json.loads(docker("image", "inspect", name))[0]["Config"]


def docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + ("" if check else done.stderr)


def without_docker_client(folder: Path) -> str:
    """A PATH with git, and no docker beside it."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    return str(programs)


@pytest.fixture
def workshop(repository: Repository, registry: str, base: str) -> Iterator[Workshop]:
    made = Workshop(repository, registry, base)
    yield made
    left = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}", made.image).split()
    for name in left:
        docker("image", "rm", "--force", name.replace(":<none>", "").partition("@<")[0], check=False)


def test_a_commit_becomes_an_image_that_runs_without_rights(workshop: Workshop) -> None:
    sha = workshop.commit()
    candidate = workshop.built(sha)
    assert docker("run", "--rm", candidate, "--help").startswith("usage: main.py")
    body = docker("run", "--rm", candidate, *("--input-path", "i", "--output-path", "o", "--mode", "speckle"))
    assert body == "BODY speckle 10001 /app\n"
    layers = [
        json.loads(docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", name))
        for name in (workshop.base, f"{workshop.image}:c-{sha}")
    ]
    assert layers[1][: len(layers[0])] == layers[0], "it stands on the base of its environment"
    config = workshop.inspect(f"{workshop.image}:c-{sha}")
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["python", "/app/main.py"]


def test_the_labels_carry_the_module_and_where_it_comes_from(workshop: Workshop) -> None:
    hostile = 'it\'s "quoted" $HOME `id` ${{ x }} \\ ü 😀'
    sha = workshop.commit(
        {
            ".mlreef.yaml": json.dumps(
                {"name": hostile, "description": hostile + "\nsecond line"}, ensure_ascii=False
            )
        }
    )
    candidate = workshop.built(sha)
    with Registry(workshop.registry) as registry:
        manifest = registry.fetch_manifest(workshop.path, candidate.partition("@")[2])
        assert manifest is not None
        labels = registry.fetch_labels(workshop.path, manifest)
    assert labels["org.opencontainers.image.title"] == hostile
    assert labels["org.opencontainers.image.description"] == hostile + "\nsecond line"
    assert labels["org.opencontainers.image.revision"] == sha
    assert labels["org.opencontainers.image.created"] == "2026-01-01T00:00:00Z"
    assert labels["org.opencontainers.image.source"] == "https://gitlab.example.com/group/add-noise"
    module = json.loads(labels["io.mlreef.module"])
    assert canonical(module) == labels["io.mlreef.module"]
    assert module["name"] == hostile
    assert [p["name"] for p in module["parameters"]] == [
        "input-path",
        "output-path",
        "mode",
        "amount",
        "clip",
    ]
    assert labels["io.mlreef.schema"] == "1"


def test_requirements_are_installed_once_and_taken_from_the_cache_when_only_the_script_changes(
    workshop: Workshop,
) -> None:
    needs = {
        "requirements.txt": f"-r requirements/base.txt\n# {workshop.path}\n",
        "requirements/base.txt": "-c ../constraints.txt\nsix\n",
    }
    first = workshop.commit({**needs, "constraints.txt": "six==1.16.0\n", "main.py": "import six\n" + SCRIPT})
    code, log = workshop.build(first)
    assert code == 0, log
    assert "Successfully installed six-1.16.0" in log
    assert workshop.inspect(f"{workshop.image}:c-{first}")
    layers = json.loads(docker("image", "inspect", f"{workshop.image}:c-{first}"))[0]["RootFS"]["Layers"]
    second = workshop.repository.commit({"main.py": "import six\nimport sys\n" + SCRIPT})
    code, log = workshop.build(second)
    assert code == 0, log
    assert "Successfully installed" not in log
    assert "unchanged, taken from the cache" in log
    again = json.loads(docker("image", "inspect", f"{workshop.image}:c-{second}"))[0]["RootFS"]["Layers"]
    assert [one == other for one, other in zip(layers, again, strict=True)].count(False) == 1
    assert "usage" in docker("run", "--rm", f"{workshop.image}:c-{second}", "--help")


def test_the_same_commit_built_again_is_the_same_image(workshop: Workshop) -> None:
    sha = workshop.commit()
    assert workshop.built(sha) == workshop.built(sha)


def test_hostile_variables_and_file_names_arrive_unharmed(workshop: Workshop) -> None:
    values = [
        "$HOME ${X} `id` $(id) \"q\" 's' \\ \\n #",
        "trailing \\",
        " spaces ",
        "a\tb",
        "ü😀\u202e",
        "",
        "=",
        "$",
    ]
    env = {f"X_{index}": value for index, value in enumerate(values)}
    entry = 'sub dir/it\'s "$HOME" `x` ü.py'
    names = ['a"b', "a\nb", "$(id)", "-rf", "ü😀", "*", "x" * 200]
    files: dict[str, str | bytes] = dict.fromkeys(names, "")
    files[entry] = SCRIPT + PRINTS
    files[".mlreef.yaml"] = json.dumps({"entry_points": {"main": entry}, "env": env}, ensure_ascii=False)
    files["main.py"] = ""
    candidate = workshop.built(workshop.commit(files, X_BASE="$PATH 'b'"))
    printed = docker("run", "--rm", candidate, "--input-path", "$i", "--output-path", "`o`").splitlines()[-1]
    argv, shown, user, directory, listed = json.loads(printed)
    assert argv == [f"/app/{entry}", "--input-path", "$i", "--output-path", "`o`"]
    assert shown == {**env, "X_BASE": "$PATH 'b'"}
    assert (user, directory) == (10001, "/app")
    assert {ascii(name) for name in names} <= set(listed)
    assert ascii("mlreef.yml") not in listed


def test_an_entry_point_in_a_folder_finds_its_helper_and_may_write_beside_itself(workshop: Workshop) -> None:
    script = "import helper\n" + SCRIPT.replace("    print(", "    open('made', 'w')\n    print(")
    files = {"tools/run.py": script, "tools/helper.py": "", "main.py": ""}
    sha = workshop.commit(files | {".mlreef.yaml": "entry_points: {main: tools/run.py}\n"})
    candidate = workshop.built(sha)
    words = ("--input-path", "i", "--output-path", "o")
    assert docker("run", "--rm", candidate, *words).startswith("BODY gaussian 10001")
    assert docker("run", "--rm", "--user", "4321:0", candidate, *words).startswith("BODY gaussian 4321")


@pytest.mark.parametrize(
    ("requirements", "sentence"),
    [
        (
            "no-package-has-this-name-mlreef==1\n",
            "There is no version of `no-package-has-this-name-mlreef==1`",
        ),
        ("six==1.16.0\n-c constraints.txt\n", "different versions of the same package"),
    ],
)
def test_a_failed_installation_ends_in_a_sentence_and_pips_last_lines(
    workshop: Workshop, requirements: str, sentence: str
) -> None:
    files = {"requirements.txt": requirements, "constraints.txt": "six==1.15.0; python_version > '3'\n"}
    code, log = workshop.build(workshop.commit(files))
    assert code == 1
    assert "Not published: the requirements could not be installed." in log
    assert sentence in log
    assert "pip's last lines:\n   | " in log
    assert (
        requests.get(f"http://{workshop.registry}/v2/{workshop.path}/tags/list", timeout=10).status_code
        == 404
    )


def test_the_next_jobs_are_handed_the_digest_and_the_probes(workshop: Workshop) -> None:
    candidate = workshop.built(workshop.commit())
    folder = workshop.repository.path / ".mlreef"
    handed = dotenv(workshop.repository.path, "build.env")
    assert handed == {
        "MLREEF_VERDICT": "publish",
        "MLREEF_CANDIDATE": candidate,
        "MLREEF_DIGEST": candidate.partition("@")[2],
        "MLREEF_ATTEST": "yes",
        "MLREEF_BLOCK_FROM": "high",
        "MLREEF_BUILT_IN": "registry.example.com/bot:1",
    }
    mount = ("--volume", f"{folder}:/job:ro", "--workdir", "/job", "--entrypoint", "sh")
    tried = docker("run", "--rm", *mount, candidate, "-c", "python -I /job/smoke")
    assert "  ok mode\n" in tried
    assert "The script accepts what was read from it." in tried


def test_a_stale_file_builds_nothing_and_hands_over_the_builder(workshop: Workshop) -> None:
    workshop.commit()
    sha = workshop.repository.commit({"main.py": SCRIPT.replace("0.5", "0.7")})
    code, log = workshop.build(sha)
    assert code == 0
    assert "Nothing is built here" in log
    handed = dotenv(workshop.repository.path, "build.env")
    assert handed == {"MLREEF_VERDICT": "stop", "MLREEF_CANDIDATE": "registry.example.com/bot:1"}
    assert json.loads((workshop.repository.path / ".mlreef/smoke/plan.json").read_text())["verdict"] == "stop"


def test_a_link_out_of_the_repository_refuses_the_build_by_name(workshop: Workshop) -> None:
    (workshop.repository.path / "secrets").symlink_to("../../etc/shadow")
    code, log = workshop.build(workshop.commit())
    assert code == 1
    assert "secrets:1: This link points out of the repository" in log


OWN = """\
ARG MLREEF_BASE
FROM ${MLREEF_BASE}
WORKDIR /srv/tool
COPY main.py data* ./
RUN echo "$PATH" > made && ls
"""


@pytest.mark.parametrize("client", ["buildx", "classic"])
def test_an_own_dockerfile_is_built_as_it_is_and_gets_labels_and_an_entry_point(
    workshop: Workshop, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"Dockerfile": OWN, "data.txt": "x", "data.bin": "y", ".dockerignore": "*.bin\n"}
    sha = workshop.commit(files | {".mlreef.yaml": "env: {MODE: '1'}\n"})
    with monkeypatch.context() as patch:
        if client == "classic":
            patch.setenv("PATH", without_docker_client(workshop.repository.path.parent))
        code, log = workshop.build(sha)
    assert code == 0, log
    assert ("with BuildKit" if client == "buildx" else "classic builder") in log
    assert "Engine `docker`: the repository has a Dockerfile of its own ('Dockerfile')" in log
    assert "It had no entry point, and has this one now: python /srv/tool/main.py" in log
    assert "It runs as root" in log
    candidate = dotenv(workshop.repository.path, "build.env")["MLREEF_CANDIDATE"]
    docker("pull", "--quiet", candidate)
    config = workshop.inspect(candidate)
    assert config["Entrypoint"] == ["python", "/srv/tool/main.py"]
    assert config["Labels"]["org.opencontainers.image.revision"] == sha
    assert config["Labels"]["io.mlreef.engine"] == "docker"
    assert "org.opencontainers.image.base.name" not in config["Labels"]
    assert "MODE=1" in config["Env"]
    assert docker("run", "--rm", candidate, "--help").startswith("usage: main.py")
    listed = docker("run", "--rm", "--entrypoint", "ls", candidate, "/srv/tool").split()
    assert listed == ["data.txt", "made", "main.py"]
    plan = json.loads((workshop.repository.path / ".mlreef/smoke/plan.json").read_text())
    assert plan["command"] == ["python", "/srv/tool/main.py"]
    assert plan["directory"] == "/srv/tool"
    assert workshop.repository.git("show", f"{sha}:Dockerfile") == OWN.strip()


def test_an_own_entry_point_and_user_stay_as_they_are(workshop: Workshop) -> None:
    own = (
        OWN
        + 'USER 4242\nENTRYPOINT ["python", "-u", "main.py"]\nCMD ["--help"]\nLABEL io.mlreef.engine=mine a=b\n'
    )
    sha = workshop.commit({"docker/My file": own, ".mlreef.yaml": "dockerfile: docker/My file\n"})
    code, log = workshop.build(sha)
    assert code == 0, log
    assert "entry point" not in log
    assert "as root" not in log
    candidate = dotenv(workshop.repository.path, "build.env")["MLREEF_CANDIDATE"]
    docker("pull", "--quiet", candidate)
    config = workshop.inspect(candidate)
    assert (config["Entrypoint"], config["Cmd"]) == (["python", "-u", "main.py"], ["--help"])
    assert config["User"] == "4242"
    assert config["Labels"]["a"] == "b"
    assert config["Labels"]["io.mlreef.engine"] == "docker"


def test_an_own_entry_point_that_no_parameter_gets_through_is_refused(workshop: Workshop) -> None:
    sha = workshop.commit({"Dockerfile": OWN + "ENTRYPOINT python main.py\n"})
    code, log = workshop.build(sha)
    assert code == 1
    assert "Not published: the entry point of Dockerfile is a line for a shell" in log
    assert 'ENTRYPOINT ["python", "main.py"]' in log


@pytest.mark.parametrize(
    ("entry_point", "taken"),
    [
        (["/bin/sh", "-c", "python main.py"], False),
        (["bash", "-ec", "cd /srv && exec python main.py"], False),
        (["/bin/sh", "-c", 'exec python main.py "$@"', "--"], True),
        (["sh", "start.sh"], True),
        (["python", "-c", "import main"], True),
        (["tini", "--", "python", "main.py"], True),
    ],
)
def test_a_shells_line_takes_words_only_where_it_names_them(entry_point: list[str], taken: bool) -> None:
    assert takes_words(entry_point) is taken


@pytest.mark.parametrize("client", ["buildx", "classic"])
def test_an_instruction_of_an_own_dockerfile_that_fails_is_named_with_its_last_lines(
    workshop: Workshop, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if client == "classic":
        monkeypatch.setenv("PATH", without_docker_client(workshop.repository.path.parent))
    code, log = workshop.build(workshop.commit({"Dockerfile": OWN + "RUN echo no luck; exit 3\n"}))
    assert code == 1
    assert "Not published: the image could not be built: RUN echo no luck; exit 3" in log
    assert "   | no luck\n" in log.partition("The last lines:")[2]


def test_debian_packages_are_installed_by_their_names_and_leave_no_lists(workshop: Workshop) -> None:
    candidate = workshop.built(workshop.commit({".mlreef.yaml": "apt: [sl]\n"}))
    looked = docker(
        "run", "--rm", "--entrypoint", "ls", candidate, "/usr/games", "/var/lib/apt/lists", check=False
    )
    assert "/usr/games:\nsl\n" in looked
    assert looked.endswith("No such file or directory\n")


def test_a_package_that_there_is_not_is_told_in_apts_words(workshop: Workshop) -> None:
    code, log = workshop.build(workshop.commit({".mlreef.yaml": "apt: [no.such-package]\n"}))
    assert code == 1
    assert (
        "the Debian packages could not be installed. apt says: Unable to locate package no.such-package."
        in log
    )


def test_a_base_image_that_is_not_to_be_had_names_the_environment_as_the_place_to_look(
    workshop: Workshop,
) -> None:
    workshop.base = f"{workshop.registry}/no/such-base:1"
    code, log = workshop.build(workshop.commit())
    assert code == 2
    assert "base image" in log
    assert "environments" in log


def test_a_registry_that_is_away_is_said(workshop: Workshop) -> None:
    sha = workshop.commit()
    workshop.registry = "127.0.0.1:1"
    code, log = workshop.build(sha)
    assert code == 2
    assert "cannot be pushed to 127.0.0.1:1" in log


def test_an_engine_that_is_not_there_says_what_the_runner_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    with pytest.raises(OperatorError) as raised:
        Engine()
    assert "docker.sock" in raised.value.hint
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(OperatorError):
        Engine(wait_seconds=1.5)
