"""Reading a commit: its tree once, of its files those that matter, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from bot.domain import pipeline, plan
from bot.domain.gitlab import Project
from bot.domain.tree import bounded_source
from bot.domain.uses import PIPELINE_FILE, Use, is_only_user, read_included, uses_of
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
    uses: tuple[Use, ...] = ()
    """The modules that it uses."""

    @property
    def is_only_user(self) -> bool:
        """Whether it uses modules and is none itself."""
        return is_only_user(self.report, self.contents, self.uses)


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
    named = () if own_ci is None or ci_config is None else (ci_config, *read_included(own_ci))
    uses = uses_of(contents, named, _hosts(project))
    return Reading(report, contents.get(pipeline.PATH), own_ci, contents, uses)


def fetch_uses(project: Project, ref: str, world: World) -> tuple[Use, ...]:
    """The modules that a branch or commit uses, by the few files alone that say so."""
    ci_config = plan.ci_config_file(project)
    own = ci_config if ci_config and ci_config != pipeline.PATH else None
    contents = world.forge.fetch_files(project, ref, (*filter(None, [own]), PIPELINE_FILE))
    if own is None or own not in contents:
        return uses_of(contents, (), _hosts(project))
    included = [path for path in read_included(contents[own]) if path not in contents]
    more = world.forge.fetch_files(project, ref, included) if included else {}
    return uses_of({**contents, **more}, (own, *included), _hosts(project))


def fetch_source(project: Project, sha: str, world: World) -> tuple[Source, Mapping[str, bytes]] | None:
    """The commit's wanted texts, and their bytes by path; None when it has more files than are read."""
    tree = world.forge.fetch_tree(project.id, sha)
    if tree is None or len(tree) > MAX_FILES:
        return None
    ci_config = plan.ci_config_file(project)
    files = {entry.path: entry.blob for entry in tree if _kind(entry.mode) == "file"}
    besides = (pipeline.PATH, ci_config, PIPELINE_FILE)
    asked = {path: blob for path, blob in files.items() if wanted(path) or path in besides}
    contents = _fetch_contents(project, sha, asked, world)
    source = bounded_source((Entry(entry.path, _kind(entry.mode), entry.blob) for entry in tree), contents)
    included = read_included(contents.get(ci_config or "", b""))
    more = {path: files[path] for path in included if path in files and path not in contents}
    return source, {**contents, **_fetch_contents(project, sha, more, world)}


def _fetch_contents(project: Project, sha: str, asked: Mapping[str, str], world: World) -> dict[str, bytes]:
    """Contents by path, of blobs by path; those that the store knows are not asked for."""
    blobs = world.store.blobs(asked.values()) if asked else {}
    missing = {path: blob for path, blob in asked.items() if blob not in blobs}
    if missing:
        fetched = world.forge.fetch_blobs(project, sha, missing)
        world.store.keep_blobs(fetched)
        blobs |= fetched
    return {path: blobs[blob] for path, blob in asked.items() if blob in blobs}


def _hosts(project: Project) -> tuple[str, ...]:
    """The names that this GitLab has in the address of a component."""
    address = urlsplit(project.web_url)
    return (address.netloc, address.hostname or "")


def _kind(mode: str) -> Literal["file", "symlink", "submodule"]:
    match mode:
        case "120000":
            return "symlink"
        case "160000":
            return "submodule"
        case _:
            return "file"
