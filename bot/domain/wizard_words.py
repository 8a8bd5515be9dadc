"""What people read of the wizard: replies to its commands, and the merge request that sets a repository up.

Whatever comes from the repository stands in code spans, as escaped prose, or in a fence that it cannot end.
"""

from __future__ import annotations

from bot.domain.reports import SHORT_SHA
from bot.domain.settings_edit import CannotEdit, EntryPointWish, Offer, Wish
from bot.domain.text import fenced, prose, span
from parser.settings import PATH

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


def edit_message(wish: Wish) -> str:
    """The message of the commit that sets one value; the same for the same wish."""
    what = "entry point" if isinstance(wish, EntryPointWish) else "environment"
    return f"Set the {what} in {PATH}\n\nAsked for by a comment on the merge request."


def edit_reply(offer: Offer) -> str:
    """The answer to `entrypoint` and `environment`: what was written, or what to write."""
    if not offer.edited.changed:
        where = f", since {span(offer.sha[:SHORT_SHA])}" if offer.sha else ""
        return f"`{PATH}` says so{where}; there is nothing to change."
    shown = "\n".join(fenced(offer.edited.lines, "yaml"))
    if offer.sha is not None:
        return (
            f"Done: {span(offer.sha[:SHORT_SHA])} on {span(offer.branch)} puts this into `{PATH}`:\n\n{shown}"
        )
    why = f"I have not done so, as {prose(offer.why_not)}."
    return f"Write this into `{PATH}` on {span(offer.branch)}:\n\n{shown}\n\n{why}"


def cannot_edit_reply(cannot: CannotEdit) -> str:
    """The answer to what cannot be set: why, and what there is."""
    return f"**Not written.** {prose(cannot.why)} {prose(cannot.mend)}"
