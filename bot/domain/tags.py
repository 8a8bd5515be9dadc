"""The names under which images are published: all of them follow from branch, commit and number."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

GENERATED = "mlreef.yml"
"""The file that the bot writes into a repository."""

REVISION_LABEL = "org.opencontainers.image.revision"
"""The label of an image that names the commit it was built from."""

MODULE_LABEL = "io.mlreef.module"
"""The label of an image that describes its module as JSON."""

MAX_LABEL_BYTES = 256 * 1024
"""Bytes of that label; an engine takes all labels in one request line of 1 MiB."""

LATEST = "latest"
"""The tag of what the default branch published last."""

MAX_NUMBER = 10**12
"""Above any number that publications can reach; whoever pushes a higher tag by hand is not followed."""

WITHDRAWN_NUMBER = "withdrawn."
"""Begins the tag that keeps the image of a number that was taken back; no branch's tag has a dot."""

ENVIRONMENTS = "mlreef/"
"""Begins the names of the environments whose deployments are publications."""

_SHA = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_SLUG_CHARS = 63


def gitlab_slug(branch: str) -> str:
    """A branch's CI_COMMIT_REF_SLUG; nothing is left of a name that has no letter or digit of ASCII."""
    return re.sub(r"[^a-z0-9]", "-", branch.lower())[:_SLUG_CHARS].strip("-")


def branch_slug(branch: str) -> str:
    """A branch as part of a tag: GitLab's slug, or `branch-` and part of its hash where that is empty."""
    return (
        gitlab_slug(branch)
        or f"branch-{hashlib.sha256(branch.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    )


def candidate_tag(sha: str) -> str:
    """The tag of a commit's image before it is promoted."""
    return f"c-{sha}"


def read_candidate(tag: str) -> str | None:
    """The commit that a candidate's tag is of; None for other tags."""
    sha = tag.removeprefix("c-")
    return sha if tag != sha and is_sha(sha) else None


def version_tag(branch: str, number: int) -> str:
    """The tag of a publication."""
    return f"{branch_slug(branch)}-{number}"


def read_number(branch: str, tag: str) -> int | None:
    """The number in a publication's tag, or None when the tag is not one of this branch."""
    match = re.fullmatch(re.escape(branch_slug(branch)) + r"-([1-9][0-9]{0,12})", tag, re.ASCII)
    number = int(match[1]) if match else None
    return number if number is not None and number <= MAX_NUMBER else None


def read_numbers(branch: str, tags: Iterable[str]) -> tuple[int, ...]:
    """The numbers among a repository's tags that are of this branch, the highest first."""
    found = {number for tag in tags if (number := read_number(branch, tag)) is not None}
    return tuple(sorted(found, reverse=True))


def is_sha(text: str) -> bool:
    """Whether a text is the full id of a commit."""
    return bool(_SHA.match(text))


def is_digest(text: str) -> bool:
    """Whether a text is the digest of a manifest."""
    return bool(_DIGEST.match(text))


def environment_name(branch: str) -> str:
    """GitLab's environment whose deployments are the publications of a branch; the template holds the same."""
    return f"{ENVIRONMENTS}{branch_slug(branch)}"
