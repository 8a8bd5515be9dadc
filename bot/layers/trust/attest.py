"""Attaches to an image what tells people and programs that they can trust it; done again, nothing is added.

The lock, a bill of materials, the provenance and what is known about vulnerabilities are referrers; signature and
signed provenance lie where cosign looks for them, under the tags `sha256-<hex>.sig` and `sha256-<hex>.att`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.adapters.registry.values import IMAGE_TYPES, OCI_MANIFEST, Artifact, Manifest, Part
from bot.layers.image import CONFIG_TYPE, canonical, digest_of, read_known
from bot.layers.known import fetch_lock
from bot.layers.lock import Lock, dump_lock
from bot.layers.shelves import RegistryShelf
from bot.layers.trust.advisories import SEVERITIES, Advisories, Judged, Severity, blocks, judge, worst
from bot.layers.trust.facts import Facts
from bot.layers.trust.provenance import PREDICATE_TYPE, PROVENANCE_TYPE, write_provenance
from bot.layers.trust.summary import REPORT_TYPE, SUMMARY_ANNOTATION

if TYPE_CHECKING:
    from bot.adapters.registry import Registry
    from bot.layers.trust.signing import Signer

LOCK_TYPE = "application/vnd.mlreef.lock.v1+toml"
PREDICATE_ANNOTATION = "in-toto.io/predicate-type"

SHOWN_PACKAGES = 20
"""Packages that are named in a log; the report names all."""

_NOTHING = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Assessed:
    """What is known to be wrong with an image's packages; `blocked` are those that may not be published.

    `locked`: whether its packages are known at all.
    """

    judged: tuple[Judged, ...]
    blocked: tuple[Judged, ...]
    source: str
    trouble: str
    locked: bool

    @property
    def unknown(self) -> str:
        """Why nothing is known of any package; empty where something is."""
        if not self.locked:
            return "it was not made from a lock"
        if all(one.state == "unknown" for one in self.judged):
            return self.trouble or next((one.why for one in self.judged if one.why), "")
        return ""

    @property
    def summary(self) -> str:
        """One sentence for log and note."""
        affected = [one for one in self.judged if one.state == "affected"]
        unknown = sum(one.state == "unknown" for one in self.judged)
        if self.unknown:
            return f"Known vulnerabilities: unknown, because {self.unknown}."
        grades = f" ({', '.join(_graded(grade) for grade in worst(self.judged))})" if affected else ""
        told = f"{len(affected)} of {_packages(len(self.judged))} affected{grades}"
        return f"Known vulnerabilities: {told}, {unknown} unknown."


def names_of(locks: Iterable[Lock | None]) -> frozenset[str]:
    """The packages of several locks, by name."""
    return frozenset(wheel.name for lock in locks if lock is not None for wheel in lock.wheels)


def assess(lock: Lock | None, advisories: Advisories, block_at: Severity | None) -> Assessed:
    """What a source says of a lock's packages; `block_at`: from which severity on nothing is published."""
    judged = judge(lock, advisories) if lock is not None else ()
    blocked = blocks(judged, block_at) if block_at is not None else ()
    return Assessed(judged, blocked, advisories.origin, advisories.trouble, lock is not None)


def tell(assessed: Assessed) -> tuple[str, ...]:
    """The lines of a log."""
    lines = [assessed.summary]
    affected = [one for one in assessed.judged if one.state == "affected"]
    for one in affected[:SHOWN_PACKAGES]:
        for finding in one.findings:
            mend = f"; version {finding.fixed} is said to be good" if finding.fixed else ""
            lines.append(f"{one.name} {one.version}: {finding.id} ({_graded(finding.severity)}){mend}")
    if len(affected) > SHOWN_PACKAGES:
        lines.append(f"… and {_packages(len(affected) - SHOWN_PACKAGES)} more")
    return tuple(lines)


def attach(
    registry: Registry,
    repository: str,
    image: Manifest,
    facts: Facts,
    lock: Lock | None,
    assessed: Assessed | None,
    signer: Signer | None,
    say: Callable[[str], None],
    *,
    documents: bool = True,
) -> None:
    """Attaches all that there is to one image; without `documents` only the report and the signature."""
    facts = replace(facts, digest=image.digest)
    statement = write_provenance(facts, digest_of(dump_lock(lock)) if lock is not None else None)
    if documents:
        _attach_documents(registry, repository, image, facts, lock, statement, say)
    if assessed is not None:
        notes = {SUMMARY_ANNOTATION: assessed.summary}
        _attach(registry, repository, image, REPORT_TYPE, write_report(facts, assessed), notes)
    if signer is not None:
        _sign(registry, repository, image, facts, signer, statement)
        say("signed it, and its provenance")


def _attach_documents(
    registry: Registry,
    repository: str,
    image: Manifest,
    facts: Facts,
    lock: Lock | None,
    statement: bytes,
    say: Callable[[str], None],
) -> None:
    if lock is not None:
        from bot.layers.trust.sbom import SBOM_TYPE, write_sbom

        content = dump_lock(lock)
        _attach(registry, repository, image, LOCK_TYPE, content, {})
        _attach(registry, repository, image, SBOM_TYPE, write_sbom(lock, facts), {})
        say(f"attached the lock and a bill of materials of {_packages(len(lock.wheels) + len(lock.conda))}")
    else:
        say("it was not made from a lock, so there is no bill of materials")
    _attach(registry, repository, image, PROVENANCE_TYPE, statement, {PREDICATE_ANNOTATION: PREDICATE_TYPE})
    say("attached its provenance")


