"""Results as words: the table, the worst cases, docs/fidelity.md, and which goals are missed."""

from __future__ import annotations

import platform
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fidelity.compare import Outcome, Score
from fidelity.corpus import Candidate
from fidelity.obstacles import of_missed, of_unknown, table_of
from fidelity.readers import Reading
from fidelity.truth import FIELDS, Truth

RECALL, PRECISION, FIELD, UNKNOWN, TIMES = 0.995, 0.999, 0.99, 0.03, 5.0
"""The goals: found, not invented, each field right where told, told for all but so many, and times `ast.parse`."""

OURS = "mlreef-bot"

COMPARED = (*FIELDS, "order")


@dataclass(frozen=True)
class Result:
    """One script: its truth (empty when it has none), each reader's outcome, and what ours said."""

    script: Candidate
    truth: Truth
    outcomes: dict[str, Outcome]
    reading: Reading

    @property
    def title(self) -> str:
        return f"{self.script.package.title}: {self.script.path}"

    def to_dict(self) -> dict[str, Any]:
        outcome = self.outcomes.get(OURS)
        return {
            "package": self.script.package.title,
            "root": str(self.script.package.root),
            "path": self.script.path,
            "why_no_truth": self.truth.why,
            "error": self.reading.error,
            "seconds": self.reading.seconds,
            "parse_seconds": self.reading.parse_seconds,
            "files": self.reading.files,
            "arguments": outcome.score.arguments if outcome else 0,
            "missed": outcome.missed if outcome else (),
            "invented": outcome.invented if outcome else (),
            "wrong": [asdict(one) for one in outcome.wrong] if outcome else (),
            "abstained": [asdict(one) for one in outcome.abstained] if outcome else (),
            "problems": [
                {**one, "place": one["place"] and f"{one['place']['file']}:{one['place']['line']}"}
                for one in self.reading.problems
            ],
        }


def scored(results: Sequence[Result]) -> list[Result]:
    """Those whose truth is known."""
    return [one for one in results if one.outcomes]


def total(results: Sequence[Result], reader: str) -> Score:
    """All scripts together."""
    score = Score()
    for one in scored(results):
        score.add(one.outcomes[reader].score)
    return score


def macro(results: Sequence[Result], reader: str) -> tuple[float, float]:
    """Recall and precision as the mean over packages: one giant counts no more than one of many."""
    grouped: dict[str, list[Result]] = defaultdict(list)
    for one in scored(results):
        grouped[one.script.package.name].append(one)
    scores = [total(some, reader) for some in grouped.values()]
    if not scores:
        return 1.0, 1.0
    return statistics.mean(s.recall for s in scores), statistics.mean(s.precision for s in scores)


def times(results: Sequence[Result]) -> list[float]:
    """Time of describing in times of `ast.parse`, a script each."""
    return sorted(
        one.reading.seconds / one.reading.parse_seconds
        for one in scored(results)
        if one.reading.parse_seconds
    )


def table(results: Sequence[Result], readers: Sequence[str]) -> str:
    """One line a reader, then one a field."""
    lines = [
        f"{'':32}{'scripts':>8}{'full':>7}{'names':>7}{'recall':>8}{'precis.':>8}{'unknown':>8}"
        f"{'m.recall':>9}{'m.prec.':>9}{'crashes':>8}"
    ]
    for reader in readers:
        score = total(results, reader)
        recall, precision = macro(results, reader)
        lines.append(
            f"{reader:32}{score.scripts:>8}{_percent(score.full, score.scripts):>7}"
            f"{_percent(score.names, score.scripts):>7}{score.recall * 100:>8.2f}{score.precision * 100:>8.2f}"
            f"{score.unknown_rate * 100:>8.2f}{recall * 100:>9.2f}{precision * 100:>9.2f}{score.crashes:>8}"
        )
    lines.append("")
    lines.append(f"right where told, of {total(results, readers[0]).arguments} arguments")
    lines.append(f"{'field':12}" + "".join(f"{reader[:16]:>18}" for reader in readers) + f"{'unknown':>10}")
    ours = total(results, readers[0])
    for name in COMPARED:
        rates = "".join(f"{_rate(total(results, reader), name):>18}" for reader in readers)
        if ours.scored[name]:
            lines.append(f"{name:12}{rates}{ours.abstained[name] / ours.scored[name] * 100:>10.2f}")
    ratios = times(results)
    if ratios:
        lines.append("")
        lines.append(
            f"describing takes {statistics.median(ratios):.1f} times ast.parse of the same files (median), "
            f"{ratios[int(len(ratios) * 0.9)]:.1f} (9 in 10), {ratios[-1]:.1f} (worst)"
        )
    return "\n".join(lines)


