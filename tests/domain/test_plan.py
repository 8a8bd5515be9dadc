"""What is decided for a branch's head, before anything is done."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import Any

import pytest

from bot.domain import pipeline
from bot.domain.own_ci import triggers_ours
from bot.domain.plan import Head, Plan, State, ci_config_file, plan_publication, problems_of, source_of
from bot.domain.steps import CommitFile, ProposeFile, SetStatus, Tell
from parser.model import Report, Severity
from tests.domain.values import HEAD, PARENT, POLICY, PROJECT, branch, module, parameter, problem, report

TRIGGER = b"go:\n  trigger:\n    include: [{local: mlreef.yml}]\n    strategy: depend\n"


def head(generated: bytes | None = None, own_ci: bytes | None = None, **changes: Any) -> Head:
    usual = Head(PROJECT, branch(), report(), generated, own_ci)
    return replace(usual, **changes)


def written(plan: Plan) -> bytes:
    assert isinstance(plan.write, CommitFile)
    return plan.write.content


def test_a_first_publication_commits_the_generated_file_on_the_head_that_was_read() -> None:
    plan = plan_publication(head(), POLICY)
    assert plan.state is State.WAITING
    assert isinstance(plan.write, CommitFile)
    assert (plan.write.parent, plan.write.path, plan.write.exists) == (HEAD, "mlreef.yml", False)
    assert plan.tell == ()


def test_the_commit_names_its_source_and_the_digest_of_the_file() -> None:
    plan = plan_publication(head(), POLICY)
    assert isinstance(plan.write, CommitFile)
    digest = hashlib.sha256(plan.write.content).hexdigest()
    assert plan.write.message.endswith(f"\n\nMlreef-Source: {HEAD}\nMlreef-Digest: {digest}\n")
    assert "skip" not in plan.write.message


def test_a_file_that_is_as_it_should_be_is_not_written_again() -> None:
    content = written(plan_publication(head(), POLICY))
    assert plan_publication(head(content), POLICY) == Plan(State.WAITING)


def test_the_bots_own_commit_is_a_fixed_point() -> None:
    content = written(plan_publication(head(), POLICY))
    after = head(content, branch=replace(branch(), sha="c" * 40, parents=(HEAD,)))
    assert plan_publication(after, POLICY).write is None


def test_a_changed_parameter_changes_the_file() -> None:
    content = written(plan_publication(head(), POLICY))
    other = report(made=module(parameter("input-path", required=True), parameter("mode", default="y")))
    plan = plan_publication(head(content, report=other), POLICY)
    assert written(plan) != content
    assert isinstance(plan.write, CommitFile)
    assert plan.write.exists


def test_a_parameter_that_moved_to_another_line_changes_nothing() -> None:
    content = written(plan_publication(head(), POLICY))
    moved = module(
        *(replace(p, place=replace(p.place, line=99), help="Other words.") for p in module().parameters)
    )
    assert plan_publication(head(content, report=report(made=moved)), POLICY).write is None


def test_errors_refuse_and_tell_all_of_them() -> None:
    refused = report(problem("First."), problem("Second.", line=2), problem("Hm.", Severity.WARNING))
    plan = plan_publication(head(report=refused), POLICY)
    assert (plan.state, plan.write) == (State.REFUSED, None)
    status, note = plan.tell
    assert isinstance(status, SetStatus)
    assert (status.sha, status.state, status.pipeline_id) == (HEAD, "failed", None)
    assert status.description == "main.py:1: First. (and 1 more)"
    assert isinstance(note, Tell)
    assert note.aloud
    assert all(words in note.body for words in ("First", "Second", "Hm", "Mend it"))


def test_a_module_that_could_not_be_made_out_is_refused() -> None:
    unread = Report(None, report().settings, ())
    plan = plan_publication(head(report=unread), POLICY)
    assert plan.state is State.REFUSED


def test_an_environment_that_is_not_offered_is_refused_with_those_that_are() -> None:
    plan = plan_publication(head(report=report(environment="cobol")), POLICY)
    assert plan.state is State.REFUSED
    note = plan.tell[1]
    assert isinstance(note, Tell)
    assert "`cobol`" in note.body
    assert "`gpu`" in note.body


def test_the_environment_that_the_repository_chose_is_the_base() -> None:
    content = written(plan_publication(head(report=report(environment="gpu")), POLICY))
    assert pipeline.read_pipeline_settings(content).environment.image == "cuda:1"


def test_where_the_bot_may_not_push_it_proposes() -> None:
    plan = plan_publication(head(branch=branch(can_push=False)), POLICY)
    assert plan.state is State.PROPOSED
    assert isinstance(plan.write, ProposeFile)
    assert plan.write.source_branch == "mlreef-bot/master"


def test_an_own_ci_without_the_trigger_is_told_the_lines_to_add() -> None:
    project = replace(PROJECT, ci_config_path=None)
    plan = plan_publication(head(own_ci=b"test:\n  script: [make]\n", project=project), POLICY)
    assert plan.state is State.UNBUILT
    assert isinstance(plan.write, CommitFile)
    status, note = plan.tell
    assert isinstance(status, SetStatus)
    assert (status.sha, status.state) == ("", "failed")
    assert isinstance(note, Tell)
    assert "strategy: depend" in note.body
    assert ".gitlab-ci.yml" in note.body


def test_an_own_ci_with_the_trigger_is_recognised() -> None:
    project = replace(PROJECT, ci_config_path=None)
    assert plan_publication(head(own_ci=TRIGGER, project=project), POLICY).state is State.WAITING


def tangled(merged: bool) -> bytes:
    """A small file of which every level names the next one many times."""
    many, levels = 8, 18
    last = b"j18: &a18 {script: x}\n"
    if merged:
        rows = [f"j{n}: &a{n}\n" + f"  <<: *a{n + 1}\n" * many for n in reversed(range(levels))]
        return last + "".join(rows).encode()
    rows = [f"j{n}:\n  extends: [{', '.join([f'j{n + 1}'] * many)}]\n" for n in range(levels)]
    return "".join(rows).encode() + last


@pytest.mark.parametrize(
    "own_ci",
    [
        tangled(merged=True),
        tangled(merged=False),
        b"a: [" + b"1," * 500_000 + b"]",
        b"".join(b"j%d: {extends: [j%d]}\n" % (n, (n + 1) % 50) for n in range(50)),
        b"big: &big\n" + b"".join(b"  k%d: 1\n" % n for n in range(4000))
        + b"".join(b"j%d: {<<: *big}\n" % n for n in range(2500)),
    ],
    ids=["merges that multiply", "jobs that multiply", "a long list", "a ring", "one part many times"],
)  # fmt: skip
def test_no_own_ci_takes_longer_to_read_than_a_few_seconds(own_ci: bytes) -> None:
    before = time.process_time()
    assert not triggers_ours(own_ci)
    assert time.process_time() - before < 5


def test_what_a_job_takes_over_is_its_own() -> None:
    extending = b".up:\n  trigger: {include: [mlreef.yml], strategy: depend}\n.mid: {extends: .up}\n"
    assert not triggers_ours(extending)
    assert triggers_ours(extending + b"go: {extends: [.x, .mid]}\n")
    merging = b".up: &up\n  trigger: &run {include: mlreef.yml}\ngo:\n  <<: [*up]\n"
    assert not triggers_ours(merging)
    assert triggers_ours(merging + b"  trigger: {<<: *run, strategy: mirror}\n")


def test_without_any_ci_setting_the_author_is_told_which_one_to_make() -> None:
    plan = plan_publication(head(project=replace(PROJECT, ci_config_path=None)), POLICY)
    assert plan.state is State.UNBUILT
    note = plan.tell[1]
    assert isinstance(note, Tell)
    assert "CI/CD configuration file" in note.body


def test_a_ci_file_of_another_project_is_not_looked_for_here() -> None:
    assert ci_config_file(replace(PROJECT, ci_config_path="ci.yml@group/central")) is None
    assert ci_config_file(replace(PROJECT, ci_config_path="https://example.com/ci.yml")) is None
    assert ci_config_file(replace(PROJECT, ci_config_path=None)) == ".gitlab-ci.yml"


def test_a_commit_of_the_bots_leads_back_to_its_source() -> None:
    assert source_of(branch(f"Update mlreef.yml\n\nMlreef-Source: {PARENT}\n")) == PARENT
    assert source_of(branch(f"Forged\n\nMlreef-Source: {'f' * 40}\n")) == HEAD
    assert source_of(branch()) == HEAD


def test_gitlabs_visibility_wins_over_the_annotations_with_a_warning() -> None:
    public = report(made=replace(module(), visibility="PUBLIC"))
    (found,) = problems_of(public, PROJECT, POLICY)
    assert found.severity is Severity.WARNING
    assert "`PUBLIC`" in found.message
    assert plan_publication(head(report=public), POLICY).state is State.WAITING
    assert problems_of(public, replace(PROJECT, visibility="public"), POLICY) == ()
