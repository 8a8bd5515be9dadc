"""What would set a repository up: the files to add, decided by reading the repository as it would be with them.

Nothing is guessed twice: each file is put beside the others, and what the reader then says is what the next one is
made of and what people are told. Reading and looking up versions are handed in; this module only decides.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from bot.domain.choice import fits_cuda, plan_environment
from bot.domain.environments import Environment
from bot.domain.settings_edit import CannotEdit, edit_entry_point, edit_environment, set_value
from bot.domain.skeletons import NAMES, NEW_SCRIPT, SCRIPT, annotate, is_annotated
from bot.domain.wishes import read_wish
from bot.domain.wizard_files import Described, Pins, requirements_text, settings_text
from parser.model import Module, Needed, Problem, Report, Severity
from parser.requirements.read import DEFAULT_FILE, likely_file
from parser.settings import PATH
from parser.source import Entry, Source

Skeleton = Literal["", "argparse", "annotations"]
"""Code to begin with: none, a script that reads a command line, or annotations for one that does."""

SKELETONS: tuple[Skeleton, ...] = get_args(Skeleton)

SETUP_BRANCH = "mlreef-bot/setup"
"""Where the files are proposed from."""

SETUP_TRAILER = "Mlreef-Setup"
"""By this line in its message the bot knows a commit of its own on the branch."""

FILES_TRAILER = "Mlreef-Files"
"""What tells the files of one commit from those of another wish."""

MENDABLE = frozenset({"no-requirements", "several-entry-points", "environment-several"})
"""Problems that files of the wizard's make go away."""


@dataclass(frozen=True, slots=True)
class SetupWish:
    """What somebody asked for; "" is left to the wizard."""

    entry_point: str = ""
    environment: str = ""
    skeleton: Skeleton = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What the wizard works with: a reader, who looks versions up, and the operator's environments."""

    read: Callable[[Source], Report]
    pin: Callable[[Sequence[Needed], Environment], Pins]
    environments: tuple[Environment, ...]
    default_environment: str
    docs_url: str = ""
    named: bool = True
    """Whether the environments are the operator's, so that files may name them."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The files to write, of which `existing` are there already; what was found, and what else could be chosen.

    `after`: the repository with the files. `unfit`: why no environment can be chosen, None where one is.
    `requirements_file`: a file that was there and is named now, "" where none had to be.
    """

    files: Mapping[str, bytes]
    existing: frozenset[str]
    entry: str
    candidates: tuple[str, ...]
    environment: Environment
    environments: tuple[Environment, ...]
    before: Report
    after: Report
    unfit: Problem | None = None
    pins: Pins | None = None
    requirements_file: str = ""
    skeleton: Skeleton = ""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What still keeps it from being published, once the files are there."""
        left = tuple(one for one in self.after.problems if one.severity is Severity.ERROR)
        return left if self.unfit is None else (*left, self.unfit)

    @property
    def mends(self) -> bool:
        """Whether the files make an error go away."""
        before = {one.code for one in self.before.problems if one.severity is Severity.ERROR}
        after = {one.code for one in self.after.problems if one.severity is Severity.ERROR}
        return bool(before - after)


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of the wish for a merge request: it was opened, or was there; or why it was not.

    `refused` carries what is in the way.
    """

    kind: Literal["opened", "there", "closed", "unneeded", "refused"]
    iid: int = 0
    web_url: str = ""
    refused: CannotEdit | None = None


def setup_message(sha: str, files: Mapping[str, bytes]) -> str:
    """Message of the commit with the files, the same for the same files and the same commit that it stands on."""
    written = b"".join(
        b"%d %d %s%s" % (len(path), len(files[path]), path.encode(), files[path]) for path in sorted(files)
    )
    return (
        "Set up publishing with mlreef-bot\n\n"
        "What the module runs, needs and is built on. Every line may be changed.\n\n"
        f"{SETUP_TRAILER}: {sha}\n"
        f"{FILES_TRAILER}: {hashlib.sha256(written).hexdigest()}\n"
    )


def is_ours(message: str) -> bool:
    """Whether a branch's head is a commit that the wizard made, so that no work of people's is on top of it."""
    return any(line.startswith(f"{SETUP_TRAILER}: ") for line in message.splitlines())


def is_mendable(problems: Collection[Problem]) -> bool:
    """Whether a wizard could do something about what keeps a repository from being published."""
    return any(one.code in MENDABLE and one.severity is Severity.ERROR for one in problems)


