"""What of a commit goes into its image, for the jobs that build it or ask whether it has to be built."""

from __future__ import annotations

from pathlib import Path

from bot.adapters.checkout import load_blobs, load_tree
from bot.domain.pipeline import PATH
from bot.layers.contents import Contents, plan_contents
from parser.model import Module, Problem


def load_contents(checkout: Path, sha: str, module: Module) -> Contents | tuple[Problem, ...]:
    """The contents of a commit without mlreef.yml; the problems of one that cannot be built."""
    tree = load_tree(checkout, sha)
    link_files = [file for file in tree if file.kind == "symlink"]
    targets = load_blobs(checkout, [file.blob for file in link_files])
    links = {file.path: target for file, (_, target) in zip(link_files, targets, strict=True)}
    requirements = module.requirements.files if module.requirements is not None else ()
    return plan_contents(tree, links, requirements, left_out=(PATH,))
