"""Where publication and check stand, as a value and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.plan import State
from bot.domain.reports import SHORT_SHA
from bot.domain.text import link, prose, row, span

SHORT_DIGEST = 19
"""Characters of a digest that are shown: `sha256:` and twelve more."""

MAX_IMAGE_CHARS = 300
"""Characters of an image's address that are shown; it is of use only when it is whole."""

STATES: Mapping[str, str] = {
    State.WAITING: "waits for its pipeline",
    State.RUNNING: "is being built",
    State.PUBLISHED: "is published",
    State.UNCHANGED: "is the same as what is published",
    State.FAILED: "failed",
    State.REFUSED: "has problems that keep it from being published",
    State.PROPOSED: "waits for the merge request with its `mlreef.yml`",
    State.UNBUILT: "got no pipeline",
    State.SUPERSEDED: "was overtaken by a newer commit",
    State.UNPUBLISHED: "was withdrawn",
}
"""How a publication stands, in words; states of later versions are shown by their names."""

CHECKS = {"success": "good", "failed": "not good"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where everything stands. What is empty or None is not there; `unread`: the registry did not say what is.

    `state` and `sha` are of the branch's newest publication, its pipeline's address is `pipeline_url`. `checked` is the
    commit that `check` and `check_words` are about.
    """

    branch: str
    image: str = ""
    digest: str = ""
    number: int | None = None
    version: str = ""
    unread: bool = False
    state: str = ""
    sha: str = ""
    pipeline_id: int | None = None
    pipeline_url: str = ""
    iid: int | None = None
    checked: str = ""
    check: str = ""
    check_words: str = ""


def state_words(state: str) -> str:
    """What stands behind "the commit" or "it": how that publication stands."""
    return prose(STATES.get(state, f"is in the state `{state}`"))


def standing_reply(standing: Standing) -> str:
    """Where publication and check stand, in one small table."""
    return "\n".join(
        [
            f"Where {span(standing.branch)} stands:",
            "",
            row("What", "How it stands"),
            "|---|---|",
            row("Published now", _published(standing)),
            *_newest(standing),
            *_check(standing),
        ]
    )


def _published(standing: Standing) -> str:
    if standing.unread:
        return "the registry does not tell me now"
    if not standing.digest:
        return "nothing"
    version = f"version {span(standing.version)}" if standing.version else f"number {standing.number}"
    return f"{version} as {span(standing.image, MAX_IMAGE_CHARS)} ({span(standing.digest[:SHORT_DIGEST])})"


def _newest(standing: Standing) -> Sequence[str]:
    if not standing.state:
        return ()
    words = f"{span(standing.sha[:SHORT_SHA])} {state_words(standing.state)}"
    if standing.pipeline_url:
        words += f", {link(f'pipeline {standing.pipeline_id}', standing.pipeline_url)}"
    return (row("Newest publication", words),)


def _check(standing: Standing) -> Sequence[str]:
    if standing.iid is None:
        return ()
    if not standing.check:
        return (row("Check", f"{span(standing.checked[:SHORT_SHA])} is not checked yet"),)
    words = CHECKS.get(standing.check, standing.check)
    said = f". {prose(standing.check_words)}" if standing.check_words else ""
    return (row("Check", f"{span(standing.checked[:SHORT_SHA])} is {prose(words)}{said}"),)
