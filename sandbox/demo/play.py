"""The play: what the author does, what follows from it, and how it ended."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gitlab
from gitlab.v4.objects import Project

from bot.domain.choice import plan_environment
from bot.errors import OperatorError, Refused, TryAgain
from parser.model import Engine, Problem, Report
from parser.read import read
from parser.source import load_source
from parser.wire import report_to_dict
from sandbox.demo import control_file, images, story
from sandbox.demo.author import Clone, copy_tree, new_clone
from sandbox.demo.checks import MLOPEN, NOISE
from sandbox.demo.children import DemoError
from sandbox.demo.outcome import Ending, Outcome, to_line
from sandbox.demo.second_act import SecondAct
from sandbox.demo.stage import (
    AUTHOR,
    BOT,
    BRANCH,
    USER,
    Images,
    RunningBot,
    bring_base,
    ensure_images,
    environment,
    open_bases,
    open_catalogue,
    running_bot,
)
from sandbox.demo.terminal import Line, Style, Terminal
from sandbox.demo.third_act import ThirdAct
from sandbox.demo.watch import Delivery, Scene, Watch
from sandbox.executor import GitlabCiLocal
from sandbox.executor.bare import BareMachine
from sandbox.gitlab import Sandbox
from sandbox.images.base import ensure_base
from sandbox.images.host_base import NoBase
from sandbox.images.running import Engine as DockerEngine
from sandbox.images.running import Order, Way, find_way
from sandbox.node import ensure_helper_image, ensure_tools
from sandbox.plan import Executor
from sandbox.registry import RegistryServer

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "add-noise"
PICTURE = SAMPLE / "images" / "harbour.png"
SAMPLES = {NOISE: SAMPLE, MLOPEN: control_file.SAMPLE}
CACHE = ROOT / ".cache" / "demo"
"""The base image, and whatever the jobs of one run leave for those of the next."""

RUNS = ROOT / ".demo"
"""Each run has a folder of its own in here: logs, and the picture that came out. The next run takes it away."""


@dataclass
class Clock:
    """How long the parts took, in seconds."""

    began: float = field(default_factory=time.monotonic)
    parts: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def measure(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.parts[name] = time.monotonic() - start

    def total(self) -> dict[str, float]:
        """All parts, and the whole as `total`."""
        return {**self.parts, "total": time.monotonic() - self.began}


def play(
    repository: Path | None,
    terminal: Terminal,
    *,
    engine: Engine,
    sample: str,
    keep: bool,
    tell_outcome: Callable[[str], None],
) -> Outcome:
    """The whole way for a repository (None: the sample); the outcome's line is told before anything is kept up."""
    played = None if repository else sample
    clock = Clock()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_run_folder())
        terminal.tell_all(story.chapter(1, "The stage: a GitLab, its registry and runner, the bot"))
        stage = _set_up(stack, engine, folder, terminal, clock)
        outcome, extra = _publish(
            stage, repository or SAMPLES[sample], folder, terminal, clock, sample=played
        )
        terminal.tell_all(story.summary(outcome, [*extra, ("logs", str(folder))]))
        tell_outcome(to_line(outcome))
        if keep:
            _keep_up(stage, terminal)
        terminal.tell(story.step("ending what was started"))
    return outcome


@contextlib.contextmanager
def _run_folder() -> Iterator[Path]:
    """A folder for this run; those of earlier runs that have ended are taken away."""
    RUNS.mkdir(exist_ok=True)
    for old in RUNS.iterdir():
        with contextlib.suppress(OSError), (old / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old, ignore_errors=True)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    folder = RUNS / f"{stamp}-{os.getpid()}"
    folder.mkdir()
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@dataclass(frozen=True, slots=True)
class Stage:
    """What is up while the play goes on."""

    sandbox: Sandbox
    registry: str
    catalogue: str
    bot: RunningBot
    bot_id: int
    images: Images
    way: Way


Join = Callable[[RegistryServer], tuple[Executor, Images]]
"""With a registry, what was prepared before becomes what runs the jobs, and the images that they use."""