def _rate(score: Score, name: str) -> str:
    """A field's rate; a dash where the reader tells nothing of it."""
    return f"{score.field_rate(name) * 100:.2f}" if score.scored[name] else "-"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f}" if whole else "-"


def worst(results: Sequence[Result], most: int) -> str:
    """What stands between us and everything: missed, invented, wrong fields, crashes."""
    ours = scored(results)
    lines: list[str] = []
    crashed = [one for one in ours if one.reading.error]
    lines += [f"crash: {one.title}: {one.reading.error}" for one in crashed]
    missed = sorted(ours, key=lambda one: -len(one.outcomes[OURS].missed))[:most]
    for one in missed:
        outcome = one.outcomes[OURS]
        if outcome.missed:
            codes = Counter(problem["code"] for problem in one.reading.problems)
            said = ", ".join(f"{code} {count}" for code, count in codes.most_common(4))
            lines.append(
                f"missed {len(outcome.missed)} of {outcome.score.arguments}: {one.title} "
                f"({', '.join(outcome.missed[:4])}) [{said}]"
            )
    for one in sorted(ours, key=lambda one: -len(one.outcomes[OURS].invented))[:most]:
        outcome = one.outcomes[OURS]
        if outcome.invented:
            lines.append(f"invented {len(outcome.invented)}: {one.title} ({', '.join(outcome.invented[:6])})")
    for name in COMPARED:
        cases = [(one, case) for one in ours for case in one.outcomes[OURS].wrong if case.field == name]
        if cases:
            lines.append(f"wrong {name}: {len(cases)}")
        seen: Counter[str] = Counter()
        for one, case in cases:
            seen[one.title] += 1
            if seen[one.title] <= 2 and sum(seen.values()) <= most:
                lines.append(
                    f"    {one.title} {case.parameter}: {_short(case.truth)} read as {_short(case.read)}"
                )
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 70 else text[:69] + "…"


def goals_missed(results: Sequence[Result]) -> list[str]:
    """Each goal that the corpus does not meet, in words."""
    score = total(results, OURS)
    missed = []
    if score.recall < RECALL:
        missed.append(f"{score.recall:.2%} of the arguments are found, wanted {RECALL:.1%}")
    if score.precision < PRECISION:
        missed.append(f"{score.precision:.2%} of what is read is there, wanted {PRECISION:.1%}")
    for name in COMPARED:
        if score.field_rate(name) < FIELD:
            missed.append(f"{name} is right in {score.field_rate(name):.2%}, wanted {FIELD:.0%}")
    if score.unknown_rate > UNKNOWN:
        missed.append(
            f"{score.unknown_rate:.2%} of the fields are declared unknown, at most {UNKNOWN:.0%} wanted"
        )
    if score.crashes:
        missed.append(f"{score.crashes} scripts crash the reader")
    ratios = times(results)
    if ratios and statistics.median(ratios) > TIMES:
        missed.append(f"describing takes {statistics.median(ratios):.1f} times ast.parse, wanted {TIMES:.0f}")
    return missed


