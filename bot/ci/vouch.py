"""What promote does before any tag moves: attach to the image why it can be trusted, or say why it may not go out.

The wishes of the operator come from `mlreef.yml` by way of the build job; the key itself is a variable of the project
or its group, and is never written anywhere.
"""

from __future__ import annotations

from typing import get_args

import bot
from bot.adapters.registry import Manifest, Registry
from bot.ci.job import CiJob
from bot.ci.log import Log
from bot.domain.engines import Building, Severity
from bot.errors import OperatorError

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
    from bot.layers.trust.advisory_source import fetch_advisories
    from bot.layers.trust.attest import assess, attach, children, fetch_lock_of, tell
    from bot.layers.trust.facts import Facts
    from bot.layers.trust.signing import load_signer

    signer = load_signer(key, job.variables) if key else None
    advisories = fetch_advisories(job["MLREEF_ADVISORIES_URL"]) if advised else None
    if advisories is not None and advisories.trouble and advised == "block":
        raise OperatorError(
            f"Nothing is published without knowing its vulnerabilities: {advisories.origin}: {advisories.trouble}.",
            "Correct builder.advisories_url, or set builder.advisories to `tell`.",
        )
    images = children(registry, repository, image)
    for one in images if images == (image,) else (*images, image):
        labels = registry.fetch_labels(repository, one)
        lock = fetch_lock_of(registry, repository, one)
        assessed = (
            assess(lock, advisories, _block_from(job) if advised == "block" else None)
            if advisories is not None and one in images
            else None
        )
        for line in tell(assessed) if assessed is not None else ():
            log.say(f"  {line}")
        if assessed is not None and assessed.blocked:
            named = ", ".join(f"{package.name} {package.version}" for package in assessed.blocked)
            log.give_up(
                f"packages with known vulnerabilities ({_block_from(job)} or worse) are in it: {named}."
            )
            return False
        if assessed is not None and assessed.unknown and advised == "block":
            log.give_up(f"whether it has known vulnerabilities cannot be told, because {assessed.unknown}.")
            return False
        facts = Facts.of(
            job["CI_REGISTRY_IMAGE"].lower(),
            one.digest,
            labels,
            commit=job.sha,
            branch=job["CI_COMMIT_BRANCH"],
            pipeline=job.get("CI_PIPELINE_URL"),
            builder=job.get("MLREEF_BUILT_IN"),
            version=bot.__version__,
        )
        attach(
            registry,
            repository,
            one,
            facts,
            lock,
            assessed,
            signer,
            lambda line: log.say(f"  {line}"),
            documents=bool(attested),
        )
    return True


def _block_from(job: CiJob) -> Severity:
    told = job.get("MLREEF_BLOCK_FROM")
    return next((word for word in get_args(Severity) if word == told), "high")
