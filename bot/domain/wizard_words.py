"""What people read of the wizard: replies to its commands, and the merge request that sets a repository up.

Whatever comes from the repository stands in code spans, as escaped prose, or in a fence that it cannot end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from bot.domain.environments import Environment
from bot.domain.reports import SHORT_SHA
from bot.domain.settings_edit import CannotEdit, EntryPointWish, Offer, Wish
from bot.domain.tables import parameter_table, problem_table, table
from bot.domain.text import fenced, link, prose, row, span
from bot.domain.wizard import SETUP_BRANCH, Opened, Setup
from bot.domain.wizard_files import Pin, Pins, environment_words
from parser.model import Severity
from parser.settings import PATH

MAX_ROWS = 30
"""Rows of one table of the description."""

NO_MERGE_REQUEST = "there is no merge request here whose branch I could write to"
NOT_OPEN = "this merge request is not open any more"
OUT_OF_REACH = "I cannot see the branch that this merge request comes from"
BOT_MAY_NOT_PUSH = "I may not push to the branch that this merge request comes from"
YOU_MAY_NOT_PUSH = "I write to a branch only for those who may push to it themselves"
GITLAB_REFUSED = "GitLab did not take my commit"

TOO_MANY_FILES = CannotEdit(
    "This commit holds more files than I read.",
    f"Write `{PATH}` by hand; `mlreef-bot init` shows what it may say.",
)


BRANCH_IN_USE = CannotEdit(
    f"There is a branch `{SETUP_BRANCH}` already, with somebody's work on it.",
    "Open a merge request from it, or rename or delete it; then ask again.",
)
MAY_NOT_OPEN = CannotEdit(
    "GitLab did not let me open a merge request here.",
    "Make my user a Developer of the project, or set it up on your own machine with `mlreef-bot init`.",
)

Missing = Literal["", "setting", "job"]
"""What a project lacks so that GitLab runs mlreef.yml: nothing, a setting, or a job in the project's own CI file."""


def edit_message(wish: Wish) -> str:
    """The message of the commit that sets one value; the same for the same wish."""
    what = "entry point" if isinstance(wish, EntryPointWish) else "environment"
    return f"Set the {what} in {PATH}\n\nAsked for by a comment on the merge request."


def edit_reply(offer: Offer) -> str:
    """The answer to `entrypoint` and `environment`: what was written, or what to write."""
    if not offer.edited.changed and offer.sha is None:
        return f"`{PATH}` says so already; there is nothing to change."
    shown = "\n".join(fenced(offer.edited.lines, "yaml"))
    if offer.sha is not None:
        return (
            f"Done: {span(offer.sha[:SHORT_SHA])} on {span(offer.branch)} puts this into `{PATH}`:\n\n{shown}"
        )
    why_not = prose(offer.why_not)
    return f"Write this into `{PATH}` on {span(offer.branch)}:\n\n{shown}\n\nI have not done so: {why_not}."


def cannot_edit_reply(cannot: CannotEdit) -> str:
    """The answer to what cannot be set: why, and what there is."""
    return f"I cannot do that. {prose(cannot.why)} {prose(cannot.mend)}"


def opened_reply(opened: Opened) -> str:
    """The answer to `init`: where the merge request is, or why there is none."""
    match opened.kind:
        case "opened":
            return f"I have opened !{opened.iid}: look through its four steps, change what you like, and merge it."
        case "there":
            return f"It is there already: !{opened.iid}. What you change on its branch is kept."
        case "closed":
            return f"Somebody closed !{opened.iid}, so I leave it at that. Reopen it, or ask with `/mlreef init`."
        case "unneeded":
            return f"There is nothing to set up: `{PATH}` and the requirements are there."
        case "refused":
            return "I cannot set this up." if opened.refused is None else cannot_edit_reply(opened.refused)


def setup_title() -> str:
    """Title of the merge request that sets a repository up."""
    return "Set up publishing with mlreef-bot"


def coming_comment(web_url: str) -> str:
    """Said below a first refusal that the wizard can mend; `web_url` is the project's."""
    merge_requests = f"{web_url}/-/merge_requests"
    opened = link("a merge request", merge_requests)
    return f"I am looking what of this I can add myself: it comes in a moment, as {opened} for you to look through."


def setup_description(setup: Setup, branch: str, missing: Missing) -> str:
    """What the merge request says: four steps, each with what was found and what can be chosen."""
    return "\n".join(
        [
            f"I am mlreef-bot: whenever {span(branch)} moves, I publish this repository as an image that others can "
            f"run. This merge request adds what I need for that. {_promise(setup)} Before that, look through these "
            "four steps; whatever you change on this branch is kept.",
            "",
            "### 1. Entry point",
            "",
            *_entry(setup),
            "",
            "### 2. Arguments and requirements",
            "",
            *_arguments(setup),
            "",
            *_requirements(setup),
            "",
            "### 3. Environment",
            "",
            *_environment(setup),
            "",
            "### 4. Review and publish",
            "",
            *_review(setup, missing),
            "",
        ]
    )


def _promise(setup: Setup) -> str:
    if setup.errors:
        return "**Merging it publishes**, once you have mended what step 4 names."
    return "**Merging it publishes.**"


