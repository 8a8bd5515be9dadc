"""A project in GitLab for a repository to begin with: planned before its files are written, made afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.adapters.catalogue_api import read_address, would_show_token
from bot.adapters.gitlab_client import GitlabClient
from bot.adapters.new_projects import NewProjects
from bot.domain.new_project import CannotMake, Left, NewProject, Standing, plan_project
from bot.domain.templates import TemplateWish, fault_of_path, path_of_name
from bot.domain.text import printable
from bot.errors import OperatorError, Refused, TryAgain

TOKENS = ("MLREEF_TOKEN", "GITLAB_TOKEN")
"""Variables of the environment that hold the token of whoever makes a project; the first that is set."""

ADDRESSES = ("GITLAB_URL", "CI_SERVER_URL")
"""Variables that say where GitLab is."""

TIMEOUT_SECONDS = 30.0
"""Time for one piece of an answer of GitLab's."""


@dataclass(frozen=True, slots=True)
class ProjectWish:
    """A project in GitLab as somebody asked for it; "" is left to the environment, the user and the module's name."""

    gitlab: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A project that is to be made or finished, by whoever the token belongs to."""

    projects: NewProjects
    new: NewProject
    namespace_id: int | None
    found: Standing | None
    left: Left


def plan_making(
    wish: ProjectWish, template: TemplateWish, wanted: Mapping[str, bytes], environ: Mapping[str, str]
) -> Plan:
    """What is to be done in GitLab, after a look at all that could be in the way; nothing is changed yet.

    Raises Refused for what is in the way, OperatorError for an address or token that is no good.
    """
    namespace, _, path = wish.path.strip("/").rpartition("/")
    path = path or path_of_name(template.filled().name)
    if not path:
        raise OperatorError(
            "no path for the project follows from its name", "Give one by --project GROUP/PATH."
        )
    if fault := fault_of_path(path):
        raise OperatorError(
            f"{printable(path)} can be no project's path: {fault}", "Give another by --project."
        )
    projects = NewProjects(_client(wish, environ))
    try:
        me = projects.fetch_me()
    except OperatorError as error:
        raise OperatorError(str(error).replace("the bot's", "your"), _TOKEN_HINT) from error
    own = namespace.lower() in ("", me.username.lower())
    namespace_id = None if own else projects.fetch_namespace(namespace)
    if not own and namespace_id is None:
        raise Refused(f"Nothing was written: GitLab shows {me.username} no group {printable(namespace)}.")
    full_path = f"{me.username if own else namespace}/{path}"
    found = projects.fetch_standing(full_path, wanted)
    left = plan_project(found, me.id)
    if isinstance(left, CannotMake):
        raise Refused(f"Nothing was written: {full_path}: {left.why}. {left.mend}")
    whole = template.filled()
    new = NewProject(namespace, path, whole.name, whole.description, whole.visibility, whole.topics)
    return Plan(projects, new, namespace_id, found, left)


_TOKEN_HINT = (
    f"Set {TOKENS[0]} to a personal access token of yours with the scope api, made in GitLab under Preferences › "
    "Access tokens."
)


def _client(wish: ProjectWish, environ: Mapping[str, str]) -> GitlabClient:
    url = wish.gitlab or first_set(ADDRESSES, environ)
    if not url:
        raise OperatorError("it is not said where GitLab is", f"Give --gitlab URL, or set {ADDRESSES[0]}.")
    token = check_token(environ)
    check_address(url)
    return GitlabClient(url, token, TIMEOUT_SECONDS)


def first_set(names: Sequence[str], environ: Mapping[str, str]) -> str:
    """The value of the first of some variables that is set; "" for none."""
    return next((environ[name] for name in names if environ.get(name)), "")


def check_token(environ: Mapping[str, str]) -> str:
    """The token to make a project with. OperatorError where there is none."""
    token = first_set(TOKENS, environ)
    if not token:
        raise OperatorError("there is no token to make a project with", _TOKEN_HINT)
    return token


def check_address(url: str) -> None:
    """OperatorError where this is no address of a GitLab, or would show the token to a network."""
    address = read_address(url)
    if address is None:
        raise OperatorError(f"{url!r} is no address of a GitLab", "Give it as in https://gitlab.example.com")
    if would_show_token(address):
        raise OperatorError(
            f"the token would go to {address.netloc} unencrypted", "Give an address that begins with https://"
        )


def make(plan: Plan, wanted: Mapping[str, bytes], say: Callable[[str], None]) -> Standing:
    """Do it; what an earlier run left half done is finished. TryAgain, Refused and OperatorError as GitLab has it."""
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
