"""A project's place in the catalogue, worked out anew: GitLab and registry are asked, and the answer takes its rows.

Nothing of the store decides about it but what an image is, which its digest names for good; so a store that was lost
is the same again once every project was asked about. `rebuild` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import structlog

from bot.adapters.modules import Described
from bot.adapters.patience import MOST_FAILED
from bot.adapters.registry import Manifest, Registry
from bot.adapters.version_tags import fetch_labels
from bot.adapters.withdrawn import fetch_record
from bot.domain import tags
from bot.domain.catalogue import VersionState
from bot.domain.gitlab import Deployed, Project
from bot.domain.jobs import Later, List
from bot.domain.listing import Evidence, Image, Kept, Tip, newest_of, plan_module, plan_versions, text
from bot.domain.making import read_making
from bot.domain.module_label import read_module
from bot.domain.offer import due, offered_fact
from bot.domain.plan import State
from bot.domain.reports import Promise, read_published_status
from bot.domain.steps import PUBLISH_STATUS
from bot.domain.version_names import kept_tag
from bot.domain.versions import read_used, read_versions, withdrawn_tag
from bot.errors import Gone, OperatorError, Refused, TryAgain
from bot.reading import fetch_uses
from bot.world import World

NUMBERS_LISTED = 100
"""The newest numbers of a branch that are in the catalogue, and the highest versions."""

COMMITS_ASKED = 30
"""The newest published commits of a branch whose statuses are read; of older ones the registry alone tells."""

LOOKS = 5
"""How often a project is looked at anew because others wrote meanwhile."""

LEDGER_LOOKS = 3
"""How often what was published just now is looked for, if the ledger does not have it yet."""

LEDGER_SECONDS = 10.0
"""Between two such looks."""

READMES = ("README.md", "readme.md", "Readme.md", "README.markdown", "README.rst", "README.txt", "README")
"""Files that GitLab shows below a folder, in the order in which it looks for them."""

MAX_NAME_CHARS = 200
"""Characters of an environment's name that are kept; anybody may have written the label."""

log = structlog.get_logger()


def list_again(job: List, world: World) -> tuple[Later, ...]:
    """Do the job; nothing for a project that was never published."""
    store = world.store
    if store.listed(job.project_id) is None and not store.was_published(job.project_id):
        return ()
    list_project(job.project_id, world)
    if job.looks < LEDGER_LOOKS and store.unlisted((State.PUBLISHED,), 0.0, job.project_id):
        # GitLab's ledger may have it a moment after the job that published it has ended
        return (
            Later(replace(job, looks=job.looks + 1, attempt=0), LEDGER_SECONDS, "GitLab's deployments lag"),
        )
    return _offers(job.project_id, world)


def _offers(project_id: int, world: World) -> tuple[Later, ...]:
    """The job that makes the newest version a component, where that was not done or broke off."""
    store = world.store
    listed = store.listed(project_id) if world.policy.component.enabled else None
    newest = listed.newest if listed is not None else None
    if newest is None or newest.state is not VersionState.PUBLISHED:
        return ()
    fact = store.fact(offered_fact(project_id))
    return tuple(map(Later, due(project_id, newest.branch, newest.sha, newest.version, newest.digest, fact)))


def list_project(project_id: int, world: World) -> bool:
    """Put the project where it belongs in the catalogue, or take it out; True when it is in it now.

    Of several at once the one that began last decides, and the others look again. Raises TryAgain, OperatorError or
    Refused when GitLab or the registry do not tell; then the catalogue stays as it was.
    """
    for _ in range(LOOKS):
        listed = _list(project_id, world)
        if listed is not None:
            return listed
    raise TryAgain(f"others list project {project_id} all the time")


def _list(project_id: int, world: World) -> bool | None:
    """One look; None where somebody wrote meanwhile who began to look later."""
    began = world.store.clock()
    ledger = world.forge.fetch_ledger(project_id)
    if ledger == () and world.store.listed(project_id) is None:
        return False
    try:
        project = world.forge.fetch_project(project_id)
    except Gone:
        project = None
    if project is None or project.going or ledger == ():
        world.store.delist(project_id)
        if project is None:
            world.store.forget_uses(project_id)
            world.store.forget_runs(project_id)
        log.info("delisted", project=project_id)
        return False
    shelf = _Shelf(project, world)
    rows = [shelf.evidence(*row) for row in _rows(project, ledger, world)]
    versions = tuple(
        version
        for evidence, slug in rows
        for version in plan_versions(project, shelf.image, evidence, shelf.numbers_of(slug, evidence))
    )
    if not versions:
        world.store.delist(project_id)
        return False
    newest = newest_of(versions, project.default_branch)
    module = read_module(shelf.module_label(newest.digest)) if newest is not None else None
    readme = _fetch_readme(project, newest.sha, world) if newest is not None else ""
    if not world.store.list_module(plan_module(project, newest, module, readme), versions, began):
        return None
    log.info("listed", project=project.path, versions=len(versions), newest=newest and newest.state)
    return True


