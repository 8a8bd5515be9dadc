"""What promote does before any tag moves: attach to the image why it can be trusted, or say why it may not go out.

The wishes of the operator come from `mlreef.yml` by way of the build job; the key itself is a variable of the project
or its group, and is never written anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, get_args

import bot
from bot.adapters.registry import Manifest, Registry
from bot.ci.job import CiJob
from bot.ci.log import Log
from bot.domain.engines import Building, Severity
from bot.errors import OperatorError

if TYPE_CHECKING:
    from bot.layers.lock import Lock
    from bot.layers.trust.attest import Assessed

_YES = "yes"


def plan_handover(building: Building, builder: str) -> dict[str, str]:
    """The operator's wishes as variables for promote; `builder` is the image that the build job runs in."""
    wishes = {
        "MLREEF_ATTEST": _YES if building.attest else "",
        "MLREEF_SIGNING_KEY": building.signing_key,
        "MLREEF_ADVISORIES": building.advisories if building.advisories != "off" else "",
        "MLREEF_ADVISORIES_URL": building.advisories_url,
        "MLREEF_BLOCK_FROM": building.block_from,
        "MLREEF_BUILT_IN": builder,
    }
    return {name: value for name, value in wishes.items() if value}


def vouch(job: CiJob, log: Log, registry: Registry, repository: str, image: Manifest) -> bool:
    """Attaches what the operator wants to the candidate. False: it may not be published, and the log says why."""
    attested, key, advised = (
        job.get(name) for name in ("MLREEF_ATTEST", "MLREEF_SIGNING_KEY", "MLREEF_ADVISORIES")
    )
    if not attested and not key and not advised:
        return True
    # Only here: no other job needs what writes and signs these documents.
    from bot.layers.trust.attest import attach, children, fetch_lock_of
    from bot.layers.trust.facts import Facts
    from bot.layers.trust.signing import load_signer

    signer = load_signer(key, job.variables) if key else None
    images = children(registry, repository, image)
    locks = [fetch_lock_of(registry, repository, one) for one in images]
    assessed = _assess(job, log, locks) if advised else [None] * len(images)
    if assessed is None:
        return False
    vouched = list(zip(images, locks, assessed, strict=True))
    if images != (image,):
        # The list of all platforms' images has nothing in it but them.
        vouched.append((image, None, None))
    for one, lock, found in vouched:
        facts = Facts.of(
            job["CI_REGISTRY_IMAGE"].lower(),
            one.digest,
            registry.fetch_labels(repository, one),
            commit=job.sha,
            branch=job["CI_COMMIT_BRANCH"],
            pipeline=job.get("CI_PIPELINE_URL"),
            builder=job.get("MLREEF_BUILT_IN"),
            version=bot.__version__,
        )
        attach(
            registry, repository, one, facts, lock, found, signer, _indented(log), documents=bool(attested)
        )
    return True


def _assess(job: CiJob, log: Log, locks: Sequence[Lock | None]) -> list[Assessed | None] | None:
    """What is known to be wrong with each image, told in the log. None: with one of them nothing may go out."""
    from bot.layers.trust.advisory_source import fetch_advisories
    from bot.layers.trust.attest import assess, names_of, tell

    blocking = job["MLREEF_ADVISORIES"] == "block"
    advisories = fetch_advisories(job["MLREEF_ADVISORIES_URL"], names_of(locks))
    if advisories.trouble and blocking:
        raise OperatorError(
            f"Nothing is published without knowing its vulnerabilities: {advisories.origin}: {advisories.trouble}.",
            "Correct builder.advisories_url, or set builder.advisories to `tell`.",
        )
    found: list[Assessed | None] = []
    for lock in locks:
        one = assess(lock, advisories, _block_from(job) if blocking else None)
        for line in tell(one):
            log.say(f"  {line}")
        if one.blocked:
            named = ", ".join(f"{package.name} {package.version}" for package in one.blocked)
            log.give_up(
                f"packages with known vulnerabilities ({_block_from(job)} or worse) are in it: {named}."
            )
            return None
        if one.unknown and blocking:
            log.give_up(f"whether it has known vulnerabilities cannot be told, because {one.unknown}.")
            return None
        found.append(one)
    return found


def _indented(log: Log) -> Callable[[str], None]:
    return lambda line: log.say(f"  {line}")


def _block_from(job: CiJob) -> Severity:
    told = job.get("MLREEF_BLOCK_FROM")
    return next((word for word in get_args(Severity) if word == told), "high")