def fetch_lock_of(registry: Registry, repository: str, image: Manifest) -> Lock | None:
    """The lock that an image of ours was made from; None for every other one."""
    try:
        config = json.loads(image.content)["config"]["digest"]
        read = registry.read_blob(repository, str(config))
        known = read_known(image.content, read) if read is not None else None
        found = fetch_lock(RegistryShelf(registry, repository), known) if known is not None else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found[0] if found is not None else None


def write_report(facts: Facts, assessed: Assessed) -> bytes:
    """What is known to be wrong with each package, as canonical JSON."""
    return canonical(
        {
            "schema": 1,
            "image": f"{facts.image}@{facts.digest}",
            "source": assessed.source,
            "trouble": assessed.trouble,
            "packages": [
                {
                    "name": one.name,
                    "version": one.version,
                    "state": one.state,
                    "why": one.why,
                    "findings": [
                        {"id": finding.id, "severity": finding.severity, "fixed": finding.fixed}
                        for finding in one.findings
                    ],
                }
                for one in assessed.judged
            ],
        }
    )


def children(registry: Registry, repository: str, image: Manifest) -> tuple[Manifest, ...]:
    """The images of single platforms in an image of several; of one platform just itself."""
    try:
        listed = json.loads(image.content).get("manifests")
    except (ValueError, AttributeError, RecursionError):
        return (image,)
    if image.media_type in IMAGE_TYPES or not isinstance(listed, list):
        return (image,)
    digests = [str(entry["digest"]) for entry in listed if isinstance(entry, dict) and "digest" in entry]
    found = [registry.fetch_manifest(repository, digest) for digest in digests]
    return tuple(one for one in found if one is not None)


def _attach(
    registry: Registry,
    repository: str,
    image: Manifest,
    kind: str,
    content: bytes,
    annotations: Mapping[str, str],
) -> None:
    registry.ensure_referrer(repository, image, Artifact(kind, (Part(kind, content),), annotations))


def _sign(
    registry: Registry, repository: str, image: Manifest, facts: Facts, signer: Signer, statement: bytes
) -> None:
    from bot.layers.trust.signing import DSSE_TYPE, SIGNATURE_ANNOTATION, SIMPLE_SIGNING_TYPE, simple_signing

    tag = image.digest.replace(":", "-")
    payload = simple_signing(facts.image, image.digest)

    def signed(layer: Mapping[str, Any]) -> bool:
        return layer.get("digest") == digest_of(payload) and signer.made(
            str((layer.get("annotations") or {}).get(SIGNATURE_ANNOTATION)), payload
        )

    held = _layers(registry, repository, f"{tag}.sig")
    if not any(signed(layer) for layer in held):
        _put(
            registry,
            repository,
            f"{tag}.sig",
            held,
            payload,
            SIMPLE_SIGNING_TYPE,
            {SIGNATURE_ANNOTATION: signer.sign(payload)},
        )
    held = _layers(registry, repository, f"{tag}.att")
    if not any(_says(registry, repository, layer, statement) for layer in held):
        envelope = signer.envelope(PROVENANCE_TYPE, statement)
        notes = {SIGNATURE_ANNOTATION: "", "predicateType": PREDICATE_TYPE}
        _put(registry, repository, f"{tag}.att", held, envelope, DSSE_TYPE, notes)


def _says(registry: Registry, repository: str, layer: Mapping[str, Any], statement: bytes) -> bool:
    content = registry.read_blob(repository, str(layer.get("digest")))
    try:
        told = json.loads(content or b"")["payload"]
        return base64.b64decode(told) == statement
    except (ValueError, KeyError, TypeError):
        return False


def _layers(registry: Registry, repository: str, tag: str) -> list[Mapping[str, Any]]:
    held = registry.fetch_manifest(repository, tag)
    try:
        layers = json.loads(held.content)["layers"] if held is not None else []
    except (ValueError, KeyError, TypeError):
        return []
    return [layer for layer in layers if isinstance(layer, dict)]


def _put(
    registry: Registry,
    repository: str,
    tag: str,
    held: Sequence[Mapping[str, Any]],
    content: bytes,
    media_type: str,
    annotations: Mapping[str, str],
) -> None:
    """Adds one layer to what lies under a tag of cosign's; what others put there stays."""
    digest = registry.ensure_bytes(repository, content)
    own = {
        "mediaType": media_type,
        "digest": digest,
        "size": len(content),
        "annotations": dict(annotations),
    }
    layers = [*held, own]
    config = canonical(
        {
            "architecture": "",
            "config": {},
            "created": _NOTHING,
            "history": [{"created": _NOTHING}] * len(layers),
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
    )
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": CONFIG_TYPE,
            "digest": registry.ensure_bytes(repository, config),
            "size": len(config),
        },
        "layers": layers,
    }
    registry.put_manifest(repository, tag, Manifest.of(canonical(document)))


def _packages(count: int) -> str:
    return "1 package" if count == 1 else f"{count} packages"


def _graded(severity: Severity) -> str:
    return severity if severity in SEVERITIES else "not graded"
