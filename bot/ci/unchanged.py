"""Nothing is built when the newest version of the branch is of the same content.

verify asks the registry what is published, by the content key in its label; promote asks again, and gives the commit's
candidate tag to the version's image, so that everybody can see which image is the commit's. Numbers, `latest` and the
version's tags stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.adapters.checkout import History
from bot.adapters.registry import Manifest, Registry, read_image
from bot.ci.job import NOTHING_TO_PROMOTE, CiJob
from bot.ci.log import Log
from bot.domain.content import CONTENT_LABEL
from bot.domain.tags import LATEST, REVISION_LABEL, candidate_tag, read_numbers, version_tag
from bot.errors import BotError

REBUILD = "MLREEF_REBUILD"
"""Variable of a pipeline that has its commit built whatever is published; `0` and nothing do not."""

MAX_KEPT_LOOKED_AT = 30
"""Newer commits of the branch whose images are looked at."""


@dataclass(frozen=True, slots=True)
class Version:
    """The newest version of a branch: its tag and the image behind it."""

    tag: str
    manifest: Manifest


def find_same(job: CiJob, log: Log, key: str) -> Version | None:
    """The newest version of the branch if it is of this content, and another commit's; None to build.

    A registry that cannot be asked is told in the log and stops nothing.
    """
    if is_wished(job):
        log.say(f"{REBUILD} is set: this is built whatever is published.")
        return None
    try:
        host, repository = read_image(job["CI_REGISTRY_IMAGE"].lower())
        account = (job["CI_REGISTRY_USER"], job["CI_REGISTRY_PASSWORD"])
        with Registry(host, *account, pauses=()) as registry:
            version = fetch_version(registry, repository, job["CI_COMMIT_BRANCH"], job.on_default_branch)
            if version is None:
                return None
            labels = registry.fetch_labels(repository, version.manifest)
    except (BotError, ValueError) as error:
        log.say(f"What is published cannot be compared, so this is built: {error}")
        return None
    # the commit that is published already goes the usual way once more, which is quick and mends what broke off
    same = labels.get(CONTENT_LABEL) == key and labels.get(REVISION_LABEL) != job.sha
    return version if same else None


def is_wished(job: CiJob) -> bool:
    """Whether somebody wants the commit to be built anew, whatever is published."""
    return job.get(REBUILD) not in ("", "0")


def fetch_version(registry: Registry, repository: str, branch: str, with_latest: bool) -> Version | None:
    """The newest version of a branch; None when there is none, or `with_latest` when `latest` is another image."""
    newest = next(iter(read_numbers(branch, registry.fetch_tags(repository))), None)
    if newest is None:
        return None
    tag = version_tag(branch, newest)
    manifest = registry.fetch_manifest(repository, tag)
    if manifest is None:
        return None
    if with_latest:
        latest = registry.fetch_manifest(repository, LATEST)
        if latest is None or latest.digest != manifest.digest:
            return None
    return Version(tag, manifest)


def handed_over(version: Version) -> dict[str, str]:
    """What the next jobs have to know of it."""
    return {"MLREEF_SAME_AS": version.tag, "MLREEF_DIGEST": version.manifest.digest}


def keep(job: CiJob, log: Log, registry: Registry, repository: str) -> int:
    """The last job of a commit that changes nothing: 75, or 1 when something else was published meanwhile."""
    version = fetch_version(registry, repository, job["CI_COMMIT_BRANCH"], job.on_default_branch)
    tag, digest = job["MLREEF_SAME_AS"], job["MLREEF_DIGEST"]
    if version is None or (version.tag, version.manifest.digest) != (tag, digest):
        log.give_up(f"{tag}, which is the same, is no longer what is published. Run the pipeline again.")
        return 1
    registry.ensure_tag(repository, candidate_tag(job.sha), version.manifest)
    log.say(f"Unchanged: this commit is the same as {tag}, which stays published.")
    log.say(f"  image    {job['CI_REGISTRY_IMAGE'].lower()}@{digest}")
    return NOTHING_TO_PROMOTE


def newer_kept(
    registry: Registry, repository: str, branch: str, candidate: tuple[str, str], history: History
) -> str | None:
    """A commit after the candidate's (sha, digest) that is the same as what is published; going on were a step back."""
    sha, digest = candidate
    after = history.after(sha)
    version = fetch_version(registry, repository, branch, with_latest=False) if after else None
    if version is None or version.manifest.digest == digest:
        return None
    tags = set(registry.fetch_tags(repository))
    for other in [one for one in after if candidate_tag(one) in tags][:MAX_KEPT_LOOKED_AT]:
        held = registry.fetch_manifest(repository, candidate_tag(other))
        if held is not None and held.digest == version.manifest.digest:
            return other
    return None
