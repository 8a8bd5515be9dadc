"""A real Docker engine pushes to our registry and pulls from it, logged in by tokens as with a GitLab."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.registry import RegistryServer
from sandbox.registry.auth import ProjectAccess, TokenAuthorizer, project_of

pytestmark = pytest.mark.engine

LAYERS = 6
LAYER_BYTES = 1_500_000

PEOPLE = {
    ("ada", "glpat-ada"): {
        "ada/noise": ProjectAccess(signed_in=True, access_level=40),
        "ada/open": ProjectAccess(signed_in=True, access_level=40, public=True),
    },
    ("bob", "glpat-bob"): {"ada/noise": ProjectAccess(signed_in=True, access_level=20)},
    ("gitlab-ci-token", "glcbt-noise"): {"ada/noise": ProjectAccess(signed_in=True, own_job=True)},
}

OPEN = {"ada/open": ProjectAccess(public=True)}


@dataclass
class Docker:
    """The engine's client with one person's login."""

    registry: str
    config: Path

    def login(self, user: str, password: str) -> None:
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        (self.config / "config.json").write_text(json.dumps({"auths": {self.registry: {"auth": auth}}}))

    def logout(self) -> None:
        (self.config / "config.json").unlink()

    def says(self, *arguments: str) -> str:
        done = self.tries(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def tries(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "--config", str(self.config), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def gitlab(ours: RegistryServer) -> Iterator[None]:
    """Only the part of a GitLab that gives tokens."""

    def answer(request: Request) -> Response:
        given = request.authorization
        access = PEOPLE.get((str(given.username), str(given.password))) if given else OPEN
        if access is None:
            return Response("", 401)

        def may(repository: str, action: str) -> bool:
            path = project_of(repository, access.__contains__)
            return path is not None and access[path].allows(action)

        user = str(given.username) if given else ""
        status, body = auth.answer(user, request.args.get("service", ""), request.args.getlist("scope"), may)
        return Response(json.dumps(body), status, content_type="application/json")

    server = make_server("127.0.0.1", 0, Request.application(answer), threaded=True)
    auth = TokenAuthorizer(f"http://127.0.0.1:{server.port}/jwt/auth", b"between them")
    ours.guard(auth)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def docker(ours: RegistryServer, gitlab: None, tmp_path: Path) -> Docker:
    folder = tmp_path / "docker"
    folder.mkdir()
    return Docker(ours.address, folder)


@pytest.fixture
def image(docker: Docker, tmp_path: Path) -> Iterator[str]:
    """Some layers of random bytes; forgotten by the engine afterwards, under all its names."""
    mark = uuid.uuid4().hex
    name = f"{docker.registry}/ada/noise:c-{mark[:8]}"
    context = tmp_path / "context"
    context.mkdir()
    lines = ["FROM scratch", f"LABEL mark={mark}", 'CMD ["/nothing"]']
    for number in range(LAYERS):
        (context / f"layer-{number}").write_bytes(os.urandom(LAYER_BYTES))
        lines.append(f"COPY layer-{number} /")
    (context / "Dockerfile").write_text("\n".join(lines))
    docker.says("build", "--quiet", "--tag", name, str(context))
    yield name
    for held in docker.says("images", "--quiet", "--filter", f"label=mark={mark}").split():
        docker.tries("rmi", "--force", held)


def digest_in(docker: Docker, image: str) -> str:
    (found,) = json.loads(docker.says("image", "inspect", "--format", "{{json .RepoDigests}}", image))
    return str(found)


def test_an_image_goes_there_and_comes_back_the_same(
    docker: Docker, ours: RegistryServer, image: str
) -> None:
    docker.login("gitlab-ci-token", "glcbt-noise")
    docker.says("push", image)
    tag = image.rpartition(":")[2]
    assert ours.tags("ada/noise") == [tag]
    before = docker.says("image", "inspect", "--format", "{{.Id}}", image)
    by_digest = digest_in(docker, image)
    told = ours.tag_details("ada/noise", tag)
    assert told is not None
    assert by_digest == f"{docker.registry}/ada/noise@{told.digest}"
    assert before == f"sha256:{told.revision}"
    docker.says("rmi", "--force", before)
    docker.login("bob", "glpat-bob")
    docker.says("pull", by_digest)
    assert docker.says("image", "inspect", "--format", "{{.Id}}", by_digest) == before


def test_a_second_project_of_the_same_layers_needs_no_second_upload(
    docker: Docker, ours: RegistryServer, image: str
) -> None:
    docker.login("ada", "glpat-ada")
    docker.says("push", image)
    copy = image.replace("ada/noise:", "ada/noise/copy:")
    docker.says("tag", image, copy)
    pushed = docker.says("push", copy)
    assert "Mounted from ada/noise" in pushed or "Layer already exists" in pushed
    assert len(ours.repositories()) == 2


@pytest.mark.parametrize(
    ("user", "password", "verb"),
    [("bob", "glpat-bob", "push"), ("ada", "wrong", "push"), ("eve", "glpat-eve", "pull")],
)
def test_who_may_not_is_refused(docker: Docker, image: str, user: str, password: str, verb: str) -> None:
    docker.login("ada", "glpat-ada")
    docker.says("push", image)
    docker.login(user, password)
    other = f"{image}-other" if verb == "push" else image
    docker.says("tag", image, other)
    done = docker.tries(verb, other)
    assert done.returncode != 0
    assert any(word in done.stderr.lower() for word in ("denied", "unauthorized", "forbidden")), done.stderr


def test_a_job_cannot_push_to_another_project(docker: Docker, image: str) -> None:
    docker.login("gitlab-ci-token", "glcbt-noise")
    other = image.replace("ada/noise:", "ada/other:")
    docker.says("tag", image, other)
    done = docker.tries("push", other)
    assert done.returncode != 0


def test_anybody_pulls_from_a_public_project_and_nobody_pushes(docker: Docker, image: str) -> None:
    docker.login("ada", "glpat-ada")
    opened, closed = image.replace("ada/noise:", "ada/open:"), image
    docker.says("tag", image, opened)
    docker.says("push", opened)
    docker.says("push", closed)
    docker.logout()
    docker.says("pull", opened)
    assert docker.tries("pull", closed).returncode != 0
    assert docker.tries("push", f"{opened}-more").returncode != 0
