"""What is published from a branch when a promotion begins: numbers with their commits, `latest`, and the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.adapters.checkout import History
from bot.adapters.registry import Manifest, Registry
from bot.ci.job import CiJob
from bot.ci.ledger import Unreadable, fetch_published_shas
from bot.ci.log import Log
from bot.domain.tags import (
    LATEST,
    MAX_NUMBER,
    REVISION_LABEL,
    WITHDRAWN_NUMBER,
    is_sha,
    read_numbers,
    version_tag,
)
from bot.errors import OperatorError

NUMBERS_LOOKED_AT = 30
"""The newest publications whose commits are read from the registry."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is published now: numbers with their commits (None: no commit of ours), `latest`, and the ledger.

    The ledger has the newest commit first, each once for every pipeline that published it.
    """

    numbers: Mapping[int, str | None]
    latest: str | None
    ledger: tuple[str, ...]

    def heads(self) -> tuple[str, ...]:
        """The commits that a new publication must not be older than."""
        newest = next((self.numbers[n] for n in sorted(self.numbers, reverse=True) if self.numbers[n]), None)
        return tuple(dict.fromkeys(sha for sha in (self.latest, newest, *self.ledger[:1]) if sha))


def plan_number(sha: str, published: Published, others: Iterable[int] = ()) -> int:
    """A commit's number: the one that it has, else one that was never given. `others` keep the image that they have."""
    own = [number for number, of in published.numbers.items() if of == sha and number not in others]
    if own:
        return max(own)
    number = 1 + max([_given_by_ledger(published), *published.numbers])
    if number > MAX_NUMBER:
        raise OperatorError(
            f"The next number would be {number}.",
            f"Somebody pushed a tag with a number near {MAX_NUMBER} by hand: delete it in the registry.",
        )
    return number


def _given_by_ledger(published: Published) -> int:
    """The highest number that can have been given, by the ledger: also of what somebody has deleted since.

    Each of its entries gave one number at most. So no number is higher than there are entries, and none than the
    highest one whose commit is known, and as many more as there are entries since that commit's first. Where nothing
    was deleted that is the highest number, however often pipelines had been run once more before.
    """
    ledger, numbers = published.ledger, published.numbers
    highest = next((number for number in sorted(numbers, reverse=True) if numbers[number] in ledger), None)
    if highest is None:
        return len(ledger)
    since = ledger[::-1][ledger[::-1].index(numbers[highest]) + 1 :]
    return max(len(set(ledger)), min(highest + len(since), len(ledger)))


def newer_published(sha: str, published: Published, history: History) -> str | None:
    """A commit of the branch that is published and came after this one; None when nothing is in the way."""
    return next(
        (
            head
            for head in published.heads()
            if head != sha and history.holds(head) and history.is_ancestor(sha, head)
        ),
        None,
    )


def fetch_published(job: CiJob, log: Log, registry: Registry, repository: str) -> Published:
    """What the registry and GitLab's deployments say of the job's branch."""
    branch = job["CI_COMMIT_BRANCH"]
    tags = registry.fetch_tags(repository)
    all_numbers = read_numbers(branch, (tag.removeprefix(WITHDRAWN_NUMBER) for tag in tags))
    numbers = dict.fromkeys(all_numbers, None) | _revisions(
        registry, repository, branch, all_numbers[:NUMBERS_LOOKED_AT]
    )
    latest = fetch_revision(registry, repository, LATEST) if job.on_default_branch else None
    try:
        ledger = fetch_published_shas(job)
    except Unreadable as error:
        log.say(
            f"This project's jobs may not read its deployments ({error}); the tags alone give the number."
        )
        ledger = ()
    return Published(numbers, latest, ledger)


def _revisions(
    registry: Registry, repository: str, branch: str, numbers: Iterable[int]
) -> dict[int, str | None]:
    return {number: fetch_revision(registry, repository, version_tag(branch, number)) for number in numbers}


def fetch_revision(registry: Registry, repository: str, tag: str) -> str | None:
    """The commit that a tag's image says it is of; None when it says nothing that could be one."""
    manifest: Manifest | None = registry.fetch_manifest(repository, tag)
    if manifest is None:
        return None
    try:
        revision = registry.fetch_labels(repository, manifest).get(REVISION_LABEL, "")
    except OperatorError:
        # Somebody pushed something by hand that is no image.
        return None
    return revision if is_sha(revision) else None
