"""A catalogue with modules of every visibility beside a GitLab with people of every kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.modules import Described
from bot.adapters.publications import Publication
from bot.adapters.store import Store
from bot.adapters.visibility import Visibility
from bot.browsing import Browser
from bot.domain.access import ANONYMOUS, Person
from bot.domain.catalogue import ListedModule, ListedVersion, VersionState
from bot.domain.experiment import read_experiment
from bot.domain.plan import State
from bot.domain.runs import KeptRun, Model, Record
from parser.model import EntryPoint, Kind, Module, Parameter, Place
from parser.wire import canonical, module_to_dict
from sandbox.gitlab import Sandbox
from sandbox.gitlab.values import DEVELOPER, GUEST, MAINTAINER, REPORTER, Project

LEVELS = {"guest": GUEST, "reporter": REPORTER, "developer": DEVELOPER, "maintainer": MAINTAINER}
REGISTRY = "127.0.0.1:9"
"""Nobody listens there."""

PEOPLE = ("anonymous", "external", "stranger", *LEVELS)
PROJECTS = ("public", "internal", "private", "public-images", "public-code")
"""Kinds of projects: two of the public ones keep their images, or their code, to their members."""


def sees(who: str, kind: str) -> bool:
    """Whether GitLab lets somebody read the code of such a project: its own table of permissions."""
    member = who in ("reporter", "developer", "maintainer")
    if kind in ("public", "public-images"):
        return True
    if kind == "internal":
        return who not in ("anonymous", "external")
    return member or (kind == "public-code" and who == "guest")


def gets_images(who: str, kind: str) -> bool:
    """Whether GitLab's registry gives somebody the images of such a project."""
    return sees(who, kind) and (kind != "public-images" or who in ("reporter", "developer", "maintainer"))


GIVEN_TO = {
    "access: all": PEOPLE,
    "access: developer": ("developer", "maintainer"),
    "public: false": ("developer", "maintainer"),
    "access: maintainer": ("maintainer",),
}
"""What a job may say of its artifacts, and to whom GitLab gives them then, of those who may see the project."""

EXPERIMENT = read_experiment(b'{"0": {"acc": 0.5}, "1": {"acc": 0.75}}')


def digest_of(project_id: int, number: int) -> str:
    return f"sha256:{project_id:032x}{number:032x}"


def sha_of(project_id: int, number: int) -> str:
    return f"{project_id:020x}{number:020x}"


def module_of(name: str, *parameters: str) -> Module:
    place = Place("main.py", 1, 0)
    made = tuple(
        Parameter(one, (f"--{one}",), one, "str", "a", False, None, None, "store", None, place)
        for one in parameters
    )
    return Module(
        name, "module", Kind.OPERATION, "IMAGE", "IMAGE", "ada", f"What {name} does.", None,
        (EntryPoint("main", "main.py"),), made, None,
    )  # fmt: skip


@dataclass
class Shop:
    """The store, the GitLab, its projects by kind and its people by what they are."""

    gitlab: Sandbox
    store: Store
    projects: dict[str, Project] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=lambda: {"anonymous": ANONYMOUS})

    def visibility(self, cache_seconds: float = 0.0) -> Visibility:
        return Visibility(self.gitlab.url, 5.0, cache_seconds)

    def browser(self, cache_seconds: float = 0.0) -> Browser:
        return Browser(self.store, self.visibility(cache_seconds))

    def add_people(self) -> None:
        for name in PEOPLE[1:]:
            user = self.gitlab.create_user(name, external=name == "external")
            self.people[name] = Person(user.id, user.username, user.token)

    def add_project(self, kind: str) -> Project:
        """A project of that kind with all its members, and a module of two versions."""
        owner = self.gitlab.state.user_named("owner") or self.gitlab.create_user("owner")
        project = self.gitlab.create_project(f"group/{kind}", owner, visibility=kind.partition("-")[0])
        project.topics = ("noise",)
        if kind == "public-images":
            project.registry_access = "private"
        if kind == "public-code":
            project.repository_access = "private"
        for name, level in LEVELS.items():
            if name in self.people:
                project.members[self.people[name].id or 0] = level
        self.projects[kind] = project
        self.publish(project, self.version(project, 1, "1.0.0"), self.version(project, 2, "1.1.0"))
        return project

    def version(
        self, project: Project, number: int, version: str, state: VersionState = VersionState.PUBLISHED
    ) -> ListedVersion:
        digest = digest_of(project.id, number)
        module = module_of(project.path, *("mode", "seed")[:number])
        self.store.keep_described(Described(digest, canonical(module_to_dict(module)), version=version))
        branch = "main" if version else "stable"
        image = f"{REGISTRY}/{project.full_path}"
        sha = sha_of(project.id, number)
        return ListedVersion(
            project.id, branch, number, version, sha, digest, image, 1000, state, 1e9 + number, 70 + number
        )

    def publish(self, project: Project, *versions: ListedVersion) -> None:
        """Put a module into the catalogue, as it stands when these versions do."""
        url = self.gitlab.core.web_url(project)
        newest = next((one for one in reversed(versions) if one.state.available), None)
        self.store.list_module(
            ListedModule(
                project.id, project.full_path, url, project.visibility, f"Secret {project.path}", "module",
                "OPERATION", "IMAGE", "IMAGE", "What it does.", "ada", project.topics, ("mode", "seed"),
                "# Read me", newest, 1e9,
            ),
            versions,
        )  # fmt: skip

    def keep_run(
        self,
        kind: str,
        number: int,
        module: str,
        model: Model | None = None,
        artifacts: str = "access: all",
    ) -> int:
        """A run in the project of that kind, which GitLab has as a job with artifacts; gives that job's number."""
        project = self.projects[kind]
        owner = self.gitlab.state.users[project.owner_id]
        ci = f"train:\n  script: echo {number}\n  artifacts: {{name: mlreef-run, {artifacts}}}\n"
        sha = self.gitlab.commit(project.id, owner, {".gitlab-ci.yml": ci}, f"Run {number}")
        pipeline = self.gitlab.pipelines(project.id, sha)[0]
        job = self.gitlab.job(pipeline.id, "train")
        self.gitlab.finish_job(job.id, artifacts=b"an archive")
        record = Record(module, "1.1.0", model=model)
        url = f"{self.gitlab.url}/job/{number}"
        at = 1e9 + number
        self.store.keep_run(
            KeptRun(project.id, job.id, pipeline.id, "main", sha, "train", url, record, EXPERIMENT, at)
        )
        return job.id

    def attempt(self, project: Project, state: State, pipeline_id: int | None = None) -> Publication:
        return self.store.ensure_publication(
            Publication(project.id, "main", sha_of(project.id, 9), "", state.value, pipeline_id)
        )


def open_shop(gitlab: Sandbox, folder: Path, kinds: Iterable[str] = PROJECTS) -> Shop:
    """A shop with all people, and a project of each of these kinds."""
    shop = Shop(gitlab, Store.prepare(f"sqlite:///{folder / 'bot.db'}"))
    shop.add_people()
    for kind in kinds:
        shop.add_project(kind)
    return shop
