"""What a merge request does by hand to the generated file, or to the CI configuration that runs it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

from bot.domain.gitlab import Project
from bot.domain.pipeline import PATH, is_genuine, read_pipeline_settings
from bot.domain.plan import DEFAULT_CI_CONFIG, is_run
from parser.model import Place, Problem
from parser.problems import problem


def find_hand_edit(
    head: bytes | None, given: bytes | None, base: Callable[[], bytes | None]
) -> Problem | None:
    """The change of `mlreef.yml` that nobody but a person can have made, at its first line; None where there is none.

    `head` is the file as the merge request has it, `given` what its repository would be given (None: nothing, it is
    refused). `base` fetches the file as it was where the branch began, and is called only where that matters: it was
    perhaps written by another version of the bot, and is then as old as the branch, but nobody's edit.
    """
    if head is None or head == given:
        return None
    before = base()
    if head == before or _is_ours(head, given, before):
        return None
    return problem("generated-file-edited", Place(PATH, _first_difference(head, before or b"")))


def find_unbuilt(project: Project, own_ci: bytes | None) -> Problem | None:
    """Why nothing would build what is merged; None where something does. `own_ci` is the project's own CI file."""
    if is_run(project, own_ci):
        return None
    if own_ci is None and project.ci_config_path is None:
        why = f"the project has no {DEFAULT_CI_CONFIG}"
    elif own_ci is None:
        why = f"the project's CI configuration is `{project.ci_config_path}`, and does not run it"
    else:
        why = f"{project.ci_config_path or DEFAULT_CI_CONFIG} does not run it, or does not wait for it"
    place = Place(project.ci_config_path or DEFAULT_CI_CONFIG) if own_ci is not None else None
    return problem("pipeline-not-run", place, why=why)


def _is_ours(head: bytes, given: bytes | None, before: bytes | None) -> bool:
    """Whether the bot wrote the file, once: an older one that came back. What it runs must be known from elsewhere."""
    if not is_genuine(head):
        return False
    known = {
        read_pipeline_settings(file).builder_image
        for file in (given, before)
        if file is not None and is_genuine(file)
    }
    return read_pipeline_settings(head).builder_image in known


def _first_difference(head: bytes, before: bytes) -> int:
    """The number of the first line that differs; of lines taken away at the end, the last one that is left."""
    new, old = head.splitlines(), before.splitlines()
    numbered = enumerate(zip_longest(new, old), 1)
    found = next((number for number, (one, other) in numbered if one != other), 1)
    return max(1, min(found, len(new)))
