"""What the world looks like at rest, told without what no two runs have in common: numbers, times, shas, names."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from bot.adapters.publications import Publication
from sandbox.gitlab import Project, Sandbox
from sandbox.registry import RegistryServer
from tests.chaos.lane import Lane

COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
NUMBERED = re.compile(r"/-/(pipelines|jobs)/\d+")
PIPELINE = re.compile(r"\[pipeline (\d+)\]")
ANSWER = re.compile(r"(?<=<!-- mlreef-bot:answer )\d+")
BUILT_IN = re.compile(r"(?<=\| Built in \| )[0-9.]+ s(?= \|)")


def read_outcome(sandbox: Sandbox, registry: RegistryServer, lane: Lane, project: Project) -> dict[str, Any]:
    """What people and programs find there: commits, notes, statuses, pipelines, tags, publications, the catalogue …"""
    log = _git(
        sandbox,
        project,
        "log",
        "--reverse",
        "--topo-order",
        "--branches",
        "--format=%H%x00%an%x00%P%x00%T%x00%B%x01",
    )
    commits = [entry.strip("\n").split("\0") for entry in log.split("\x01") if entry.strip()]
    words = _Words(project, [entry[0] for entry in commits])
    named = _git(sandbox, project, "for-each-ref", "refs/tags", "--format=%(refname:short) %(objectname)")
    git_tags = [line.split() for line in named.splitlines()]
    words.name_tags({sha: name for name, sha in git_tags})
    state = sandbox.state
    ages = {entry[0]: age for age, entry in enumerate(commits)}
    # by their commits: those of two commits come beside each other, in any order
    pipelines = sorted(
        state.pipelines_of(project.id), key=lambda found: (ages.get(found.sha, len(ages)), found.id)
    )
    for position, pipeline in enumerate(pipelines, 1):
        words.numbers[pipeline.id] = f"pipeline {position}"
    heads = _git(sandbox, project, "for-each-ref", "refs/heads", "--format=%(refname:short) %(objectname)")
    shas = [entry[0] for entry in commits]
    tags = registry.tags(project.full_path.lower())
    return {
        "branches": sorted(words.plain(line) for line in heads.splitlines()),
        "commits": [
            {"author": author, "parents": words.plain(parents), "tree": tree, "message": words.plain(message)}
            for _, author, parents, tree, message in commits
        ],
        "statuses": [
            [
                words.plain(part)
                for part in (sha, job.name, job.status, job.ref, job.description, job.target_url)
            ]
            + [words.numbers.get(job.pipeline_id, "?"), job.retried]
            for sha in shas
            for job in sandbox.statuses(project.id, sha)
        ],
        "comments": [
            [words.plain(sha), words.plain(note.body)]
            for sha in shas
            for note in sandbox.comments(project.id, sha)
        ],
        "merge requests": [
            [
                request.iid,
                request.state,
                words.plain(request.title),
                words.plain(request.description),
                # a comment's answer and the note come beside each other, in any order
                *sorted(
                    [str(words.plain(note.body)), *(emoji for _, _, emoji in note.emoji)]
                    for note in sandbox.notes(project.id, request.iid)
                ),
            ]
            for request in sorted(sandbox.merge_requests(project.id), key=lambda request: request.iid)
        ],
        "pipelines": [[words.plain(p.sha), p.ref, p.source, p.status] for p in pipelines],
        "deployments": [
            [words.plain(item.sha), item.ref, item.status] for item in sandbox.deployments(project.id)
        ],
        "tags": {
            words.plain(tag): words.plain(
                details.digest if (details := registry.tag_details(project.full_path.lower(), tag)) else None
            )
            for tag in sorted(tags)
        },
        # of the commits behind them no two have the same tree: the component names its image
        "git tags": [
            [
                name,
                *map(words.plain, _git(sandbox, project, "log", "-1", "--format=%P%n%B", sha).splitlines()),
            ]
            for name, sha in sorted(git_tags)
        ],
        "releases": sorted(tag for owner, tag in state.releases if owner == project.id),
        "publications": [
            _told(row, words) for sha in shas if (row := lane.store.publication(project.id, sha, "master"))
        ],
        "catalogue": [
            [*map(words.plain, (one.branch, one.version, one.sha, one.digest, one.state.value)), one.number]
            for one in lane.store.listed_versions(project.id)
        ],
    }


def _told(row: Publication, words: _Words) -> list[Any]:
    pipeline = words.numbers.get(row.pipeline_id, "none") if row.pipeline_id is not None else None
    texts = (row.branch, row.sha, row.source_sha, row.state, row.digest, row.image)
    return [*(words.plain(text) for text in texts), row.number, pipeline]


class _Words:
    """Replaces what is different in every run by what it stands for."""

    def __init__(self, project: Project, shas: list[str]) -> None:
        self._path = project.full_path
        self._commits = {sha: f"<commit {position}>" for position, sha in enumerate(shas, 1)}
        self._digests: dict[str, str] = {}
        self.numbers: dict[int, str] = {}

    def name_tags(self, tags: dict[str, str]) -> None:
        """Commits that only a tag leads to are named by it."""
        self._commits = {sha: f"<tag {name}>" for sha, name in tags.items()} | self._commits

    def plain(self, text: str | None) -> str | None:
        """The text with commits, digests, numbers and the project's path named by their place."""
        if text is None:
            return None
        text = DIGEST.sub(
            lambda found: self._digests.setdefault(found[0], f"<digest {len(self._digests) + 1}>"), text
        )
        for sha, name in self._commits.items():
            text = text.replace(sha, name).replace(sha[:12], name).replace(sha[:8], name)
        text = PIPELINE.sub(lambda found: f"[{self.numbers.get(int(found[1]), '<another pipeline>')}]", text)
        text = ANSWER.sub("<number>", text)
        text = BUILT_IN.sub("<seconds>", text)
        text = NUMBERED.sub(r"/-/\1/<number>", text)
        return COMMIT.sub("<unknown commit>", text).replace(self._path, "<project>")


def _git(sandbox: Sandbox, project: Project, *arguments: str) -> str:
    directory = str(sandbox.core.git(project).directory)
    run = subprocess.run(["git", "-C", directory, *arguments], capture_output=True, text=True, check=True)
    return run.stdout
