"""Reading a commit: its tree once, of its files those that matter, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.domain import pipeline, plan
from bot.domain.gitlab import Project
from bot.domain.tree import bounded_source
from bot.metrics import stage
from bot.world import World
from parser.model import Report, Settings
from parser.problems import problem
from parser.source import MAX_FILES, Entry, Source, wanted


@dataclass(frozen=True, slots=True)
class Reading:
    """What a commit says: the module, the generated file as it is, and the project's own CI file.

    `contents` are the files that were read, by path.
    """

    report: Report
    generated: bytes | None
    own_ci: bytes | None
    contents: Mapping[str, bytes] = field(default_factory=dict)


def fetch_report(project: Project, sha: str, world: World) -> Reading:
    """Read a commit; contents that the store knows by their blob id are not asked for again."""
    with stage("fetch"):
        fetched = fetch_source(project, sha, world)
    if fetched is None:
        return Reading(
            Report(None, Settings(), (problem("too-many-files", limit=f"{MAX_FILES:,}"),)), None, None
        )
    source, contents = fetched
    ci_config = plan.ci_config_file(project)
    own_ci = contents.get(ci_config) if ci_config and ci_config != pipeline.PATH else None
    source = replace(source, limits=world.policy.limits)
    with stage("read"):
        report = world.read(source, project.name)
    return Reading(report, contents.get(pipeline.PATH), own_ci, contents)


def fetch_source(project: Project, sha: str, world: World) -> tuple[Source, Mapping[str, bytes]] | None:
    """The commit's wanted texts, and their bytes by path; None when it has more files than are read."""
    tree = world.forge.fetch_tree(project.id, sha)
    if tree is None or len(tree) > MAX_FILES:
        return None
    ci_config = plan.ci_config_file(project)
    asked = {
        entry.path: entry.blob
        for entry in tree
        if _kind(entry.mode) == "file" and (wanted(entry.path) or entry.path in (pipeline.PATH, ci_config))
    }
    blobs = world.store.blobs(asked.values())
    missing = {path: blob for path, blob in asked.items() if blob not in blobs}
    if missing:
        fetched = world.forge.fetch_blobs(project, sha, missing)
        world.store.keep_blobs(fetched)
        blobs |= fetched
    contents = {path: blobs[blob] for path, blob in asked.items() if blob in blobs}
    source = bounded_source((Entry(entry.path, _kind(entry.mode), entry.blob) for entry in tree), contents)
    return source, contents


def _kind(mode: str) -> Literal["file", "symlink", "submodule"]:
    match mode:
        case "120000":
            return "symlink"
        case "160000":
            return "submodule"
        case _:
            return "file"
