"""What stands in the way: which construct costs how many scripts, arguments and fields, by the reader's own words."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fidelity.compare import Outcome
from fidelity.readers import Reading

SILENT = "nothing is said"
"""Arguments that the reader misses without a word of why: the one kind that is not honest."""

_COSTLY = (
    *("file-unfollowed", "other-framework", "argument-not-followed", "parser-fields-unknown"),
    *("parser-escapes", "argument-refused", "never-parsed", "no-argparse", "argument-conditional"),
)
"""Problems that explain a missed argument, those that explain most first."""

_KINDS: Sequence[tuple[str, str]] = (
    (r"the reader itself is at fault", "a fault of the reader"),
    (r"more than \d+ steps", "more steps than a script may take"),
    (r"nested too deeply", "calls nested too deeply"),
    (r"changes with `for|`for .*` ", "a loop over what is not known"),
    (r"changes with `while|`while ", "a loop that ends when something not known is true"),
    (r"environment", "the environment"),
    (r"given on the command line", "what is given on the command line"),
    (r"read from a file|is_file|open\(", "the contents of a file"),
    (r"not in (the|this) repository|absent", "a package that is absent"),
    (r"one of several results", "a function with several results"),
    (r"inherits from", "a class that comes from an absent package"),
    (r"path that depends on where", "where the script lies"),
    (r"is computed by", "a call that cannot be followed"),
    (r"depends on", "a condition that is not known"),
    (r"is an object|which JSON cannot hold", "an object of the script"),
    (r"put together from|converted by", "values put together from others that are not known"),
    (r"exists only if", "a condition that is not known"),
)


@dataclass(frozen=True)
class Cost:
    """One construct: the problem's code, what it is in words, and what it costs."""

    code: str
    kind: str
    scripts: int
    count: int
    example: str


def kind_of(message: str) -> str:
    """The construct that a problem's message is about, without what is different in each script."""
    return next((words for pattern, words in _KINDS if re.search(pattern, message)), "something else")


def of_missed(results: Iterable[tuple[str, Outcome, Reading]]) -> list[Cost]:
    """Every missed argument under the construct that its script's reading names for it."""
    costs: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for title, outcome, reading in results:
        if outcome.missed:
            costs[_explained(reading)].append((title, len(outcome.missed)))
    return _sorted(costs)


def _explained(reading: Reading) -> tuple[str, str]:
    if reading.error:
        return "crash", "a fault of the reader"
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for problem in reading.problems:
        told[problem["code"]][kind_of(problem["message"])] += 1
    code = next((one for one in _COSTLY if one in told), None)
    if code is None:
        return "-", SILENT
    if code in ("no-argparse", "other-framework", "never-parsed"):
        return code, _WORDS[code]
    return code, told[code].most_common(1)[0][0]


_WORDS: Mapping[str, str] = {
    "no-argparse": "a parser that is not found",
    "other-framework": "a parser of another package",
    "never-parsed": "a parser that is not seen to read the command line",
}


def of_unknown(results: Iterable[tuple[str, Outcome, Reading]]) -> list[Cost]:
    """Every field declared unknown under the construct that the reading names for it."""
    costs: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for title, outcome, reading in results:
        reasons = _reasons(reading)
        counted: Counter[tuple[str, str]] = Counter()
        for case in outcome.abstained:
            name = case.parameter.rpartition(" ")[2].lstrip("-")
            kind = reasons.get((case.field, name)) or reasons.get((case.field, "")) or "something else"
            counted[case.field, kind] += 1
        for key, count in counted.items():
            costs[key].append((title, count))
    return _sorted(costs)


def _reasons(reading: Reading) -> dict[tuple[str, str], str]:
    """(field, name of the parameter, or none) → the construct."""
    found: dict[tuple[str, str], str] = {}
    for problem in reading.problems:
        said = re.match(r"The ([\w, ]+) of '([^']+)' (?:is|are) not known", problem["message"])
        if said is None:
            continue
        kind = kind_of(problem["message"])
        for field in said[1].split(", "):
            found.setdefault((field, said[2]), kind)
            found.setdefault((field, ""), kind)
            if field in ("help", "default", "choices", "const"):
                found.setdefault(("printed_help", said[2]), kind)
                found.setdefault(("printed_help", ""), kind)
    return found


def _sorted(costs: Mapping[tuple[str, str], list[tuple[str, int]]]) -> list[Cost]:
    made = [
        Cost(code, kind, len(some), sum(count for _, count in some), max(some, key=lambda one: one[1])[0])
        for (code, kind), some in costs.items()
    ]
    return sorted(made, key=lambda one: (-one.count, one.code, one.kind))


def table_of(costs: Sequence[Cost], heads: Sequence[str]) -> str:
    """A table in Markdown; `heads` are the words above its columns."""
    rows: list[Sequence[Any]] = [
        (one.code, one.kind, one.scripts, one.count, one.example.replace("|", "/")) for one in costs
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
