"""A job's token, as GitLab gives it, pushes to its own project only: that is enough, whatever else may be read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from werkzeug.wrappers import Response

from bot.adapters.registry import Registry
from bot.errors import Refused
from sandbox.registry.auth import TokenAuthorizer
from sandbox.registry.trouble import Trouble, mounts_nothing
from tests.building.site import Site
from tests.sandbox_registry.registries import PASSWORD, USER, Door, serve

NEEDS = {"requirements.txt": "alpha==1.0\nbeta==1.0\n"}


@pytest.fixture
def door(site: Site, base: str) -> Iterator[Door]:
    """The token service before a registry that is guarded once `site` has its base and packages."""
    site.add_wheel("alpha")
    site.add_wheel("beta", size=40_000)
    made = Door(lambda user, given: auth.issue_token(user, given))
    with serve(made) as realm:
        auth = TokenAuthorizer(realm, b"between both")
        site.server.guard(auth)
        site.account = (USER, PASSWORD)
        yield made


def fill(site: Site, base: str, repository: str) -> None:
    """As the operator, who may push everywhere."""
    job, site.account = site.account, ("lead", PASSWORD)
    site.built(site.repository(NEEDS, "operators"), base, repository)
    site.account = job
    site.forget()


def held(site: Site, repository: str) -> int:
    """Layers of an image, all of which the job may fetch."""
    with Registry(site.server.address, *site.account) as registry:
        image = registry.fetch_manifest(repository, "t1", "linux/amd64")
        assert image is not None
        assert registry.fetch_labels(repository, image)["io.mlreef.layout"] == "1"
    return image.content.count(b'"digest"')


def test_a_job_builds_its_own_projects_image(site: Site, base: str, door: Door) -> None:
    site.built(site.repository(NEEDS), base, "own/noise")
    assert held(site, "own/noise") == 6
    assert {"repository:bases/python:pull", "repository:own/noise:pull,push"} <= {
        scope for asked in door.asked for scope in asked
    }


def test_what_the_job_may_read_is_taken_over(site: Site, base: str, door: Door) -> None:
    fill(site, base, "shared/layers")
    site.built(site.repository(NEEDS), base, "own/noise", shared="shared/layers")
    assert held(site, "own/noise") == 6
    # sources and configuration alone
    assert len(site.received) == 2
    assert site.index.requests == []


def test_what_the_job_may_not_read_is_not_needed(site: Site, base: str, door: Door) -> None:
    fill(site, base, "hidden/layers")
    site.built(site.repository(NEEDS), base, "own/noise", shared="hidden/layers")
    assert held(site, "own/noise") == 6
    assert any("Without the operator's layers" in line for line in site.said)
    site.built(site.repository(NEEDS), base, "own/again", shared="hidden/layers", refresh=True)
    assert held(site, "own/again") == 6


@pytest.mark.parametrize("told", [202, 403])
def test_a_base_that_may_not_be_mounted_is_sent(site: Site, base: str, door: Door, told: int) -> None:
    refused = Trouble(lambda request: "mount" in request.args, lambda _: Response(status=403))
    site.fail = bad = refused if told == 403 else mounts_nothing()
    site.built(site.repository(NEEDS), base, "own/noise")
    assert held(site, "own/noise") == 6
    assert len(site.received) == 6
    assert bad.struck


def test_no_job_pushes_elsewhere(site: Site, base: str, door: Door) -> None:
    with pytest.raises(Refused):
        site.built(site.repository(NEEDS), base, "shared/noise")
    assert site.server.tags("shared/noise") == []
