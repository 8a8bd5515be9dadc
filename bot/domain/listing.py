"""What a project's place in the catalogue is, by what GitLab and the registry say of it: evidence → versions, module.

The ledger (GitLab's deployments) says what was published, the bot's own statuses there under which names and digests,
the registry what of it is left. Labels, records and tags were written by anybody who may push images: none of them
puts a commit into the catalogue that the ledger does not have, and none stands against what the bot said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.catalogue import ListedModule, ListedVersion, Traces, read_state
from bot.domain.gitlab import Deployed, Project
from bot.domain.published_words import Promise
from bot.domain.tags import version_tag
from bot.domain.text import shorten, shorten_visible
from parser.model import Module, Parameter
from parser.module import MAX_SLUG, slug

MAX_LINE_CHARS = 200
"""Characters of a name, an author, a topic, a parameter's name."""

MAX_DESCRIPTION_CHARS = 4_000

MAX_README_CHARS = 64 * 1024
"""Characters of a README that are kept."""

MAX_PARAMETERS = 200
"""Parameters of a module that are named in lists, and that it is found by."""

MAX_TOPICS = 30

_KEPT_CONTROLS = "\n\t"


@dataclass(frozen=True, slots=True)
class Image:
    """What a tag leads to: its digest, the commit that it says it is of ("" for none), bytes, name of its base."""

    digest: str
    sha: str = ""
    size: int | None = None
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that keeps the number of a version that was taken back; `version` is "" where there is none."""

    sha: str
    digest: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Tip:
    """A branch's head; `same_as` is the digest of the image that it has because nothing changed, "" for none."""

    sha: str
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is to be seen of the branches that share one row of numbers: most of the time that is one.

    `ledger`: newest first; None where GitLab does not let the bot see it. `promises`: what the bot said of commits.
    `numbers`, `kept`: by number. `versions`: digest by version, the highest first; `has_versions`: whether those of
    this row have any, as those of the default branch do.
    """

    ledger: tuple[Deployed, ...] | None
    promises: Mapping[str, tuple[Promise, ...]] = field(default_factory=dict)
    numbers: Mapping[int, Image] = field(default_factory=dict)
    kept: Mapping[int, Kept] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    tips: Mapping[str, Tip] = field(default_factory=dict)
    has_versions: bool = False
    branch: str = ""
    """The branch where the ledger names none."""
    building: frozenset[str] = frozenset()
    """Names of versions whose images are built once more."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A number that was given to a commit."""

    number: int
    sha: str
    digest: str
    version: str
    promised: bool


def plan_versions(
    project: Project, image: str, evidence: Evidence, number_of: Mapping[str, int]
) -> tuple[ListedVersion, ...]:
    """Every version that was published, the highest number first. `number_of`: the numbers in the promises' tags."""
    claims = _claims(evidence, number_of)
    deployed: dict[str, list[Deployed]] = {}
    for one in reversed(evidence.ledger or ()):
        deployed.setdefault(one.sha, []).append(one)
    listed = []
    for claim in sorted(claims, key=lambda one: one.number):
        rows = deployed.get(claim.sha, [])
        row = (rows.pop(0) if len(rows) > 1 else rows[0]) if rows else None
        branch = row.branch if row is not None else evidence.branch
        there, tip = evidence.numbers.get(claim.number), evidence.tips.get(branch)
        known = there if there is not None and there.digest == claim.digest else None
        traces = Traces(
            promised=claim.digest,
            by_number=there.digest if there is not None else "",
            by_version=evidence.versions.get(claim.version, "") if claim.version else None,
            withdrawn=claim.number in evidence.kept,
            current=tip is not None and (tip.sha == claim.sha or tip.same_as == claim.digest),
            building=not evidence.building.isdisjoint((claim.version, version_tag(branch, claim.number))),
        )
        listed.append(
            ListedVersion(
                project_id=project.id,
                branch=branch,
                number=claim.number,
                version=claim.version,
                sha=claim.sha,
                digest=claim.digest,
                image=image,
                size=known.size if known is not None else None,
                state=read_state(traces),
                published_at=row.at if row is not None else None,
                pipeline_id=row.pipeline_id if row is not None else None,
                environment=line(known.environment) if known is not None else "",
            )
        )
    return tuple(reversed(listed))