def _rows(
    project: Project, ledger: tuple[Deployed, ...] | None, world: World
) -> Iterable[tuple[str, str, tuple[Deployed, ...] | None]]:
    """Branches that share numbers, by their slug: one of them, and what of the ledger is theirs."""
    if ledger is None:
        branches = dict.fromkeys((project.default_branch or "", *world.policy.branches))
        return [(tags.branch_slug(branch), branch, None) for branch in branches if branch]
    by_slug: dict[str, list[Deployed]] = {}
    for one in ledger:
        by_slug.setdefault(tags.branch_slug(one.branch), []).append(one)
    return [(slug, found[0].branch, tuple(found)) for slug, found in sorted(by_slug.items())]


class _Shelf:
    """A project's image repository, each thing in it looked at once."""

    def __init__(self, project: Project, world: World) -> None:
        self._project = project
        self._world = world
        self._path = project.registry_path
        self._registry: Registry | None = (
            world.registry(project.registry_host)
            if project.registry_host is not None and project.keeps_images
            else None
        )
        # a project whose registry is switched off has no image that anybody can get
        self._tags = (
            frozenset(self._registry.fetch_tags(self._path)) if self._registry is not None else frozenset()
        )
        self._seen: dict[str, Manifest | None] = {}
        self._labels: dict[str, str] = {}
        names = [str(version) for version in read_versions(self._tags)[:NUMBERS_LISTED]]
        found = ((name, self._manifest(name)) for name in names)
        self._versions = {name: manifest.digest for name, manifest in found if manifest is not None}

    @property
    def image(self) -> str:
        """The repository's address."""
        return f"{self._project.registry_host or ''}/{self._path}".removeprefix("/")

    def module_label(self, digest: str) -> str:
        """How an image describes its module; "" where it does not."""
        return self._labels.get(digest, "")

    def evidence(self, slug: str, branch: str, ledger: tuple[Deployed, ...] | None) -> tuple[Evidence, str]:
        """What is to be seen of one row of numbers, and its slug."""
        numbers = {
            number: image
            for number in tags.read_numbers(slug, self._tags)[:NUMBERS_LISTED]
            if (image := self._image(tags.version_tag(slug, number))) is not None
        }
        kept = self._kept(slug)
        branches = dict.fromkeys([branch, *(one.branch for one in ledger or ())])
        return Evidence(
            ledger=ledger,
            promises=self._promises(ledger, numbers, kept),
            numbers=numbers,
            kept=kept,
            versions=self._versions,
            tips={name: tip for name in branches if (tip := self._tip(name)) is not None},
            has_versions=slug == tags.branch_slug(self._project.default_branch or ""),
            branch=branch,
        ), slug

    @staticmethod
    def numbers_of(slug: str, evidence: Evidence) -> Mapping[str, int]:
        """The numbers of the row's tags that promises name."""
        named = {promise.tag for promises in evidence.promises.values() for promise in promises}
        return {tag: number for tag in named if (number := tags.read_number(slug, tag)) is not None}

    def _promises(
        self,
        ledger: tuple[Deployed, ...] | None,
        numbers: Mapping[int, Image],
        kept: Mapping[int, Kept],
    ) -> dict[str, tuple[Promise, ...]]:
        named = [image.sha for _, image in sorted(numbers.items(), reverse=True) if image.sha]
        shas = dict.fromkeys(named if ledger is None else (one.sha for one in ledger))
        # of a commit that only a record is left of, the record tells
        recorded = {one.sha for one in kept.values()} - set(named)
        asked = [sha for sha in shas if sha not in recorded][:COMMITS_ASKED]
        return {sha: promises for sha in asked if (promises := self._promises_of(sha))}

    def _promises_of(self, sha: str) -> tuple[Promise, ...]:
        told = self._world.forge.fetch_own_statuses(
            self._project.id, sha, PUBLISH_STATUS, self._world.user_id
        )
        read = (read_published_status(one.description) for one in told if one.state == "success")
        return tuple(promise for promise in read if promise is not None)

    def _kept(self, slug: str) -> dict[int, Kept]:
        found: dict[int, Kept] = {}
        names = [
            tag.removeprefix(tags.WITHDRAWN_NUMBER)
            for tag in self._tags
            if tag.startswith(tags.WITHDRAWN_NUMBER)
        ]
        for number in tags.read_numbers(slug, names)[:NUMBERS_LISTED]:
            manifest = self._manifest(kept_tag(tags.version_tag(slug, number)))
            if self._registry is None or manifest is None:
                continue
            record = fetch_record(self._registry, self._path, manifest)
            if record is not None:
                found[number] = Kept(record.sha, record.digest, self._kept_version(manifest.digest))
        return found

    def _kept_version(self, digest: str) -> str:
        """The version whose number the same record keeps; "" for none."""
        for version in sorted(read_used(self._tags), reverse=True)[:NUMBERS_LISTED]:
            manifest = self._manifest(withdrawn_tag(version))
            if manifest is not None and manifest.digest == digest:
                return str(version)
        return ""

    def _tip(self, branch: str) -> Tip | None:
        found = self._world.forge.fetch_branch(self._project.id, branch) if branch else None
        if found is None:
            return None
        same = self._manifest(tags.candidate_tag(found.sha))
        return Tip(found.sha, same.digest if same is not None else "")

    def _manifest(self, tag: str) -> Manifest | None:
        if self._registry is None or tag not in self._tags:
            return None
        if tag not in self._seen:
            self._seen[tag] = self._registry.fetch_manifest(self._path, tag)
        return self._seen[tag]

    def _image(self, tag: str) -> Image | None:
        manifest = self._manifest(tag)
        if manifest is None or self._registry is None:
            return None
        labels = fetch_labels(self._registry, self._path, manifest)
        made = read_making(labels, manifest.content, ())
        environment = text(made.environment, MAX_NAME_CHARS)
        self._remember(manifest.digest, labels, made.size, environment)
        sha = labels.get(tags.REVISION_LABEL, "")
        return Image(manifest.digest, sha if tags.is_sha(sha) else "", made.size, environment)

    def _remember(self, digest: str, labels: Mapping[str, str], size: int | None, environment: str) -> None:
        label = self._labels[digest] = labels.get(tags.MODULE_LABEL, "")
        if self._world.store.described(digest) is None and read_module(label) is not None:
            version = next((name for name, of in self._versions.items() if of == digest), "")
            described = Described(digest, label, size, None, version, environment)
            self._world.store.keep_described(described, limit=None)


