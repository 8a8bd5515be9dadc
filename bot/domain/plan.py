"""One publication, decided: what was read of a branch's head → every step, before any is done."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import pipeline, reports
from bot.domain.branches import unfit_names
from bot.domain.gitlab import Branch, Project
from bot.domain.own_ci import trigger_example, triggers_ours
from bot.domain.policy import Policy
from bot.domain.steps import CommitFile, ProposeFile, SetStatus, Tell
from parser.model import Place, Problem, Report
from parser.problems import problem, shown

DEFAULT_CI_CONFIG = ".gitlab-ci.yml"
SOURCE_TRAILER = "Mlreef-Source"
DIGEST_TRAILER = "Mlreef-Digest"
_SOURCE_LINE = re.compile(rf"^{SOURCE_TRAILER}: ([0-9a-f]{{40}}|[0-9a-f]{{64}})$", re.MULTILINE)


class State(StrEnum):
    """Where a publication stands. All but the first two are ends; three of the ends are not for good."""

    WAITING = "waiting"
    RUNNING = "running"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    REFUSED = "refused"
    PROPOSED = "proposed"
    UNBUILT = "unbuilt"
    SUPERSEDED = "superseded"
    UNPUBLISHED = "unpublished"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to this commit by itself."""
        return self not in (State.WAITING, State.RUNNING)

    @property
    def final(self) -> bool:
        """Whether no pipeline can change it: a failed job can be retried, a missing pipeline started by hand.

        What is the same as the newest version is not the same as the one after it, when the branch moves back.
        """
        return self.ended and self not in (State.FAILED, State.UNBUILT, State.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Head:
    """What was read of a branch's head: the module, the generated file, and the project's own CI file."""

    project: Project
    branch: Branch
    report: Report
    generated: bytes | None
    own_ci: bytes | None


@dataclass(frozen=True, slots=True)
class Plan:
    """`write` brings the generated file to the branch; `tell` is said once the commit to publish is known.

    `state` is where the publication stands after both. A sha of "" stands for the commit to publish in a status,
    and for the author's commit that led to it in what is told.
    """

    state: State
    write: CommitFile | ProposeFile | None = None
    tell: tuple[SetStatus | Tell, ...] = ()


def plan_publication(head: Head, policy: Policy) -> Plan:
    """Refuse, propose, commit, or leave as it is; and say what only a person can mend."""
    report, branch = head.report, head.branch
    problems = problems_of(report, head.project, policy)
    settings = policy.pipeline_settings(report)
    if isinstance(settings, Problem):
        return _refuse(head, (*problems, settings))
    if report.refused or report.module is None:
        return _refuse(head, problems)
    content = pipeline.render(report.module, settings, branch.name)
    if content == head.generated and policy.guards.fixed_point:
        return _built(head, None)
    if branch.can_push:
        return _built(head, plan_commit(head, content))
    return Plan(State.PROPOSED, plan_proposal(head, content))


def problems_of(report: Report, project: Project, policy: Policy) -> tuple[Problem, ...]:
    """What the repository's text says wrong, and where it contradicts its project in GitLab, or the operator."""
    settings, found = report.settings, list(report.problems)
    unfit = unfit_names(settings.branches, project.default_branch, policy.other_branches)
    at = settings.places.get("branches")
    for name, (why, mend) in unfit.items():
        found.append(problem("branch-not-published", at, None, name=shown(name), why=why, mend=mend))
    module = report.module
    if (
        module is not None
        and module.visibility is not None
        and module.visibility.lower() != project.visibility
    ):
        words = {"annotated": module.visibility, "value": project.visibility}
        found.append(problem("visibility-differs", Place(module.main), None, **words))
    return tuple(found)


def plan_commit(head: Head, content: bytes) -> CommitFile:
    """The commit of the generated file on the branch itself."""
    return CommitFile(
        branch=head.branch.name,
        parent=head.branch.sha,
        path=pipeline.PATH,
        content=content,
        message=_message(head.branch.sha, content),
        exists=head.generated is not None,
    )


def plan_proposal(head: Head, content: bytes) -> ProposeFile:
    """The merge request with the generated file, for a branch where the bot may not push."""
    return ProposeFile(
        branch=head.branch.name,
        source_branch=f"mlreef-bot/{head.branch.name}",
        parent=head.branch.sha,
        path=pipeline.PATH,
        content=content,
        message=_message(head.branch.sha, content),
        exists=head.generated is not None,
        title=reports.proposal_title(),
        description=reports.proposal_description(head.branch.sha),
    )


def ci_config_file(project: Project) -> str | None:
    """Path in the repository of the project's CI configuration; None when it lies elsewhere."""
    path = project.ci_config_path or DEFAULT_CI_CONFIG
    return None if "@" in path or "://" in path else path


def is_run(project: Project, own_ci: bytes | None) -> bool:
    """Whether the project's CI configuration runs the generated file; `own_ci` is the file that the project has."""
    return ci_config_file(project) == pipeline.PATH or (own_ci is not None and triggers_ours(own_ci))


def source_of(branch: Branch) -> str:
    """The commit whose author is told: what a commit of the bot's was made for, else the head itself."""
    found = _SOURCE_LINE.search(branch.message)
    return found[1] if found and branch.parents == (found[1],) else branch.sha


def _built(head: Head, write: CommitFile | None) -> Plan:
    if is_run(head.project, head.own_ci):
        return Plan(State.WAITING, write)
    other = head.branch.name if head.branch.name != head.project.default_branch else ""
    own_file = head.project.ci_config_path or (DEFAULT_CI_CONFIG if head.own_ci is not None else None)
    return Plan(
        State.UNBUILT,
        write,
        (
            SetStatus("", head.branch.name, "failed", reports.unbuilt_status(), _commit_url(head)),
            Tell(
                "",
                head.branch.name,
                reports.unbuilt_note(own_file, trigger_example(head.own_ci or b"", other)),
                aloud=True,
            ),
        ),
    )


def _refuse(head: Head, problems: tuple[Problem, ...]) -> Plan:
    sha, quiet = head.branch.sha, head.report.settings.quiet
    return Plan(
        State.REFUSED,
        tell=(
            SetStatus(sha, head.branch.name, "failed", reports.refused_status(problems), _commit_url(head)),
            Tell(sha, head.branch.name, reports.refused_note(sha, problems), True, quiet),
        ),
    )


def _commit_url(head: Head) -> str:
    return f"{head.project.web_url}/-/commit/{head.branch.sha}"


def _message(source: str, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return (
        f"Update {pipeline.PATH} for {source[: reports.SHORT_SHA]}\n\n"
        "The module's interface or environment changed, and this file follows it.\n\n"
        f"{SOURCE_TRAILER}: {source}\n{DIGEST_TRAILER}: {digest}\n"
    )
