"""What the statuses of many jobs make of their pipeline."""

from __future__ import annotations

from collections.abc import Iterable


def composite(statuses: Iterable[str], dag: bool = False) -> str:
    """What many counted job statuses make together: GitLab's order of questions."""
    seen = set(statuses)

    def only(*allowed: str) -> bool:
        return bool(seen) and seen <= set(allowed)

    if not seen:
        return "success"
    if dag and "skipped" in seen:
        return "skipped"
    if only("skipped", "ignored"):
        return "skipped"
    if only("success", "skipped", "success_with_warnings", "ignored"):
        return "success"
    if only("created", "success_with_warnings", "ignored"):
        return "created"
    if only("canceled", "success", "skipped", "success_with_warnings", "ignored"):
        return "canceled"
    if only("pending", "created", "skipped", "success_with_warnings", "ignored"):
        return "pending"
    for status in ("running", "pending"):
        if status in seen:
            return "running"
    for status in ("waiting_for_resource", "manual", "scheduled", "preparing"):
        if status in seen:
            return status
    return "running" if "created" in seen else "failed"