def plan_setup(source: Source, wish: SetupWish, means: Means) -> Setup | CannotEdit:
    """The files that set a repository up, with a wish of somebody's; CannotEdit says what is in the way."""
    before = means.read(source)
    draft = _Draft(source, {})
    entry = _choose_entry(draft, before, wish)
    if isinstance(entry, CannotEdit):
        return entry
    if wish.skeleton == "argparse":
        draft = draft.with_file(entry, SCRIPT)
    environment = _wished_environment(wish, means)
    if isinstance(environment, CannotEdit):
        return environment
    provisional = (
        draft
        if _has_roles(before) or _declared(before, wish)
        else _set(draft, ("entry_points", "main"), entry)
    )
    if isinstance(provisional, CannotEdit):
        return provisional
    now = means.read(provisional.source)
    if wish.skeleton == "annotations":
        annotated = _annotate(draft, provisional, entry, now, means)
        if isinstance(annotated, CannotEdit):
            return annotated
        draft, provisional = annotated
        now = means.read(provisional.source)
    # The Python of the environment decides on versions, and requirements may decide on the environment.
    chosen, _ = _environment(now, environment, means)
    pins, requirements_file = None, ""
    if any(one.code == "no-requirements" for one in now.problems):
        requirements_file = likely_file(draft.source) or ""
        if not requirements_file and DEFAULT_FILE not in draft.source.entries:
            pins = means.pin(now.needed, chosen)
            draft = draft.with_file(DEFAULT_FILE, requirements_text(pins))
            provisional = provisional.with_file(DEFAULT_FILE, draft.files[DEFAULT_FILE])
            now = means.read(provisional.source)
    chosen, unfit = _environment(now, environment, means)
    finished = _settings(draft, entry, before, now, chosen, wish, requirements_file, means)
    if isinstance(finished, CannotEdit):
        return finished
    after = means.read(finished.source) if finished.files else before
    return Setup(
        files=finished.files,
        existing=frozenset(path for path in finished.files if path in source.entries),
        entry=entry,
        candidates=tuple(one for one in before.candidates if one != entry),
        environment=chosen,
        environments=means.environments,
        before=before,
        after=after,
        unfit=unfit,
        pins=pins,
        requirements_file=requirements_file,
        skeleton=wish.skeleton,
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A tree with files put into it."""

    source: Source
    files: Mapping[str, bytes]

    def with_file(self, path: str, content: bytes) -> _Draft:
        entries = {**self.source.entries, path: Entry(path, "file")}
        source = replace(self.source, entries=entries, contents={**self.source.contents, path: content})
        return _Draft(source, {**self.files, path: content})


def _choose_entry(draft: _Draft, before: Report, wish: SetupWish) -> str | CannotEdit:
    if wish.skeleton == "argparse":
        return _new_script(draft.source, before, wish)
    if wish.entry_point:
        edited = edit_entry_point(None, wish.entry_point, draft.source)
        return edited if isinstance(edited, CannotEdit) else edited.value
    found = (before.module.main,) if before.module is not None else before.candidates
    named = next((path for path in found if _can_be_named(path)), None)
    if named is not None:
        return named
    if found:
        return CannotEdit(
            f"`{_quoted(found[0])}` cannot be written into `{PATH}`.",
            "Give it a name without blanks at its ends.",
        )
    return CannotEdit(
        "No script here reads a command line, so there is nothing to run as a module.",
        "Ask for one to begin with: `/mlreef init argparse` in a comment, `mlreef-bot init --skeleton argparse` on "
        "your own machine.",
    )


def _has_roles(report: Report) -> bool:
    """Whether somebody named several entry points: beside those, `main` would be one more word of the command line."""
    return any(role != "main" for role in report.settings.entry_points)


def _declared(report: Report, wish: SetupWish) -> dict[str, str]:
    """Role → script of several entry points that the repository has without naming them; empty where it has one."""
    if report.module is None or wish.entry_point:
        return {}
    found = {point.role: point.file for point in report.module.entry_points}
    return found if len(set(found.values())) > 1 else {}


def _can_be_named(path: str) -> bool:
    """Whether the reader finds the script by this name, as it leaves out blanks and detours."""
    return posixpath.normpath(path.strip()) == path


def _new_script(source: Source, before: Report, wish: SetupWish) -> str | CannotEdit:
    there = before.module.main if before.module is not None else next(iter(before.candidates), "")
    if there and not wish.entry_point:
        return CannotEdit(
            f"`{_quoted(there)}` reads a command line already.",
            "Name a new file as the entry point if you want another one; ask for annotations to describe this one.",
        )
    path = wish.entry_point or next((name for name in NAMES if name not in source.entries), NAMES[0])
    if path in source.entries:
        return CannotEdit(f"`{_quoted(path)}` is there already.", "Name a file that is not.")
    if not NEW_SCRIPT.match(path):
        return CannotEdit(
            f"`{_quoted(path)}` is no name for a new script.", "Take one such as `src/main.py`."
        )
    return path


def _quoted(text: str) -> str:
    return text.replace("`", "'")


def _wished_environment(wish: SetupWish, means: Means) -> Environment | CannotEdit | None:
    if not wish.environment:
        return None
    edited = edit_environment(None, wish.environment, means.environments)
    if isinstance(edited, CannotEdit):
        return edited
    return next(one for one in means.environments if one.name == edited.value)


def _environment(
    report: Report, wished: Environment | None, means: Means
) -> tuple[Environment, Problem | None]:
    """The environment to write down, and why the repository does not fit it."""
    if wished is not None:
        report = replace(report, settings=replace(report.settings, environment=wished.name))
    planned = plan_environment(report, means.environments, means.default_environment)
    if isinstance(planned, Environment):
        return next(one for one in means.environments if one.name == planned.name), None
    cuda = read_wish(report).cuda
    if planned.code == "environment-several" and cuda is not None:
        return next(one for one in means.environments if fits_cuda(cuda, one)), None
    usual = means.default_environment if wished is None else wished.name
    return next(one for one in means.environments if one.name == usual), planned


def _set(draft: _Draft, keys: Sequence[str], value: str) -> _Draft | CannotEdit:
    if PATH in draft.source.entries and PATH not in draft.source.contents:
        return CannotEdit(f"`{PATH}` is a link, or too large to be read.", "Write it by hand.")
    edited = set_value(draft.source.contents.get(PATH), keys, value)
    if isinstance(edited, CannotEdit):
        return edited
    return draft.with_file(PATH, edited.content) if edited.changed else draft


def _annotate(
    draft: _Draft, provisional: _Draft, entry: str, now: Report, means: Means
) -> tuple[_Draft, _Draft] | CannotEdit:
    content = draft.source.contents.get(entry)
    if now.module is None or content is None:
        return CannotEdit(
            f"`{_quoted(entry)}` cannot be read, so there is nothing to annotate.",
            "Mend it first; then ask again.",
        )
    if is_annotated(content):
        return CannotEdit(f"`{_quoted(entry)}` is annotated already.", "Change its annotations in the file.")
    known = {(one.code, one.severity) for one in now.problems}
    for written in annotate(content, now.module):
        read = means.read(provisional.with_file(entry, written).source)
        new = {(one.code, one.severity) for one in read.problems} - known
        if not new and read.module is not None and _same_interface(now.module, read.module):
            return draft.with_file(entry, written), provisional.with_file(entry, written)
    return CannotEdit(
        f"I found no way to annotate `{_quoted(entry)}` that says what the script says.",
        "Write the annotations by hand; what can be left out is taken from the script.",
    )


def _same_interface(one: Module, other: Module) -> bool:
    def plain(module: Module) -> list[object]:
        return [
            (p.name, p.flags, p.type, p.default, p.required, p.choices, p.nargs, p.subcommand)
            for p in module.parameters
        ]

    return plain(one) == plain(other)


def _settings(
    draft: _Draft,
    entry: str,
    before: Report,
    now: Report,
    environment: Environment,
    wish: SetupWish,
    requirements_file: str,
    means: Means,
) -> _Draft | CannotEdit:
    """The draft with its settings: a whole file where there is none, else only what has to be said."""
    if PATH not in draft.source.entries:
        others = tuple(one for one in before.candidates if one != entry)
        script = draft.source.contents.get(entry, b"")
        module = None if is_annotated(script) else now.module
        described = (
            Described(None, None, None)
            if module is None
            else Described(module.kind.value, module.input_type, module.output_type)
        )
        text = settings_text(
            _declared(before, wish) or {"main": entry},
            others,
            environment if means.named else None,
            means.environments if means.named else (),
            described,
            requirements_file,
            means.docs_url,
        )
        return draft.with_file(PATH, text)
    said: list[tuple[tuple[str, ...], str]] = []
    if (before.module is None or wish.entry_point) and not _has_roles(before):
        said.append((("entry_points", "main"), entry))
    if means.named and (wish.environment or now.settings.environment is None):
        said.append((("environment",), environment.name))
    if requirements_file:
        said.append((("requirements_file",), requirements_file))
    for keys, value in said:
        written = _set(draft, keys, value)
        if isinstance(written, CannotEdit):
            return written
        draft = written
    return draft