def _set_up(
    stack: contextlib.ExitStack, engine: Engine, folder: Path, terminal: Terminal, clock: Clock
) -> Stage:
    way = find_way(folder / "images", CACHE / "unpacked")
    if way is None:
        raise DemoError("this machine has neither a Docker engine nor namespaces that its users may make")
    join = (_prepare_docker if engine == "docker" else _prepare_layers)(way, terminal, clock)
    with clock.measure("start"):
        registry = stack.enter_context(RegistryServer(folder / "registry"))
        executor, made = join(registry)
        sandbox = stack.enter_context(Sandbox(folder / "gitlab", executor=executor, registry=registry))
        open_bases(sandbox)
        if isinstance(way, DockerEngine):
            stack.callback(images.forget, registry.address)
        terminal.tell(story.happened(f"GitLab at {sandbox.url}, registry at {registry.address}"))
        user = sandbox.create_user(BOT)
        catalogue = open_catalogue(sandbox)
        bot = stack.enter_context(running_bot(sandbox.url, user.token, folder / "bot", made, catalogue))
        terminal.tell(story.happened(f"mlreef-bot serve, listening at {bot.hook_url}"))
        terminal.tell(story.happened(f"its catalogue of modules, at {catalogue.url}"))
    return Stage(sandbox, registry.address, catalogue.url, bot, user.id, made, way)


def _prepare_docker(_way: Way, terminal: Terminal, clock: Clock) -> Join:
    """The engine builds and runs everything, the bot's own image included; gitlab-ci-local runs the jobs."""

    def faintly(line: str) -> None:
        if story.build_step(line):
            terminal.tell(story.job_line("docker build", line))

    with clock.measure("images"):
        terminal.tell(story.step("the bot's image, which the jobs of the pipeline run in"))
        made = ensure_images(faintly)
        terminal.tell(story.happened(f"{made.bot}, on {made.base} with Python {made.python}"))
    with clock.measure("executor"):
        tools = ensure_tools()
        executor = GitlabCiLocal(tools, helper_image=ensure_helper_image(made.base))
        terminal.tell(story.happened("the CI executor, gitlab-ci-local"))
    return lambda _registry: (executor, made)


def _prepare_layers(way: Way, terminal: Terminal, clock: Clock) -> Join:
    """No engine builds anything: the base is files, and the bot's own jobs run by the bot of this machine."""
    with clock.measure("images"):
        try:
            layout = ensure_base(CACHE / "base", lambda line: terminal.tell(story.step(line)))
        except (NoBase, TryAgain, Refused, OperatorError) as error:
            raise DemoError(f"there is no base image: {error}") from None
        terminal.tell(story.happened(f"a base image with Python {layout.python}, made of files"))
    terminal.tell(story.happened(f"a runner; images of modules are {way.words}"))

    def join(registry: RegistryServer) -> tuple[Executor, Images]:
        made = bring_base(registry, layout)
        return BareMachine(made.bot, made.base, way, CACHE), made

    return join


@dataclass(frozen=True, slots=True)
class Work:
    """The author's side of the publication: the working copy, the project, and the merge that starts it all."""

    clone: Clone
    project: Project
    merge_request: int
    merged: str
    report: Report


def _do_the_authors_part(stage: Stage, repository: Path, folder: Path, terminal: Terminal) -> Work:
    """A project with a README; the bot invited; a branch pushed, a merge request opened and merged."""
    alice = stage.sandbox.create_user(AUTHOR)
    client = gitlab.Gitlab(stage.sandbox.url, private_token=alice.token, timeout=30)
    name = _project_name(repository)
    project = client.projects.create({"name": name, "path": name, "visibility": "public"})
    url = (
        stage.sandbox.url.replace("://", f"://{AUTHOR}:{alice.token}@")
        + f"/{project.path_with_namespace}.git"
    )
    clone = new_clone(folder / "clone", url, BRANCH)
    (clone.directory / "README.md").write_text(f"# {name}\n", "utf-8")
    clone.commit("Say what this is")
    clone.push(BRANCH)
    terminal.tell(
        story.happened(f"{AUTHOR} has the project {project.path_with_namespace}, with a README on {BRANCH}")
    )

    project.members.create({"user_id": stage.bot_id, "access_level": gitlab.const.AccessLevel.DEVELOPER})
    _let_the_bot_push(project, stage.bot_id)
    project.ci_config_path = "mlreef.yml"
    project.save()
    project.hooks.create(
        {
            "url": stage.bot.hook_url,
            "token": stage.bot.hook_secret,
            "push_events": True,
            "merge_requests_events": True,
            "note_events": True,
            "pipeline_events": True,
            "job_events": True,
        }
    )
    terminal.tell(story.happened(f"invites {BOT}, sets the CI file to mlreef.yml and the webhook to the bot"))

    clone.git("checkout", "--quiet", "-b", "publish-it")
    count = copy_tree(repository, clone.directory)
    clone.commit(f"Bring {name}")
    said = clone.push("publish-it")
    terminal.tell(story.happened(f"git push of {count} files to the branch publish-it"))
    terminal.tell_all(story.job_line("git push", line) for line in said.splitlines() if line.strip())
    request = project.mergerequests.create(
        {"source_branch": "publish-it", "target_branch": BRANCH, "title": f"Publish {name}"}
    )
    merged = request.merge()["merge_commit_sha"]
    terminal.tell(
        story.happened(f"merge request !{request.iid} opened and merged: {BRANCH} is at {merged[:8]}")
    )
    # What the bot will read is the merge: the README and the files of the branch.
    report = _with_environment(read(load_source(clone.directory), project.name), stage.images)
    return Work(clone, project, request.iid, merged, report)


