"""A CI file is read as GitLab would read it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox.plan import JobPlan, PipelinePlan
from tests.executor.repository import Repository

pytestmark = pytest.mark.executor

PIPELINE = """
# Nothing here is expanded.
.hidden:
  interface: {name: "Add $Noise `x` ${{ $[[ é"}
workflow:
  auto_cancel: {on_new_commit: interruptible}
  rules:
    - if: '$CI_COMMIT_BRANCH == "main" && $CI_PIPELINE_SOURCE =~ /^(push|api)$/'
default:
  interruptible: true
stages: [verify, build, promote]
variables: {TARGET: blue}
verify:
  stage: verify
  script: [echo]
never-here:
  stage: verify
  script: [echo]
  rules:
    - if: '$CI_PIPELINE_SOURCE == "merge_request_event"'
build:
  stage: build
  needs: [verify, {job: never-here, optional: true}]
  script: [echo]
  allow_failure: true
by-hand:
  stage: build
  when: manual
  script: [echo]
promote:
  stage: promote
  interruptible: false
  resource_group: promote-$CI_COMMIT_BRANCH
  environment: {name: "mlreef/$CI_COMMIT_BRANCH-${TARGET}"}
  allow_failure: {exit_codes: [75]}
  script: [echo]
child:
  stage: promote
  trigger: {include: [{local: mlreef.yml}], strategy: depend}
"""


def test_a_pipeline_is_planned_with_all_that_gitlab_decides(shell: Repository) -> None:
    shell.commit({"ci.yml": PIPELINE, "mlreef.yml": "inner: {script: [echo]}\n"})
    plan = shell.plan()
    assert plan.errors == ()
    assert plan.auto_cancel == "interruptible"
    assert plan.stages == (".pre", "verify", "build", "promote", ".post")
    assert plan.jobs == (
        JobPlan("verify", "verify", interruptible=True),
        JobPlan("build", "build", needs=("verify",), allow_failure=True, interruptible=True),
        JobPlan("by-hand", "build", when="manual", allow_failure=True, interruptible=True),
        JobPlan(
            "promote",
            "promote",
            allow_failure_exit_codes=(75,),
            resource_group="promote-main",
            environment="mlreef/main-blue",
        ),
        JobPlan(
            "child",
            "promote",
            interruptible=True,
            trigger={"include": [{"local": "mlreef.yml"}], "strategy": "depend"},
        ),
    )


@pytest.mark.parametrize(
    ("name", "value"), [("CI_PIPELINE_SOURCE", "merge_request_event"), ("CI_COMMIT_BRANCH", "other")]
)
def test_workflow_rules_that_do_not_match_leave_no_pipeline(shell: Repository, name: str, value: str) -> None:
    shell.commit({"ci.yml": PIPELINE, "mlreef.yml": "inner: {script: [echo]}\n"})
    shell.variables[name] = value
    plan = shell.plan()
    assert (plan.jobs, plan.errors) == ((), ())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [b\n", "deficient indentation"),
        ("a: {script: [echo], needs: [b]}\n", "b"),
        ("a: {script: [echo], retries: 3}\n", "retries"),
        ("a: {stage: nowhere, script: [echo]}\n", "nowhere"),
        ("just text\n", "at least one visible job"),
    ],
)
def test_a_wrong_file_is_told_in_words_without_a_stack(shell: Repository, content: str, words: str) -> None:
    shell.commit({"ci.yml": content})
    plan = shell.plan()
    assert plan.jobs == ()
    (error,) = plan.errors
    assert words in error
    assert "    at " not in error
    assert "index.js" not in error


@pytest.mark.parametrize("name", ["absent.yml", "../ci.yml", "/etc/hostname", "link.yml"])
def test_a_file_that_is_not_in_the_repository_is_an_error(
    shell: Repository, tmp_path: Path, name: str
) -> None:
    shell.commit({"ci.yml": "a: {script: [echo]}\n"})
    (tmp_path / "ci.yml").write_text("a: {script: [echo]}\n")
    (shell.path / "link.yml").symlink_to("/etc/hostname")
    shell.git("add", "link.yml")
    shell.git("commit", "--quiet", "--message", "Link")
    plan = shell.plan(name)
    assert isinstance(plan, PipelinePlan)
    assert plan.jobs == ()
    assert len(plan.errors) == 1


def test_the_same_file_is_not_asked_for_twice_unless_a_variable_it_names_differs(shell: Repository) -> None:
    shell.commit(
        {"ci.yml": PIPELINE.replace("{include: [{local: mlreef.yml}], strategy: depend}", "group/other")}
    )
    first = shell.plan()
    assert len(first.jobs) == 5
    shell.commit({"other": "x"})
    shell.variables["CI_COMMIT_TITLE"] = "nothing it names"
    began = time.monotonic()
    assert shell.plan() is first
    assert time.monotonic() - began < 0.2
    shell.variables["CI_COMMIT_BRANCH"] = "other"
    assert shell.plan().jobs == ()


def test_a_file_that_looks_around_is_asked_for_every_time(shell: Repository) -> None:
    shell.commit({"ci.yml": "a: {script: [echo], rules: [{exists: [wanted]}]}\n"})
    assert shell.plan().jobs == ()
    shell.commit({"wanted": "x"})
    assert [job.name for job in shell.plan().jobs] == ["a"]
