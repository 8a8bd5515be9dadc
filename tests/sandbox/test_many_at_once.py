"""Many callers at once: nothing is lost, nothing waits for ever, and reading stays cheap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import gitlab
import pytest
from gitlab_helpers import Client, Clone, Receiver

from sandbox.gitlab import Project, Sandbox, User
from sandbox.gitlab.git import Repository


def at_once(*tasks: Callable[[], object]) -> None:
    """Do all at the same time; the first fault of any is raised."""
    gate = threading.Barrier(len(tasks))

    def do(task: Callable[[], object]) -> object:
        gate.wait(30)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(do, task) for task in tasks]:
            done.result(timeout=120)


@contextmanager
def held_up(git: Repository, task: Callable[[], object]) -> Iterator[Future[object]]:
    """The task, begun: it waits for its turn to write to the repository while the block is done."""
    with ThreadPoolExecutor(1) as pool:
        with git.write_lock:
            begun = pool.submit(task)
            with pytest.raises(TimeoutError):
                begun.result(timeout=0.5)
            yield begun
        begun.exception(timeout=30)


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
    found = client(alice).projects.get(project.id)
    found.branches.create({"branch": "release", "ref": "main"})
    with held_up(sandbox.core.git(project), lambda: found.branches.delete("release")) as deleted:
        sandbox.commit(project.id, alice, {"more": "more"}, branch="release")
    deleted.result(timeout=30)
    assert sandbox.head(project.id, "release") is None


@pytest.mark.parametrize(
    ("kind", "name", "ref"), [("branches", "branch", "refs/heads/v1"), ("tags", "tag_name", "refs/tags/v1")]
)
def test_who_makes_a_branch_or_tag_second_is_told_that_it_is_there(
    sandbox: Sandbox, project: Project, alice: User, client: Client, kind: str, name: str, ref: str
) -> None:
    found, git = client(alice).projects.get(project.id), sandbox.core.git(project)
    with held_up(git, lambda: getattr(found, kind).create({name: "v1", "ref": "main"})) as second:
        git.update_ref(ref, sandbox.head(project.id) or "")
    with pytest.raises(gitlab.GitlabCreateError, match=r"(Branch|Tag v1) already exists"):
        second.result(timeout=30)


def test_what_was_pushed_while_a_merge_waited_is_not_merged_unseen(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    found, git = client(alice).projects.get(project.id), sandbox.core.git(project)
    found.branches.create({"branch": "work", "ref": "main"})
    seen = sandbox.commit(project.id, alice, {"work": "1"}, branch="work")
    request = found.mergerequests.create({"source_branch": "work", "target_branch": "main", "title": "x"})
    before = sandbox.head(project.id)
    with held_up(git, lambda: request.merge(sha=seen)) as merged:
        sandbox.commit(project.id, alice, {"work": "2"}, branch="work")
    with pytest.raises(gitlab.GitlabMRClosedError, match="SHA does not match"):
        merged.result(timeout=30)
    assert sandbox.head(project.id) == before
