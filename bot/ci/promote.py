"""The last job: number, version and tags for a candidate that passed, forwards only.

A tag never goes back to an older commit of its branch. A commit that a force-push removed from the branch holds
nobody back. Every step may be repeated: a promotion that broke off half-way is continued with the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bot.adapters.checkout import History, fetch_history
from bot.adapters.registry import Manifest, Registry, read_image
from bot.adapters.version_tags import ensure_major, fetch_taken_back
from bot.ci.job import NOTHING_TO_PROMOTE, CiJob
from bot.ci.log import Log
from bot.ci.standing import Published, fetch_published, fetch_revision, newer_published, plan_number
from bot.ci.tagging import leads_to, mend_latest, move_latest, take_number
from bot.ci.unchanged import is_wished, keep, newer_kept
from bot.ci.versions import MAX_PROMOTIONS_AT_ONCE, Planned, ensure_version, fetch_lost
from bot.ci.vouch import vouch
from bot.domain.interface import Level
from bot.domain.tags import (
    LATEST,
    REVISION_LABEL,
    is_digest,
    version_tag,
)
from bot.domain.versions import FIRST, major_tag
from bot.errors import Gone, OperatorError, TryAgain


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
    # who wishes for a build with newer packages means another image of the same commit
    image = (digest, "" if is_wished(job) else sha)
    taken = fetch_taken_back(registry, repository, branch, image, versions=job.on_default_branch)
    if taken is not None:
        log.give_up(f"this image was taken back as {taken}. `/mlreef republish {taken}` brings it back.")
        return NOTHING_TO_PROMOTE
    order = _Order(job, log, registry, repository, history, candidate)
    published = order.fetch_published()
    if order.is_overtaken(published):
        return NOTHING_TO_PROMOTE
    if not vouch(job, log, registry, repository, candidate):
        return 1
    for _ in range(MAX_PROMOTIONS_AT_ONCE):
        given = order.give_names(published)
        if given is not None:
            return order.tell(given)
        log.say("Another job published at the same time: looking again.")
        published = order.fetch_published()
        if order.is_overtaken(published):
            return NOTHING_TO_PROMOTE
    raise TryAgain(f"Other jobs publish from {branch} at the same time.")


@dataclass(frozen=True, slots=True)
class _Given:
    """The names of a published image, and what its version says."""

    tags: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class _Order:
    """One candidate that is to be published."""

    job: CiJob
    log: Log
    registry: Registry
    repository: str
    history: History
    candidate: Manifest

    @property
    def branch(self) -> str:
        return self.job["CI_COMMIT_BRANCH"]

    def fetch_published(self) -> Published:
        return fetch_published(self.job, self.log, self.registry, self.repository)

    def is_overtaken(self, published: Published) -> bool:
        """Whether going on were a step back; says why."""
        sha, registry, repository = self.job.sha, self.registry, self.repository
        newer = newer_published(sha, published, self.history)
        if newer is not None:
            self.log.say(f"{newer[:8]} is published already and came after {sha[:8]}: tags only go forwards.")
            number = max((number for number, of in published.numbers.items() if of == newer), default=None)
            if self.job.on_default_branch and number is not None:
                mend_latest(registry, repository, self.candidate, version_tag(self.branch, number))
            return True
        kept = newer_kept(registry, repository, self.branch, (sha, self.candidate.digest), self.history)
        if kept is not None:
            self.log.say(
                f"{kept[:8]} came after {sha[:8]}, and what is published is its image: tags only go forwards."
            )
        return kept is not None

    def give_names(self, published: Published) -> _Given | None:
        """All tags, `latest` last; None when another job took what was planned."""
        registry, repository, candidate = self.registry, self.repository, self.candidate
        others = _kept_numbers(self.job, registry, repository, published, candidate)
        number = plan_number(self.job.sha, published, others)
        tags, version = [version_tag(self.branch, number)], f"{number}"
        if not take_number(registry, repository, tags[0], candidate, self.job.sha):
            return None
        if self.job.on_default_branch:
            lost = partial(fetch_lost, self.job["CI_REPOSITORY_URL"])
            planned = ensure_version(registry, repository, self.branch, candidate, lost)
            version = f"{planned.version}{_why(planned)}"
            tags.append(f"{planned.version}")
            if ensure_major(registry, repository, planned.version.major) == planned.version:
                tags.append(major_tag(planned.version.major))
            if fetch_revision(registry, repository, LATEST) not in (published.latest, self.job.sha):
                return None
            if move_latest(registry, repository, self.branch, candidate, number, published.numbers):
                tags.append(LATEST)
        if not leads_to(registry, repository, tags[0], candidate):
            return None
        return _Given(tuple(tags), version)

    def tell(self, given: _Given) -> int:
        """What the log says at the end."""
        image, log = self.job["CI_REGISTRY_IMAGE"].lower(), self.log
        log.say(f"Published {image}:{given.tags[0]}")
        log.say(f"  version  {given.version}")
        log.say(f"  image    {image}@{self.candidate.digest}")
        log.say(f"  tags     {', '.join(given.tags)}")
        log.say(f"  try it   docker run --rm {image}:{given.tags[0]} --help")
        return 0


_WHY = {
    Level.MAJOR: " (a new major one: see what changed before you use it)",
    Level.MINOR: " (a new minor one: what worked still works)",
    Level.PATCH: " (a patch: its parameters are as they were)",
}


def _why(given: Planned) -> str:
    """What the version says, unless it is the first of all or was given before."""
    return "" if given.level is None or given.version == FIRST else _WHY[given.level]


def _kept_numbers(
    job: CiJob, registry: Registry, repository: str, published: Published, candidate: Manifest
) -> tuple[int, ...]:
    """Numbers of the commit that must not get its new image, as people wished for one beside what is published."""
    if not is_wished(job):
        return ()
    own = [number for number, of in published.numbers.items() if of == job.sha]
    held = {n: registry.fetch_manifest(repository, version_tag(job["CI_COMMIT_BRANCH"], n)) for n in own}
    return tuple(n for n, manifest in held.items() if manifest is None or manifest.digest != candidate.digest)
