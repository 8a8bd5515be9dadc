"""Real git against the sandbox: clone, push, refusals."""

from __future__ import annotations

import base64
import socket
import subprocess
from urllib.parse import urlsplit

from gitlab_helpers import Clone, Received, Receiver, WorkingCopy

from sandbox.gitlab import GUEST, Project, Sandbox, User


def test_what_is_pushed_can_be_cloned_again(project: Project, alice: User, clone: Clone) -> None:
    first = clone(project, alice)
    sha = first.commit("Say hello", hello__py="print('hello')\n")
    first.git("push", "--quiet")
    second = clone(project, alice)
    assert second.git("rev-parse", "HEAD").stdout.strip() == sha
    assert (second.path / "hello.py").read_text() == "print('hello')\n"


def test_a_large_push_arrives_whole(sandbox: Sandbox, project: Project, alice: User, clone: Clone) -> None:
    copy = clone(project, alice)
    noise = subprocess.run(["head", "-c", "3000000", "/dev/urandom"], check=True, capture_output=True).stdout
    (copy.path / "model.bin").write_bytes(noise)
    sha = copy.commit("Add a model")
    copy.git("push", "--quiet")
    assert sandbox.read_file(project.id, "model.bin", sha) == noise


def test_a_stranger_finds_no_private_project(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone
) -> None:
    stranger = sandbox.create_user("stranger")
    here = clone(project, alice)
    refused = here.git("ls-remote", sandbox.git_url(project.id, stranger), ok=False)
    assert "not found" in refused.stderr or "could not be found" in refused.stderr
    nobody = here.git("ls-remote", sandbox.git_url(project.id), ok=False)
    assert "Authentication failed" in nobody.stderr or "could not read Username" in nobody.stderr


def test_anybody_clones_a_public_project_and_nobody_else_pushes_to_it(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone
) -> None:
    project.visibility = "public"
    stranger = sandbox.create_user("stranger")
    here = clone(project, stranger)
    here.git("ls-remote", sandbox.git_url(project.id))
    here.commit("Vandalise", noise__py="")
    assert "403" in here.git("push", ok=False).stderr


def test_a_protected_branch_refuses_a_developer_and_says_why(
    sandbox: Sandbox, project: Project, bot: User, clone: Clone
) -> None:
    copy = clone(project, bot)
    before = sandbox.head(project.id)
    copy.commit("Sneak in", noise__py="print(2)\n")
    refused = copy.git("push", ok=False)
    assert "GitLab: You are not allowed to push code to protected branches on this project." in refused.stderr
    assert sandbox.head(project.id) == before
    copy.git("push", "--quiet", "origin", "HEAD:refs/heads/elsewhere")
    assert sandbox.head(project.id, "elsewhere") is not None


def test_a_wildcard_protects_every_branch_it_matches(
    sandbox: Sandbox, project: Project, bot: User, clone: Clone
) -> None:
    sandbox.protect_branch(project.id, "release-*")
    copy = clone(project, bot)
    copy.git("push", "--quiet", "origin", "HEAD:refs/heads/release-1", ok=False)
    copy.git("push", "--quiet", "origin", "HEAD:refs/heads/unreleased")


def test_one_rule_that_allows_is_enough(sandbox: Sandbox, project: Project, bot: User, clone: Clone) -> None:
    sandbox.protect_branch(project.id, "m*", push_users=[bot])
    copy = clone(project, bot)
    sha = copy.commit("Push as one who is named", noise__py="print(3)\n")
    copy.git("push", "--quiet")
    assert sandbox.head(project.id) == sha


def test_nobody_forces_or_deletes_a_protected_branch(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone
) -> None:
    copy = clone(project, alice)
    before = copy.commit("Once", noise__py="print(4)\n")
    copy.git("push", "--quiet")
    copy.git("commit", "--quiet", "--amend", "--message", "Twice")
    assert "not allowed to force push" in copy.git("push", "--force", ok=False).stderr
    assert "only delete protected branches" in copy.git("push", "origin", ":main", ok=False).stderr
    assert sandbox.head(project.id) == before


def test_a_guest_reads_no_private_code(sandbox: Sandbox, project: Project, alice: User, clone: Clone) -> None:
    guest = sandbox.create_user("guest")
    sandbox.add_member(project.id, guest, GUEST)
    assert (
        "403" in clone(project, alice).git("ls-remote", sandbox.git_url(project.id, guest), ok=False).stderr
    )


def test_a_partial_clone_leaves_trees_and_blobs_out(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone
) -> None:
    copy = clone(project, alice)
    copy.git("init", "--quiet", "--bare", "bare.git")
    bare = WorkingCopy(copy.path / "bare.git")
    bare.git("fetch", "--quiet", "--filter=tree:0", sandbox.git_url(project.id, alice), "main")
    kinds = bare.git("cat-file", "--batch-check=%(objecttype)", "--batch-all-objects").stdout.split()
    assert set(kinds) == {"commit"}


