"""What an author reads where a published version cannot be offered as a component."""

from __future__ import annotations

from bot.domain.text import prose, span


def taken_note(version: str, slug: str, other: str) -> str:
    """There is a git tag that is called as the version. `other`: the image that it offers, "" for none."""
    whose = f"that offers another image, {span(other, 100)}" if other else "that is not mine"
    return (
        f"**Version {span(version)} is published, and cannot be used as a component.** This project has a git tag "
        f"{span(version)} {whose}, so {span(slug)} is not offered under it. Delete or rename that tag, and "
        "I make mine with the next push; or use the image itself."
    )


def refused_note(version: str, why: str) -> str:
    """GitLab does not let the bot make what a component takes."""
    return (
        f"**Version {span(version)} is published, and cannot be used as a component.** GitLab did not let me make "
        f"the git tag {span(version)} and the branch before it: {prose(why)} A Maintainer can allow it: "
        "Settings › Repository › Protected tags and Protected branches. I try it again with the next push."
    )


def too_big_note(version: str, why: str) -> str:
    """The module does not fit into a job."""
    return (
        f"**Version {span(version)} is published, and cannot be used as a component:** {prose(why)}. "
        "The image itself takes all that its script does."
    )
