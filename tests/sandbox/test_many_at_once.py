"""Many callers at once: nothing is lost, nothing waits for ever, and reading stays cheap."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import gitlab
import pytest
from gitlab_helpers import Client, Clone, Receiver

from sandbox.gitlab import Project, Sandbox, User


def at_once(*tasks: Callable[[], object]) -> None:
    """Do all at the same time; the first fault of any is raised."""
    gate = threading.Barrier(len(tasks))

    def do(task: Callable[[], object]) -> object:
        gate.wait(30)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(do, task) for task in tasks]:
            done.result(timeout=120)


def test_commits_pushes_statuses_and_jobs_at_once_lose_nothing(
    sandbox: Sandbox, project: Project, alice: User, client: Client, clone: Clone, receiver: Receiver
) -> None:
    project.auto_cancel = "disabled"
    sandbox.add_hook(project.id, receiver.url, job_events=False)
    copies = [clone(project, alice) for _ in range(2)]

    def commit_often(branch: str) -> None:
        found = client(alice).projects.get(project.id)
        for number in range(8):
            action = {"action": "create", "file_path": f"{branch}-{number}", "content": branch}
            found.commits.create(
                {
                    "branch": branch,
                    "commit_message": "x",
                    "actions": [action],
                    **({"start_branch": "main"} if number == 0 and branch != "main" else {}),
                }
            )

    def push_often(number: int) -> None:
        for turn in range(4):
            copies[number].commit(f"{turn}", **{f"pushed{number}": str(turn)})
            copies[number].git("push", "--quiet", "origin", f"HEAD:refs/heads/pushed-{number}")

    def tell_often(user: User) -> None:
        statuses = client(user).projects.get(project.id).commits.get("main").statuses
        for number in range(8):
            statuses.create({"state": "pending", "name": f"{user.username}/{number}"})
            statuses.create({"state": "success", "name": f"{user.username}/{number}"})

    def play_often() -> None:
        for _ in range(10):
            for pipeline in sandbox.pipelines(project.id):
                sandbox.play_pipeline(pipeline.id)

    at_once(
        lambda: commit_often("main"),
        lambda: commit_often("one"),
        lambda: push_often(0),
        lambda: push_often(1),
        lambda: tell_often(alice),
        play_often,
    )
    play_often()
    sandbox.wait_idle()
    names = {entry["path"] for entry in client(alice).projects.get(project.id).repository_tree(get_all=True)}
    assert {f"main-{number}" for number in range(8)} <= names
    pushes = receiver.of("push")
    assert len(pushes) == 24
    for ref in {body["ref"] for body in pushes}:
        chain = [body for body in pushes if body["ref"] == ref]
        assert all(older["after"] == newer["before"] for older, newer in pairwise(chain))
    made = [pipeline for pipeline in sandbox.pipelines(project.id) if pipeline.source == "push"]
    assert len(made) == 24
    assert {pipeline.status for pipeline in made} == {"success"}
    assert sandbox.complaints == []


def test_of_two_who_build_on_the_same_version_of_a_file_one_is_refused(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    known = sandbox.head(project.id)
    outcomes: list[str] = []

    def write(content: str) -> None:
        action = {"action": "update", "file_path": "noise.py", "content": content, "last_commit_id": known}
        try:
            client(alice).projects.get(project.id).commits.create(
                {"branch": "main", "commit_message": content, "actions": [action]}
            )
            outcomes.append("written")
        except gitlab.GitlabCreateError as refused:
            outcomes.append(f"refused with {refused.response_code}")

    at_once(lambda: write("one"), lambda: write("two"), lambda: write("three"))
    assert sorted(outcomes) == ["refused with 400", "refused with 400", "written"]


def test_a_commit_made_elsewhere_is_seen_by_its_short_sha_at_once(
    sandbox: Sandbox, project: Project, alice: User, client: Client, clone: Clone
) -> None:
    found = client(alice).projects.get(project.id)
    copy = clone(project, alice)
    for number in range(5):
        sha = copy.commit(f"{number}", noise__py=str(number))
        copy.git("push", "--quiet")
        assert found.commits.get(sha[:10]).id == sha


def test_a_branch_that_is_pushed_to_while_it_is_deleted_is_gone(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    found, git = client(alice).projects.get(project.id), sandbox.core.git(project)
    first = sandbox.head(project.id)
    action = {"action": "create", "file_path": "more", "content": "more"}
    newer = found.commits.create({"branch": "main", "commit_message": "x", "actions": [action]}).id
    found.branches.create({"branch": "release", "ref": first})
    with ThreadPoolExecutor(1) as pool:
        with git.write_lock:
            asked = pool.submit(found.branches.delete, "release")
            with pytest.raises(TimeoutError):
                asked.result(timeout=0.5)
            git.update_ref("refs/heads/release", newer)
        asked.result(timeout=30)
    assert sandbox.head(project.id, "release") is None
