"""`python -m fidelity`: reads the corpus with every reader and writes how true each is."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path

from fidelity.compare import Outcome, compare
from fidelity.corpus import Candidate, candidates, ensure_packages
from fidelity.readers import READERS, Reading
from fidelity.report import Result, goals_missed, markdown, table, worst
from fidelity.truth import Truth, fetch_truths
from parser.source import load_source

MOST_ALIKE = 1
"""Scripts of one package with the same command line that are counted: a giant must not count for each of its doors."""

REPORT = Path(__file__).parents[1] / "docs" / "fidelity.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="fidelity", description=__doc__)
    parser.add_argument("--subset", action="store_true", help="only the part of the corpus that CI reads")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only scripts whose package or path has it"
    )
    parser.add_argument("--ours", action="store_true", help="leave the baselines out")
    parser.add_argument(
        "--worst", type=int, default=25, metavar="N", help="how many of the worst cases are shown"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was wrong there")
    parser.add_argument("--write", action="store_true", help="write docs/fidelity.md")
    options = parser.parse_args(argv)
    names = list(READERS)[:1] if options.ours else list(READERS)
    results = measure(options.subset, options.only, names, options.jobs)
    print(table(results, names))
    print(worst(results, options.worst))
    if options.json:
        options.json.write_text(json.dumps([one.to_dict() for one in results], indent=1), "utf-8")
    if options.write:
        REPORT.write_text(markdown(results, names), "utf-8")
        print(f"written to {REPORT}")
    missed = goals_missed(results)
    for line in missed:
        print(f"missed: {line}")
    return int(bool(missed))


def measure(subset: bool, only: str, names: Sequence[str], jobs: int) -> list[Result]:
    """Every script of the corpus: its truth, and what each reader makes of it."""
    began = time.monotonic()
    packages = ensure_packages(subset)
    scripts = [
        script
        for package in packages
        for script in candidates(package)
        if only in f"{package.title}/{script.path}"
    ]
    say(f"{len(packages)} packages, {len(scripts)} scripts after {time.monotonic() - began:.0f} s")
    truths = fetch_truths(scripts, jobs)
    say(f"ran them after {time.monotonic() - began:.0f} s")
    grouped: dict[Path, list[tuple[Candidate, Truth]]] = {}
    for script, truth in without_doubles(truths).items():
        grouped.setdefault(script.package.root, []).append((script, truth))
    work = [(pairs, tuple(names)) for pairs in grouped.values()]
    results: list[Result] = []
    with multiprocessing.Pool(jobs) as pool:
        for some in pool.imap(_read_package, work, chunksize=1):
            results.extend(some)
    say(f"read them after {time.monotonic() - began:.0f} s")
    return results


def without_doubles(truths: Mapping[Candidate, Truth]) -> dict[Candidate, Truth]:
    """Scripts of one package that share a command line count MOST_ALIKE times; what pip would write, last."""
    seen: Counter[Hashable] = Counter()
    kept: dict[Candidate, Truth] = {}
    for script in sorted(truths, key=lambda one: (one.path.startswith("bin/"), one.package.title, one.path)):
        truth = truths[script]
        shown = (script.package.title, *(one.shown for one in truth.arguments))
        seen[shown] += bool(truth.arguments)
        if seen[shown] <= MOST_ALIKE:
            kept[script] = truth
    return kept


def _read_package(work: tuple[list[tuple[Candidate, Truth]], tuple[str, ...]]) -> list[Result]:
    return list(_results(*work))


def _results(pairs: list[tuple[Candidate, Truth]], names: tuple[str, ...]) -> Iterator[Result]:
    source = load_source(pairs[0][0].package.root)
    for script, truth in pairs:
        if not truth.arguments:
            yield Result(script, truth, {}, Reading(None))
            continue
        readings = {name: READERS[name](source, script.path) for name in names}
        outcomes: dict[str, Outcome] = {
            name: compare(truth, reading.parameters) for name, reading in readings.items()
        }
        yield Result(script, truth, outcomes, readings[names[0]])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
