"""Templates, the whole way: begun by one command, made in GitLab, published by real jobs as they are, and private."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from bot.__main__ import main
from bot.adapters.registry import Registry
from bot.domain.pipeline import BUILD, SMOKE
from bot.domain.templates import TEMPLATES
from bot.errors import BotError
from bot.local.beginning import load_template
from sandbox.gitlab import DEVELOPER, MAINTAINER, User
from tests.layers.making_conda import Link, Package, serve, write_channel
from tests.whole_way.conftest import SECRET, Way, World
from tests.whole_way.machines import PIPELINE_SECONDS, ended, told, without_an_engine
from tests.whole_way.studio import address_of_pages, catalogue

pytestmark = pytest.mark.timeout(900)

GROUP = "lab"
HIDDEN = frozenset({401, 403, 404})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A machine without an engine, and a catalogue."""
    with without_an_engine(tmp_path_factory.mktemp("begun"), catalogue=catalogue()) as (running, _):
        running.sandbox.add_group_member(GROUP, running.alice, DEVELOPER)
        yield running


def begin(world: World, template: str, folder: Path) -> Way:
    """Alice begins a repository in a group; the operator sees to it that the bot hears of the project."""
    path = f"{GROUP}/{folder.name}"
    words = ("--template", template, "--create", "--project", path, "--gitlab", world.sandbox.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLREEF_TOKEN", world.alice.token)
        assert main(["init", *words, str(folder)]) == 0
    project = world.sandbox.state.project_by(path)
    assert project is not None
    world.sandbox.add_member(project.id, world.bot, MAINTAINER)
    world.sandbox.add_hook(project.id, world.hook_url, token=SECRET)
    return Way(world, project)


@pytest.fixture(scope="module")
def begun(world: World, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Way]:
    """A project of each template that the bot has been told to publish, by the template's name."""
    folder = tmp_path_factory.mktemp("repositories")
    ways = {template: begin(world, template, folder / f"begun-with-{template}") for template in TEMPLATES}
    for way in ways.values():
        world.command("publish", way.project.full_path)
    return ways


def test_every_template_is_published_as_it_is(world: World, begun: Mapping[str, Way]) -> None:
    for template, way in begun.items():
        sha = way.bot_commit()
        assert "version 1.0.0 as main-1" in told(way, sha, "success"), template
        said = world.sandbox.job(ended(way, sha).id, SMOKE).trace.decode()
        sample, tests = said.partition("Running the repository's tests")[::2]
        assert "Running the sample of .mlreef.yaml" in sample
        assert "  ok" in tests


@dataclass
class Asker:
    """Somebody who tries every way to a project's things; without a user, everybody."""

    world: World
    user: User | None

    def statuses(self, addresses: Mapping[str, str]) -> dict[str, int]:
        headers = {} if self.user is None else {"PRIVATE-TOKEN": self.user.token}
        return {
            name: requests.get(address, headers=headers, timeout=30).status_code
            for name, address in addresses.items()
        }

    def pulls(self, path: str, reference: str) -> bool:
        """Whether the registry hands the image out."""
        login = (self.user.username, self.user.token) if self.user is not None else ("", "")
        try:
            with Registry(self.world.registry.address, *login, pauses=()) as registry:
                return registry.fetch_manifest(path, reference) is not None
        except BotError:
            return False


def things_of(way: Way, sha: str) -> dict[str, str]:
    """Addresses of everything that comes of a publication, in GitLab and in the catalogue."""
    path = way.project.full_path
    api = f"{way.sandbox.url}/api/v4/projects/{way.project.id}"
    pages, whole = address_of_pages(way.world), quote(path, safe="")
    build = way.sandbox.job(ended(way, sha).id, BUILD)
    return {
        "the project": api,
        "its code": f"{api}/repository/files/main.py/raw?ref={sha}",
        "its pipeline's file": f"{api}/repository/files/mlreef.yml/raw?ref={sha}",
        "the component": f"{api}/repository/tags",
        "its releases": f"{api}/releases",
        "its release": f"{api}/releases/1.0.0",
        "the comment": f"{api}/repository/commits/{sha}/comments",
        "the status": f"{api}/repository/commits/{sha}/statuses",
        "a job's log": f"{api}/jobs/{build.id}/trace",
        "a job's artifacts": f"{api}/jobs/{build.id}/artifacts",
        "the images": f"{api}/registry/repositories",
        "the deployment": f"{api}/deployments",
        "the module": f"{pages}/api/v1/modules/{whole}",
        "its version": f"{pages}/api/v1/modules/{whole}/1.0.0",
        "its lines": f"{pages}/api/v1/modules/{whole}/1.0.0/component",
    }


def test_what_is_private_stays_private_along_the_whole_way(world: World, begun: Mapping[str, Way]) -> None:
    way = begun["blank"]
    path = way.project.full_path
    sha = way.bot_commit()
    told(way, sha, "success")
    way.sandbox.wait_for(lambda: way.sandbox.core.git(way.project).tag("1.0.0"), PIPELINE_SECONDS, "the tag")
    pages = address_of_pages(world)
    member, stranger = Asker(world, world.alice), Asker(world, world.sandbox.create_user("stranger"))
    things = things_of(way, sha)
    # the release is made by a job of the tag's own pipeline
    last = {name: things[name] for name in ("its lines", "its release")}
    way.sandbox.wait_for(
        lambda: set(member.statuses(last).values()) == {200}, PIPELINE_SECONDS, "what comes last"
    )
    assert member.statuses(things) == dict.fromkeys(things, 200)
    assert way.project.visibility == "private"
    for asker in (stranger, Asker(world, None)):
        assert {name: code for name, code in asker.statuses(things).items() if code not in HIDDEN} == {}
    # the image, by every name that it has
    references = world.registry.tags(path)
    assert {"1.0.0", "main-1", "latest"} <= set(references)
    for reference in references:
        assert member.pulls(path, reference)
        assert not stranger.pulls(path, reference)
        assert not Asker(world, None).pulls(path, reference)
    # what the catalogue tells of all modules
    for address in (f"{pages}/", f"{pages}/?q=begun", f"{pages}/api/v1/modules", f"{pages}/publications"):
        assert "begun-with" not in requests.get(address, timeout=30).text
    hidden, unknown = (
        requests.get(f"{pages}/badges/{name}/version.svg", timeout=30) for name in (path, f"{GROUP}/nothing")
    )
    assert (hidden.status_code, hidden.content) == (unknown.status_code, unknown.content)
    # a run in somebody else's pipeline
    theirs = world.sandbox.create_project("studio/spies", stranger.user or world.alice, default_branch="main")
    include = f"include:\n  - component: $CI_SERVER_FQDN/{path}/begun-with-blank@1.0.0\n    inputs: {{input-path: a}}\n"
    tried = world.sandbox.commit(theirs.id, stranger.user or world.alice, {".gitlab-ci.yml": include})
    (pipeline,) = way.sandbox.wait_for(
        lambda: world.sandbox.pipelines(theirs.id, tried), PIPELINE_SECONDS, "the stranger's pipeline"
    )
    refused = world.sandbox.wait_pipeline(pipeline.id, PIPELINE_SECONDS)
    assert refused.status == "failed"
    assert world.sandbox.jobs(pipeline.id) == []
    assert "main.py" not in (refused.yaml_errors or "")


def python_of_conda() -> Package:
    """This machine's own Python as a package of conda, as far as a small script needs it."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    standard = Path(sysconfig.get_path("stdlib"))
    left_out = {
        "site-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "tkinter", "__pycache__", "xml",
        "distutils", "pydoc_data", "curses", "dbm", "sqlite3", "wsgiref", "xmlrpc", "multiprocessing", "asyncio",
        "email", "http", "turtledemo", "ctypes",
    }  # fmt: skip
    files: dict[str, bytes | Link] = {
        f"bin/python{version}": Path(sys.executable).resolve().read_bytes(),
        "bin/python": Link(f"python{version}"),
    }
    for folder, inside, names in os.walk(standard):
        inside[:] = sorted(set(inside) - left_out)
        for path in (Path(folder, name) for name in sorted(names) if name.endswith((".py", ".so"))):
            files[f"lib/python{version}/{path.relative_to(standard)}"] = path.read_bytes()
    return Package("python", platform.python_version(), "h1_0", files, executable=(f"bin/python{version}",))


def test_a_repository_with_an_environment_yml_is_published(world: World, tmp_path: Path) -> None:
    beta = Package(
        "beta",
        "1.0",
        "py_0",
        {"site-packages/beta/__init__.py": b"VALUE = 'of conda'\n"},
        depends=("python",),
        noarch="python",
    )
    write_channel(tmp_path / "channel", [python_of_conda(), beta])
    with serve(tmp_path / "channel") as (url, _):
        way = world.project()
        files = {
            path: content for path, content in load_template("blank").items() if path != "requirements.txt"
        }
        script = files["main.py"].replace(b"import sys\n", b"import sys\n\nimport beta\n", 1)
        # the sample fails unless the Python is that of conda, with conda's package
        check = b'    assert (sys.base_prefix, beta.VALUE) == ("/opt/mlreef/conda", "of conda"), sys.base_prefix\n'
        script = script.replace(b'    print(f"', check + b'    print(f"')
        assert check in script
        wanted = f"channels: ['{url}']\ndependencies: [python, beta]\n"
        way.push({**files, "main.py": script, "environment.yml": wanted})
        sha = way.bot_commit()
        assert "version 1.0.0" in told(way, sha, "success")
    ran = way.sandbox.job(ended(way, sha).id, SMOKE).trace.decode()
    assert "  ok" in ran.partition("Running the sample of .mlreef.yaml")[2]
