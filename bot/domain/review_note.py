"""What the bot's note in a merge request says before it is merged.

No commit is named in it: a push that changes nothing for readers must not change the note either. The words of what
comes after merging are in bot/domain/reports.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from bot.domain.choice import why_environment
from bot.domain.interface import Change, Level
from bot.domain.pipeline import PipelineSettings
from bot.domain.requirement_changes import RequirementChange
from bot.domain.review import Reviewed
from bot.domain.tables import (
    MAX_CELL_CHARS,
    counted,
    folded,
    parameter_table,
    place_words,
    plural,
    problem_table,
    table,
)
from bot.domain.text import prose, row, shorten, size_words, span, status_line, time_words
from bot.domain.versions import FIRST
from parser.model import Problem, Severity

MAX_CHANGES_SHOWN = 50
MAX_REQUIREMENTS_SHOWN = 50
MAX_VALUE_CHARS = 120

_LEVELS = {Level.NONE: "", Level.PATCH: "patch", Level.MINOR: "minor", Level.MAJOR: "**major**"}
_KINDS = {
    "removed": "removed",
    "renamed": "renamed",
    "added": "new",
    "order": "another order",
    "form": "given in another way",
    "flags": "other names",
    "action": "does something else",
    "retyped": "another type",
    "required": "must be given now",
    "optional": "need not be given any more",
    "narrowed": "accepts less",
    "widened": "accepts more",
    "default": "another default",
    "deprecated": "deprecated, or not any more",
    "unknown": "known only at run time",
    "title": "another title",
    "framework": "read by another library",
    "kind": "another kind",
    "input_type": "other data go in",
    "output_type": "other data come out",
    "metric": "metrics",
    "entry_point": "entry points",
}
_WHOLE = "*the module*"
_REQUIREMENTS = {
    "added": "new",
    "removed": "removed",
    "moved": "another version",
    "unpinned": "no exact version any more",
    "yanked": "taken back by its authors",
}
_NOTHING_BREAKS = "whatever works now goes on working"


def review_body(reviewed: Reviewed, in_note: Sequence[Problem] = (), on_lines: int = 0) -> str:
    """The whole note. `in_note`: the problems that it tells; `on_lines`: how many have a discussion on their line."""
    paragraphs = [
        _introduction(reviewed),
        [_verdict(reviewed)],
        _problems(reviewed, in_note, on_lines),
        _interface(reviewed),
        _requirements(reviewed.requirements),
        _facts(reviewed),
        _parameters(reviewed),
        [_closing(reviewed)],
    ]
    return "\n".join(chain.from_iterable([*lines, ""] for lines in paragraphs if lines)).rstrip("\n")


def folded_body(reviewed: Reviewed) -> str:
    """One line: what is left to say when there is nothing to do and nothing to know."""
    if not reviewed.good:
        return _verdict(reviewed)
    worth = f" {_worth_a_look(reviewed)}" if reviewed.problems else " Nothing is in the way."
    return f"{_verdict(reviewed)}{worth}"


def moved_away_body(branch: str) -> str:
    """One line: the merge request goes to a branch that publishes nothing."""
    return f"Nothing to say any more: this merge request goes to {span(branch)} now, which publishes nothing."


def check_status(reviewed: Reviewed) -> str:
    """What merging comes to, as the status of the commit says it."""
    if not reviewed.good:
        errors = reviewed.errors
        if not errors:
            return status_line("Would not be published: the module could not be read")
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        where = f"{place_words(errors[0])}: " if errors[0].place else ""
        return status_line(f"Would not be published: {where}{shorten(errors[0].message, 150)}{more}")
    said = [f"Merging publishes {reviewed.version}" if reviewed.version else "Merging publishes this"]
    if reviewed.interface is not None and reviewed.interface.changes:
        said.append(f"{plural(len(reviewed.interface.changes), 'change')} for those who use it")
    if reviewed.problems:
        said.append(f"{plural(len(reviewed.problems), 'thing')} worth a look")
    return status_line("; ".join(said))


def _introduction(reviewed: Reviewed) -> list[str]:
    if not (reviewed.first or reviewed.introduces):
        return []
    return [
        "I am the bot that publishes this repository: every push to "
        f"{span(reviewed.request.target_branch)} becomes a container image that others run by name and version. "
        "Before that I read each merge request, and keep this one note up to date with what merging would change."
    ]


def _verdict(reviewed: Reviewed) -> str:
    module, version = reviewed.report.module, reviewed.version
    if not reviewed.good or module is None:
        count = len(reviewed.errors)
        what = (
            f"{counted(count, 'thing')} {'stands' if count == 1 else 'stand'}"
            if count
            else "Something stands"
        )
        kept = "" if reviewed.first else " What is published now stays as it is."
        return f"**Merging this would publish nothing.** {what} in the way.{kept}"
    name = span(module.name)
    if reviewed.unread:
        return f"**Merging this publishes {name}.** What is published now cannot be compared with it at the moment."
    if reviewed.current is None or not reviewed.current.digest:
        number = f", as version {version}" if version else ""
        if version not in (None, FIRST):
            return (
                f"**Merging this publishes {name} again{number}.** What was published before is taken back."
            )
        return f"**Merging this publishes {name} for the first time{number}.**"
    if version is None:
        return f"**Merging this publishes {name} anew.** {_what_for_users(reviewed)}"
    return f"**Merging this publishes version {version} of {name}.** {_what_for_users(reviewed)}"


def _what_for_users(reviewed: Reviewed) -> str:
    if reviewed.interface is None:
        return "What changes for those who use it cannot be told: the description of the published image is unreadable."
    if not reviewed.interface.changes:
        return "Nothing changes for those who use it."
    breaking = sum(change.level is Level.MAJOR for change in reviewed.interface.changes)
    if breaking:
        return f"{counted(breaking, 'change')} can break what others do with it."
    return f"Its use changes, and {_NOTHING_BREAKS}."


def _problems(reviewed: Reviewed, in_note: Sequence[Problem], on_lines: int) -> list[str]:
    errors = [problem for problem in in_note if problem.severity is Severity.ERROR]
    others = [problem for problem in in_note if problem.severity is not Severity.ERROR]
    lines = []
    if on_lines:
        which = counted(on_lines, "problem")
        which = which.partition(" ")[0] if in_note else which
        have = "have a discussion on their lines" if on_lines > 1 else "has a discussion on its line"
        lines += [f"{which} {have}{'; the rest stands here:' if in_note else '.'}"]
    if errors:
        lines += [*([""] if lines else []), "**In the way:**", "", *problem_table(errors)]
    if others:
        lines += [*([""] if lines else []), "**Worth a look:**", "", *problem_table(others)]
    return lines


def _worth_a_look(reviewed: Reviewed) -> str:
    count = len(reviewed.problems)
    are, them = ("is", "it") if count == 1 else ("are", "them")
    return f"{counted(count, 'thing')} {are} worth a look: `mlreef-bot check .` shows {them}."


def _interface(reviewed: Reviewed) -> list[str]:
    if reviewed.interface is None or not reviewed.interface.changes:
        return []
    head = ("Parameter", "Change", "Now published", "After merging", "For those who use it", "Counts as")
    changes = reviewed.interface.changes
    lines, rest = table(head, changes, _change, MAX_CHANGES_SHOWN)
    more = ["", f"… and {plural(rest, 'change')} more."] if rest else []
    return ["**What changes for those who use it:**", "", *lines, *more]


def _change(change: Change) -> str:
    return row(
        span(change.parameter) if change.parameter else _WHOLE,
        _KINDS.get(change.kind, "changed"),
        _value(change.before),
        _value(change.after),
        prose(change.consequence, MAX_CELL_CHARS),
        _LEVELS[change.level],
    )


def _value(text: str) -> str:
    return span(text, MAX_VALUE_CHARS) if text else ""


def _requirements(changes: Sequence[RequirementChange]) -> list[str]:
    if not changes:
        return []
    lines, rest = table(
        ("Package", "Change", "Before", "After", "Why"), changes, _requirement, MAX_REQUIREMENTS_SHOWN
    )
    more = ["", f"… and {plural(rest, 'package')} more."] if rest else []
    return ["**What is installed:**", "", *lines, *more]


def _requirement(one: RequirementChange) -> str:
    what = _REQUIREMENTS.get(one.kind, "changed")
    return row(span(one.name), what, _value(one.before), _value(one.after), prose(one.why, MAX_CELL_CHARS))


def _facts(reviewed: Reviewed) -> list[str]:
    rows = list(_fact_rows(reviewed)) if reviewed.good else []
    return [row("After merging", ""), row("---", "---"), *rows] if rows else []


def _fact_rows(reviewed: Reviewed) -> Iterator[str]:
    if reviewed.version is not None:
        yield row("Version", f"{span(str(reviewed.version))}: {_why_version(reviewed)}")
    elif reviewed.unread:
        yield row("Version", f"not known yet: {prose(reviewed.unread, MAX_CELL_CHARS)}")
    if isinstance(reviewed.settings, PipelineSettings):
        why = why_environment(reviewed.report, reviewed.settings.environment)
        yield row("Environment", prose(why.removesuffix("."), MAX_CELL_CHARS))
    guess = reviewed.prediction
    if guess is None:
        return
    said = [
        *([f"about {size_words(guess.size)}"] if guess.size is not None else []),
        *([f"about {time_words(guess.seconds)} to build"] if guess.seconds is not None else []),
    ]
    why = prose(guess.why, MAX_CELL_CHARS)
    yield row("Image", f"{', '.join(said)}. {why}" if said else f"cannot be told beforehand: {why}")


def _why_version(reviewed: Reviewed) -> str:
    if reviewed.version == FIRST:
        return "the first one."
    if reviewed.current is None or not reviewed.current.digest:
        return "the next one after those that were taken back."
    now = f" after {span(str(reviewed.current.version))}" if reviewed.current.version else ""
    if reviewed.interface is None:
        return f"a major version{now}, as the description of the published image cannot be read."
    if reviewed.level is Level.MAJOR:
        return f"a major version{now}, as what others do with it can break."
    if reviewed.level is Level.MINOR:
        return f"a minor version{now}, as {_NOTHING_BREAKS}, and there is something new or different to use."
    return f"a patch{now}, as its use stays what it is."


def _parameters(reviewed: Reviewed) -> list[str]:
    module = reviewed.report.module
    if module is None or not module.parameters:
        return []
    count = len(module.parameters)
    return folded(
        "Its parameter" if count == 1 else f"All {count} parameters", parameter_table(module.parameters)
    )


def _closing(reviewed: Reviewed) -> str:
    help_ = "Write `/mlreef help` in a comment to see what you can ask of me."
    if not reviewed.foreign:
        return help_
    return f"I have no rights in the project that this comes from, so this note stands here without a status. {help_}"
