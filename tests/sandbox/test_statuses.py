"""Commit statuses: GitLab's transition rules, and what statuses make of pipelines."""

from __future__ import annotations

import itertools

import gitlab
import pytest
from gitlab_helpers import Client

from sandbox.gitlab import Project, Sandbox, User

PENDING_AGAIN = 'via :enqueue from :pending (Reason(s): Status cannot transition via "enqueue")'


def test_every_transition_is_allowed_or_refused_as_gitlab_does(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    states = ("pending", "running", "success", "failed", "canceled", "skipped")
    after_pending = {"running", "success", "failed", "canceled", "skipped"}
    after_running = {"success", "failed", "canceled"}
    statuses = client(alice).projects.get(project.id).commits.get("main").statuses
    for first, second in itertools.product(("pending", "running"), states):
        name = f"mlreef/{first}-{second}"
        statuses.create({"state": first, "name": name})
        if second in (after_pending if first == "pending" else after_running):
            assert statuses.create({"state": second, "name": name}).status == second
        else:
            with pytest.raises(gitlab.GitlabCreateError, match="Cannot transition status") as refused:
                statuses.create({"state": second, "name": name})
            assert refused.value.response_code == 400


def test_the_same_state_twice_is_400_with_gitlabs_words(
    project: Project, alice: User, client: Client
) -> None:
    statuses = client(alice).projects.get(project.id).commits.get("main").statuses
    statuses.create({"state": "pending", "name": "mlreef/publish"})
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        statuses.create({"state": "pending", "name": "mlreef/publish", "description": "other words"})
    assert PENDING_AGAIN in str(refused.value)
    statuses.create({"state": "running", "name": "mlreef/publish"})
    with pytest.raises(gitlab.GitlabCreateError, match="via :enqueue from :running"):
        statuses.create({"state": "pending", "name": "mlreef/publish"})
    with pytest.raises(gitlab.GitlabCreateError, match="via :run from :running"):
        statuses.create({"state": "running", "name": "mlreef/publish"})


def test_a_new_status_after_an_end_is_a_new_job_that_replaces_the_old(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = sandbox.head(project.id)
    statuses = client(alice).projects.get(project.id).commits.get("main").statuses
    first = statuses.create({"state": "failed", "name": "mlreef/publish"})
    second = statuses.create({"state": "success", "name": "mlreef/publish"})
    assert first.id != second.id
    assert [status.status for status in statuses.list(get_all=True)] == ["success"]
    assert [status.status for status in statuses.list(all=True, get_all=True)] == ["failed", "success"]
    assert [job.retried for job in sandbox.statuses(project.id, str(sha))] == [True, False]


def test_an_external_pipeline_is_made_where_there_is_none(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    found = client(alice).projects.get(project.id)
    found.commits.get("main").statuses.create({"state": "pending", "name": "mlreef/publish"})
    pipelines = found.pipelines.list(get_all=True)
    assert [(pipeline.source, pipeline.status, pipeline.ref) for pipeline in pipelines] == [
        ("external", "pending", "main")
    ]
    assert found.commits.get("main").last_pipeline["id"] == pipelines[0].id


def test_a_status_joins_the_pipeline_and_keeps_it_running(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    pipeline = sandbox.pipelines(project.id, sha)[0]
    statuses = client(alice).projects.get(project.id).commits.get(sha).statuses
    posted = statuses.create({"state": "running", "name": "mlreef/publish", "pipeline_id": pipeline.id})
    assert posted.pipeline_id == pipeline.id
    assert sandbox.play_pipeline(pipeline.id) == "running"
    statuses.create({"state": "success", "name": "mlreef/publish", "pipeline_id": pipeline.id})
    assert pipeline.status == "success"
    assert "external" in pipeline.stages
    assert len(sandbox.pipelines(project.id, sha)) == 1


def test_a_failed_status_makes_the_pipeline_fail(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    pipeline = sandbox.pipelines(project.id, sha)[0]
    assert sandbox.play_pipeline(pipeline.id) == "success"
    client(alice).projects.get(project.id).commits.get(sha).statuses.create({"state": "failed", "name": "x"})
    assert pipeline.status == "failed"


def test_another_user_never_ends_my_status(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client
) -> None:
    sandbox.unprotect_branch(project.id, "main")
    sha = str(sandbox.head(project.id))
    for user, state in ((alice, "pending"), (bot, "success")):
        client(user).projects.get(project.id).commits.get(sha).statuses.create(
            {"state": state, "name": "one"}
        )
    jobs = sandbox.statuses(project.id, sha)
    assert [(job.user_id, job.status) for job in jobs] == [(alice.id, "pending"), (bot.id, "success")]


def test_a_status_that_bears_a_jobs_name_pushes_the_job_aside(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    pipeline = sandbox.pipelines(project.id, sha)[0]
    client(alice).projects.get(project.id).commits.get(sha).statuses.create(
        {"state": "success", "name": "check"}
    )
    assert "check" not in [job.name for job in sandbox.jobs(pipeline.id)]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pipeline_id": 12345}, "Pipeline for pipeline_id, sha and ref"),
        ({"description": "x" * 256}, "is too long"),
        ({"target_url": "http://" + "x" * 256}, "is too long"),
        ({"state": "splendid"}, "state does not have a valid value"),
    ],
)
def test_a_status_that_gitlab_refuses_leaves_nothing(
    sandbox: Sandbox, project: Project, alice: User, client: Client, fields: dict[str, object], words: str
) -> None:
    statuses = client(alice).projects.get(project.id).commits.get("main").statuses
    with pytest.raises(gitlab.GitlabCreateError, match=words):
        statuses.create({"state": "pending", "name": "mlreef/publish", **fields})
    assert sandbox.pipelines(project.id) == []


def test_an_unknown_commit_and_one_on_no_branch_are_404(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    found = client(alice).projects.get(project.id)
    lost = sandbox.commit(project.id, alice, {"a.py": ""}, branch="short", start_branch="main")
    sandbox.state.pipelines.clear()
    found.branches.delete("short")
    for sha, words in (("0" * 40, "Commit"), (lost, "References for commit")):
        with pytest.raises(gitlab.GitlabCreateError, match=words) as refused:
            found.commits.get(sha, lazy=True).statuses.create({"state": "pending"})
        assert refused.value.response_code == 404


def test_a_developer_posts_on_a_protected_branch_only_if_they_may_merge_there(
    sandbox: Sandbox, project: Project, bot: User, client: Client
) -> None:
    statuses = client(bot).projects.get(project.id).commits.get("main").statuses
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        statuses.create({"state": "pending"})
    assert refused.value.response_code == 403
    sandbox.protect_branch(project.id, "main", merge_level=30)
    statuses.create({"state": "pending"})


def test_a_job_token_writes_no_status_note_or_commit(sandbox: Sandbox, project: Project, alice: User) -> None:
    sha = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    job = sandbox.jobs(sandbox.pipelines(project.id, sha)[0].id)[0]
    gl = gitlab.Gitlab(sandbox.url, job_token=sandbox.job_token(job.id))
    found = gl.projects.get(project.id, lazy=True)
    commit = found.commits.get(sha, lazy=True)
    action = {"action": "create", "file_path": "x", "content": ""}
    for write in (
        lambda: commit.statuses.create({"state": "success"}),
        lambda: commit.comments.create({"note": "hello"}),
        lambda: found.commits.create({"branch": "main", "commit_message": "x", "actions": [action]}),
        lambda: found.pipelines.create({"ref": "main"}),
    ):
        with pytest.raises(gitlab.GitlabError) as refused:
            write()
        assert refused.value.response_code in (401, 404)
    assert found.deployments.list(get_all=True) == []
    assert gl.http_get("/job")["id"] == job.id
