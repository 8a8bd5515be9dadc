"""The names of one project's images, and all that leads to one of them: what goes when a version is taken back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bot.adapters.registry import Manifest, Registry
from bot.adapters.version_tags import ensure_major, fetch_version_of
from bot.domain.gitlab import Project
from bot.domain.plan import State
from bot.domain.tags import LATEST, WITHDRAWN_NUMBER, branch_slug, candidate_tag, read_numbers, version_tag
from bot.domain.versions import Version, major_tag, read_used
from bot.errors import TryAgain
from bot.world import World

TAGS_LOOKED_AT = 100
"""The newest tags of each kind whose images are compared with the one that is asked for."""

OTHERS_LOOKED_AT = 400
"""Other tags, such as candidates and those of people, that are compared with it."""

AT_A_TIME = 8
"""Tags that are asked for side by side."""

MOVES = 5
"""So often `latest` is moved on while others publish, or take back what it was just moved to."""

OURS = re.compile(r"c-(?:[0-9a-f]{40}|[0-9a-f]{64})|l-[0-9a-f]{40}")
"""Tags of commits and of locks, which are nobody's but ours."""

ATTACHED = re.compile(r"withdrawn\..*|withdrawn-[0-9]+\.[0-9]+\.[0-9]+|sha256-.*")
"""Tags that lead to records, and to what is attached to images: not to images themselves."""


@dataclass(frozen=True, slots=True)
class Holders:
    """What leads to an image: names of the branch's `own`, tags that only we use, and `others`, whoever's they are.

    `all_seen`: every tag was looked at, so nothing else leads there.
    """

    own: tuple[str, ...]
    ours: tuple[str, ...]
    others: tuple[str, ...]
    all_seen: bool


@dataclass(frozen=True, slots=True)
class BranchImages:
    """A project's images, and which of them are looked at: those of the branch with this slug."""

    project: Project
    registry: Registry
    slug: str
    world: World
    listed: frozenset[str] = frozenset()
    """Versions that are listed as the branch's: it may have been the default one before."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """What tags of numbers and versions led to a moment ago; what led elsewhere is not asked for again."""

    @property
    def path(self) -> str:
        """The repository in the registry."""
        return self.project.registry_path

    @property
    def is_default(self) -> bool:
        """Whether the branch is the one that gets versions, and with `latest`."""
        return self.slug == branch_slug(self.project.default_branch or "")

    def image(self, tag: str, there: Iterable[str]) -> Manifest | None:
        """What a tag leads to; None when it is not there."""
        return self.registry.fetch_manifest(self.path, tag) if tag in there else None

    def other_meaning(self, tag: str, digest: str, there: Iterable[str]) -> str:
        """The version that a tag such as `1` leads to, where that is another image than this one; "" else."""
        present = frozenset(there)
        held = self.image(tag, present)
        if held is None or held.digest == digest:
            return ""
        version = fetch_version_of(self.registry, self.path, present, held.digest)
        return str(version) if version is not None else ""

    def names(self, there: Iterable[str]) -> tuple[list[str], list[str]]:
        """Tags of the branch's numbers, and of versions, that are there or kept under another name; newest first."""
        present = tuple(there)
        numbers = read_numbers(self.slug, (tag.removeprefix(WITHDRAWN_NUMBER) for tag in present))
        used = sorted(read_used(present), reverse=True)
        versions = [one for one in used if self.is_default or f"{one}" in self.listed]
        return [version_tag(self.slug, number) for number in numbers], [str(one) for one in versions]

    def holders(self, digest: str, sha: str, there: frozenset[str]) -> Holders:
        """All that leads to an image, as far as it is looked at: the newest names first."""
        numbers, versions = (kind[:TAGS_LOOKED_AT] for kind in self.names(there))
        own = [name for name in (*numbers, *versions) if name in there]
        rest = there - set(own) - {LATEST} - {tag for tag in there if ATTACHED.fullmatch(tag)}
        if versions:
            rest -= {major_tag(one.major) for one in read_used(there)}
        # of many candidates the commit's own first
        ordered = sorted(rest, key=lambda tag: (tag != candidate_tag(sha), bool(OURS.fullmatch(tag)), tag))
        elsewhere = {tag for tag in own if self.seen.get(tag, digest) != digest} | self._candidates_besides(
            digest, sha
        )
        asked = [tag for tag in (*own, *ordered[:OTHERS_LOOKED_AT]) if tag not in elsewhere]
        looked = self.leading_to(digest, asked)
        return Holders(
            own=tuple(name for name in own if name in looked),
            ours=tuple(tag for tag in ordered if tag in looked and OURS.fullmatch(tag)),
            others=tuple(tag for tag in ordered if tag in looked and not OURS.fullmatch(tag)),
            all_seen=len(ordered) <= OTHERS_LOOKED_AT
            and len(own) == sum(name in there for kind in self.names(there) for name in kind),
        )

    def _candidates_besides(self, digest: str, sha: str) -> frozenset[str]:
        """Candidates of other commits that were published as other images, as the bot remembers."""
        images: dict[str, set[str]] = {}
        for state in (State.PUBLISHED, State.UNCHANGED):
            for one in self.world.store.publications_in(self.project.id, state):
                if one.digest is not None and one.sha != sha:
                    images.setdefault(candidate_tag(one.sha), set()).add(one.digest)
        return frozenset(tag for tag, digests in images.items() if digest not in digests)

    def leading_to(self, digest: str, tags: Sequence[str]) -> frozenset[str]:
        """Those of these tags that lead to the image."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            found = pool.map(lambda tag: self.registry.fetch_manifest(self.path, tag), tags)
            return frozenset(
                tag for tag, held in zip(tags, found, strict=True) if held and held.digest == digest
            )

    def delete(self, tags: Iterable[str]) -> None:
        """Take tags away; images stay."""
        self.world.forge.delete_image_tags(self.project.id, self.path, tuple(tags))

    def move_latest_off(self, digest: str) -> str | None:
        """Moves `latest` from the image to the newest version left; gives that: "" for none, None if nothing moved."""
        held = self.registry.fetch_manifest(self.path, LATEST) if self.is_default else None
        return self.lead_latest(digest) if held is not None and held.digest == digest else None

    def lead_latest(self, besides: str = "") -> str:
        """Lets `latest` lead to the newest number of another image than that, and go with the last; gives its tag.

        It is looked at again after it was moved: promotions move it too, so whoever ends last leaves it right. Raises
        TryAgain when the numbers change all the time.
        """
        for _ in range(MOVES):
            left = self._newest_left(besides)
            if left is None:
                self.delete([LATEST])
            else:
                self.registry.ensure_tag(self.path, LATEST, left[1])
            if self._newest_left(besides) == left:
                return left[0] if left is not None else ""
        raise TryAgain(f"others publish in {self.path} all the time")

    def settle_majors(self, names: Iterable[str], there: Iterable[str]) -> None:
        """Lets the `<major>` of each of these versions lead to the newest that is there, and go with the last one."""
        majors = {version.major for name in names if (version := Version.read(name)) is not None}
        present = frozenset(there)
        for major in sorted(majors):
            if ensure_major(self.registry, self.path, major) is None and major_tag(major) in present:
                self.delete([major_tag(major)])
                # a first one of them may have been published just before
                ensure_major(self.registry, self.path, major)

    def is_newest(self, image: Manifest, there: Iterable[str]) -> bool:
        """Whether the branch's newest number leads to the image."""
        newest = next((tag for tag in self.names(there)[0] if tag in there), None)
        found = self.registry.fetch_manifest(self.path, newest) if newest is not None else None
        return found is not None and found.digest == image.digest

    def _newest_left(self, digest: str) -> tuple[str, Manifest] | None:
        there = frozenset(self.registry.fetch_tags(self.path))
        for tag in (name for name in self.names(there)[0] if name in there):
            image = self.registry.fetch_manifest(self.path, tag)
            if image is not None and image.digest != digest:
                return tag, image
        return None