def _fetch_readme(project: Project, sha: str, world: World) -> str:
    """The README at a commit; "" where there is none, or none any more."""
    try:
        found = world.forge.fetch_files(project, sha, READMES)
    except Gone:
        return ""
    content = next((found[name] for name in READMES if name in found), b"")
    return content.decode("utf-8", "replace")


# Everything anew ------------------------------------------------------------------------------------------


PROGRESS = 100
"""Projects between two words of how far a rebuild is."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to: projects looked at, those in the catalogue now, and those that could not be asked."""

    looked_at: int = 0
    listed: int = 0
    failed: int = 0
    failed_in_a_row: int = 0


def rebuild(
    projects: Iterable[tuple[int, str]], world: World, tell: Callable[[str], None], others: bool = True
) -> Rebuilt:
    """List every one of these projects (id and path) anew; and with `others` all else that is in the catalogue.

    What their default branches use is noted, too: no version goes that is in use.

    One that cannot be asked stays as it was, and is told. Raises TryAgain when GitLab as a whole does not answer.
    """
    seen: set[int] = set()
    result = Rebuilt()
    for project_id, path in projects:
        seen.add(project_id)
        result = _rebuild_one(project_id, path, result, world, tell)
    for project_id in world.store.listed_projects() if others else ():
        if project_id not in seen:
            result = _rebuild_one(project_id, f"project {project_id}", result, world, tell)
    return result


def _rebuild_one(
    project_id: int, path: str, result: Rebuilt, world: World, tell: Callable[[str], None]
) -> Rebuilt:
    result = replace(result, looked_at=result.looked_at + 1)
    try:
        listed = list_project(project_id, world)
        _note_uses(project_id, world)
    except (Refused, Gone, OperatorError, TryAgain) as error:
        tell(f"{path}: left as it was: {error}")
        result = replace(result, failed=result.failed + 1, failed_in_a_row=result.failed_in_a_row + 1)
        if isinstance(error, TryAgain) and result.failed_in_a_row >= MOST_FAILED:
            raise
        return result
    if listed:
        tell(f"{path}: listed")
    if result.looked_at % PROGRESS == 0:
        tell(f"{result.looked_at} projects were looked at so far")
    return replace(result, listed=result.listed + listed, failed_in_a_row=0)


def _note_uses(project_id: int, world: World) -> None:
    try:
        project = world.forge.fetch_project(project_id)
    except Gone:
        # the listing has forgotten it
        return
    if project.default_branch is not None and not project.going:
        uses = fetch_uses(project, project.default_branch, world)
        world.store.keep_uses(project_id, project.default_branch, uses)