def _claims(evidence: Evidence, number_of: Mapping[str, int]) -> list[_Claim]:
    shas = None if evidence.ledger is None else {one.sha for one in evidence.ledger}
    claims: dict[int, _Claim] = {}
    for sha, promises in evidence.promises.items():
        for promise in promises:
            number = number_of.get(promise.tag)
            if number is not None and (shas is None or sha in shas):
                claims[number] = _Claim(number, sha, promise.digest, promise.version, True)
    for number in {*evidence.numbers, *evidence.kept} - claims.keys():
        kept, image = evidence.kept.get(number), evidence.numbers.get(number)
        sha = kept.sha if kept is not None else image.sha if image is not None else ""
        # without the ledger only what the bot itself said counts; and what it said of a commit is all of its numbers
        if shas is None or sha not in shas or evidence.promises.get(sha):
            continue
        if kept is not None:
            claims[number] = _Claim(number, sha, kept.digest, kept.version, False)
        elif image is not None:
            version = _version_of(image.digest, evidence.versions) if evidence.has_versions else ""
            claims[number] = _Claim(number, sha, image.digest, version, False)
    return list(claims.values())


def _version_of(digest: str, versions: Mapping[str, str]) -> str:
    """The highest of these versions that leads to the image."""
    return next((version for version, leads_to in versions.items() if leads_to == digest), "")


def newest_of(versions: Iterable[ListedVersion], default_branch: str | None) -> ListedVersion | None:
    """The version that a module is shown by: the default branch's highest, else the one published last."""
    there = [one for one in versions if one.state.available]
    ours = [one for one in there if one.branch == default_branch]
    if ours:
        return max(ours, key=lambda one: one.number)
    return max(there, key=lambda one: (one.published_at or 0.0, one.number, one.branch), default=None)


def plan_module(
    project: Project, newest: ListedVersion | None, described: Module | None, readme: str
) -> ListedModule:
    """A project's module; `described` is None where nobody can tell what its image holds."""
    name = line(described.name) if described is not None else ""
    return ListedModule(
        project_id=project.id,
        path=project.path,
        web_url=project.web_url,
        visibility=project.visibility if project.open_code else "private",
        name=name or line(project.name),
        slug=_slug(described, project),
        kind=described.kind.value if described is not None else "",
        input_type=line(described.input_type) if described is not None else "",
        output_type=line(described.output_type) if described is not None else "",
        description=text(described.description or "", MAX_DESCRIPTION_CHARS) if described is not None else "",
        author=line(described.author or "") if described is not None else "",
        topics=tuple(line(topic) for topic in project.topics[:MAX_TOPICS]),
        parameters=_parameters(described.parameters if described is not None else ()),
        readme=text(readme, MAX_README_CHARS) if newest is not None else "",
        newest=newest,
        updated_at=(newest.published_at or 0.0) if newest is not None else 0.0,
        model_type=line(described.model_type or "") if described is not None else "",
        ml_category=line(described.ml_category or "") if described is not None else "",
    )


def _slug(described: Module | None, project: Project) -> str:
    # it becomes the name of a file
    given = described.slug if described is not None else ""
    return (
        given if given and slug(given) == given else slug(project.name) or f"module-{project.id}"[:MAX_SLUG]
    )


def _parameters(parameters: Sequence[Parameter]) -> tuple[str, ...]:
    names = (line(one.name) for one in parameters)
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_PARAMETERS]


def line(said: str) -> str:
    """Foreign text on one line, everything in it to be seen."""
    return shorten_visible(" ".join(said[: 4 * MAX_LINE_CHARS].split()), MAX_LINE_CHARS)


def text(said: str, limit: int) -> str:
    """Foreign text of several lines, without what no text has."""
    kept = (c for c in said[:limit] if c in _KEPT_CONTROLS or unicodedata.category(c) not in ("Cc", "Cs"))
    return shorten("".join(kept), limit)