def _with_environment(report: Report, made: Images) -> Report:
    """The report with what only the operator's settings can say against it."""
    offered = environment(made)
    chosen = plan_environment(report, (offered,), offered.name)
    if isinstance(chosen, Problem):
        return replace(report, problems=(*report.problems, chosen))
    return report


def _project_name(repository: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", repository.name.lower()).strip("-") or "module"


def _let_the_bot_push(project: Project, bot_id: int) -> None:
    with contextlib.suppress(gitlab.exceptions.GitlabError):
        project.protectedbranches.delete(BRANCH)
    project.protectedbranches.create(
        {
            "name": BRANCH,
            "allowed_to_push": [{"user_id": bot_id}, {"access_level": 40}],
            "allowed_to_merge": [{"access_level": 40}],
        }
    )


def _publish(
    stage: Stage, repository: Path, folder: Path, terminal: Terminal, clock: Clock, *, sample: str | None
) -> tuple[Outcome, list[tuple[str, str]]]:
    terminal.tell_all(story.chapter(2, "The author pushes, opens a merge request and merges it"))
    with clock.measure("author"):
        work = _do_the_authors_part(stage, repository, folder, terminal)
    scene = Scene(
        project=work.project,
        branch=BRANCH,
        merged=work.merged,
        merge_request=work.merge_request,
        bot=BOT,
        report=work.report,
        deliveries=lambda: _deliveries(stage.sandbox),
        log=stage.bot.log,
        still_alive=stage.bot.still_alive,
    )
    watch = Watch(scene, terminal)
    with clock.measure("publication"):
        ending = watch.until_it_ended()
    clock.parts.update({f"to {name}": value for name, value in watch.seen.seconds.items()})
    image, version = _published_image(work.project) if ending is Ending.PUBLISHED else (None, None)
    extra: list[tuple[str, str]] = []
    if image is not None:
        terminal.tell_all(story.chapter(8, "The image runs"))
        with clock.measure("run"):
            ran, extra = _run_once(stage, image, repository.name, folder, terminal, sample=sample)
        ending = ending if ran else Ending.FAILED
    statuses = [
        {"name": name, "sha": sha, "state": state, "description": words}
        for (sha, name), (state, words) in watch.seen.statuses.items()
    ]
    notes = [{"on": where, "body": body} for (where, _), body in watch.seen.notes.items()]
    if sample == NOISE and ending is Ending.PUBLISHED:
        with clock.measure("second act"):
            act = SecondAct(work.project, work.clone, BRANCH, AUTHOR, BOT, stage.bot.still_alive, terminal)
            played = act.play()
        statuses += played.statuses
        notes += played.notes
        ending = ending if played.published else Ending.FAILED
    if sample == NOISE and ending is Ending.PUBLISHED:
        with clock.measure("third act"):
            used = _use_it(stage, work.project.path_with_namespace, terminal).play(folder / "used")
        ending = ending if used else Ending.FAILED
        extra += [("used", str(used))] if used else []
    wire = report_to_dict(work.report)
    outcome = Outcome(
        ending,
        image,
        version,
        statuses=tuple(statuses),
        notes=tuple(notes),
        seconds=clock.total(),
        problems=tuple(wire["problems"]),
    )
    return outcome, extra


def _use_it(stage: Stage, module: str, terminal: Terminal) -> ThirdAct:
    bob = stage.sandbox.create_user(USER)
    client = gitlab.Gitlab(stage.sandbox.url, private_token=bob.token, timeout=30)
    return ThirdAct(client, USER, stage.catalogue, module, PICTURE, stage.bot.still_alive, terminal)


def _deliveries(sandbox: Sandbox) -> list[Delivery]:
    return [
        Delivery(
            id=sent.id,
            event=sent.event,
            about=_about(sent.payload),
            status=sent.status,
            why=_why(sent.answer),
            seconds=sent.seconds,
            done=sent.status is not None or bool(sent.error),
        )
        for sent in list(sandbox.hook_deliveries)
    ]


def _about(payload: Mapping[str, Any]) -> str:
    """What a hook is about, in a word: a branch, or what happened to a merge request."""
    if "ref" in payload:
        return str(payload["ref"]).removeprefix("refs/heads/")
    return str(payload.get("object_attributes", {}).get("action") or "")


def _why(answer: str) -> str:
    try:
        return str(json.loads(answer).get("why", ""))
    except (ValueError, AttributeError):
        return ""


def _published_image(project: Project) -> tuple[str | None, str | None]:
    """The image by digest, and its number, from the tags in GitLab's container registry."""
    for repository in project.repositories.list(get_all=True):
        for tag in repository.tags.list(get_all=True):
            numbered = re.fullmatch(rf"{re.escape(BRANCH)}-(\d+)", tag.name)
            if numbered:
                digest = repository.tags.get(tag.name).digest
                return f"{repository.location}@{digest}", numbered[1]
    return None, None


def _run_once(
    stage: Stage, image: str, name: str, folder: Path, terminal: Terminal, *, sample: str | None
) -> tuple[bool, list[tuple[str, str]]]:
    """Run the published image: a sample on its own data, another module with --help."""
    terminal.tell(story.step(f"it is {stage.way.words}"))
    if sample == MLOPEN:
        ran, found = control_file.train_and_run(stage.way, image, folder, terminal)
        return ran, [*found, *_keep(stage.way, image, name)]
    order = Order(image, arguments=("--help",))
    result = folder / "result"
    if sample:
        result.mkdir()
        # The image's user is another one than the person who runs the demo.
        result.chmod(0o777)
        picture = f"/data/{PICTURE.name}"
        order = Order(
            image,
            arguments=("--input-path", picture, "--output-path", "/result", "--mode", "speckle"),
            binds=((PICTURE.parent.resolve(), "/data", False), (result.resolve(), "/result", True)),
        )
    terminal.tell(story.step(f"run IMAGE {' '.join(order.arguments)}"))
    code = images.run_published(
        stage.way, order, lambda line: terminal.tell(story.job_line("the module", line))
    )
    kept = _keep(stage.way, image, name)
    if not sample:
        return code == 0, kept
    made = sorted(path for path in result.rglob("*") if path.is_file())
    if code != 0 or not made:
        terminal.tell(story.went_wrong(f"the image ended with exit code {code} and wrote {len(made)} files"))
        return False, []
    terminal.tell(story.happened(f"the noisy picture: {made[0]}"))
    return True, [("picture", str(made[0])), *kept]


def _keep(way: Way, image: str, name: str) -> list[tuple[str, str]]:
    """Where there is an engine it keeps the image; how to run it there."""
    if not isinstance(way, DockerEngine):
        return []
    kept = f"mlreef-demo/{_project_name(Path(name))}:latest"
    images.keep_as(image, kept)
    return [("run it", f"docker run --rm {kept} --help")]


def _keep_up(stage: Stage, terminal: Terminal) -> None:
    """Leave everything running until Ctrl-C, which is then no failure."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    people = [person for name in (AUTHOR, USER, BOT) if (person := stage.sandbox.state.user_named(name))]
    terminal.tell(
        "",
        Line("  Everything stays up until Ctrl-C:", Style.STRONG),
        f"  GitLab    {stage.sandbox.url}  (API below /api/v4)",
        *(f"  token     {person.token} is {person.username}'s" for person in people),
        f"  catalogue {stage.catalogue}  (open it in a browser)",
        f"  registry  {stage.registry}",
        f"  webhook   {stage.bot.hook_url}",
        f"  bot's log {stage.bot.log}",
        f"  settings  {stage.bot.config}  (mlreef-bot … --config)",
        *(
            f"  clone     git clone {stage.sandbox.git_url(number)}"
            for number in stage.sandbox.state.projects
        ),
    )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            stage.bot.still_alive()
            time.sleep(1)
