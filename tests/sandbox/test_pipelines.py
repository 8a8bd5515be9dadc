"""Pipelines: when GitLab makes one, in which order jobs go, what cancels them, and child pipelines."""

from __future__ import annotations

import io
import zipfile

import gitlab
import pytest
from gitlab_helpers import CI_FILE, Client, Receiver
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gitlab import Project, Sandbox, User
from sandbox.gitlab.composite import composite
from sandbox.gitlab.quick_plan import quick_plan
from sandbox.gitlab.rules import condition
from sandbox.gitlab.values import DEVELOPER, GUEST, MAINTAINER


def push(sandbox: Sandbox, project: Project, user: User, message: str = "Change", **files: str) -> str:
    content = {name.replace("__", "."): text for name, text in files.items()}
    return sandbox.commit(project.id, user, content or {"noise.py": message}, message)


def test_a_push_starts_a_pipeline_from_the_configured_file(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = push(sandbox, project, alice)
    found = client(alice).projects.get(project.id)
    pipelines = found.pipelines.list(sha=sha, get_all=True)
    assert [(item.source, item.status, item.ref) for item in pipelines] == [("push", "pending", "main")]
    jobs = found.pipelines.get(pipelines[0].id).jobs.list(get_all=True)
    assert [(job.name, job.stage, job.status) for job in jobs] == [
        ("make-image", "build", "created"),
        ("check", "verify", "pending"),
    ]


def test_jobs_follow_their_needs_to_the_end(sandbox: Sandbox, project: Project, alice: User) -> None:
    sha = push(sandbox, project, alice)
    pipeline = sandbox.pipelines(project.id, sha)[0]
    check = sandbox.job(pipeline.id, "check")
    assert sandbox.start_job(check.id)
    assert pipeline.status == "running"
    sandbox.finish_job(check.id, trace=b"all is well\n")
    assert sandbox.job(pipeline.id, "make-image").status == "pending"
    sandbox.finish_job(sandbox.job(pipeline.id, "make-image").id, "failed", exit_code=3)
    assert (pipeline.status, sandbox.job(pipeline.id, "make-image").failure_reason) == (
        "failed",
        "script_failure",
    )


def test_a_failure_skips_what_needs_it(sandbox: Sandbox, project: Project, alice: User) -> None:
    sha = push(sandbox, project, alice)
    pipeline = sandbox.pipelines(project.id, sha)[0]
    assert sandbox.play_pipeline(pipeline.id, check="failed") == "failed"
    assert sandbox.job(pipeline.id, "make-image").status == "skipped"


@pytest.mark.parametrize("mark", ["[skip ci]", "[ci skip]", "[Skip-CI]", "[ci_skip]"])
def test_a_message_may_skip_the_pipeline_but_not_one_that_is_asked_for(
    sandbox: Sandbox, project: Project, alice: User, client: Client, mark: str
) -> None:
    sha = push(sandbox, project, alice, f"Quietly {mark}")
    assert [item.status for item in sandbox.pipelines(project.id, sha)] == ["skipped"]
    assert client(alice).projects.get(project.id).pipelines.create({"ref": "main"}).status == "pending"


def test_without_a_file_nothing_is_built(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    project.ci_config_path = None
    sha = push(sandbox, project, alice)
    assert sandbox.pipelines(project.id, sha) == []
    with pytest.raises(gitlab.GitlabCreateError, match="Missing CI config file") as refused:
        client(alice).projects.get(project.id).pipelines.create({"ref": "main"})
    assert refused.value.response_code == 400


def test_a_broken_file_is_a_failed_pipeline_with_words(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = push(sandbox, project, alice, mlreef__yml="stages: [a]\njob:\n  stage: b\n  script: x\n")
    found = client(alice).projects.get(project.id)
    pipeline = found.pipelines.get(found.pipelines.list(sha=sha, get_all=True)[0].id)
    assert pipeline.status == "failed"
    assert "chosen stage b does not exist" in pipeline.yaml_errors
    with pytest.raises(gitlab.GitlabCreateError, match="chosen stage b"):
        found.pipelines.create({"ref": "main"})


def test_a_pipeline_needs_a_branch_or_tag_and_not_a_sha(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client
) -> None:
    with pytest.raises(gitlab.GitlabCreateError, match="Reference not found"):
        client(alice).projects.get(project.id).pipelines.create({"ref": sandbox.head(project.id)})
    with pytest.raises(gitlab.GitlabCreateError, match="sufficient permission"):
        client(bot).projects.get(project.id).pipelines.create({"ref": "main"})


def test_no_latest_pipeline_is_403(project: Project, alice: User, client: Client) -> None:
    with pytest.raises(gitlab.GitlabHttpError) as refused:
        client(alice).projects.get(project.id).pipelines.latest(ref="main")
    assert refused.value.response_code == 403


def test_traces_and_artifacts_are_read_back(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = push(sandbox, project, alice)
    job = sandbox.job(sandbox.pipelines(project.id, sha)[0].id, "check")
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("report/result.txt", "42")
    sandbox.finish_job(job.id, trace="schön\x1b[0m\n".encode(), artifacts=kept.getvalue())
    found = client(alice).projects.get(project.id).jobs.get(job.id)
    assert found.trace() == "schön\x1b[0m\n".encode()
    assert found.artifact("report/result.txt") == b"42"


def test_artifacts_are_given_to_those_for_whom_the_job_keeps_them(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    people = {}
    for name, level in (("guest", GUEST), ("developer", DEVELOPER), ("maintainer", MAINTAINER)):
        people[name] = sandbox.create_user(name)
        sandbox.add_member(project.id, people[name], level)
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("report/result.txt", "42")
    for wanted, given_to in (
        ("access: all", ("guest", "developer", "maintainer")),
        ("access: developer", ("developer", "maintainer")),
        ("public: false", ("developer", "maintainer")),
        ("access: maintainer", ("maintainer",)),
        ("access: none", ()),
    ):
        ci = f"check:\n  script: [x]\n  artifacts: {{paths: [report], {wanted}}}\n"
        sha = sandbox.commit(project.id, alice, {project.ci_config_path or ".gitlab-ci.yml": ci}, wanted)
        job = sandbox.job(sandbox.pipelines(project.id, sha)[0].id, "check")
        sandbox.finish_job(job.id, artifacts=kept.getvalue())
        for name, user in people.items():
            found = client(user).projects.get(project.id).jobs.get(job.id)
            if name in given_to:
                assert found.artifact("report/result.txt") == b"42", (wanted, name)
            else:
                with pytest.raises(gitlab.GitlabGetError, match="403"):
                    found.artifact("report/result.txt")


# Auto-cancel, retry, allowed failures


def test_a_newer_push_cancels_what_may_be_interrupted(
    sandbox: Sandbox, project: Project, alice: User
) -> None:
    first = sandbox.pipelines(project.id, push(sandbox, project, alice, "one"))[0]
    sandbox.start_job(sandbox.job(first.id, "check").id)
    push(sandbox, project, alice, "two")
    assert first.status == "canceled"
    assert sandbox.job(first.id, "check").cancelled.is_set()


def test_a_job_that_may_not_be_interrupted_protects_its_pipeline(
    sandbox: Sandbox, project: Project, alice: User
) -> None:
    first = sandbox.pipelines(project.id, push(sandbox, project, alice, "one"))[0]
    sandbox.finish_job(sandbox.job(first.id, "check").id)
    sandbox.start_job(sandbox.job(first.id, "make-image").id)
    push(sandbox, project, alice, "two")
    assert first.status == "running"


def test_other_branches_and_a_project_that_does_not_want_it_are_not_cancelled(
    sandbox: Sandbox, project: Project, alice: User
) -> None:
    first = sandbox.pipelines(project.id, push(sandbox, project, alice, "one"))[0]
    sandbox.commit(project.id, alice, {"a.py": ""}, branch="other", start_branch="main")
    assert first.status == "pending"
    project.auto_cancel = "disabled"
    push(sandbox, project, alice, "two")
    assert first.status == "pending"


def test_cancel_and_retry(sandbox: Sandbox, project: Project, alice: User, client: Client) -> None:
    found = client(alice).projects.get(project.id)
    pipeline = found.pipelines.list(sha=push(sandbox, project, alice), get_all=True)[0]
    pipeline.cancel()
    assert found.pipelines.get(pipeline.id).status == "canceled"
    pipeline.retry()
    assert found.pipelines.get(pipeline.id).status == "pending"
    assert sandbox.play_pipeline(pipeline.id) == "success"
    assert len(pipeline.jobs.list(include_retried=True, get_all=True)) == 4
    assert len(pipeline.jobs.list(get_all=True)) == 2


PROMOTING = """\
build:
  script: x
  interruptible: true
promote:
  stage: deploy
  script: x
  resource_group: publish
  allow_failure: {exit_codes: [75]}
  environment: {name: mlreef/$CI_COMMIT_REF_SLUG}
"""


def test_an_allowed_exit_code_passes_and_deploys_nothing(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    pipeline = sandbox.pipelines(project.id, push(sandbox, project, alice, mlreef__yml=PROMOTING))[0]
    sandbox.finish_job(sandbox.job(pipeline.id, "build").id)
    sandbox.finish_job(sandbox.job(pipeline.id, "promote").id, "failed", exit_code=75)
    assert pipeline.status == "success"
    deployments = client(alice).projects.get(project.id).deployments
    assert [item.status for item in deployments.list(get_all=True)] == ["failed"]
    assert deployments.list(status="success", get_all=True) == []


def test_another_exit_code_does_not_pass(sandbox: Sandbox, project: Project, alice: User) -> None:
    pipeline = sandbox.pipelines(project.id, push(sandbox, project, alice, mlreef__yml=PROMOTING))[0]
    sandbox.finish_job(sandbox.job(pipeline.id, "build").id)
    sandbox.finish_job(sandbox.job(pipeline.id, "promote").id, "failed", exit_code=1)
    assert pipeline.status == "failed"


def test_deployments_are_the_ledger_of_an_environment(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    shas = [push(sandbox, project, alice, mlreef__yml=PROMOTING)]
    sandbox.play_pipeline(sandbox.pipelines(project.id, shas[0])[0].id)
    shas.append(push(sandbox, project, alice, "two"))
    sandbox.play_pipeline(sandbox.pipelines(project.id, shas[1])[0].id)
    found = client(alice).projects.get(project.id)
    done = found.deployments.list(environment="mlreef/main", status="success", get_all=True)
    assert [item.sha for item in done] == shas
    assert done[0].environment["name"] == "mlreef/main"
    assert done[0].deployable["name"] == "promote"
    assert [item.name for item in found.environments.list(get_all=True)] == ["mlreef/main"]


def test_a_resource_group_lets_one_job_at_a_time(sandbox: Sandbox, project: Project, alice: User) -> None:
    project.auto_cancel = "disabled"
    first = sandbox.pipelines(project.id, push(sandbox, project, alice, mlreef__yml=PROMOTING))[0]
    second = sandbox.pipelines(project.id, push(sandbox, project, alice, "two"))[0]
    for pipeline in (first, second):
        sandbox.finish_job(sandbox.job(pipeline.id, "build").id)
    assert sandbox.job(first.id, "promote").status == "pending"
    assert sandbox.job(second.id, "promote").status == "waiting_for_resource"
    assert second.status == "waiting_for_resource"
    sandbox.finish_job(sandbox.job(first.id, "promote").id)
    assert sandbox.job(second.id, "promote").status == "pending"


def test_an_older_deployment_job_does_not_overtake_a_newer_one(
    sandbox: Sandbox, project: Project, alice: User
) -> None:
    project.auto_cancel = "disabled"
    first = sandbox.pipelines(project.id, push(sandbox, project, alice, mlreef__yml=PROMOTING))[0]
    second = sandbox.pipelines(project.id, push(sandbox, project, alice, "two"))[0]
    sandbox.play_pipeline(second.id)
    sandbox.finish_job(sandbox.job(first.id, "build").id)
    late = sandbox.job(first.id, "promote")
    assert not sandbox.start_job(late.id)
    assert (late.status, late.failure_reason) == ("failed", "failed_outdated_deployment_job")


# Child pipelines

PARENT = """\
stages: [test, publish]
unit:
  stage: test
  script: x
module:
  stage: publish
  trigger:
    include: [{local: mlreef.yml}]
    strategy: depend
"""


def test_a_child_pipeline_runs_below_its_bridge(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    project.ci_config_path = None
    sha = sandbox.commit(project.id, alice, {".gitlab-ci.yml": PARENT})
    parent = sandbox.pipelines(project.id, sha)[0]
    sandbox.finish_job(sandbox.job(parent.id, "unit").id)
    found = client(alice).projects.get(project.id)
    bridge = found.pipelines.get(parent.id).bridges.list(get_all=True)[0]
    child = bridge.downstream_pipeline["id"]
    assert (bridge.name, bridge.status) == ("module", "running")
    assert [item.id for item in found.pipelines.list(sha=sha, get_all=True)] == [parent.id]
    asked = found.pipelines.list(sha=sha, source="parent_pipeline", get_all=True)
    assert [item.id for item in asked] == [child]
    assert sandbox.play_pipeline(child) == "success"
    assert parent.status == "success"


def test_a_child_that_fails_makes_its_parent_fail(sandbox: Sandbox, project: Project, alice: User) -> None:
    project.ci_config_path = None
    sha = sandbox.commit(project.id, alice, {".gitlab-ci.yml": PARENT})
    parent = sandbox.pipelines(project.id, sha)[0]
    sandbox.finish_job(sandbox.job(parent.id, "unit").id)
    child = sandbox.job(parent.id, "module").downstream_id
    assert sandbox.play_pipeline(child or 0, check="failed") == "failed"
    assert parent.status == "failed"


def test_a_child_is_handed_its_bridges_variables_and_what_jobs_before_it_reported(
    sandbox: Sandbox, project: Project, alice: User
) -> None:
    handing = PARENT + "  variables: {WORD: $MADE, PLAIN: x, BRANCH: $CI_COMMIT_BRANCH, NONE: $NOTHING}\n"
    project.ci_config_path = None
    sha = sandbox.commit(project.id, alice, {".gitlab-ci.yml": handing})
    parent = sandbox.pipelines(project.id, sha)[0]
    unit = sandbox.job(parent.id, "unit")
    unit.dotenv["MADE"] = "a candidate"
    sandbox.finish_job(unit.id)
    child = sandbox.state.pipelines[sandbox.job(parent.id, "module").downstream_id or 0]
    assert child.variables == {"WORD": "a candidate", "PLAIN": "x", "BRANCH": parent.ref, "NONE": ""}


def test_a_bridge_to_a_missing_file_fails(sandbox: Sandbox, project: Project, alice: User) -> None:
    project.ci_config_path = None
    sha = sandbox.commit(project.id, alice, {".gitlab-ci.yml": PARENT, "mlreef.yml": None})
    parent = sandbox.pipelines(project.id, sha)[0]
    sandbox.finish_job(sandbox.job(parent.id, "unit").id)
    bridge = sandbox.job(parent.id, "module")
    assert (bridge.status, bridge.failure_reason) == ("failed", "downstream_pipeline_creation_failed")
    assert parent.status == "failed"


def test_cancelling_a_parent_cancels_its_child(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    project.ci_config_path = None
    sha = sandbox.commit(project.id, alice, {".gitlab-ci.yml": PARENT})
    parent = sandbox.pipelines(project.id, sha)[0]
    sandbox.finish_job(sandbox.job(parent.id, "unit").id)
    client(alice).projects.get(project.id).pipelines.get(parent.id).cancel()
    child = sandbox.state.pipelines[sandbox.job(parent.id, "module").downstream_id or 0]
    assert (child.status, parent.status) == ("canceled", "canceled")


def test_a_config_in_another_project_is_used(sandbox: Sandbox, project: Project, alice: User) -> None:
    sandbox.create_project("vision/pipelines", alice, files={"shared.yml": "central:\n  script: x\n"})
    project.ci_config_path = "shared.yml@vision/pipelines"
    pipeline = sandbox.pipelines(project.id, push(sandbox, project, alice))[0]
    assert [job.name for job in sandbox.jobs(pipeline.id)] == ["central"]


# Rules and lint


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ('$CI_COMMIT_BRANCH == "main"', True),
        ("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", True),
        ('$CI_COMMIT_BRANCH != "main"', False),
        ("$CI_COMMIT_TAG", False),
        ("$CI_COMMIT_TAG == null", True),
        ('$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "main"', True),
        ('$CI_PIPELINE_SOURCE == "web" || $CI_COMMIT_BRANCH == "main"', True),
        ('$CI_PIPELINE_SOURCE == "web" && $CI_COMMIT_TAG || $CI_COMMIT_BRANCH', True),
        ('$CI_PIPELINE_SOURCE == "web" && ($CI_COMMIT_TAG || $CI_COMMIT_BRANCH)', False),
        ("$CI_COMMIT_BRANCH =~ /^ma/", True),
        ("$CI_COMMIT_BRANCH !~ /^MA/i", False),
    ],
)
def test_conditions_of_rules_are_read_as_gitlab_reads_them(text: str, truth: bool) -> None:
    known = {"CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "CI_PIPELINE_SOURCE": "push"}
    assert condition(text, known) is truth


def test_workflow_rules_keep_a_pipeline_away(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    rules = 'workflow:\n  rules:\n    - if: $CI_COMMIT_BRANCH == "trunk"\n'
    sha = push(sandbox, project, alice, mlreef__yml=rules + CI_FILE)
    assert sandbox.pipelines(project.id, sha) == []
    with pytest.raises(gitlab.GitlabCreateError, match="rules configuration prevented any jobs"):
        client(alice).projects.get(project.id).pipelines.create({"ref": "main"})


def test_the_linter_tells_good_from_bad(project: Project, alice: User, client: Client) -> None:
    found = client(alice).projects.get(project.id)
    good = found.ci_lint.create({"content": CI_FILE})
    assert (good.valid, good.errors) == (True, [])
    bad = found.ci_lint.create({"content": "job:\n  needs: [ghost]\n  script: x\n"})
    assert (bad.valid, bad.errors) == (False, ["job job: undefined need: ghost"])
    assert found.ci_lint.get().valid


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_ci_file_breaks_the_planner(content: bytes) -> None:
    plan = quick_plan(content, {})
    assert plan.jobs == () or plan.errors == ()


@given(
    st.lists(st.sampled_from(["created", "pending", "running", "success", "failed", "canceled", "skipped"]))
)
def test_a_pipeline_has_ended_exactly_when_all_its_jobs_have(statuses: list[str]) -> None:
    alive = any(status in ("created", "pending", "running") for status in statuses)
    assert (composite(statuses) in ("created", "pending", "running")) is alive


def test_the_pipeline_may_come_later_than_the_hook(
    sandbox: Sandbox, project: Project, alice: User, receiver: Receiver
) -> None:
    sandbox.core.runner.delay = 0.3
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False)
    sha = push(sandbox, project, alice)
    assert sandbox.pipelines(project.id, sha) == []
    sandbox.wait_idle()
    assert len(sandbox.pipelines(project.id, sha)) == 1
    assert [body["after"] for body in receiver.of("push")] == [sha]
