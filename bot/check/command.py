"""`mlreef-bot check`: read a repository on disk, mend what is to be mended, tell the rest."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from bot.check.terminal import problem_lines, summary
from bot.describing import Loaded, load_repository


def check(options: argparse.Namespace, give: Callable[[str], None], say: Callable[[str], None]) -> bool:
    """Run the command; `give` takes its result, the problems; `say` what is said beside it. Returns whether there is
    something that refuses a publication."""
    loaded = load_repository(options.path, options.entry_point)
    if options.fix:
        loaded = _ensure_mended(options, loaded, say)
    report = loaded.report
    if options.format == "text":
        for line in problem_lines(report.problems, loaded.source, _colours(options.color)):
            # made harmless line by line; colours are ours
            give(line)
        give(summary(report.problems, report.refused))
        if loaded.by_git:
            say(
                "Read was what a push would hold: files that git tracks, and new ones that it does not ignore."
            )
    else:
        from bot.check.formats import formatted

        give(formatted(options.format, report))
    return report.refused


def _ensure_mended(options: argparse.Namespace, loaded: Loaded, say: Callable[[str], None]) -> Loaded:
    from bot.check.fixes import MAX_ROUNDS, ensure_mended

    count = 0
    files: set[str] = set()
    for _ in range(MAX_ROUNDS):
        done = ensure_mended(loaded.folder, loaded.source, loaded.report.problems)
        if not done.problems:
            break
        count += len(done.problems)
        files.update(done.files)
        loaded = load_repository(options.path, options.entry_point)
    if count:
        say(f"Mended {count} problem{'s' if count > 1 else ''} in {', '.join(sorted(files))}.")
    return loaded


def _colours(wish: str) -> bool:
    """Whether to colour: as asked; else on a terminal whose owner has nothing against it (https://no-color.org)."""
    if wish != "auto":
        return wish == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
