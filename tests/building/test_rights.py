"""The registry asks who somebody is, as GitLab's does: a job's token pushes to its own project, and nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.errors import BotError
from sandbox.registry.auth import TokenAuthorizer
from tests.building.site import Site
from tests.ci.world import Answer, Asked, server

PASSWORD = "secret-job-token"
NEEDS = "alpha==1.0\nbeta==1.0\n"


@contextmanager
def guarded(site: Site, *readable: str) -> Iterator[None]:
    """From now on the job of `group/noise` may read these repositories too, and write to its own alone."""
    authorizer = TokenAuthorizer("", b"a secret of both")

    def may(repository: str, action: str) -> bool:
        own = repository == "group/noise"
        return (own and action in {"pull", "push"}) or (action == "pull" and repository in readable)

    def answer(asked: Asked) -> Answer:
        given = asked.headers.get("authorization", "").removeprefix("Basic ")
        user, _, password = base64.b64decode(given).decode().partition(":")
        query = parse_qs(urlsplit(asked.path).query)
        if user != "gitlab-ci-token" or password != PASSWORD:
            return Answer(401, b"{}")
        scopes = " ".join(query.get("scope", [])).split()
        status, told = authorizer.answer(user, query["service"][0], scopes, may)
        return Answer(status, json.dumps(told).encode())

    with server(answer) as (url, _):
        object.__setattr__(authorizer, "realm", f"{url}/jwt/auth")
        site.server.guard(authorizer)
        site.account = ("gitlab-ci-token", PASSWORD)
        try:
            yield
        finally:
            site.server.guard(None)


@pytest.fixture
def shared(site: Site, base: str) -> Site:
    """The operator's layers are there, filled by the operator."""
    site.add_wheel("alpha")
    site.add_wheel("beta")
    site.built(site.repository({"requirements.txt": NEEDS}), base, "operator/layers")
    site.forget()
    return site


def test_layers_are_mounted_where_the_token_reaches(shared: Site, base: str) -> None:
    with guarded(shared, "bases/python", "operator/layers"):
        shared.built(shared.repository({"requirements.txt": NEEDS}), base, shared="operator/layers")
    assert len(shared.received) == 2, "the sources and the configuration"


def test_without_rights_to_the_shared_layers_they_are_made(shared: Site, base: str) -> None:
    with guarded(shared, "bases/python"):
        built = shared.built(shared.repository({"requirements.txt": NEEDS}), base, shared="operator/layers")
    assert {layer.digest for layer in built.shots[0].below.own} <= set(shared.received)


def test_layers_that_may_be_read_but_not_mounted_go_through_this_machine(shared: Site, base: str) -> None:
    """A registry that answers 202 to a mount wants the bytes."""
    from werkzeug.wrappers import Request, Response

    def no_mounts(request: Request) -> Response | None:
        if "mount" in request.args:
            request.environ["QUERY_STRING"] = ""
            object.__setattr__(request, "args", {})
        return None

    shared.fail = no_mounts
    with guarded(shared, "bases/python", "operator/layers"):
        built = shared.built(shared.repository({"requirements.txt": NEEDS}), base, shared="operator/layers")
    assert {layer.digest for layer in (*built.shots[0].below.base, *built.shots[0].below.own)} <= set(
        shared.received
    )
    assert shared.index.requests == []


def test_a_changed_script_costs_two_tokens_at_most(shared: Site, base: str) -> None:
    folder = shared.repository({"requirements.txt": NEEDS})
    with guarded(shared, "bases/python", "operator/layers"):
        shared.built(folder, base, shared="operator/layers")
        shared.forget()
        (folder / "main.py").write_text((folder / "main.py").read_text() + "# changed\n")
        shared.built(folder, base)
    # One of them is the refusal that says where tokens are had.
    assert len(shared.asked) <= 9


def test_nothing_is_pushed_to_another_project(shared: Site, base: str) -> None:
    with guarded(shared, "bases/python"), pytest.raises(BotError, match="refuses"):
        shared.built(shared.repository({"requirements.txt": NEEDS}), base, "group/other")
    assert shared.manifest("group/other", "t1") is None


def test_shared_layers_that_are_away_are_made(shared: Site, base: str) -> None:
    from werkzeug.wrappers import Request, Response

    def away(request: Request) -> Response | None:
        return Response(status=503) if "/operator/" in request.path else None

    shared.fail = away
    built = shared.built(shared.repository({"requirements.txt": NEEDS}), base, shared="operator/layers")
    assert {layer.digest for layer in built.shots[0].below.own} <= set(shared.received)
