"""`mlreef-bot init --template`: a repository to begin with, in a folder and, if wanted, as a project in GitLab.

Everything is looked at before anything is written, and what an earlier run left half done is finished.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from bot.adapters.catalogue_api import read_address, would_show_token
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.new_projects import NewProjects
from bot.describing import load_report
from bot.domain.new_project import CannotMake, NewProject, Standing, plan_project
from bot.domain.templates import (
    Begun,
    TemplateWish,
    faults_of,
    fill,
    name_of_folder,
    path_of_name,
    plan_files,
)
from bot.domain.text import printable, problem_lines
from bot.errors import OperatorError, Refused, TryAgain

TOKENS = ("MLREEF_TOKEN", "GITLAB_TOKEN")
"""Variables of the environment that hold the token of whoever makes a project; the first that is set."""

ADDRESSES = ("GITLAB_URL", "CI_SERVER_URL")
"""Variables that say where GitLab is."""

TIMEOUT_SECONDS = 30.0
"""Time for one piece of an answer of GitLab's."""

PACKAGE = "repository_templates"


@dataclass(frozen=True, slots=True)
class ProjectWish:
    """A project in GitLab as somebody asked for it; "" is left to the environment, the user and the module's name."""

    gitlab: str = ""
    path: str = ""


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
        options.name or name_of_folder(options.path.resolve().name),
        options.description or "",
        options.input_type or "",
        options.output_type or "",
        options.visibility or "private",
    )
    return wish, ProjectWish(options.gitlab or "", options.project or "") if options.create else None


@dataclass(frozen=True, slots=True)
class _Plan:
    """A project that is to be made or finished, by whoever the token belongs to."""

    projects: NewProjects
    new: NewProject
    namespace_id: int | None
    found: Standing | None
    left: str


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
    plan = None if project is None else _plan_project(project, wish, wanted, environ)
    _write(folder, begun, say)
    made = None if plan is None else _make(plan, wanted, say)
    _tell(folder, made, say)


def load_template(name: str) -> dict[str, bytes]:
    """A template's files by their paths in the repository."""
    root = Path(str(files(PACKAGE).joinpath(name)))
    # python leaves compiled files beside those that it installs
    found = (file for file in sorted(root.rglob("*")) if "__pycache__" not in file.parts)
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in found if file.is_file()}


def _look(folder: Path, paths: Iterable[str]) -> dict[str, bytes | None]:
    """What is there of some paths; None for what is no plain file, or lies behind a link or a file."""
    if folder.exists() and not folder.is_dir():
        raise OperatorError(
            f"{folder} is no folder.", "Give the folder of a repository, or one that is to be."
        )
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
            file.parent.mkdir(parents=True, exist_ok=True)
            # made anew or not at all: somebody may have been quicker
            with file.open("xb") as stream:
                stream.write(begun.files[path])
        except OSError as error:
            raise OperatorError(
                f"{file} cannot be written: {error.strerror}.",
                "Look at the folder and its permissions; run this again, and it goes on from here.",
            ) from None
        say(printable(f"Wrote {path}"))
    if not begun.missing:
        say(printable(f"All {len(begun.files)} files are in {folder} already."))


def _plan_project(
    wish: ProjectWish, template: TemplateWish, wanted: Mapping[str, bytes], environ: Mapping[str, str]
) -> _Plan:
    projects = NewProjects(_client(wish, environ))
    try:
        me = projects.fetch_me()
    except OperatorError as error:
        raise OperatorError(str(error).replace("the bot's", "your"), _TOKEN_HINT) from error
    namespace, _, path = wish.path.strip("/").rpartition("/")
    name = template.filled().name
    path = path or path_of_name(name)
    if not path:
        raise OperatorError(
            "no path for the project follows from its name", "Give one by --project GROUP/PATH."
        )
    own = namespace.lower() in ("", me.username.lower())
    namespace_id = None if own else projects.fetch_namespace(namespace)
    if not own and namespace_id is None:
        raise Refused(f"Nothing was written: GitLab shows {me.username} no group {printable(namespace)}.")
    full_path = f"{me.username if own else namespace}/{path}"
    found = projects.fetch_standing(full_path, wanted)
    left = plan_project(found, me.id)
    if isinstance(left, CannotMake):
        raise Refused(f"Nothing was written: {full_path}: {left.why}. {left.mend}")
    description = template.filled().description
    new = NewProject(namespace, path, name, description, template.visibility, template.topics)
    return _Plan(projects, new, namespace_id, found, left)


_TOKEN_HINT = (
    f"Set {TOKENS[0]} to a personal access token of yours with the scope api, made in GitLab under Preferences › "
    "Access tokens."
)


def _client(wish: ProjectWish, environ: Mapping[str, str]) -> GitlabClient:
    url = wish.gitlab or next((environ[name] for name in ADDRESSES if environ.get(name)), "")
    token = next((environ[name] for name in TOKENS if environ.get(name)), "")
    if not url:
        raise OperatorError("it is not said where GitLab is", f"Give --gitlab URL, or set {ADDRESSES[0]}.")
    if not token:
        raise OperatorError("there is no token to make a project with", _TOKEN_HINT)
    address = read_address(url)
    if address is None:
        raise OperatorError(f"{url!r} is no address of a GitLab", "Give it as in https://gitlab.example.com")
    if would_show_token(address):
        raise OperatorError(
            f"the token would go to {address.netloc} unencrypted", "Give an address that begins with https://"
        )
    return GitlabClient(url, token, TIMEOUT_SECONDS)


def _make(plan: _Plan, wanted: Mapping[str, bytes], say: Callable[[str], None]) -> Standing:
    project = plan.found
    try:
        if project is None:
            project = plan.projects.make(plan.new, plan.namespace_id)
            say(printable(f"Made the project {project.web_url}, which is {plan.new.visibility}."))
        elif plan.left == "fill":
            plan.projects.settle(project, plan.new)
        if plan.left == "nothing":
            say(printable(f"The project is there already, with these files: {project.web_url}"))
        else:
            plan.projects.fill(project, wanted)
            say("Pushed the files as its first commit.")
    except TryAgain as error:
        raise TryAgain(f"{error}. Run the same command again; it goes on from here.") from error
    return project


def _tell(folder: Path, project: Standing | None, say: Callable[[str], None]) -> None:
    report = load_report(folder)
    for line in problem_lines(report.problems):
        say(line)
    if project is None:
        say("It can be published as it is: put your own work in, commit and push.")
        return
    say("The bot publishes it as soon as it hears of it: by a webhook of the project's, or of its group's.")
    say(printable(f"To work on it: git clone {project.git_url}"))
