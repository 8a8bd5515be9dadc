"""Hooks: their headers and bodies, what becomes of bad receivers, and the catch-up API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

import gitlab
import pytest
from gitlab_helpers import Client, Clone, Receiver
from werkzeug.wrappers import Response

from sandbox.gitlab import Asked, Moods, Project, Sandbox, User
from sandbox.gitlab.hooks import Delivery
from sandbox.gitlab.moods import Send

ZEROS = "0" * 40


def test_a_push_hook_has_gitlabs_headers_and_body(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url, token="open sesame", pipeline_events=False, job_events=False)
    before = sandbox.head(project.id)
    after = sandbox.commit(
        project.id, alice, {"noise.py": "print(2)\n", "new.py": "", "mlreef.yml": None}, "Many"
    )
    sandbox.wait_idle()
    headers, body = receiver.got[0].headers, receiver.got[0].body
    assert headers["X-Gitlab-Event"] == "Push Hook"
    assert headers["X-Gitlab-Token"] == "open sesame"
    assert headers["X-Gitlab-Instance"] == sandbox.url
    assert headers["User-Agent"].startswith("GitLab/")
    assert headers["Content-Type"] == "application/json"
    assert {"Idempotency-Key", "X-Gitlab-Webhook-UUID", "X-Gitlab-Event-UUID"} <= headers.keys()
    assert (body["object_kind"], body["event_name"], body["ref"]) == ("push", "push", "refs/heads/main")
    assert (body["before"], body["after"], body["checkout_sha"]) == (before, after, after)
    assert (body["user_id"], body["user_username"], body["project_id"]) == (alice.id, "alice", project.id)
    assert body["ref_protected"] is True
    assert body["project"]["path_with_namespace"] == "vision/noise"
    assert body["project"]["default_branch"] == "main"
    assert body["project"]["ci_config_path"] == "mlreef.yml"
    assert body["total_commits_count"] == 1
    commit = body["commits"][0]
    assert (commit["id"], commit["title"]) == (after, "Many")
    assert (commit["added"], commit["modified"], commit["removed"]) == (
        ["new.py"],
        ["noise.py"],
        ["mlreef.yml"],
    )


def test_a_push_hook_holds_the_newest_twenty_commits_oldest_first(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    copy = clone(project, alice)
    shas = [copy.commit(f"Commit {number}") for number in range(23)]
    copy.git("push", "--quiet")
    sandbox.wait_idle()
    body = receiver.of("push")[0]
    assert [commit["id"] for commit in body["commits"]] == shas[-20:]
    assert body["total_commits_count"] == 23


def test_a_new_branch_with_no_new_commit_has_none_in_its_hook(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url)
    clone(project, alice).git("push", "--quiet", "origin", "HEAD:refs/heads/same")
    sandbox.wait_idle()
    body = receiver.of("push")[0]
    assert (body["before"], body["commits"], body["total_commits_count"]) == (ZEROS, [], 0)


def test_an_annotated_tag_is_told_with_the_commit_it_marks(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url)
    copy = clone(project, alice)
    copy.git("tag", "--annotate", "--message", "One", "v1")
    copy.git("push", "--quiet", "origin", "v1")
    sandbox.wait_idle()
    body = receiver.of("tag_push")[0]
    assert (body["ref"], body["checkout_sha"]) == ("refs/tags/v1", sandbox.head(project.id))
    assert body["after"] != body["checkout_sha"]


def test_a_signing_token_signs_the_raw_body(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    key = b"k" * 32
    token = "whsec_" + base64.b64encode(key).decode()
    sandbox.add_hook(project.id, receiver.url, signing_token=token)
    sandbox.commit(project.id, alice, {"noise.py": "# ümläut\n"}, "Ümläut")
    sandbox.wait_idle()
    got = receiver.got[0]
    number, stamp = got.headers["webhook-id"], got.headers["webhook-timestamp"]
    assert number == got.headers["Idempotency-Key"]
    assert abs(int(stamp) - time.time()) < 60
    digest = hmac.new(key, f"{number}.{stamp}.".encode() + got.raw, hashlib.sha256).digest()
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_every_change_of_a_pipelines_status_is_told_with_its_builds(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url, push_events=False)
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    pipeline = sandbox.pipelines(project.id, sha)[0]
    sandbox.play_pipeline(pipeline.id, make_image="failed")
    sandbox.wait_idle()
    told = receiver.of("pipeline")
    assert [body["object_attributes"]["status"] for body in told] == ["pending", "running", "failed"]
    last = told[-1]
    attributes = last["object_attributes"]
    assert (attributes["id"], attributes["sha"], attributes["ref"]) == (pipeline.id, sha, "main")
    assert (attributes["source"], attributes["tag"]) == ("push", False)
    assert attributes["finished_at"].endswith(" UTC")
    assert last["commit"]["id"] == sha
    builds = {build["name"]: build for build in last["builds"]}
    assert builds["check"]["status"] == "success"
    assert (builds["make-image"]["status"], builds["make-image"]["failure_reason"]) == (
        "failed",
        "script_failure",
    )
    jobs = [(body["build_name"], body["build_status"]) for body in receiver.of("build")]
    assert jobs[-1] == ("make-image", "failed")
    assert ("check", "running") in jobs
    assert receiver.of("build")[-1]["commit"]["id"] == pipeline.id


def test_an_open_status_hides_the_pipelines_end_but_not_its_jobs(
    sandbox: Sandbox, project: Project, alice: User, client: Client, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url, push_events=False)
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    pipeline = sandbox.pipelines(project.id, sha)[0]
    statuses = client(alice).projects.get(project.id).commits.get(sha).statuses
    statuses.create({"state": "running", "name": "mlreef/publish", "pipeline_id": pipeline.id})
    sandbox.play_pipeline(pipeline.id)
    sandbox.wait_idle()
    assert {body["object_attributes"]["status"] for body in receiver.of("pipeline")} == {"pending", "running"}
    assert receiver.of("build")[-1]["build_status"] == "success"
    names = {build["name"] for body in receiver.of("pipeline") for build in body["builds"]}
    assert names == {"check", "make-image"}


def test_a_child_pipelines_hook_names_its_parent(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    project.ci_config_path = None
    parent_file = "go:\n  trigger:\n    include: mlreef.yml\n    strategy: depend\n"
    sandbox.add_hook(project.id, receiver.url)
    sha = sandbox.commit(project.id, alice, {".gitlab-ci.yml": parent_file})
    sandbox.wait_idle()
    parent = next(item for item in sandbox.pipelines(project.id, sha) if item.source == "push")
    child = next(
        body for body in receiver.of("pipeline") if body["object_attributes"]["source"] == "parent_pipeline"
    )
    assert child["source_pipeline"]["pipeline_id"] == parent.id
    assert {build["name"] for build in child["builds"]} == {"check", "make-image"}


def test_a_hook_goes_only_to_branches_its_filter_lets_through(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    sandbox.add_hook(
        project.id, receiver.url, branch_filter="release-*", pipeline_events=False, job_events=False
    )
    sandbox.commit(project.id, alice, {"noise.py": ""})
    sandbox.commit(project.id, alice, {"noise.py": "x"}, branch="release-1", start_branch="main")
    sandbox.wait_idle()
    assert [body["ref"] for body in receiver.of("push")] == ["refs/heads/release-1"]


def test_a_failed_delivery_is_kept_not_repeated_and_sent_again_on_request(
    sandbox: Sandbox, project: Project, alice: User, client: Client, receiver: Receiver
) -> None:
    receiver.status = 503
    hook = sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    sandbox.commit(project.id, alice, {"noise.py": ""})
    sandbox.wait_idle()
    assert [delivery.status for delivery in sandbox.hook_deliveries] == [503]
    gl = client(alice)
    events = gl.http_get(f"/projects/{project.id}/hooks/{hook.id}/events", {"status[]": "server_failure"})
    receiver.status = 200
    gl.http_post(f"/projects/{project.id}/hooks/{hook.id}/events/{events[0]['id']}/resend")
    sandbox.wait_idle()
    first, second = receiver.got
    assert first.raw == second.raw
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert gl.http_get(f"/projects/{project.id}/hooks/{hook.id}/events", {"status[]": "successful"}) != []


def test_a_receiver_that_is_not_there_is_an_error_in_the_log(
    sandbox: Sandbox, project: Project, alice: User
) -> None:
    sandbox.add_hook(project.id, "http://127.0.0.1:9/hook", pipeline_events=False, job_events=False)
    sandbox.commit(project.id, alice, {"noise.py": ""})
    sandbox.wait_idle()
    delivery = sandbox.hook_deliveries[0]
    assert delivery.status is None
    assert "refused" in delivery.error


def test_a_slow_receiver_holds_up_neither_the_push_nor_other_hooks(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    receiver.pause = 1.0
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    started = time.monotonic()
    sandbox.commit(project.id, alice, {"noise.py": ""})
    assert time.monotonic() - started < 0.9
    sandbox.wait_idle()
    assert time.monotonic() - started >= 1.0


def test_hooks_are_set_up_and_tried_through_the_api(
    project: Project, alice: User, client: Client, receiver: Receiver, sandbox: Sandbox
) -> None:
    found = client(alice).projects.get(project.id)
    hook = found.hooks.create({"url": receiver.url, "token": "secret", "pipeline_events": True})
    assert (hook.push_events, hook.pipeline_events, hook.note_events) == (True, True, False)
    assert hook.alert_status == "executable"
    assert "secret" not in str(hook.attributes)
    hook.note_events = True
    hook.save()
    assert found.hooks.get(hook.id).note_events is True
    hook.test("push_events")
    sandbox.wait_idle()
    assert receiver.of("push")[0]["after"] == sandbox.head(project.id)
    hook.delete()
    assert found.hooks.list(get_all=True) == []


def test_only_a_maintainer_sees_hooks(project: Project, bot: User, client: Client) -> None:
    with pytest.raises(gitlab.GitlabListError) as refused:
        client(bot).projects.get(project.id).hooks.list(get_all=True)
    assert refused.value.response_code == 403


# The door for misbehaviour


def test_a_mood_answers_in_gitlabs_place_or_hangs_up_after_the_deed(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    class Foul(Moods):
        def on_request(self, asked: Asked, answer: Callable[[], Response]) -> Response:
            if asked.route == "/projects/:id/repository/commits" and asked.method == "POST":
                answer()
                raise ConnectionAbortedError
            return answer()

    before = sandbox.head(project.id)
    found = client(alice).projects.get(project.id)
    sandbox.moods = Foul()
    action = {"action": "update", "file_path": "noise.py", "content": "print(2)\n"}
    with pytest.raises(Exception, match=r"(?i)connection|remote end"):
        found.commits.create({"branch": "main", "commit_message": "x", "actions": [action]})
    assert sandbox.head(project.id) != before
    assert [asked.status for asked in sandbox.requests if asked.method == "POST"] == [0]


def test_a_mood_drops_and_doubles_hooks(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    class Stutter(Moods):
        def on_delivery(self, delivery: Delivery, send: Send) -> None:
            if delivery.event == "Push Hook":
                send(delivery)
                send(delivery)

    sandbox.moods = Stutter()
    sandbox.add_hook(project.id, receiver.url)
    sandbox.commit(project.id, alice, {"noise.py": ""})
    sandbox.wait_idle()
    assert [item.headers["X-Gitlab-Event"] for item in receiver.got] == ["Push Hook", "Push Hook"]
    assert len({item.headers["Idempotency-Key"] for item in receiver.got}) == 1
