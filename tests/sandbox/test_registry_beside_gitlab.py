"""The container registry below GitLab: who gets a token for what, and GitLab's own view of the images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from gitlab_helpers import Client

from sandbox.gitlab import GUEST, REPORTER, Project, Sandbox, User
from sandbox.registry import RegistryServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def registry(sandbox: Sandbox, tmp_path: Path) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry") as running:
        sandbox.use_registry(running)
        yield running


def token(sandbox: Sandbox, scope: str, login: tuple[str, str] | None = None) -> requests.Response:
    asked = {"service": "container_registry", "scope": scope}
    return requests.get(f"{sandbox.url}/jwt/auth", params=asked, auth=login, timeout=10)


def push_image(
    sandbox: Sandbox, registry: RegistryServer, login: tuple[str, str], name: str, tag: str
) -> str:
    """A tiny image, pushed as a client would; gives its digest."""
    got = token(sandbox, f"repository:{name}:pull,push", login)
    headers = {"Authorization": f"Bearer {got.json()['token']}"}
    config = b"{}"
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    begun = requests.post(f"{registry.url}/v2/{name}/blobs/uploads/", headers=headers, timeout=10)
    place = requests.compat.urljoin(registry.url, begun.headers["Location"])
    done = requests.put(place, params={"digest": digest}, data=config, headers=headers, timeout=10)
    assert done.status_code == 201, done.text
    described = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": digest,
        "size": len(config),
    }
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}
    ).encode()
    put = requests.put(
        f"{registry.url}/v2/{name}/manifests/{tag}",
        data=manifest,
        headers={**headers, "Content-Type": MANIFEST},
        timeout=10,
    )
    assert put.status_code == 201, put.text
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


def may(
    sandbox: Sandbox, registry: RegistryServer, login: tuple[str, str] | None, name: str, action: str
) -> bool:
    """Whether the token that somebody is given really opens the registry for an action."""
    # A push asks for both, as every client does.
    wanted = "pull,push" if action == "push" else action
    got = token(sandbox, f"repository:{name}:{wanted}", login)
    if got.status_code != 200:
        return False
    headers = {"Authorization": f"Bearer {got.json()['token']}"}
    if action == "push":
        begun = requests.post(f"{registry.url}/v2/{name}/blobs/uploads/", headers=headers, timeout=10)
        return begun.status_code == 202
    return requests.get(f"{registry.url}/v2/{name}/tags/list", headers=headers, timeout=10).status_code in (
        200,
        404,
    )


def test_people_push_and_pull_by_their_role(
    sandbox: Sandbox, registry: RegistryServer, project: Project, alice: User, bot: User
) -> None:
    reader, guest = sandbox.create_user("reader"), sandbox.create_user("guest")
    sandbox.add_member(project.id, reader, REPORTER)
    sandbox.add_member(project.id, guest, GUEST)
    name = "vision/noise"
    rights = {
        user.username: [
            may(sandbox, registry, (user.username, user.token), name, action) for action in ("pull", "push")
        ]
        for user in (alice, bot, reader, guest)
    }
    assert rights == {
        "alice": [True, True],
        "mlreef-bot": [True, True],
        "reader": [True, False],
        "guest": [False, False],
    }
    assert not may(sandbox, registry, None, name, "pull")
    assert token(sandbox, "", ("alice", "wrong")).status_code == 401


def test_anybody_pulls_from_a_public_project_and_nobody_pushes(
    sandbox: Sandbox, registry: RegistryServer, project: Project
) -> None:
    project.visibility = "public"
    assert may(sandbox, registry, None, "vision/noise", "pull")
    assert not may(sandbox, registry, None, "vision/noise", "push")
    project.registry_access = "private"
    assert not may(sandbox, registry, None, "vision/noise", "pull")


def test_a_job_pushes_to_its_own_project_only(
    sandbox: Sandbox, registry: RegistryServer, project: Project, alice: User
) -> None:
    sandbox.create_project("vision/other", alice)
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    job = sandbox.jobs(sandbox.pipelines(project.id, sha)[0].id)[0]
    login = ("gitlab-ci-token", sandbox.job_token(job.id))
    assert may(sandbox, registry, login, "vision/noise", "push")
    assert not may(sandbox, registry, login, "vision/other", "push")
    sandbox.finish_job(job.id)
    assert token(sandbox, "repository:vision/noise:push", login).status_code == 401


def test_gitlab_shows_what_was_pushed(
    sandbox: Sandbox, registry: RegistryServer, project: Project, alice: User, client: Client
) -> None:
    digest = push_image(sandbox, registry, ("alice", alice.token), "vision/noise", "main-1")
    found = client(alice).projects.get(project.id)
    assert found.container_registry_image_prefix == f"{registry.address}/vision/noise"
    repository = found.repositories.list(get_all=True)[0]
    assert repository.location == f"{registry.address}/vision/noise"
    assert [tag.name for tag in repository.tags.list(get_all=True)] == ["main-1"]
    assert repository.tags.get("main-1").digest == digest
    repository.tags.delete("main-1")
    assert repository.tags.list(get_all=True) == []


def test_without_a_registry_a_project_has_no_place_for_images(
    project: Project, alice: User, client: Client
) -> None:
    found = client(alice).projects.get(project.id)
    assert not hasattr(found, "container_registry_image_prefix")
    assert found.repositories.list(get_all=True) == []
