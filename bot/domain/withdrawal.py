"""What is told of versions that are taken back, or brought back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.gitlab import DEVELOPER, MAINTAINER
from bot.domain.jobs import Later
from bot.domain.text import fenced, link, prose, span
from bot.domain.withdrawn_record import Record

TAKE_BACK, BRING_BACK = "unpublish", "republish"
"""What may be asked for, as comments, commands, API and jobs call it."""

LAYERS = "layers"
"""The engine whose images are the same bytes each time."""

MAX_NAMED = 5
"""Versions that are offered to somebody who asked for one that is not there."""


def may_withdraw(level: int, is_publisher: bool) -> bool:
    """Whether somebody may take a version back, or bring it back: Maintainers, and who pushed it, while Developer."""
    return level >= (DEVELOPER if is_publisher else MAINTAINER)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of it: whether it is now as somebody asked, the answer (Markdown), and what follows from it.

    `rebuild`: the record of a version whose image is to be built once more before it can come back.
    """

    done: bool
    reply: str
    later: tuple[Later, ...] = ()
    rebuild: Record | None = None

    def to_text(self) -> str:
        """What it is told as to somebody who waits for it, for the store."""
        return json.dumps({"done": self.done, "reply": self.reply})

    @classmethod
    def from_text(cls, text: str) -> Withdrawn:
        """From the store."""
        read = json.loads(text)
        return cls(read["done"], read["reply"])


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of everything else when a version was taken back.

    `latest`: where that leads now, "" for nowhere; `moved`: because it led to the version. `gone`: the image itself is
    removed. `others`: tags that still lead to it, which are not the bot's to remove.
    """

    latest: str
    moved: bool
    gone: bool
    others: tuple[str, ...] = ()


def not_named_reply(text: str) -> str:
    """The answer to what is no version."""
    return f"{span(text) if text.strip() else 'That'} is no version. Name one as `1.2.0`, as `3` or as `master-3`."


def two_meanings_reply(text: str, tag: str, version: str, action: str) -> str:
    """The question back where a bare number names one version, and the image's tag of that name leads to another."""
    exactly = " or ".join(span(f"/mlreef {action} {name}") for name in (tag, version))
    return (
        f"{span(text)} may mean two versions: {span(tag)}, or {span(version)}, to which the tag {span(text)} leads. "
        f"Nothing was done. Write which one you mean: {exactly}."
    )


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


def unpublished_reply(name: str, tags: Sequence[str], fate: Fate) -> str:
    """The answer when a version is taken back. `tags`: the names that were taken away now."""
    back = f"{span(f'/mlreef republish {name}')} brings it back."
    if not tags:
        return f"Version {span(name)} is taken back already. {back}"
    lost = " and ".join(span(tag) for tag in tags)
    went = f" `latest` is {span(fate.latest)} again." if fate.latest else " There is no `latest` any more."
    return (
        f"Version {span(name)} is taken back: {lost} {'leads' if len(tags) == 1 else 'lead'} nowhere now."
        f"{went if fate.moved else ''} {_image_words(fate)} The number is not given again; {back}"
    )


def stays_words(stays: Sequence[str]) -> str:
    """What of the version's component GitLab does not let the bot take away, behind the answer."""
    if not stays:
        return ""
    return f" This I could not take away, a Maintainer can: {prose('; '.join(stays))}."


def _image_words(fate: Fate) -> str:
    if fate.gone:
        return "The image itself is removed, too."
    if fate.others:
        shown = ", ".join(span(tag) for tag in fate.others[:MAX_NAMED])
        more = f" and {len(fate.others) - MAX_NAMED} more" if len(fate.others) > MAX_NAMED else ""
        return f"The image itself stays, as other tags lead to it: {shown}{more}."
    return "Who names the image by its digest gets it until the registry cleans up what has no name."


def republished_reply(name: str, tags: Sequence[str], image: str, moved: bool, url: str = "") -> str:
    """The answer when a version is back. `tags`: what leads to it anew; none when nothing had to be done.

    `url`: of the pipeline that built it once more.
    """
    if not tags:
        return f"Version {span(name)} is published: {span(image, 500)}."
    back = " and ".join(span(tag) for tag in tags)
    went = " `latest` is it again." if moved else ""
    leads = "leads" if len(tags) == 1 else "lead"
    again = f" It was {link('built once more', url)} of its recorded lock, to the same bytes." if url else ""
    return f"Version {span(name)} is back, the same image as before: {back} {leads} to {span(image, 500)}.{went}{again}"


def lost_reply(name: str) -> str:
    """The answer where the image of a version that was taken back was removed, and no record says how it was made."""
    return (
        f"The image of version {span(name)} is no longer in the registry, and nothing says how it was made, so it "
        "cannot come back. `/mlreef publish` builds one of the branch as it is now, under a new number."
    )


def another_reply(name: str, digest: str) -> str:
    """The answer where the registry names another image than the one that was published as the version."""
    return (
        f"Nothing was done with version {span(name)}: in the registry it is {span(digest, 100)}, and that is not the "
        "image which was published under this name. Somebody changed its tag or its record there. "
        "`/mlreef publish` publishes the branch as it is now, under a new number."
    )


def gone_reply(name: str) -> str:
    """What is said while the image of a version is gone, and is to be built once more."""
    return f"The image of version {span(name)} is no longer in the registry. It is to be built once more."


def differs_reply(name: str, differences: Sequence[str], url: str, engine: str) -> str:
    """The answer when building once more gave another image: nothing is published, and what differs is named."""
    why = (
        ""
        if engine == LAYERS
        else f" The engine {span(engine or 'that built it')} does not promise the same bytes; `layers` does."
    )
    lines = [
        f"Version {span(name)} is not back: {link('built once more', url)}, its image is another one, so "
        f"nothing was published.{why}"
    ]
    if differences:
        lines += ["", "What differs:", "", *fenced("\n".join(differences))]
    return "\n".join(lines)


def not_rebuilt_reply(name: str, why: str, url: str) -> str:
    """The answer when its image could not be built once more. `why`: one sentence, "" where only the log knows."""
    said = f" {prose(why)}" if why else ""
    return (
        f"Version {span(name)} is not back: its image is gone, and {link('its pipeline', url)} could not "
        f"build it once more.{said} What was published before is untouched. Once the cause is mended, ask me again."
    )


def not_started_reply(name: str, why: str) -> str:
    """The answer when GitLab does not start the pipeline that would build the image once more."""
    return (
        f"Version {span(name)} is not back: its image is gone, and GitLab does not start the pipeline that would "
        f"build it once more: {prose(why)} That pipeline needs a variable: see Settings › CI/CD › Variables for the "
        "minimum role to use some. Then ask me again."
    )


def not_allowed_reply(action: str) -> str:
    """The answer to somebody who may not."""
    return (
        f"That was not done: in this project, {span(f'/mlreef {action}')} is for Maintainers and above, and Developers "
        "for what they pushed."
    )


def asked_by_reply(username: str) -> str:
    """What is added on a version's commit, where nobody sees who asked for it."""
    return f"Asked for by {span(username)}."


def withdrawal_given_up_reply(name: str) -> str:
    """That the bot failed at it."""
    return (
        f"I tried several times to change version {span(name)} and could not do it. My log says why; whoever runs this "
        "bot can look there. You can ask for it again at any time."
    )
