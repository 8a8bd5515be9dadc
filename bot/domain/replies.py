"""What the bot answers to commands in comments: one short answer each, and none where an emoji says it all.

Complete Markdown, without the mark by which an answer is known again. Whatever somebody wrote stands in code spans or
as escaped prose, and never at the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.codes import near_codes, read_code
from bot.domain.commands import (
    ARGUMENTS,
    OF_VERSIONS,
    OPTIONAL,
    Command,
    Misused,
    Name,
    Unknown,
    usage,
)
from bot.domain.gitlab import DEVELOPER, MAINTAINER
from bot.domain.plan import State
from bot.domain.reports import SHORT_SHA
from bot.domain.standing import state_words
from bot.domain.text import fenced, link, prose, row, span
from parser.catalogue import CATALOGUE
from parser.examples import EXAMPLES

ROLES = {DEVELOPER: "Developers", MAINTAINER: "Maintainers"}

WHAT = {
    Name.HELP: "shows this table",
    Name.STATUS: "says where publication and check stand",
    Name.EXPLAIN: "says what a problem means, with an example",
    Name.CHECK: "checks this merge request again, as it is now",
    Name.PUBLISH: "publishes the newest commit of the published branch now",
    Name.RETRY: "runs the failed jobs of the publication again",
    Name.CANCEL: "stops the publication that is running",
    Name.REPUBLISH: "brings a withdrawn version back; where its image is gone, builds it once more of its lock",
    Name.UNPUBLISH: "takes a version back, names and image, so that nobody gets it any more",
    Name.ENTRYPOINT: "sets the script that is run",
    Name.ENVIRONMENT: "sets the base environment",
    Name.INIT: "opens a merge request that sets this repository up; "
    "with `argparse` or `annotations` behind it, with code to begin with",
}
"""What each command does."""

NOTHING_FAILED = (State.WAITING, State.RUNNING, State.PUBLISHED, State.UNCHANGED)
"""States of a publication in which there is nothing to run again, nor to publish anew."""


def help_reply(docs_url: str) -> str:
    """Every command, who may, and what it does."""
    lines = [
        "I publish this project as a module. Write one of these as the first line of a new comment:",
        "",
        row("Command", "Who may", "What it does"),
        "|---|---|---|",
        *(row(span(usage(name)), _who(name), prose(WHAT[name])) for name in Name),
        "",
        "On an issue, mention me, too. I answer each comment once, and not when it is edited afterwards.",
    ]
    if docs_url:
        lines += ["", f"More about me: {link('documentation', docs_url)}."]
    return "\n".join(lines)


def unknown_reply(unknown: Unknown) -> str:
    """That there is no such command, and which one may be meant."""
    meant = (
        f"Did you mean {span(usage(unknown.meant))}?"
        if unknown.meant is not None
        else f"{span(usage(Name.HELP))} lists what I know."
    )
    return f"I know no command {span(unknown.word)}. {meant}"


def misused_reply(misused: Misused) -> str:
    """How the command is written."""
    if misused.name in OPTIONAL:
        words = " or ".join(span(word) for word in OPTIONAL[misused.name])
        return f"That was not done: behind {span(usage(misused.name))} may stand {words}, or nothing."
    if misused.name not in ARGUMENTS:
        return (
            f"That was not done: {span(misused.name)} takes nothing behind it, and there was "
            f"{span(misused.given)}. Write {span(usage(misused.name))} in a new comment."
        )
    wanted = span(ARGUMENTS[misused.name])
    what = (
        f"one {wanted} belongs behind it, not {span(misused.given)}"
        if misused.given
        else f"{wanted} is missing"
    )
    return f"That was not done: {what}. Write {span(usage(misused.name))} in a new comment."


def forbidden_reply(command: Command) -> str:
    """Who may, and whom to ask."""
    return (
        f"That was not done: in this project, {span(usage(command.name))} is for {_who(command.name)}. "
        f"Ask one of them to write it; {span(usage(Name.STATUS))} is for everybody."
    )


def explain_reply(asked: str) -> str:
    """What a problem means, with an example that has it; or, of no code of ours, which may be meant."""
    code = read_code(asked)
    if code is None:
        near = near_codes(asked)
        meant = f"Did you mean {_either(near)}?" if near else "It stands behind each problem that I tell of."
        return f"There is no problem with the code {span(asked)}. {meant}"
    example, language = EXAMPLES[code], _language(EXAMPLES[code].file)
    lines = [f"**{code}** ({CATALOGUE[code].severity.value}): {prose(example.why)}"]
    if example.text.strip():
        lines += ["", f"For example, in {span(example.file)}:", "", *fenced(example.text, language)]
    if example.mended and example.mended.strip():
        lines += ["", "This is good:", "", *fenced(example.mended, language)]
    return "\n".join(lines)


def elsewhere_reply(name: Name) -> str:
    """That a command is for merge requests."""
    return f"That was not done: {span(usage(name))} is about a merge request. Write it in a comment on one."


def not_open_reply() -> str:
    """That there is nothing to check any more."""
    return "Nothing was checked: this merge request is not open any more."


def not_published_reply(branch: str) -> str:
    """That a branch is none that is published."""
    return (
        f"Nothing was done: {span(branch)} is no branch that I publish. I publish the default branch, and those that "
        "my operator names."
    )


def archived_reply() -> str:
    """That nothing is published of an archived project."""
    return "Nothing was done: this project is archived."


def no_branch_reply(branch: str) -> str:
    """That the branch is not there."""
    return f"Nothing was done: there is no branch {span(branch)}."


def publication_reply(state: str, branch: str, sha: str, url: str) -> str:
    """How a publication ended that somebody asked for, where it did not end well."""
    commit = link(span(sha[:SHORT_SHA]), url)
    return f"Not published: {commit} on {span(branch)} {state_words(state)}. Its status and its comments say more."


def overtaken_reply(branch: str) -> str:
    """That a newer commit is published instead."""
    return f"A newer commit of {span(branch)} came in between, and is published in its place."


def still_running_reply() -> str:
    """That the bot does not wait any longer."""
    return f"This still runs, and I do not wait for it any longer. {span(usage(Name.STATUS))} says where it stands."


def nothing_failed_reply(branch: str, state: str) -> str:
    """Why there is nothing to run again."""
    if not state:
        return f"Nothing to run again: nothing of {span(branch)} was published yet. {_instead(Name.PUBLISH)}"
    if state in NOTHING_FAILED:
        nothing = f"of the newest commit of {span(branch)} nothing has failed"
        return f"Nothing to run again: {nothing}; it {state_words(state)}."
    if state == State.REFUSED:
        return (
            f"Nothing to run again: the newest commit of {span(branch)} has problems that another run would find "
            "again. Mend them and push."
        )
    if state == State.PROPOSED:
        return f"Nothing to run again: the newest commit of {span(branch)} {state_words(state)}. Merge that first."
    return f"Nothing to run again: the newest commit of {span(branch)} {state_words(state)}. {_instead(Name.PUBLISH)}"


def nothing_runs_reply(branch: str) -> str:
    """That there is nothing to stop."""
    return f"Nothing to stop: nothing of {span(branch)} is being published now."


def no_pipeline_yet_reply(branch: str) -> str:
    """That the pipeline is still to come."""
    return (
        f"Not stopped: the publication of {span(branch)} has no pipeline yet. "
        f"Write {span(usage(Name.CANCEL))} again in a minute."
    )


def refused_reply(why: str) -> str:
    """That GitLab did not let the bot do it."""
    return f"That was not done, because GitLab does not let me: {prose(why)}. Whoever runs this bot can change that."


def given_up_reply() -> str:
    """That the bot failed at it."""
    return (
        "I tried this several times and could not do it. My log says why; whoever runs this bot can look there. "
        "You can write the command again at any time."
    )


def _instead(name: Name) -> str:
    return f"{span(usage(name))} publishes it now."


def _who(name: Name) -> str:
    if name in OF_VERSIONS:
        return f"{_role(MAINTAINER)}, and Developers for what they pushed"
    return _role(Command(name).level)


def _role(level: int) -> str:
    return f"{ROLES[level]} and above" if level in ROLES else "everybody"


def _either(words: Sequence[str]) -> str:
    shown = [span(word) for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _language(file: str) -> str:
    return {"py": "python", "yaml": "yaml", "yml": "yaml", "toml": "toml"}.get(
        file.rpartition(".")[2], "text"
    )
