"""Which of a module's versions somebody is shown, how each is called, and which one a name means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.access import Seen
from bot.domain.catalogue import ListedModule, ListedVersion, VersionState
from bot.domain.gitlab import DEVELOPER
from bot.domain.snippets import component_reference
from bot.domain.tags import LATEST, version_tag
from bot.domain.versions import Version, major_tag
from bot.domain.views import VersionView
from parser.model import Module

NOT_FOR_EVERYBODY = frozenset(
    {VersionState.UNPUBLISHED, VersionState.UNPUBLISHING, VersionState.REPUBLISHING}
)
"""What was taken back is shown to those who work on the project, and to nobody else."""

Named = tuple[str, ListedVersion]


def name_of(version: ListedVersion) -> str:
    """How people and addresses call a version: `1.2.0`, or `stable-3` where there is no semantic version."""
    return version.version or version_tag(version.branch, version.number)


def shown(versions: Iterable[ListedVersion], level: int) -> tuple[Named, ...]:
    """Those that somebody of this level may see, the newest first, each by its name."""
    kept = [one for one in versions if level >= DEVELOPER or one.state not in NOT_FOR_EVERYBODY]
    kept.sort(key=lambda one: (one.published_at or 0.0, one.number), reverse=True)
    return tuple((name_of(one), one) for one in kept)


def is_exact(version: ListedVersion, name: str) -> bool:
    """Whether a name is this version's for good, and no tag's that moves on."""
    return name in (version.version, version_tag(version.branch, version.number))


def find(versions: Sequence[Named], name: str) -> ListedVersion | None:
    """The version that a name means: `1.2.0`, `master-3`, or what `latest`, `1`, `1.2` and `` lead to now.

    Numbers stand for the highest version that begins with them, as in tags of images and references to components.
    """
    if name in ("", LATEST):
        return newest(versions)
    exact = next((one for _, one in versions if is_exact(one, name)), None)
    if exact is not None and name:
        return exact
    return max(
        (one for one in _numbered(versions) if f"{_read(one)}.".startswith(f"{name}.")),
        key=_read,
        default=None,
    )


def newest(versions: Sequence[Named]) -> ListedVersion | None:
    """What `latest` leads to: the default branch's newest that can be had; of a module without one, any branch's."""
    available = [one for _, one in versions if one.state.available]
    return next((one for one in available if one.version), next(iter(available), None))


def front(versions: Sequence[Named]) -> ListedVersion | None:
    """What a module's page begins with: what `latest` leads to; where nothing can be had, what is wrong with it."""
    wrong = (one for _, one in versions if one.state not in NOT_FOR_EVERYBODY)
    return newest(versions) or next(wrong, None)


def tags_of(version: ListedVersion, versions: Sequence[Named]) -> tuple[str, ...]:
    """The image's tags that lead to a version now, the most exact first."""
    if not version.state.available:
        return ()
    tags = [name_of(version)]
    if version.version:
        tags.append(version_tag(version.branch, version.number))
        major = major_tag(_read(version).major)
        tags += [tag for tag in (major, LATEST) if find(versions, tag) == version]
    return tuple(tags)


def view(
    version: ListedVersion,
    listed: ListedModule,
    seen: Seen,
    versions: Sequence[Named],
    module: Module | None,
) -> VersionView:
    """Everything there is to say about one version."""
    there = version.state.available
    base = f"{seen.web_url}/-"
    pipeline = f"{base}/pipelines/{version.pipeline_id}" if version.pipeline_id else ""
    return VersionView(
        version,
        name_of(version),
        module,
        component_reference(seen.path, listed.slug, version.version) if there and version.version else "",
        tags_of(version, versions),
        f"{base}/commit/{version.sha}" if version.sha else "",
        pipeline,
        f"{pipeline}/builds" if pipeline else "",
        # what lies in the registry is for those who get the image out of it
        f"/modules/{seen.path}/-/{name_of(version)}/bill.json" if there and seen.can_pull else "",
    )


def _numbered(versions: Sequence[Named]) -> Iterable[ListedVersion]:
    return (one for _, one in versions if one.state.available and Version.read(one.version))


def _read(version: ListedVersion) -> Version:
    return Version.read(version.version) or Version(0, 0, 0)
