"""One sentence on an image's vulnerabilities: written beside it by promote, read for the author's note."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.adapters.registry import Registry

REPORT_TYPE = "application/vnd.mlreef.vulnerabilities.v1+json"
SUMMARY_ANNOTATION = "io.mlreef.vulnerabilities"


def fetch_summary(registry: Registry, repository: str, digest: str) -> str | None:
    """What was said about an image's vulnerabilities when it was published; None when nothing was."""
    found = registry.fetch_referrers(repository, digest, REPORT_TYPE)
    said = [one.annotations[SUMMARY_ANNOTATION] for one in found if SUMMARY_ANNOTATION in one.annotations]
    return said[-1] if said else None
