"""What the API answers with: the views as JSON. What is not known is null, moments are ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.domain.catalogue import ListedModule, ListedVersion
from bot.domain.shown_versions import name_of
from bot.domain.views import CompareView, ModuleView, VersionView
from parser.wire import module_to_dict

JSON = dict[str, Any]


def item(listed: ListedModule) -> JSON:
    """A module as lists have it."""
    return {
        "id": listed.project_id,
        "path": listed.path,
        "web_url": listed.web_url,
        "visibility": listed.visibility,
        "name": listed.name,
        "slug": listed.slug,
        "kind": listed.kind,
        "input_type": listed.input_type,
        "output_type": listed.output_type,
        "model_type": listed.model_type or None,
        "ml_category": listed.ml_category or None,
        "description": listed.description or None,
        "author": listed.author or None,
        "topics": list(listed.topics),
        "parameters": list(listed.parameters),
        "newest": version(listed.newest) if listed.newest else None,
        "updated_at": _moment(listed.updated_at),
    }


def version(one: ListedVersion) -> JSON:
    """A version as lists have it. `image` is what to pull: by digest, which never means anything else."""
    return {
        "name": name_of(one),
        "version": one.version or None,
        "branch": one.branch,
        "number": one.number,
        "state": one.state.value,
        "sha": one.sha,
        "digest": one.digest or None,
        "image": f"{one.image}@{one.digest}" if one.image and one.digest else None,
        "size": one.size,
        "environment": one.environment or None,
        "pipeline_id": one.pipeline_id,
        "published_at": _moment(one.published_at),
    }


def whole_module(view: ModuleView, address: str) -> JSON:
    """A module with its newest version, and the names of all that can be asked for."""
    return {
        **item(view.listed),
        "can_pull": view.can_pull,
        "shown": whole_version(view.shown, address) if view.shown else None,
        "versions": [name for name, _ in view.versions],
    }


def whole_version(view: VersionView, address: str) -> JSON:
    """A version with everything there is to say about it; `module` as `mlreef-bot describe` prints it.

    `address`: our own public one.
    """
    return {
        **version(view.listed),
        "tags": list(view.tags),
        "component": view.component or None,
        "commit_url": view.commit_url or None,
        "pipeline_url": view.pipeline_url or None,
        "log_url": view.log_url or None,
        "sbom_url": f"{address}{view.sbom_url}" if view.sbom_url else None,
        "module": module_to_dict(view.module) if view.module else None,
    }


def one_version(view: ModuleView, shown: VersionView, address: str) -> JSON:
    """A version by itself: with the project that it is of."""
    about = {"id": view.listed.project_id, "path": view.listed.path, "web_url": view.listed.web_url}
    return {
        "project": about,
        "path": view.listed.path,
        "can_pull": view.can_pull,
        **whole_version(shown, address),
    }


def comparison(view: CompareView) -> JSON:
    """What changes between two versions; `level` and `changes` are null where one cannot be described any more."""
    diff = view.diff
    return {
        "path": view.listed.path,
        "before": view.before.name,
        "after": view.after.name,
        "level": diff.level.name.lower() if diff else None,
        "changes": [
            {
                "kind": one.kind,
                "parameter": one.parameter,
                "before": one.before,
                "after": one.after,
                "level": one.level.name.lower(),
                "words": one.consequence,
            }
            for one in diff.changes
        ]
        if diff
        else None,
    }


def _moment(seconds: float | None) -> str | None:
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
