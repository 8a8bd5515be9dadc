"""A project's place in the catalogue, worked out anew: GitLab and registry are asked, and the answer takes its rows.

Nothing of the store decides about it but what an image is, which its digest names for good; so a store that was lost
is the same again once every project was asked about. `rebuild` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from bot.adapters.patience import MOST_FAILED
from bot.domain import tags
from bot.domain.catalogue import ListedVersion, VersionState
from bot.domain.gitlab import Deployed, Project
from bot.domain.jobs import Later, List
from bot.domain.listing import newest_of, plan_module, plan_versions
from bot.domain.module_label import read_module
from bot.domain.offer import due, offered_fact
from bot.domain.plan import State
from bot.errors import Gone, OperatorError, Refused, TryAgain
from bot.evidence import ContainerRepository
from bot.former_paths import note_path, paths_fact
from bot.reading import fetch_uses
from bot.uses_known import note_all_known
from bot.world import World

LOOKS = 5
"""How often a project is looked at anew because others wrote meanwhile."""

LEDGER_LOOKS = 3
"""How often what was published just now is looked for, if the ledger does not have it yet."""

LEDGER_SECONDS = 10.0
"""Between two such looks."""

READMES = ("README.md", "readme.md", "Readme.md", "README.markdown", "README.rst", "README.txt", "README")
"""Files that GitLab shows below a folder, in the order in which it looks for them."""

PROGRESS = 100
"""Projects between two words of how far a rebuild is."""

log = structlog.get_logger()


def list_again(job: List, world: World) -> tuple[Later, ...]:
    """Do the job; nothing for a project that was never published."""
    store = world.store
    if store.listed(job.project_id) is None and not store.was_published(job.project_id):
        return ()
    list_project(job.project_id, world, job.whole)
    if job.looks < LEDGER_LOOKS and store.unlisted((State.PUBLISHED,), 0.0, job.project_id):
        # GitLab's ledger may have it a moment after the job that published it has ended
        return (
            Later(replace(job, looks=job.looks + 1, attempt=0), LEDGER_SECONDS, "GitLab's deployments lag"),
        )
    # a publication asks for its own; what broke off is found when all is looked at
    return _offers(job.project_id, world) if job.whole else ()


def _offers(project_id: int, world: World) -> tuple[Later, ...]:
    """The job that makes the newest version a component, where that was not done or broke off."""
    store = world.store
    listed = store.listed(project_id) if world.policy.component.enabled else None
    newest = listed.newest if listed is not None else None
    if newest is None or newest.state is not VersionState.PUBLISHED:
        return ()
    fact = store.fact(offered_fact(project_id))
    return tuple(map(Later, due(project_id, newest.branch, newest.sha, newest.version, newest.digest, fact)))


def list_project(project_id: int, world: World, whole: bool = True) -> bool:
    """Put the project where it belongs in the catalogue, or take it out; True when it is in it now.

    Without `whole` only what is new is asked about: a version whose tags are there, or gone, as it is listed is taken
    to be what it was. So a publication costs the same however many came before it, and a tag that somebody moved by
    hand is found when all is looked at.

    Of several at once the one that began last decides, and the others look again. Raises TryAgain, OperatorError or
    Refused when GitLab or the registry do not tell; then the catalogue stays as it was.
    """
    for _ in range(LOOKS):
        listed = _list(project_id, world, whole)
        if listed is not None:
            return listed
    raise TryAgain(f"others list project {project_id} all the time")


def _list(project_id: int, world: World, whole: bool) -> bool | None:
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
            world.store.drop_fact(paths_fact(project_id))
            world.store.forget_runs(project_id)
        log.info("delisted", project=project_id)
        return False
    note_path(project, world)
    # without the ledger only what the bot itself said counts, which is asked for each time
    before = None if whole or ledger is None else world.store.listed(project_id)
    versions_before = _as_deployed(world.store.listed_versions(project_id), ledger or ()) if before else ()
    images = ContainerRepository(project, world, versions_before)
    rows = [images.evidence(*row) for row in _rows(project, ledger, world)]
    versions = tuple(
        version
        for evidence, slug in rows
        for version in plan_versions(project, images.image, evidence, images.numbers_of(slug, evidence))
    )
    if not versions:
        world.store.delist(project_id)
        return False
    newest = newest_of(versions, project.default_branch)
    module = read_module(images.module_label(newest.digest)) if newest is not None else None
    if newest is not None and before is not None and before.newest and before.newest.sha == newest.sha:
        readme = before.readme
    else:
        readme = _fetch_readme(project, newest.sha, world) if newest is not None else ""
    if not world.store.list_module(plan_module(project, newest, module, readme), versions, began):
        return None
    log.info("listed", project=project.path, versions=len(versions), newest=newest and newest.state)
    return True


def _as_deployed(versions: Iterable[ListedVersion], ledger: Iterable[Deployed]) -> tuple[ListedVersion, ...]:
    """Those of the listed versions whose commits were not published once more since."""
    listed, last = dict[str, float](), dict[str, float]()
    versions = tuple(versions)
    for version in versions:
        listed[version.sha] = max(listed.get(version.sha, 0.0), version.published_at or 0.0)
    for one in ledger:
        last[one.sha] = max(last.get(one.sha, 0.0), one.at or 0.0)
    return tuple(version for version in versions if listed[version.sha] >= last.get(version.sha, 0.0))


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


def _fetch_readme(project: Project, sha: str, world: World) -> str:
    """The README at a commit; "" where there is none, or none any more."""
    try:
        found = world.forge.fetch_files(project, sha, READMES)
    except Gone:
        return ""
    content = next((found[name] for name in READMES if name in found), b"")
    return content.decode("utf-8", "replace")


# Everything anew ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to: projects looked at, those in the catalogue now, and those that could not be asked.

    `uses_unknown`: of those, the ones that did not tell which modules they use.
    """

    looked_at: int = 0
    listed: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    uses_unknown: int = 0


def rebuild(
    projects: Iterable[tuple[int, str]], world: World, tell: Callable[[str], None], others: bool = True
) -> Rebuilt:
    """List every one of these projects (id and path) anew; and with `others` all else that is in the catalogue.

    What their default branches use is noted, too: no version goes that is in use. When all of them, with `others`,
    have told it, the bot knows all uses, and old versions may go.

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
    if others and not result.uses_unknown:
        note_all_known(world)
    return result


def _rebuild_one(
    project_id: int, path: str, result: Rebuilt, world: World, tell: Callable[[str], None]
) -> Rebuilt:
    result = replace(result, looked_at=result.looked_at + 1, uses_unknown=result.uses_unknown + 1)
    try:
        _note_uses(project_id, world)
        result = replace(result, uses_unknown=result.uses_unknown - 1)
        listed = list_project(project_id, world)
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
