"""Which branches are published besides the default one: names, in which `*` stands for anything, as GitLab has it.

They come from the operator, and from `.mlreef.yaml` on a project's default branch, as far as the operator allows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from bot.domain.tags import branch_slug

OWN = "mlreef-bot/"
"""Begins the names of the bot's own branches, from which it only proposes."""


def is_published(branch: str, default_branch: str | None, named: Iterable[str]) -> bool:
    """Whether a branch is published when these are named besides the default one.

    One whose tags would be those of the default branch (`release/1` beside `release-1`) never is.
    """
    if branch == default_branch:
        return True
    if default_branch is not None and branch_slug(branch) == branch_slug(default_branch):
        return False
    return not branch.startswith(OWN) and any(matches(name, branch) for name in named)


def matches(name: str, branch: str) -> bool:
    """Whether a name means that branch; each `*` in it stands for any text, also none and also with slashes."""
    first, *rest = name.split("*")
    if not rest:
        return branch == name
    *middle, last = rest
    if len(first) + len(last) > len(branch) or not branch.startswith(first) or not branch.endswith(last):
        return False
    at, end = len(first), len(branch) - len(last)
    for piece in middle:
        found = branch.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def unfit_names(
    named: Iterable[str], default_branch: str | None, allowed: bool
) -> dict[str, tuple[str, str]]:
    """Names that a project gives and that have no effect, each with the reason and what to do.

    `allowed`: the operator lets projects name branches.
    """
    if not allowed:
        mend = "Ask who runs the bot to name it in `publish.branches`, or leave `branches` out."
        return dict.fromkeys(named, ("who runs the bot lets no project name branches", mend))
    found = {}
    for name in named:
        if name.startswith(OWN):
            found[name] = ("such branches are the bot's own", "Choose another name.")
        elif (
            "*" not in name
            and default_branch not in (None, name)
            and not is_published(name, default_branch, named)
        ):
            why = f"its images would have the tags of `{default_branch}`"
            found[name] = (why, "Rename one of the two branches.")
    return found


NAMED_FACT = "branches "
"""Begins the names of facts: which branches a project's `.mlreef.yaml` named when it was read last."""

NONE_NAMED = "[]"
"""Such a fact of a project that names none."""


def named_fact(project_id: int) -> str:
    """The name of that fact."""
    return f"{NAMED_FACT}{project_id}"


def named_to_text(named: Iterable[str]) -> str:
    """The names as the store keeps them."""
    return json.dumps(list(named))


def read_named(text: str | None) -> tuple[str, ...] | None:
    """The names that the store keeps; None while nobody knows."""
    return tuple(json.loads(text)) if text else None