@dataclass(frozen=True, slots=True)
class Told:
    """An image that the bot published, of which commit."""

    sha: str
    digest: str


def published_as(project_id: int, tag: str, world: World) -> frozenset[Told]:
    """What was published under a name, by what the bot said and remembers; nothing where it does not know.

    Tags, labels and records were written by anybody who may push images: what they say does not stand against this.
    """
    found = {
        Told(one.sha, one.digest)
        for one in world.store.listed_versions(project_id)
        if one.digest and tag in (one.version, version_tag(one.branch, one.number))
    }
    for state in (State.PUBLISHED, State.UNPUBLISHED):
        for known in world.store.publications_in(project_id, state):
            if known.digest is None or known.number is None:
                continue
            described = world.store.described(known.digest)
            if tag in (version_tag(known.branch, known.number), described.version if described else ""):
                found.add(Told(known.sha, known.digest))
    return frozenset(found)


def is_anothers(project_id: int, tag: str, digest: str, world: World) -> bool:
    """Whether the bot published something else under this name, or this image under another one of the same kind.

    Then somebody moved the tag, or wrote its record: of which version it is tells neither. False where the bot does
    not know.
    """
    told = {one.digest for one in published_as(project_id, tag, world)}
    if told:
        return digest not in told
    kind = _kind(tag)
    return any(_kind(name) == kind for name in _published_names(project_id, digest, world))


def _published_names(project_id: int, digest: str, world: World) -> frozenset[str]:
    """The names under which the bot published an image, as far as it knows."""
    store, names = world.store, set[str]()
    for listed in store.listed_versions(project_id):
        if listed.digest == digest:
            names |= {listed.version, version_tag(listed.branch, listed.number)}
    for state in (State.PUBLISHED, State.UNPUBLISHED):
        for known in store.publications_in(project_id, state):
            if known.digest == digest and known.number is not None:
                names.add(version_tag(known.branch, known.number))
    described = store.described(digest) if names else None
    return frozenset(names | ({described.version} if described else set())) - {""}


def _kind(tag: str) -> str:
    """What names of one kind have in common: all versions, all numbers of one branch."""
    return "" if Version.read(tag) is not None else tag.rpartition("-")[0]


def numbers_and_version(names: Iterable[str], slug: str) -> tuple[int, str]:
    """The highest number of the branch among names, 0 for none, and the highest version, "" for none."""
    listed = tuple(names)
    versions = sorted(version for name in listed if (version := Version.read(name)) is not None)
    return max(read_numbers(slug, listed), default=0), str(versions[-1]) if versions else ""
