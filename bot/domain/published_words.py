"""The words about what was published: in statuses, in the note with the image, and where nothing had to be built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.gitlab import Pipeline
from bot.domain.making import Making, status_words, table_rows
from bot.domain.reports import SHORT_SHA
from bot.domain.tables import MAX_CELL_CHARS, folded, parameter_table, plural, problem_table
from bot.domain.text import fenced, link, prose, row, span, status_line
from bot.domain.usage import usage
from parser.model import Module, Problem, Severity

UNKNOWN_MAKING = Making()


@dataclass(frozen=True, slots=True)
class Published:
    """What a finished publication is known by; `tags` in the order in which they were given.

    `vulnerabilities`: what promote said of them beside the image; empty when it did not look. `version`: `1.2.0`; empty
    for what another branch than the default one published, and for what is older than versions are.
    """

    image: str
    digest: str
    number: int
    tags: tuple[str, ...]
    vulnerabilities: str = ""
    version: str = ""

    @property
    def known_as(self) -> str:
        """What people find it by: `1.2.0 (master-3)`, or the tag alone where there is no version."""
        return f"{self.version} ({self.tags[0]})" if self.version else self.tags[0]


def published_status(published: Published, making: Making = UNKNOWN_MAKING) -> str:
    """The version, or the tag alone where there is none; its digest, its size and how long it took."""
    version = f"version {published.version} as " if published.version else ""
    known = f"Published {version}{published.tags[0]} ({published.digest})"
    return status_line(f"{known}{status_words(making)}")


@dataclass(frozen=True, slots=True)
class Promise:
    """What a status of the bot's own says that was published: a version ("" for none), its number's tag, its digest."""

    version: str
    tag: str
    digest: str


# older bots said `version 1 as stable-1` of what has no version
_PROMISE = re.compile(
    r"Published (?:version (?P<named>[0-9.]{1,40}) as )?(?P<tag>[a-z0-9-]{3,80}) "
    r"\((?P<digest>sha256:[0-9a-f]{64})\)"
)


def read_published_status(description: str) -> Promise | None:
    """What `published_status` told; None for every other status."""
    found = _PROMISE.match(description)
    if found is None:
        return None
    version = found["named"] or ""
    return Promise(version if "." in version else "", found["tag"], found["digest"])


def unchanged_status(published: Published) -> str:
    """The version that a commit is the same as."""
    return status_line(
        f"Unchanged: the same as {published.known_as}, which stays published ({published.digest})"
    )


def unchanged_note(sha: str, published: Published, pipeline: Pipeline) -> str:
    """That nothing was built, and why nothing had to be."""
    image = f"{published.image}@{published.digest}"
    return "\n".join(
        [
            f"**Unchanged.** What {span(sha[:SHORT_SHA])} would give is what {span(published.known_as)} is already, so "
            f"{link(f'pipeline {pipeline.id}', pipeline.web_url)} built nothing. That version stays published:",
            "",
            f"{span(image, 500)}",
        ]
    )


def kept_status() -> str:
    """Said where a status was left open though nothing had to be published."""
    return status_line("Unchanged: the same as what is published")


def unread_status() -> str:
    """Said when the image is published, but the registry does not let the bot look at it."""
    return status_line("Published; the registry does not let me read its digest, so it is not named here")


def published_note(
    module: Module,
    problems: Sequence[Problem],
    published: Published,
    pipeline: Pipeline,
    making: Making = UNKNOWN_MAKING,
    use: str = "",
) -> str:
    """The image by digest, how it was made, how to run it, and its parameters. `use`: CI lines that run it."""
    image = f"{published.image}@{published.digest}"
    tags = ", ".join(span(tag) for tag in published.tags)
    name = f"version {prose(published.version)}" if published.version else span(published.tags[0])
    lines = [
        f"**{span(module.name)} is published as {name}.** "
        "Whoever names the image as below gets exactly this one, for good.",
        "",
        row("Published", ""),
        row("---", "---"),
        row("Image", span(image, 500)),
        row("Tags", tags),
        *table_rows(making),
        row("Built by", link(f"pipeline {pipeline.id}", pipeline.web_url)),
        *_vulnerabilities_row(published),
        "",
        "**Use it:**",
        "",
        *fenced("\n".join(usage(module, image)), "sh"),
        *(["", "In a pipeline of any project of this GitLab:", "", *fenced(use, "yaml")] if use else []),
        "",
        *folded(plural(len(module.parameters), "parameter"), parameter_table(module.parameters)),
    ]
    warnings = [problem for problem in problems if problem.severity is Severity.WARNING]
    if warnings or making.warnings:
        more = [
            row("", prose(one.words, MAX_CELL_CHARS), prose(one.hint, MAX_CELL_CHARS))
            for one in making.warnings
        ]
        lines += ["", "**Worth a look:**", "", *problem_table(warnings, more)]
    return "\n".join(lines)


def _vulnerabilities_row(published: Published) -> list[str]:
    # It was read from the registry, where others may write as well.
    said = published.vulnerabilities.partition(": ")[2]
    return [row("Known vulnerabilities", span(said, 300))] if said else []
