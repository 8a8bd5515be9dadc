"""A folder on this machine as a repository: which files a push would hold, and whether it is just as committed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.adapters.checkout import Objects, TreeFile, load_tree
from bot.adapters.worktree import pushed_paths
from bot.domain.tags import GENERATED
from bot.errors import Gone
from bot.layers.contents import Contents, plan_contents, shown_path
from bot.layers.sources import is_as_committed, list_folder, load_links, with_ids
from parser.model import Problem

JOBS_FOLDER = ".mlreef"
"""Where jobs of a pipeline leave what the next ones need."""

SHA256_ID_CHARS = 64
"""Characters of an id in a repository that hashes with sha256."""


@dataclass(frozen=True, slots=True)
class Here:
    """A folder's files, and the commit that they are of, if nothing was changed since: its id, and seconds since 1970.

    `left_out`: what is neither file nor link.
    """

    contents: Contents
    left_out: tuple[str, ...]
    revision: str = ""
    made: int = 0


def look(folder: Path, requirements: Sequence[str]) -> Here | tuple[Problem, ...]:
    """Reads a folder. Problems: what keeps its files out of an image."""
    paths = pushed_paths(folder)
    listed = _without_jobs(folder, tuple(_all_paths(folder)) if paths is None else paths, paths is not None)
    files, left_out = list_folder(folder, listed)
    # Before any of them is read: what is too much is too much to be hashed too.
    contents = plan_contents(files, load_links(folder, files), requirements, left_out=(GENERATED,))
    if not isinstance(contents, Contents):
        return contents
    revision, made, tree = _head(folder) if paths is not None and (folder / ".git").exists() else ("", 0, ())
    files = with_ids(folder, files, "sha256" if len(revision) == SHA256_ID_CHARS else "sha1")
    if revision:
        with Objects(folder) as objects:
            same = is_as_committed(folder, files, tree, objects)
        if not same:
            revision, made = "", 0
    blobs = {file.path: file.blob for file in (tree if revision else files)}
    submodules = tuple(shown_path(file.path) for file in tree if file.kind == "submodule")
    named = tuple(replace(file, blob=blobs[file.path]) for file in contents.files)
    return Here(replace(contents, files=named, submodules=submodules), left_out, revision, made)


def _head(folder: Path) -> tuple[str, int, tuple[TreeFile, ...]]:
    try:
        with Objects(folder) as objects:
            sha, made = objects.commit("HEAD")
        return sha, made, load_tree(folder, sha)
    except Gone:
        # A repository without a commit yet.
        return "", 0, ()


def _without_jobs(folder: Path, paths: Sequence[str], in_git: bool) -> list[str]:
    """The paths but for what jobs leave for each other, such as wheels that were built: no commit has them."""
    theirs = {path for path in paths if path.startswith(f"{JOBS_FOLDER}/")}
    if theirs and in_git:
        theirs -= set(pushed_paths(folder, only_tracked=True) or ())
    return [path for path in paths if path not in theirs]


def _all_paths(folder: Path) -> Iterator[str]:
    """Every file of a folder that is in no repository, but for what tools make."""
    from parser.source import SKIPPED_DIRECTORIES

    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED_DIRECTORIES]
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        for name in (*files, *links):
            yield os.path.relpath(Path(here) / name, folder)
