"""What is told of versions that are taken back, or brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.gitlab import DEVELOPER, MAINTAINER
from bot.domain.text import prose, span

MAX_NAMED = 5
"""Versions that are offered to somebody who asked for one that is not there."""


def may_withdraw(level: int, is_publisher: bool) -> bool:
    """Whether somebody may take a version back, or bring it back: Maintainers, and who pushed it, while Developer."""
    return level >= (DEVELOPER if is_publisher else MAINTAINER)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of it: whether it is now as somebody asked, and the answer, which is Markdown."""

    done: bool
    reply: str


def not_named_reply(text: str) -> str:
    """The answer to what is no version."""
    return f"{span(text) if text.strip() else 'That'} is no version. Name one as `1.2.0`, as `3` or as `master-3`."


def unknown_reply(name: str, there: Sequence[str]) -> str:
    """The answer to a version that was never there."""
    known = ", ".join(span(tag) for tag in there[:MAX_NAMED])
    return f"There is no version {span(name)}. " + (
        f"The newest: {known}." if known else "Nothing has been published yet."
    )


def without_registry_reply() -> str:
    """The answer where a project keeps no images."""
    return (
        "This project has no container registry that I can see, so there are no versions. "
        "It is switched on in Settings › General › Visibility."
    )


def refused_reply(name: str, why: str) -> str:
    """The answer where GitLab or the registry forbids it; half of it may be done, and a second try goes on."""
    return (
        f"I may not change the tags of {span(name)}: {prose(why)} Tags may be protected, or my role too small. "
        "Once that is mended, ask me again."
    )


def unpublished_reply(name: str, tags: Sequence[str], latest: str, moved: bool) -> str:
    """The answer when a version is taken back. `tags`: those taken away now; `latest`: where it leads."""
    if not tags:
        return (
            f"Version {span(name)} is taken back already. {span(f'/mlreef republish {name}')} brings it back."
        )
    gone = " and ".join(span(tag) for tag in tags)
    went = f" `latest` is {span(latest)} again." if latest else " There is no `latest` any more."
    return (
        f"Version {span(name)} is taken back: {gone} {'leads' if len(tags) == 1 else 'lead'} nowhere now."
        f"{went if moved else ''} Who names the image by its digest still gets it. The number is not given again; "
        f"{span(f'/mlreef republish {name}')} brings it back."
    )


def republished_reply(name: str, tags: Sequence[str], image: str, moved: bool) -> str:
    """The answer when a version is back. `tags`: what leads to it anew; none when nothing had to be done."""
    if not tags:
        return f"Version {span(name)} is published: {span(image, 500)}."
    back = " and ".join(span(tag) for tag in tags)
    went = " `latest` is it again." if moved else ""
    leads = "leads" if len(tags) == 1 else "lead"
    return (
        f"Version {span(name)} is back, the same image as before: {back} {leads} to {span(image, 500)}.{went}"
    )


def gone_reply(name: str) -> str:
    """The answer where the image of a version that was taken back was removed."""
    return (
        f"The image of version {span(name)} is no longer in the registry, so it cannot come back. "
        "`/mlreef publish` builds one of the branch as it is now, under a new number."
    )
