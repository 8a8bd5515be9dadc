"""Where an image comes from: SLSA provenance (v1) as an in-toto statement. Pure."""

from __future__ import annotations

from bot.layers.image import LOCK_LABEL, canonical
from bot.layers.trust.facts import Facts
from bot.layers.values import LAYOUT

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
PROVENANCE_TYPE = "application/vnd.in-toto+json"

BUILD_TYPE = "urn:mlreef-bot:build:{engine}:v1"


def write_provenance(facts: Facts, lock_digest: str | None) -> bytes:
    """The statement for one image, as canonical JSON; `lock_digest` is `sha256:…` where it was made from a lock."""
    project = facts.project or "unknown"
    sources = [
        {"uri": _source(facts), "digest": {"gitCommit": facts.commit}},
        *_dependency("base", facts.base.partition("@")[0], facts.base_digest),
        *_dependency("lock", LOCK_LABEL, lock_digest or ""),
    ]
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE.format(engine=facts.engine or "unknown"),
            "externalParameters": {"project": project, "branch": facts.branch, "commit": facts.commit},
            "internalParameters": {"layout": LAYOUT, "environment": facts.base},
            "resolvedDependencies": sources,
        },
        "runDetails": {
            "builder": {"id": facts.builder or "urn:mlreef-bot", "version": {"mlreef-bot": facts.version}},
            "metadata": {"invocationId": facts.pipeline},
        },
    }
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": facts.image, "digest": {"sha256": facts.digest.partition(":")[2]}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }
    return canonical(statement)


def _source(facts: Facts) -> str:
    ref = f"@refs/heads/{facts.branch}" if facts.branch else ""
    return f"git+{facts.project or 'unknown'}{ref}"


def _dependency(name: str, uri: str, digest: str) -> list[dict[str, object]]:
    if not digest:
        return []
    return [{"name": name, "uri": uri, "digest": {"sha256": digest.partition(":")[2]}}]