def test_a_job_fetches_its_own_project_and_pushes_nothing(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone
) -> None:
    sandbox.commit(project.id, alice, {"noise.py": "print(5)\n"})
    job = sandbox.jobs(sandbox.pipelines(project.id)[0].id)[0]
    token = sandbox.job_token(job.id)
    url = sandbox.git_url(project.id).replace("//", f"//gitlab-ci-token:{token}@")
    copy = clone(project, alice)
    assert "refs/heads/main" in copy.git("ls-remote", url).stdout
    copy.commit("As a job")
    assert "403" in copy.git("push", url, "HEAD:refs/heads/by-job", ok=False).stderr
    sandbox.finish_job(job.id)
    assert copy.git("ls-remote", url, ok=False).returncode != 0


def test_a_push_with_a_job_token_where_allowed_starts_no_pipeline(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone
) -> None:
    sandbox.commit(project.id, alice, {"noise.py": "print(5)\n"})
    job = sandbox.jobs(sandbox.pipelines(project.id)[0].id)[0]
    project.job_tokens_may_push = True
    url = sandbox.git_url(project.id).replace("//", f"//gitlab-ci-token:{sandbox.job_token(job.id)}@")
    copy = clone(project, alice)
    sha = copy.commit("As a job")
    copy.git("push", "--quiet", url, "HEAD:refs/heads/by-job")
    assert sandbox.head(project.id, "by-job") == sha
    assert sandbox.pipelines(project.id, sha) == []


def test_a_push_option_is_told_and_obeyed(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url)
    copy = clone(project, alice)
    sha = copy.commit("No pipeline, please", noise__py="print(6)\n")
    copy.git("push", "--quiet", "--push-option=ci.skip")
    sandbox.wait_idle()
    assert [pipeline.status for pipeline in sandbox.pipelines(project.id, sha)] == ["skipped"]
    assert receiver.of("push")[0]["push_options"] == {"ci": {"skip": True}}


def test_a_push_of_more_than_three_branches_is_silent(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone, receiver: Receiver
) -> None:
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    copy = clone(project, alice)
    copy.git("push", "--quiet", "origin", *(f"HEAD:refs/heads/b{number}" for number in range(4)))
    sandbox.wait_idle()
    assert receiver.got == []
    copy.git("push", "--quiet", "origin", *(f"HEAD:refs/heads/c{number}" for number in range(3)))
    sandbox.wait_idle()
    assert [body["ref"] for body in receiver.of("push")] == [f"refs/heads/c{number}" for number in range(3)]


def test_the_first_push_to_an_empty_project_names_its_default_branch(
    sandbox: Sandbox, alice: User, clone: Clone
) -> None:
    empty = sandbox.create_project("vision/empty", alice)
    copy = clone(empty, alice)
    copy.git("checkout", "--quiet", "--orphan", "trunk")
    sha = copy.commit("Begin", a__py="")
    copy.git("push", "--quiet", "origin", "HEAD:trunk")
    assert empty.default_branch == "trunk"
    assert clone(empty, alice).git("rev-parse", "HEAD").stdout.strip() == sha


def test_a_deleted_branch_is_told_with_zeros(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone, receiver: Receiver
) -> None:
    copy = clone(project, alice)
    copy.git("push", "--quiet", "origin", "HEAD:refs/heads/short-lived")
    sandbox.add_hook(project.id, receiver.url)
    copy.git("push", "--quiet", "origin", ":short-lived")
    sandbox.wait_idle()
    told: list[Received] = receiver.of("push")
    assert told[0]["after"] == "0" * 40
    assert told[0]["checkout_sha"] is None
    assert told[0]["commits"] == []


def test_a_push_whose_sender_dies_half_way_holds_up_nobody(
    sandbox: Sandbox, project: Project, alice: User, clone: Clone
) -> None:
    address = urlsplit(sandbox.url)
    proof = base64.b64encode(f"{alice.username}:{alice.token}".encode()).decode()
    with socket.create_connection((address.hostname or "", address.port or 80), timeout=5) as dying:
        dying.sendall(
            f"POST /{project.full_path}.git/git-receive-pack HTTP/1.1\r\nHost: gitlab\r\n"
            f"Authorization: Basic {proof}\r\nContent-Type: application/x-git-receive-pack-request\r\n"
            "Content-Length: 1000\r\n\r\n0099".encode()
        )
    work = clone(project, alice)
    sha = work.commit("Say hello", hello__py="print('hello')\n")
    work.git("push", "--quiet")
    assert sandbox.head(project.id) == sha
