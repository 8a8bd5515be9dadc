"""`mlreef-bot init --template`: a repository to begin with, in a folder and, if wanted, as a project in GitLab.

Everything is looked at before anything is written, and what an earlier run left half done is finished.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from bot.adapters.worktree import pushed_paths, work_tree_of
from bot.describing import load_report
from bot.domain.begun_words import Ground, begun_lines
from bot.domain.new_project import Standing
from bot.domain.templates import (
    Begun,
    TemplateWish,
    faults_of,
    fill,
    name_of_folder,
    plan_files,
)
from bot.domain.text import printable, problem_lines
from bot.errors import OperatorError, Refused
from bot.local.anew import write_anew
from bot.local.making import ProjectWish, make, plan_making

PACKAGE = "repository_templates"


def wishes_of(options: argparse.Namespace) -> tuple[TemplateWish, ProjectWish | None] | None:
    """What the command's options ask for; None where they speak of no template. OperatorError for half of it."""
    others = ("name", "description", "input_type", "output_type", "create", "project", "gitlab", "visibility")
    if options.template is None:
        given = next((name for name in others if getattr(options, name)), None)
        if given is None:
            return None
        option = given if given != "visibility" else options.visibility
        raise OperatorError(f"--{option.replace('_', '-')} goes with a template", "Give --template as well.")
    clash = next((one for one in ("entry_point", "environment", "skeleton") if getattr(options, one)), None)
    if clash is not None:
        raise OperatorError(
            f"--{clash.replace('_', '-')} is for a repository that is there, --template for a new one",
            "Leave one of them out.",
        )
    if not options.create and (options.project or options.gitlab or options.visibility):
        raise OperatorError("these options say how a project is made", "Give --create as well.")
    wish = TemplateWish(
        options.template,
        options.name or name_of_folder(Path(os.path.realpath(options.path)).name),
        options.description or "",
        options.input_type or "",
        options.output_type or "",
        options.visibility or "private",
    )
    return wish, ProjectWish(options.gitlab or "", options.project or "") if options.create else None


def begin(
    folder: Path,
    wish: TemplateWish,
    project: ProjectWish | None,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Write the template's files and make the project. Refused with all that is in the way; nothing is written then."""
    faults = faults_of(wish)
    if faults:
        raise OperatorError("\n".join(faults), "Give the options again.")
    wanted = fill(load_template(wish.template), wish)
    begun = plan_files(wanted, _look(folder, wanted))
    if begun.otherwise:
        raise Refused(_in_the_way(folder, begun))
    plan = None if project is None else plan_making(project, wish, wanted, environ)
    _write(folder, begun, say)
    made = None if plan is None else make(plan, wanted, say)
    _tell(folder, wanted, made, say)


def load_template(name: str) -> dict[str, bytes]:
    """A template's files by their paths in the repository."""
    root = Path(str(files(PACKAGE).joinpath(name)))
    # python leaves compiled files beside those that it installs
    found = (file for file in sorted(root.rglob("*")) if "__pycache__" not in file.parts)
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in found if file.is_file()}


def _look(folder: Path, paths: Iterable[str]) -> dict[str, bytes | None]:
    """What is there of some paths; None for what is no plain file, or lies behind a link or a file."""
    hint = "Give the folder of a repository, or one that is to be."
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            raise OperatorError(f"{folder} is no folder.", hint)
        # a name that is too long, or a folder above that is closed, is seen by this alone
        folder.stat()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OperatorError(f"{folder} cannot be looked at: {error.strerror}.", hint) from None
    there: dict[str, bytes | None] = {}
    for path in paths:
        file = folder / path
        above = [folder / one for one in Path(path).parents if str(one) != "."]
        if any(os.path.lexists(one) and (one.is_symlink() or not one.is_dir()) for one in above):
            there[path] = None
        elif os.path.lexists(file):
            try:
                there[path] = file.read_bytes() if file.is_file() and not file.is_symlink() else None
            except OSError:
                there[path] = None
    return there


def _in_the_way(folder: Path, begun: Begun) -> str:
    lines = [f"Nothing was written: in {folder} these files are there already, and are not the template's:"]
    lines += [f"  {path}" for path in begun.otherwise]
    lines.append("Take another folder, or move them away. `mlreef-bot init DIR` alone sets up what is there.")
    return "\n".join(map(printable, lines))


def _write(folder: Path, begun: Begun, say: Callable[[str], None]) -> None:
    for path in begun.missing:
        file = folder / path
        try:
            write_anew(file, begun.files[path])
        except OSError as error:
            raise OperatorError(
                f"{file} cannot be written: {error.strerror}.",
                "Look at the folder and its permissions; run this again, and it goes on from here.",
            ) from None
        say(printable(f"Wrote {path}"))
    if not begun.missing:
        say(printable(f"All {len(begun.files)} files are in {folder} already."))


def _tell(folder: Path, wanted: Iterable[str], project: Standing | None, say: Callable[[str], None]) -> None:
    report = load_report(folder)
    for line in problem_lines(report.problems):
        say(line)
    top, pushed = work_tree_of(folder), pushed_paths(folder)
    ground = Ground(
        os.path.realpath(folder),
        "" if top is None else str(top),
        () if pushed is None else tuple(sorted(set(wanted) - set(pushed))),
        report.refused,
    )
    for line in begun_lines(ground, None if project is None else project.git_url):
        say(printable(line))
