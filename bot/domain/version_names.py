"""How people name a version, and under which tag its image is kept while it is taken back.

A version that is taken back keeps its image under a tag that nobody uses by accident: so its number is not given to
another image, and it can come back as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.tags import MAX_NUMBER, WITHDRAWN_NUMBER, version_tag
from bot.domain.versions import Version, withdrawn_tag

_NUMBER = re.compile(r"[1-9][0-9]{0,12}", re.ASCII)
_TAG = re.compile(r"(?P<slug>[a-z0-9][a-z0-9-]{0,62})-(?P<number>[1-9][0-9]{0,12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """A version that somebody named: its tag, and the slug of the branch whose numbers it belongs to.

    `also`: the tag of a major version that the same words may mean; "" for none.
    """

    tag: str
    slug: str
    also: str = ""


def read_name(text: str, slug: str, default_slug: str) -> Named | None:
    """`3` (a number of the branch with this slug), `master-3` or `1.2.0`; None for everything else."""
    text = text.strip()
    version = Version.read(text.removeprefix("v"))
    if version is not None:
        return Named(str(version), default_slug)
    if _NUMBER.fullmatch(text):
        return Named(version_tag(slug, int(text)), slug, text) if int(text) <= MAX_NUMBER else None
    match = _TAG.fullmatch(text)
    return Named(text, match["slug"]) if match and int(match["number"]) <= MAX_NUMBER else None


def kept_tag(tag: str) -> str:
    """The tag that keeps the image of a version while it is taken back."""
    version = Version.read(tag)
    return withdrawn_tag(version) if version is not None else f"{WITHDRAWN_NUMBER}{tag}"
