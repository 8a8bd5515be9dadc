"""What runs measured, in the words and charts of a note: on a merge request, or on a commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.domain.experiment import MAX_EXPERIMENT_BYTES, Experiment, Fault
from bot.domain.measures import Measure
from bot.domain.mermaid import mermaid_charts
from bot.domain.panels import number_words
from bot.domain.runs import Model
from bot.domain.tables import folded, plural, table
from bot.domain.text import fenced, link, prose, row, size_words, span

MAX_RUNS_SHOWN = 5
MAX_MEASURES_SHOWN = 40
MAX_FAULTS_SHOWN = 6
"""Of a note, of a run, of a file. All of them, with names in full, fit into the largest note that GitLab takes."""

MAX_NAME_CHARS = 100
SHORT_SHA = 8

_VERDICTS = {
    "better": "**better**",
    "worse": "**worse**",
    "same": "the same",
    "different": "different",
    "": "",
}
_ASIDE = "Write it under another name first, and rename it when it is whole."


@dataclass(frozen=True, slots=True)
class Before:
    """The run that another one is compared with: what it was a run of, and where it is found.

    `published`: it was made of the commit that is published, as `version`; else it is the newest one of its branch.
    """

    web_url: str
    branch: str
    version: str = ""
    published: bool = False


@dataclass(frozen=True, slots=True)
class ShownRun:
    """One run with all that is told of it; `module` is the path of its project, empty for a job without a component."""

    job_name: str
    web_url: str
    experiment: Experiment
    measures: tuple[Measure, ...] = ()
    missing: tuple[str, ...] = ()
    module: str = ""
    version: str = ""
    before: Before | None = None
    model: Model | None = None


def runs_note(sha: str, runs: Sequence[ShownRun]) -> str:
    """Everything that the runs of one commit measured."""
    shown = [_section(one, sha) for one in runs[:MAX_RUNS_SHOWN]]
    rest = len(runs) - len(shown)
    more = [[f"… and {plural(rest, 'run')} more."]] if rest > 0 else []
    return "\n".join(chain.from_iterable([*lines, ""] for lines in [*shown, *more])).rstrip("\n")


def _section(run: ShownRun, sha: str) -> list[str]:
    lines = [_heading(run, sha)]
    charts, undrawn = mermaid_charts(run.experiment)
    for chart in charts:
        lines += ["", *fenced(chart, "mermaid")]
    if undrawn:
        lines += ["", f"… and {plural(undrawn, 'chart')} more, which I leave out."]
    if run.measures:
        lines += ["", *_measured(run)]
    said = [*_faults(run.experiment.faults), *_missing(run.missing)]
    if said:
        lines += ["", "**Worth a look:**", "", *(f"- {one}" for one in said)]
    if run.model is not None:
        lines += ["", *_model(run.model)]
    return lines


def _heading(run: ShownRun, sha: str) -> str:
    version = f" {span(run.version)}" if run.version else ""
    what = f"{span(run.module)}{version} ran" if run.module else "Run"
    steps = f": {plural(run.experiment.steps, 'step')} measured" if run.experiment.steps else ""
    return f"**{what}** in the job {link(span(run.job_name), run.web_url)} at {span(sha[:SHORT_SHA])}{steps}."


def _measured(run: ShownRun) -> list[str]:
    compared = [one for one in run.measures if one.compared]
    others = [one for one in run.measures if not one.compared]
    lines = [_compared_with(run.before), ""] if compared and run.before is not None else []
    if compared:
        lines += [*_table(compared, run.before is not None), ""]
    if others:
        # what `@metric` does not name is there to look at, and not compared
        lines += [*folded(f"{len(others)} more measured", _table(others, False)), ""]
    return lines[:-1]


def _compared_with(before: Before) -> str:
    version = f" {span(before.version)}" if before.version else ""
    where = link("the run", before.web_url)
    if before.published:
        return f"Compared with {where} of what is published now{version and ','}{version}:"
    return f"Compared with the last one on {span(before.branch)}{version and ', of'}{version} ({where}):"


def _table(measures: Sequence[Measure], with_before: bool) -> list[str]:
    head = ("Measured", "Last", "Best", *(("Before", "Now it is") if with_before else ()))

    def draw(one: Measure) -> str:
        best = f"{span(number_words(one.best[1]))} at step {number_words(one.best[0])}" if one.best else ""
        before = "" if one.before is None else span(number_words(one.before))
        more = (before, _VERDICTS[one.verdict]) if with_before else ()
        return row(span(one.name, MAX_NAME_CHARS), span(number_words(one.last)), best, *more)

    lines, rest = table(head, measures, draw, MAX_MEASURES_SHOWN)
    return [*lines, *(["", f"… and {rest} more."] if rest else [])]


def _faults(faults: Sequence[Fault]) -> Iterator[str]:
    for fault in faults[:MAX_FAULTS_SHOWN]:
        yield _fault(fault)
    if len(faults) > MAX_FAULTS_SHOWN:
        yield f"… and {len(faults) - MAX_FAULTS_SHOWN} more of this kind."


def _fault(fault: Fault) -> str:
    where = f" ({prose(fault.detail)})" if fault.detail else ""
    match fault.kind:
        case "unreadable":
            return f"`experiment.json` cannot be read{where}. {_ASIDE}"
        case "broken_off":
            return f"`experiment.json` breaks off{where}. What was whole before that is shown. {_ASIDE}"
        case "too_large":
            limit = size_words(MAX_EXPERIMENT_BYTES)
            return (
                f"`experiment.json` is larger than {limit}, so I did not read it. Write fewer steps into it."
            )
        case "no_numbers":
            found = (
                f" Under {span(fault.detail, MAX_NAME_CHARS)} stands something else." if fault.detail else ""
            )
            return f"`experiment.json` holds no numbers.{found} Write a number for each name."
        case "left_out":
            return f"{fault.count} more names are not shown. Write fewer, and the rest into another file."
        case "not_finite":
            name = span(fault.detail, MAX_NAME_CHARS)
            return f"{name} has no finite value at {plural(fault.count, 'step')}, where its line has a gap."


def _missing(names: Sequence[str]) -> Iterator[str]:
    for name in names[:MAX_FAULTS_SHOWN]:
        yield f"{span(name, MAX_NAME_CHARS)} is named by `@metric`, and nothing of that name was written."


def _model(model: Model) -> list[str]:
    return [
        f"**Its model is kept:** {span(model.name)} ({size_words(model.size)}). To use exactly this one, give the "
        "component its input `job-model`:",
        "",
        *fenced(model.address),
    ]
