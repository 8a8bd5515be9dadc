"""The words that an author reads in notes and statuses while nothing is published yet, or why nothing is."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.gitlab import Pipeline
from bot.domain.tables import counted, place_words, problem_table
from bot.domain.text import fenced, link, shorten, span, status_line
from parser.model import Problem, Severity

SHORT_SHA = 8

NO_PIPELINE = "GitLab has no pipeline of this commit, and started none when I asked for one"
NO_CHILD_PIPELINE = "the project's own pipeline ran without the job that triggers mlreef.yml"
NO_JOBS = "the pipeline ended without running any job of mlreef.yml"


def refused_status(problems: Sequence[Problem]) -> str:
    """The first problem that refuses, and how many more there are."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if not errors:
        return status_line("Not published: the module could not be read")
    return status_line(_first(errors))


def refused_note(sha: str, problems: Sequence[Problem]) -> str:
    """All problems, with what to do about each."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    others = [problem for problem in problems if problem.severity is not Severity.ERROR]
    count = f"{counted(len(errors), 'thing')} {'stands' if len(errors) == 1 else 'stand'}"
    lines = [
        f"**Not published.** {count} in the way at {span(sha[:SHORT_SHA])}; what was published before is "
        "untouched.",
        "",
        *problem_table(errors),
    ]
    if others:
        lines += ["", "**Worth a look:**", "", *problem_table(others)]
    return "\n".join([*lines, "", "Mend this and push: the next push is read afresh."])


def running_status() -> str:
    """Said while the pipeline works."""
    return status_line("The image is being built")


def already_status() -> str:
    """Said in a second pipeline of a commit that another one published."""
    return status_line("Published by another pipeline of this commit")


def closed_status() -> str:
    """Said where a status was left open though its publication had ended."""
    return status_line("Not published; the reason was told on the commit or its merge request")


def taken_back_status() -> str:
    """Said where a status was left open though its version was published, and taken back since."""
    return status_line("Published, and taken back since")


def superseded_status() -> str:
    """Said of a commit that a newer one overtook."""
    return status_line("Not published: a newer commit of this branch took its place")


def proposed_status(iid: int) -> str:
    """Said when a person must merge the generated file."""
    return status_line(f"Not published yet: merge !{iid}, which brings mlreef.yml, and publishing goes on")


def proposed_note(iid: int, branch: str) -> str:
    """Why there is a merge request of the bot's, and what merging it does."""
    return "\n".join(
        [
            f"**One step is yours.** Publishing needs an up-to-date `mlreef.yml` on {span(branch)}, and I may "
            f"not push there. Merge request !{iid} brings the file: merging it publishes the module.",
            "",
            "To have me do this by myself, allow my user to push to the protected branch "
            "(Settings › Repository › Protected branches).",
        ]
    )


def proposal_title() -> str:
    """Title of the merge request with the generated file."""
    return "Update mlreef.yml"


def proposal_description(sha: str) -> str:
    """What the merge request with the generated file is for."""
    return (
        f"The module's interface at {span(sha[:SHORT_SHA])} needs this `mlreef.yml`. Merging publishes the module; "
        "the file is generated, so please change the script or `.mlreef.yaml` rather than the file."
    )


def unbuilt_status() -> str:
    """Said when no setting leads from the generated file to a pipeline."""
    return status_line("Not published: no pipeline of this project runs mlreef.yml; see the comment")


def unbuilt_note(own_file: str | None, example: str) -> str:
    """What to add so that GitLab runs the generated file; `example` is the job for a project's own CI."""
    if own_file is None:
        mend = [
            "In Settings › CI/CD › General pipelines, set *CI/CD configuration file* to `mlreef.yml`. "
            "The next push is then published.",
        ]
    else:
        mend = [
            f"The project has its own {span(own_file)}, which I leave as it is. Add this job to it:",
            "",
            *fenced(example, "yaml"),
            "",
            "It runs `mlreef.yml` as a child pipeline, so stages and defaults of the two cannot mix.",
        ]
    return "\n".join(
        [
            "**Nothing will build this.** `mlreef.yml` is there, but no pipeline runs it.",
            "",
            *mend,
        ]
    )


def unstarted_status(words: str) -> str:
    """Said when GitLab would not start the pipeline, or not with our jobs in it."""
    return status_line(f"Not published: no pipeline ran mlreef.yml: {words}")


def unstarted_note(sha: str, words: str) -> str:
    """GitLab's own reason for not starting our jobs."""
    return "\n".join(
        [
            f"**Not published.** No pipeline of {span(sha[:SHORT_SHA])} ran `mlreef.yml`. The reason: "
            f"{span(words, 1000)}",
            "",
            "Once that is mended, push again or start a pipeline for the branch by hand.",
        ]
    )


def given_up_status() -> str:
    """Said when the bot tries no longer, for a fault of its own or of what it depends on."""
    return status_line(
        "Not published: something failed too often on the bot's side. Whoever runs the bot sees why and can start it "
        "again; a new push is tried anew"
    )


def check_given_up_status() -> str:
    """Said on a merge request's head when the bot tries no longer, for a fault of its own or of what it depends on."""
    return status_line(
        "Not checked: something failed too often on the bot's side. Whoever runs the bot sees why; a new push is "
        "tried anew"
    )


def unpublished_target_status(branch: str) -> str:
    """Said on the head of a merge request that goes to an unpublished branch now."""
    return status_line(f"Nothing to check: {branch} is no branch that is published")


def _first(errors: Sequence[Problem]) -> str:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_where(errors[0])}{shorten(errors[0].message, 200)}{more}"


def uncommitted_status(words: str) -> str:
    """Said when GitLab refused the generated file."""
    return status_line(f"Not published: GitLab refused the commit of mlreef.yml: {words}")


def uncommitted_note(words: str) -> str:
    """GitLab's own reason for refusing the generated file."""
    return "\n".join(
        [
            f"**Not published.** GitLab refused my commit of `mlreef.yml`. It says: {span(words, 1000)}",
            "",
            "Often this is a push rule (commit message, author or signature). Let my user be an exception; the "
            "next push is then published.",
        ]
    )


def overspent_status(limit: int) -> str:
    """Said when the bot wrote its file too often within an hour."""
    return status_line(f"Not published yet: I wrote mlreef.yml {limit} times within an hour, and wait")


def overspent_note(limit: int) -> str:
    """What looks like a loop, and that it goes on by itself."""
    return "\n".join(
        [
            f"**Not published yet.** I committed `mlreef.yml` {limit} times to this branch within an hour, which looks "
            "as if another program answers my commits. I wait until the hour has passed, and then go on with the "
            "branch's head.",
            "",
            "Look for a job or bot that changes `mlreef.yml` or the script on every push, and switch it off.",
        ]
    )


def missing_image_status() -> str:
    """Said when the pipeline ended well and the registry does not hold what it should."""
    return status_line("Not published: the pipeline succeeded, but its image is not in the registry")


def missing_image_note(sha: str, pipeline: Pipeline) -> str:
    """What was looked for and not found."""
    return "\n".join(
        [
            f"**Not published.** {link(f'Pipeline {pipeline.id}', pipeline.web_url)} succeeded, but the registry has "
            f"no published tag for the image of {span(sha[:SHORT_SHA])}.",
            "",
            "Someone or a cleanup policy may have removed it. Start a new pipeline for the branch to build it again.",
        ]
    )


def _where(problem: Problem) -> str:
    return f"{place_words(problem)}: " if problem.place else ""
