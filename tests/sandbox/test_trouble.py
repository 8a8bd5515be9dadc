"""The sandbox misbehaves on demand: each mishap as a client meets it, and hooks that go astray."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import gitlab
import pytest
import requests
from gitlab_helpers import Client, Receiver

from sandbox.gitlab import Project, Sandbox, Trouble, User, trouble
from sandbox.gitlab.values import now

NOTES = "/projects/:id/repository/commits/:sha/comments"


@pytest.fixture
def bad(sandbox: Sandbox) -> Trouble:
    found = Trouble()
    sandbox.moods = found
    return found


def ask(sandbox: Sandbox, user: User, path: str = "/user", method: str = "GET") -> requests.Response:
    return requests.request(
        method, f"{sandbox.url}/api/v4{path}", headers={"PRIVATE-TOKEN": user.token}, timeout=5
    )


def comment(sandbox: Sandbox, project: Project, user: User) -> requests.Response:
    sha = sandbox.head(project.id)
    return requests.post(
        f"{sandbox.url}/api/v4/projects/{project.id}/repository/commits/{sha}/comments",
        json={"note": "hello"},
        headers={"PRIVATE-TOKEN": user.token},
        timeout=5,
    )


def test_a_mishap_comes_as_often_as_asked_and_not_before_its_turn(
    sandbox: Sandbox, bad: Trouble, bot: User, alice: User
) -> None:
    bad.on("GET", "/user", trouble.server_error(503), times=2, after=1, user="mlreef-bot")
    assert [ask(sandbox, bot).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert ask(sandbox, alice).status_code == 200
    assert bad.happened == [("server_error", "GET /user")] * 2
    assert bad.left == []
    bad.on("GET", "/version", trouble.server_error())
    assert bad.left == ["server_error"]
    bad.clear()
    assert ask(sandbox, bot, "/version").status_code == 200


def test_a_wildcard_with_a_chance_hits_some_and_spares_some(
    sandbox: Sandbox, bad: Trouble, bot: User
) -> None:
    bad.on("*", "*", trouble.server_error(502), chance=0.5, times=None)
    seen = {ask(sandbox, bot).status_code for _ in range(40)}
    assert seen == {200, 502}


def test_slowing_down_is_said_in_seconds_as_a_date_or_not_at_all(
    sandbox: Sandbox, bad: Trouble, bot: User
) -> None:
    then = datetime(2040, 1, 2, 3, 4, 5, tzinfo=UTC)
    for said in (trouble.slow_down(7), trouble.slow_down(then), trouble.slow_down(RateLimit_Remaining="0")):
        bad.on("GET", "/user", said)
    first, second, third = (ask(sandbox, bot) for _ in range(3))
    assert {first.status_code, second.status_code, third.status_code} == {429}
    assert first.headers["Retry-After"] == "7"
    assert parsedate_to_datetime(second.headers["Retry-After"]) == then
    assert "Retry-After" not in third.headers
    assert third.headers["RateLimit-Remaining"] == "0"


def test_a_resource_lock_has_two_forms(sandbox: Sandbox, bad: Trouble, bot: User) -> None:
    bad.on("GET", "/user", trouble.resource_lock())
    bad.on("GET", "/user", trouble.resource_lock(by_reason=True))
    in_body, in_reason = ask(sandbox, bot), ask(sandbox, bot)
    assert (in_body.status_code, in_body.json()) == (409, {"message": "409 Conflict: Resource lock"})
    assert (in_reason.status_code, in_reason.reason) == (409, "Resource lock")


def test_what_dies_after_taking_effect_took_effect(
    sandbox: Sandbox, project: Project, alice: User, bad: Trouble
) -> None:
    sha = str(sandbox.head(project.id))
    bad.on("POST", NOTES, trouble.die_after_effect())
    with pytest.raises(requests.ConnectionError):
        comment(sandbox, project, alice)
    assert len(sandbox.comments(project.id, sha)) == 1
    bad.on("POST", NOTES, trouble.error_after_effect(504))
    assert comment(sandbox, project, alice).status_code == 504
    assert len(sandbox.comments(project.id, sha)) == 2
    bad.on("POST", NOTES, trouble.half_answer())
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        comment(sandbox, project, alice)
    assert len(sandbox.comments(project.id, sha)) == 3


def test_what_hangs_or_is_reset_took_no_effect(
    sandbox: Sandbox, project: Project, alice: User, bad: Trouble
) -> None:
    sha = str(sandbox.head(project.id))
    for mishap in (trouble.hang(0.1), trouble.reset()):
        bad.on("POST", NOTES, mishap)
        # which of its words a broken connection gets is the kernel's to decide
        with pytest.raises(requests.ConnectionError):
            comment(sandbox, project, alice)
    assert sandbox.comments(project.id, sha) == []
    assert comment(sandbox, project, alice).status_code == 201


def test_in_maintenance_mode_reading_goes_on_and_writing_does_not(
    sandbox: Sandbox, project: Project, alice: User, bad: Trouble
) -> None:
    bad.on("*", "*", trouble.read_only(), times=None)
    assert ask(sandbox, alice).status_code == 200
    refused = comment(sandbox, project, alice)
    assert refused.status_code == 403
    assert "read-only instance" in refused.json()["message"]


def test_an_expired_token_is_told_apart_and_can_be_renewed(
    sandbox: Sandbox, bot: User, client: Client
) -> None:
    sandbox.expire(bot.token)
    refused = ask(sandbox, bot)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert "expired" in refused.json()["error_description"]
    sandbox.expire(bot.token, expired=False)
    assert ask(sandbox, bot).status_code == 200


def test_redirects_and_foreign_links_lead_elsewhere(sandbox: Sandbox, bad: Trouble, bot: User) -> None:
    bad.on("GET", "/user", trouble.redirect("http://elsewhere.example{path}"))
    moved = requests.get(f"{sandbox.url}/api/v4/user", allow_redirects=False, timeout=5)
    assert moved.headers["Location"] == "http://elsewhere.example/api/v4/user"
    bad.on("GET", "/users", trouble.foreign_link("http://elsewhere.example"))
    assert ask(sandbox, bot, "/users").links["next"]["url"].startswith("http://elsewhere.example/")


def test_a_moved_project_redirects_by_its_old_path(sandbox: Sandbox, project: Project, alice: User) -> None:
    sandbox.move_project(project.id, "archive/noise-2")
    assert ask(sandbox, alice, "/projects/vision%2Fnoise").json()["path_with_namespace"] == "archive/noise-2"
    assert ask(sandbox, alice, f"/projects/{project.id}").json()["path"] == "noise-2"


# Hooks


def heads(receiver: Receiver) -> list[str]:
    return [body["after"] for body in receiver.of("push")]


def push_two(sandbox: Sandbox, project: Project, alice: User) -> tuple[str, str]:
    return sandbox.commit(project.id, alice, {"noise.py": "1"}), sandbox.commit(
        project.id, alice, {"noise.py": "2"}
    )


@pytest.fixture
def hooked(sandbox: Sandbox, project: Project, receiver: Receiver) -> Project:
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    return project


def test_a_delivery_can_be_dropped_and_another_doubled(
    sandbox: Sandbox, hooked: Project, alice: User, receiver: Receiver, bad: Trouble
) -> None:
    bad.hooks(trouble.drop(), event="Push Hook")
    bad.hooks(trouble.duplicate(2))
    _, second = push_two(sandbox, hooked, alice)
    sandbox.wait_idle()
    assert heads(receiver) == [second] * 3
    assert len({got.headers["Idempotency-Key"] for got in receiver.got}) == 1


def test_a_delivery_can_arrive_after_its_successor(
    sandbox: Sandbox, hooked: Project, alice: User, receiver: Receiver, bad: Trouble
) -> None:
    bad.hooks(trouble.reorder(30))
    first, second = push_two(sandbox, hooked, alice)
    sandbox.wait_idle()
    assert heads(receiver) == [second, first]


def test_a_delivery_held_for_a_successor_that_never_comes_goes_out_all_the_same(
    sandbox: Sandbox, hooked: Project, alice: User, receiver: Receiver, bad: Trouble
) -> None:
    bad.hooks(trouble.reorder(0.1))
    first = sandbox.commit(hooked.id, alice, {"noise.py": "1"})
    sandbox.wait_idle()
    assert heads(receiver) == [first]


def test_a_late_delivery_does_not_hold_up_the_next_and_the_sandbox_waits_for_it(
    sandbox: Sandbox, hooked: Project, alice: User, receiver: Receiver, bad: Trouble
) -> None:
    bad.hooks(trouble.delay(0.3), project_id=hooked.id)
    first, second = push_two(sandbox, hooked, alice)
    sandbox.wait_idle()
    assert heads(receiver) == [second, first]


# Hooks that fail are switched off


def test_a_hook_that_fails_is_switched_off_for_longer_and_longer(
    sandbox: Sandbox, hooked: Project, alice: User, receiver: Receiver
) -> None:
    sandbox.core.hooks.auto_disable = True
    (hook,) = sandbox.state.hooks.values()
    receiver.status = 500
    for number in range(3):
        sandbox.commit(hooked.id, alice, {"noise.py": str(number)})
    sandbox.wait_idle()
    assert hook.alert_status == "executable"
    for failures, minutes in ((4, 1), (5, 2), (6, 4)):
        sandbox.commit(hooked.id, alice, {"noise.py": f"more {failures}"})
        sandbox.wait_idle()
        assert hook.failures == failures
        assert hook.alert_status == "temporarily_disabled"
        assert hook.disabled_until is not None
        assert 60 * minutes - 5 < (hook.disabled_until - now()).total_seconds() <= 60 * minutes
        # switched off, it is told nothing
        seen = len(receiver.got)
        sandbox.commit(hooked.id, alice, {"noise.py": f"unheard {failures}"})
        sandbox.wait_idle()
        assert len(receiver.got) == seen
        hook.disabled_until = now()


def test_forty_failures_switch_it_off_for_good_and_a_good_sample_switches_it_on(
    sandbox: Sandbox, hooked: Project, alice: User, receiver: Receiver, client: Client
) -> None:
    sandbox.core.hooks.auto_disable = True
    (hook,) = sandbox.state.hooks.values()
    receiver.status, hook.failures = 500, 39
    sandbox.commit(hooked.id, alice, {"noise.py": "1"})
    sandbox.wait_idle()
    found = client(alice).projects.get(hooked.id).hooks.get(hook.id)
    assert found.alert_status == "disabled"
    with pytest.raises(gitlab.GitlabHookTestError):
        found.test("push_events")
    receiver.status = 200
    found.test("push_events")
    assert client(alice).projects.get(hooked.id).hooks.get(hook.id).alert_status == "executable"
    head = sandbox.commit(hooked.id, alice, {"noise.py": "2"})
    sandbox.wait_idle()
    assert heads(receiver)[-1] == head


def test_a_self_managed_gitlab_leaves_failing_hooks_on(
    sandbox: Sandbox, hooked: Project, alice: User, receiver: Receiver
) -> None:
    receiver.status = 500
    for number in range(6):
        sandbox.commit(hooked.id, alice, {"noise.py": str(number)})
    sandbox.wait_idle()
    assert len(receiver.got) == 6


def test_time_passes_while_a_client_hangs(sandbox: Sandbox, bad: Trouble, bot: User) -> None:
    bad.on("GET", "/user", trouble.hang(0.4))
    began = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        ask(sandbox, bot)
    assert time.monotonic() - began > 0.35


def test_a_client_that_dies_while_it_asks_is_nothing_to_complain_of(
    sandbox: Sandbox, project: Project, bot: User
) -> None:
    address = urlsplit(sandbox.url)
    for path in ("/api/graphql", f"/api/v4/projects/{project.id}/repository/commits"):
        with socket.create_connection((address.hostname or "", address.port or 80), timeout=5) as dying:
            head = f"POST {path} HTTP/1.1\r\nHost: gitlab\r\nPRIVATE-TOKEN: {bot.token}\r\n"
            body = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
            dying.sendall((head + body).encode())
    sandbox.wait_for(
        lambda: [one.status for one in sandbox.requests].count(0) == 2, what="both requests to be given up"
    )
    assert sandbox.complaints == []
    assert ask(sandbox, bot).status_code == 200
