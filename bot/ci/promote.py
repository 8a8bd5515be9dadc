"""The last job: number, version and tags for a candidate that passed, forwards only.

A tag never goes back to an older commit of its branch. A commit that a force-push removed from the branch holds
nobody back. Every step may be repeated: a promotion that broke off half-way is continued with the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.adapters.checkout import History, fetch_history
from bot.adapters.registry import Manifest, Registry, read_image
from bot.ci.job import NOTHING_TO_PROMOTE, CiJob
from bot.ci.ledger import Unreadable, fetch_published_shas
from bot.ci.log import Log
from bot.ci.unchanged import is_wished, keep, newer_kept
from bot.ci.versions import Planned, ensure_version
from bot.ci.vouch import vouch
from bot.domain.interface import Level
from bot.domain.tags import (
    LATEST,
    MAX_NUMBER,
    REVISION_LABEL,
    WITHDRAWN_NUMBER,
    is_digest,
    is_sha,
    read_numbers,
    version_tag,
)
from bot.domain.versions import FIRST
from bot.errors import Gone, OperatorError

NUMBERS_LOOKED_AT = 30
"""The newest publications whose commits are read from the registry."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is published now: numbers with their commits (None: no commit of ours), `latest`, and the ledger."""

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
    number = 1 + max([len(set(published.ledger)), *published.numbers])
    if number > MAX_NUMBER:
        raise OperatorError(
            f"The next number would be {number}.",
            f"Somebody pushed a tag with a number near {MAX_NUMBER} by hand: delete it in the registry.",
        )
    return number


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


def promote(job: CiJob, log: Log) -> int:
    """Runs the job. Exit code 75: there was rightly nothing to promote."""
    if job["MLREEF_VERDICT"] not in ("publish", "unchanged"):
        log.say("This pipeline publishes nothing: its mlreef.yml is not what its commit gives.")
        return NOTHING_TO_PROMOTE
    sha, branch, digest = job.sha, job["CI_COMMIT_BRANCH"], job["MLREEF_DIGEST"]
    if not is_digest(digest):
        raise OperatorError(
            f"MLREEF_DIGEST is {digest!r}.", "It comes from the build job; run the pipeline again."
        )
    candidate = f"{job['CI_REGISTRY_IMAGE'].lower()}@{digest}"
    if job["MLREEF_VERDICT"] == "publish" and job["MLREEF_CANDIDATE"] != candidate:
        # Variables of a pipeline, project or group stand before what a job leaves for the next ones.
        raise OperatorError(
            f"{job['MLREEF_CANDIDATE']} was tried, and {candidate} is to be published.",
            "Take MLREEF_CANDIDATE and MLREEF_DIGEST off the variables of pipeline, project and group.",
        )
    host, repository = read_image(job["CI_REGISTRY_IMAGE"].lower())
    account = (job["CI_REGISTRY_USER"], job["CI_REGISTRY_PASSWORD"])
    try:
        with (
            Registry(host, *account) as registry,
            fetch_history(job["CI_REPOSITORY_URL"], branch) as history,
        ):
            return _promote(job, log, registry, repository, history, sha, digest)
    except Gone as gone:
        log.say(f"{gone} Nothing is published from it.")
        return NOTHING_TO_PROMOTE


def _promote(
    job: CiJob, log: Log, registry: Registry, repository: str, history: History, sha: str, digest: str
) -> int:
    branch = job["CI_COMMIT_BRANCH"]
    if not history.holds(sha):
        log.say(f"The commit {sha[:8]} is no longer on {branch}: it was removed by a force-push.")
        return NOTHING_TO_PROMOTE
    if job["MLREEF_VERDICT"] == "unchanged":
        return keep(job, log, registry, repository)
    candidate = registry.fetch_manifest(repository, digest)
    if candidate is None:
        log.say(f"The candidate {digest} is no longer in the registry. Run the pipeline again.")
        return 1
    if registry.fetch_labels(repository, candidate).get(REVISION_LABEL) != sha:
        log.say(f"The candidate {digest} was not built from {sha[:8]}. Run the pipeline again.")
        return 1
    published = _fetch_published(job, log, registry, repository)
    newer = newer_published(sha, published, history)
    if newer is not None:
        log.say(f"{newer[:8]} is published already and came after {sha[:8]}: tags only go forwards.")
        return NOTHING_TO_PROMOTE
    kept = newer_kept(registry, repository, branch, (sha, digest), history)
    if kept is not None:
        log.say(
            f"{kept[:8]} came after {sha[:8]}, and what is published is its image: tags only go forwards."
        )
        return NOTHING_TO_PROMOTE
    if not vouch(job, log, registry, repository, candidate):
        return 1
    number = plan_number(sha, published, _kept_numbers(job, registry, repository, published, candidate))
    tags = [version_tag(branch, number)]
    registry.ensure_tag(repository, tags[0], candidate)
    version = f"{number}"
    if job.on_default_branch:
        given = ensure_version(registry, repository, branch, candidate)
        version = f"{given.version}{_why(given)}"
        registry.ensure_tag(repository, LATEST, candidate)
        tags += [f"{given.version}", LATEST]
    image = f"{job['CI_REGISTRY_IMAGE'].lower()}"
    log.say(f"Published {image}:{tags[0]}")
    log.say(f"  version  {version}")
    log.say(f"  image    {image}@{digest}")
    log.say(f"  tags     {', '.join(tags)}")
    log.say(f"  try it   docker run --rm {image}:{tags[0]} --help")
    return 0


_WHY = {
    Level.MAJOR: " (a new major one: see what changed before you use it)",
    Level.MINOR: " (a new minor one: what worked still works)",
    Level.PATCH: " (a patch: its parameters are as they were)",
}


def _why(given: Planned) -> str:
    """What the version says, unless it is the first of all or was given before."""
    return "" if given.level is None or given.version == FIRST else _WHY[given.level]


def _fetch_published(job: CiJob, log: Log, registry: Registry, repository: str) -> Published:
    branch = job["CI_COMMIT_BRANCH"]
    tags = registry.fetch_tags(repository)
    all_numbers = read_numbers(branch, (tag.removeprefix(WITHDRAWN_NUMBER) for tag in tags))
    numbers = dict.fromkeys(all_numbers, None) | _revisions(
        registry, repository, branch, all_numbers[:NUMBERS_LOOKED_AT]
    )
    latest = _revision(registry, repository, LATEST) if job.on_default_branch and LATEST in tags else None
    try:
        ledger = fetch_published_shas(job)
    except Unreadable as error:
        log.say(
            f"This project's jobs may not read its deployments ({error}); the tags alone give the number."
        )
        ledger = ()
    return Published(numbers, latest, ledger)


def _kept_numbers(
    job: CiJob, registry: Registry, repository: str, published: Published, candidate: Manifest
) -> tuple[int, ...]:
    """Numbers of the commit that must not get its new image, as people wished for one beside what is published."""
    if not is_wished(job):
        return ()
    own = [number for number, of in published.numbers.items() if of == job.sha]
    held = {n: registry.fetch_manifest(repository, version_tag(job["CI_COMMIT_BRANCH"], n)) for n in own}
    return tuple(n for n, manifest in held.items() if manifest is None or manifest.digest != candidate.digest)


def _revisions(
    registry: Registry, repository: str, branch: str, numbers: Iterable[int]
) -> dict[int, str | None]:
    return {number: _revision(registry, repository, version_tag(branch, number)) for number in numbers}


def _revision(registry: Registry, repository: str, tag: str) -> str | None:
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