def terminal_lines(setup: Setup) -> Iterator[str]:
    """What was found, for a person at a terminal; the lines may hold foreign text."""
    yield f"The module runs {setup.entry}."
    if setup.candidates:
        yield f"These read a command line, too: {', '.join(setup.candidates[:MAX_ROWS])}."
        yield "To have several in one image, give each a role in .mlreef.yaml: `entry_points: {train: …, infer: …}`."
    if setup.pins is not None and setup.pins.trouble:
        yield f"Versions could not be looked up ({setup.pins.trouble}): write those that you use."
    if setup.pins is not None and setup.pins.pins:
        yield "Look whether the packages in requirements.txt are the ones that you mean."
    for one in setup.pins.left_out if setup.pins is not None else ():
        yield f"Nothing is found for `import {one.module}`: add it by hand, or the script will miss it when it runs."


def _entry(setup: Setup) -> Iterator[str]:
    new = " I made it for you to begin with; put your work into it." if setup.skeleton == "argparse" else ""
    yield f"The module runs {span(setup.entry)}.{new}"
    if setup.candidates:
        shown = ", ".join(span(one) for one in setup.candidates[:MAX_ROWS])
        more = f" and {len(setup.candidates) - MAX_ROWS} more" if len(setup.candidates) > MAX_ROWS else ""
        yield ""
        yield (
            f"These scripts read a command line, too: {shown}{more}. To run one of them instead, comment "
            "`/mlreef entrypoint FILE` here; to have several in one image, give each a role in `.mlreef.yaml`."
        )


def _arguments(setup: Setup) -> Iterator[str]:
    module = setup.after.module
    if module is None:
        yield "I cannot read the script's arguments yet; step 4 says why."
    elif not module.parameters:
        yield "The script takes no arguments, so the module has no parameters."
    else:
        yield "Each argument of the script becomes a parameter of the module. Change them in the script."
        yield ""
        yield from parameter_table(module.parameters)
    if setup.skeleton == "annotations":
        yield ""
        yield "I have written them into the script as annotations, too; they do nothing when it runs."


def _requirements(setup: Setup) -> Iterator[str]:
    if setup.requirements_file:
        yield f"Packages are taken from {span(setup.requirements_file)}, which was there."
        return
    if setup.pins is None:
        yield "The packages that it needs are listed already."
        return
    if not setup.pins.pins:
        yield "The script imports nothing that would have to be installed, so `requirements.txt` is empty."
        return
    yield (
        "`requirements.txt` is made of what the script imports. Please look at each line: a package that is called "
        "like a module can be somebody else's."
    )
    yield ""
    pins = setup.pins

    def drawn(one: Pin) -> str:
        return row(span(one.module), span(one.package), _version(one, pins))

    lines, rest = table(("Imported", "Package", "Version"), pins.pins, drawn, MAX_ROWS)
    yield from lines
    if rest:
        yield ""
        yield f"… and {rest} more."
    if pins.left_out:
        yield ""
        yield "What was left out has to be added by hand: the script will miss it when it runs."
    if setup.pins.trouble:
        yield ""
        yield f"I could not look up versions ({prose(setup.pins.trouble)}); write those that you use."


def _version(pin: Pin, pins: Pins) -> str:
    if pin.version:
        return span(pin.version)
    return f"left out: {prose(pin.why)}" if pin.why else "not looked up" if pins.trouble else "any"


def _environment(setup: Setup) -> Iterator[str]:
    chosen = span(setup.environment.name)
    if len(setup.environments) == 1:
        yield f"The image is built on {chosen}, the only environment that there is."
    else:
        yield f"The image is built on {chosen}. To choose another one, comment `/mlreef environment NAME` here."
    yield ""

    def drawn(one: Environment) -> str:
        return row(span(one.name), prose(environment_words(one)), _mark(one, setup))

    yield from table(("Name", "What it is", "Chosen"), setup.environments, drawn, MAX_ROWS)[0]
    if setup.unfit is not None:
        yield ""
        yield f"It does not fit yet: {prose(setup.unfit.message)} {prose(setup.unfit.hint)}"


def _mark(one: Environment, setup: Setup) -> str:
    return "yes" if one.name == setup.environment.name else ""


def _review(setup: Setup, missing: Missing) -> Iterator[str]:
    module = setup.after.module
    if module is not None:
        yield (
            f"It will be published as {span(module.name)}, of the kind {span(module.kind.value)}; it reads "
            f"{span(module.input_type)} and gives {span(module.output_type)}. All of that can be changed in `{PATH}`."
        )
        yield ""
    if missing == "setting":
        yield (
            "GitLab has to be told once to run what I generate: in Settings › CI/CD › General pipelines, set *CI/CD "
            "configuration file* to `mlreef.yml`."
        )
        yield ""
    if missing == "job":
        yield (
            "The project has a CI file of its own, which I leave as it is. It has to start what I generate; after "
            "the merge I tell which lines to add."
        )
        yield ""
    if setup.errors:
        yield "Merging will not publish yet. Mend this first, on this branch or elsewhere:"
        yield ""
        yield from problem_table(setup.errors)
    else:
        missed = setup.pins is not None and setup.pins.left_out
        rest = "Apart from the packages that were left out, nothing" if missed else "Nothing"
        yield f"{rest} is in the way. Merge it, and the first version is published."
    warnings = [one for one in setup.after.problems if one.severity is Severity.WARNING]
    if warnings:
        yield ""
        yield "Worth a look, now or later:"
        yield ""
        yield from problem_table(warnings)
    yield ""
    yield "If you do not want this, close the merge request: I will not open it again unless you ask me to."
