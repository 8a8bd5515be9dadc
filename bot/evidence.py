"""What is to be seen of a project's published versions: in GitLab, and in the project's container repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.adapters.modules import Described
from bot.adapters.registry import Manifest, Registry
from bot.adapters.version_tags import fetch_labels
from bot.adapters.withdrawn import fetch_record
from bot.domain import tags
from bot.domain.catalogue import ListedVersion, VersionState
from bot.domain.gitlab import Deployed, Project
from bot.domain.listing import Evidence, Image, Kept, Tip, text
from bot.domain.making import read_making
from bot.domain.module_label import read_module
from bot.domain.published_words import Promise, read_published_status
from bot.domain.steps import PUBLISH_STATUS
from bot.domain.tags import version_tag
from bot.domain.version_names import kept_tag
from bot.domain.versions import read_used, read_versions
from bot.rebuilds import fetch_under_way
from bot.world import World

NUMBERS_LISTED = 100
"""The newest numbers of a branch that are in the catalogue, and the highest versions."""

COMMITS_ASKED = 30
"""The newest published commits of a branch whose statuses are read; of older ones the registry alone tells."""

MAX_NAME_CHARS = 200
"""Characters of an environment's name that are kept; anybody may have written the label."""


class ContainerRepository:
    """A project's images and what GitLab says of their commits, each thing looked at once.

    What an image is, its digest names for good: the store keeps that. `before`: versions as they are listed; of those
    whose tags are there, or gone, as the list has them nothing is asked.
    """

    def __init__(self, project: Project, world: World, before: Iterable[ListedVersion] = ()) -> None:
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
        self._known, self._doubtful = self._believed(before)
        digests = {one.version: one.digest for one in self._known.values() if one.state.available}
        names = [str(version) for version in read_versions(self._tags)[:NUMBERS_LISTED]]
        found = ((name, digests.get(name) or self._digest(name)) for name in names)
        self._versions = {name: digest for name, digest in found if digest}

    def _believed(self, before: Iterable[ListedVersion]) -> tuple[dict[str, ListedVersion], frozenset[str]]:
        """Versions whose tags are there, or gone, as they are listed, by their number's tag; commits of the others."""
        known, doubtful = dict[str, ListedVersion](), set[str]()
        default = tags.branch_slug(self._project.default_branch or "")
        for one in before:
            tag = version_tag(one.branch, one.number)
            # another branch may be the default one since
            as_now = one.image == self.image and bool(one.version) == (
                tags.branch_slug(one.branch) == default
            )
            names = {tag, *filter(None, [one.version])}
            gone = one.state is VersionState.UNPUBLISHED and not names & self._tags
            there = one.state.available and names <= self._tags
            if as_now and (there or gone) and (kept_tag(tag) in self._tags) == gone:
                known[tag] = one
            else:
                doubtful.add(one.sha)
        return known, frozenset(doubtful)

    @property
    def image(self) -> str:
        """The repository's address."""
        return f"{self._project.registry_host or ''}/{self._path}".removeprefix("/")

    def module_label(self, digest: str) -> str:
        """How an image describes its module; "" where it does not."""
        if digest not in self._labels:
            known = self._world.store.described(digest)
            self._labels[digest] = known.module if known is not None else self._fetch_label(digest)
        return self._labels[digest]

    def _fetch_label(self, digest: str) -> str:
        manifest = self._registry.fetch_manifest(self._path, digest) if self._registry is not None else None
        if self._registry is None or manifest is None:
            return ""
        return fetch_labels(self._registry, self._path, manifest).get(tags.MODULE_LABEL, "")

    def evidence(self, slug: str, branch: str, ledger: tuple[Deployed, ...] | None) -> tuple[Evidence, str]:
        """What is to be seen of one row of numbers, and its slug."""
        numbers = {
            number: image
            for number in tags.read_numbers(slug, self._tags)[:NUMBERS_LISTED]
            if (image := self._image(version_tag(slug, number))) is not None
        }
        kept = self._kept(slug)
        branches = dict.fromkeys([branch, *(one.branch for one in ledger or ())])
        return Evidence(
            ledger=ledger,
            promises=self._promises(slug, ledger, numbers, kept),
            numbers=numbers,
            kept=kept,
            versions=self._versions,
            tips={name: tip for name in branches if (tip := self._tip(name)) is not None},
            has_versions=slug == tags.branch_slug(self._project.default_branch or ""),
            branch=branch,
            building=fetch_under_way(self._project.id, self._world) if kept else frozenset(),
        ), slug

    @staticmethod
    def numbers_of(slug: str, evidence: Evidence) -> Mapping[str, int]:
        """The numbers of the row's tags that promises name."""
        named = {promise.tag for promises in evidence.promises.values() for promise in promises}
        return {tag: number for tag in named if (number := tags.read_number(slug, tag)) is not None}

    def _promises(
        self,
        slug: str,
        ledger: tuple[Deployed, ...] | None,
        numbers: Mapping[int, Image],
        kept: Mapping[int, Kept],
    ) -> dict[str, tuple[Promise, ...]]:
        named = [image.sha for _, image in sorted(numbers.items(), reverse=True) if image.sha]
        told = self._told(slug, numbers, kept)
        deployed = dict.fromkeys(one.sha for one in ledger or ())
        # what is older than all numbers that are looked at was taken back, or is there and named
        newest = list(deployed)[:NUMBERS_LISTED]
        shas = named if ledger is None else [*(sha for sha in named if sha in deployed), *newest]
        # of a commit that only a record is left of, the record tells
        recorded = {one.sha for one in kept.values()} - set(named)
        asked = [sha for sha in dict.fromkeys(shas) if sha not in recorded and sha not in told]
        found = ((sha, self._promises_of(sha)) for sha in asked[:COMMITS_ASKED])
        return told | {sha: promises for sha, promises in found if promises}

    def _told(
        self, slug: str, numbers: Mapping[int, Image], kept: Mapping[int, Kept]
    ) -> dict[str, tuple[Promise, ...]]:
        """What is listed of commits of which nothing is new."""
        seen = [*((n, one.sha) for n, one in numbers.items()), *((n, one.sha) for n, one in kept.items())]
        fresh = {sha for number, sha in seen if version_tag(slug, number) not in self._known}
        told: dict[str, tuple[Promise, ...]] = {}
        for tag, one in self._known.items():
            if tags.branch_slug(one.branch) == slug and one.sha not in fresh | self._doubtful:
                told[one.sha] = (*told.get(one.sha, ()), Promise(one.version, tag, one.digest))
        return told

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
            known = self._known.get(version_tag(slug, number))
            if known is not None:
                found[number] = Kept(known.sha, known.digest, known.version)
                continue
            manifest = self._manifest(kept_tag(version_tag(slug, number)))
            if self._registry is None or manifest is None:
                continue
            record = fetch_record(self._registry, self._path, manifest)
            if record is not None:
                found[number] = Kept(record.sha, record.digest, self._kept_version(manifest.digest))
        return found

    def _kept_version(self, digest: str) -> str:
        """The version whose number the same record keeps; "" for none."""
        known = {one.version for one in self._known.values()}
        names = [str(version) for version in sorted(read_used(self._tags), reverse=True)]
        for name in [name for name in names if name not in known][:NUMBERS_LISTED]:
            if self._digest(kept_tag(name)) == digest:
                return name
        return ""

    def _tip(self, branch: str) -> Tip | None:
        found = self._world.forge.fetch_branch(self._project.id, branch) if branch else None
        if found is None:
            return None
        return Tip(found.sha, self._digest(tags.candidate_tag(found.sha)))

    def _manifest(self, tag: str) -> Manifest | None:
        if self._registry is None or tag not in self._tags:
            return None
        if tag not in self._seen:
            self._seen[tag] = self._registry.fetch_manifest(self._path, tag)
        return self._seen[tag]

    def _digest(self, tag: str) -> str:
        manifest = self._manifest(tag)
        return manifest.digest if manifest is not None else ""

    def _image(self, tag: str) -> Image | None:
        known = self._known.get(tag)
        if known is not None and known.state.available:
            return Image(known.digest, known.sha, known.size, known.environment)
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