def markdown(results: Sequence[Result], readers: Sequence[str]) -> str:
    """docs/fidelity.md."""
    ours = scored(results)
    packages = {one.script.package.title for one in ours}
    left_out = Counter(_reason(one.truth.why) for one in results if not one.outcomes)
    missed = goals_missed(results)
    parts = [
        "# Fidelity",
        "How true the parser is to argparse: every script of the corpus is run, in a process that may do nothing "
        "but run, up to the point where argparse reads the command line; what argparse holds then is the truth. The "
        "parser reads the same scripts without running them, and every field is compared.",
        f"Written by `make fidelity` with Python {platform.python_version()}: {len(ours)} scripts of "
        f"{len(packages)} packages, the standard library among them, with {total(results, OURS).arguments} arguments. "
        "The packages and their versions are pinned in `fidelity/packages.txt`.",
        f"```\n{table(results, readers)}\n```",
        _conditional(total(results, OURS)),
        "*full*: scripts that are entirely right. *names*: scripts whose set of arguments is right. *recall*: "
        "arguments found; *precision*: arguments read that exist; *m.*: the same as mean over packages. *unknown*: "
        "fields that the parser says it cannot know, although the truth is the same in two differing environments. "
        "A field that differs between the two is not scored; a parameter that only one of them has counts neither way. "
        "*excludes*: what cannot be given beside an argument; *printed_help*: its help with its values filled in, as "
        "`--help` prints it; *order*: its place among its neighbours. The subcommand is part of what an argument is "
        "called: under another one it is missed and invented. *deprecated* is no keyword before Python 3.13.",
        "The baselines are what people write first, and cli-command-parser, which reads argparse to turn it into "
        "its own commands. clinto and argparse2tool import and run the script with a parser of theirs in argparse's "
        "place: on packages that nobody here has read they would run with every right, and not with the ones that are "
        "left to a script whose truth is sought, so they are not run here.",
        "## Goals\n\n" + ("\n".join(f"- missed: {line}" for line in missed) or "All are met."),
        f"## The worst cases\n\n```\n{worst(results, 12) or 'none'}\n```",
        "## Not scored\n\nScripts that do not come to a command line of argparse's:\n\n"
        + "\n".join(f"- {count}: {why}" for why, count in left_out.most_common(12)),
        *_in_the_way(ours),
    ]
    return "\n\n".join(parts) + "\n"


def _conditional(score: Score) -> str:
    return (
        f"Of {score.conditional} parameters that are told to exist only under a condition, "
        f"{score.conditional_there} exist when the command line is empty. The others count as neither found nor "
        f"invented; counted as invented, they would bring precision to {score.strict_precision:.2%}."
    )


def _in_the_way(ours: Sequence[Result]) -> list[str]:
    """What every missed argument and every field declared unknown is owed to."""
    read = [(one.title, one.outcomes[OURS], one.reading) for one in ours]
    missed, unknown = of_missed(read), of_unknown(read)
    return [
        "## What stands in the way\n\nEvery argument that is missed, under the problem that the reading of its script "
        "names. A problem is told to the author of the script, with the place.",
        table_of(missed, ("problem", "construct", "scripts", "arguments", "most in"))
        if missed
        else "Nothing.",
        "Every field that is declared unknown, under the reason that is told.",
        table_of(unknown, ("field", "reason", "scripts", "fields", "most in")) if unknown else "None.",
        "A value that is read from the environment (`os.environ.get(X, d)`) stays unknown, although `d` is what "
        "holds on most machines: who sets `X` changes what the script does.",
    ]


def _reason(why: str) -> str:
    """The kind of a reason, without what is different in each script."""
    kinds = {
        "returned": "ran to their end without argparse",
        "time is over": "took too long",
        "no arguments": "a parser without arguments",
        "a module of its own": "a module of their own cannot be imported without an absent package",
        "SystemExit": "ended before they looked at the command line",
        "PermissionError": "wanted to write, or to reach programs or the network",
    }
    for start, kind in kinds.items():
        if why.startswith(start):
            return kind
    return f"stopped by {why.partition(':')[0][:60]}"
