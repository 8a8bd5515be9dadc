"""The second job: the commit → an image without rights, pushed as a candidate that nobody is told about yet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.adapters.checkout import Commit, load_blobs, load_tree
from bot.adapters.engine import Account, BuildFailed, Engine, Image
from bot.adapters.registry import Registry, read_image
from bot.ci.context import write_context
from bot.ci.dockerfile import USER, render_dockerfile
from bot.ci.failures import SHOWN_LINES, pip_cause
from bot.ci.handover import ensure_folder, write_dotenv
from bot.ci.job import CiJob
from bot.ci.log import Log
from bot.ci.probes import plan_document
from bot.ci.smoke_folder import STOP, write_smoke
from bot.ci.verify import Verdict, judge_checkout
from bot.domain.pipeline import PATH, PipelineSettings
from bot.domain.tags import REVISION_LABEL, candidate_tag
from bot.errors import OperatorError, TryAgain
from bot.layers.contents import Contents, plan_contents
from parser.model import SCHEMA, Module, Problem
from parser.wire import canonical, module_to_dict

MAX_LABEL_BYTES = 256 * 1024
"""Bytes of the label that holds the module; the engine takes all labels in one request line of 1 MiB."""


def build(job: CiJob, log: Log, connect: Callable[[], Engine] = Engine) -> int:
    """Runs the job. Exit code 1: the author has something to mend."""
    commit, judgement = judge_checkout(job)
    folder = ensure_folder(job.directory)
    module, settings = judgement.module, judgement.settings
    if judgement.verdict is Verdict.REFUSE:
        log.problems(judgement.problems)
        return 1
    if module is None or settings is None:
        log.say(f"{judgement.why} Nothing is built here.")
        _hand_over(folder, STOP, Verdict.STOP, job["MLREEF_BUILDER"], "")
        return 0

    log.say("1/4  Gathering the sources")
    contents = _contents(job.directory, commit, module)
    if not isinstance(contents, Contents):
        log.problems(contents)
        return 1
    _say_contents(log, commit, contents)

    log.say("2/4  Building the image")
    engine = connect()
    repository = job["CI_REGISTRY_IMAGE"].lower()
    tag = candidate_tag(commit.sha)
    account = Account(job["CI_REGISTRY_USER"], job["CI_REGISTRY_PASSWORD"])
    try:
        env = judgement.report.settings.env
        image = _build(engine, job, log, commit, module, settings, env, contents, f"{repository}:{tag}")
    except BuildFailed as failure:
        _say_failure(log, failure)
        return 1
    if not isinstance(image, Image):
        log.problems(image)
        return 1

    log.say("3/4  Pushing the candidate")
    digest = engine.push(repository, tag, account)
    _check_pushed(repository, tag, digest, account)
    log.say(f"     {repository}@{digest}")

    log.say("4/4  Handing over to the next jobs")
    wishes = judgement.report.settings
    plan = plan_document(module, judgement.problems, wishes, commit.source.entries)
    _hand_over(folder, plan, Verdict.PUBLISH, f"{repository}@{digest}", digest)
    return 0


def _contents(checkout: Path, commit: Commit, module: Module) -> Contents | tuple[Problem, ...]:
    tree = load_tree(checkout, commit.sha)
    link_files = [file for file in tree if file.kind == "symlink"]
    targets = load_blobs(checkout, [file.blob for file in link_files])
    links = {file.path: target for file, (_, target) in zip(link_files, targets, strict=True)}
    requirements = module.requirements.files if module.requirements is not None else ()
    return plan_contents(tree, links, requirements, left_out=(PATH,))


def _build(
    engine: Engine,
    job: CiJob,
    log: Log,
    commit: Commit,
    module: Module,
    settings: PipelineSettings,
    env: Mapping[str, str],
    contents: Contents,
    name: str,
) -> Image | tuple[Problem, ...]:
    base = settings.environment.image
    account = Account(job["CI_REGISTRY_USER"], job["CI_REGISTRY_PASSWORD"])
    own = base.startswith(f"{job['CI_REGISTRY']}/")
    engine.ensure_image(base, account if own else None, lambda line: log.say(f"     {line}"))
    labels = _labels(job, commit, module, settings)
    requirements = module.requirements.file if module.requirements else None
    dockerfile = render_dockerfile(
        entry=module.main,
        base_env=settings.environment.env,
        module_env=env,
        requirements=requirements,
    )
    with tempfile.TemporaryFile() as context:
        problems = write_context(context, dockerfile, contents, job.directory)
        if problems:
            return problems
        context.seek(0)
        built = engine.build(context, name, labels, {"MLREEF_BASE": base}, _Progress(log))
    if built.user != USER or any(built.labels.get(key) != value for key, value in labels.items()):
        raise OperatorError(
            "The engine built an image with another user or other labels than it was told.",
            "Use a Docker engine of version 20.10 or later with its classic builder.",
        )
    return built


def _labels(job: CiJob, commit: Commit, module: Module, settings: PipelineSettings) -> dict[str, str]:
    described = canonical(module_to_dict(module))
    if len(described) > MAX_LABEL_BYTES:
        raise OperatorError(
            f"The description of this module is {len(described) // 1024} KiB long; an image's label holds "
            f"{MAX_LABEL_BYTES // 1024} KiB.",
            "Shorten the help texts and default values of its parameters.",
        )
    labels = {
        "org.opencontainers.image.title": module.name,
        "org.opencontainers.image.description": module.description or "",
        "org.opencontainers.image.authors": module.author or "",
        REVISION_LABEL: commit.sha,
        "org.opencontainers.image.source": job.get("CI_PROJECT_URL"),
        # The commit's time, not the build's: the same commit gives the same image.
        "org.opencontainers.image.created": job.get("CI_COMMIT_TIMESTAMP"),
        "org.opencontainers.image.base.name": settings.environment.image,
        "io.mlreef.schema": str(SCHEMA),
        "io.mlreef.environment": settings.environment.name,
        "io.mlreef.module": described,
    }
    return {name: _label(value) for name, value in labels.items() if value}


def _label(value: str) -> str:
    """A label is JSON on its way to the engine, where half a character cannot stand."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Progress:
    """Tells a build's lines: a sentence for each step that a person knows, pip's own words beneath it."""

    _SENTENCES = (
        ("COPY requirements/", "Gathering the requirements"),
        ("RUN " + '["python", "-m", "pip"', "Installing the requirements (only when they changed)"),
        ("COPY --chown", "Copying the sources"),
        ("LABEL", "Writing the labels"),
    )

    def __init__(self, log: Log) -> None:
        self._log = log
        self._step = 0
        self._shown = False

    def __call__(self, step: int, line: str) -> None:
        if step != self._step:
            self._step = step
            instruction = line.partition(" : ")[2]
            sentence = next(
                (words for start, words in self._SENTENCES if instruction.startswith(start)), None
            )
            self._shown = sentence is not None and not sentence.startswith("Writing")
            if sentence is not None and self._shown:
                self._log.say(f"     {sentence}")
        elif self._shown and line.strip() == "---> Using cache":
            self._log.say("     … unchanged, taken from the cache")
        elif self._shown and not line.startswith((" --->", "Removing intermediate container")):
            self._log.quote(line)


def _say_contents(log: Log, commit: Commit, contents: Contents) -> None:
    log.say(f"     {len(contents.files)} files, {contents.size / 1024:.0f} KiB, of commit {commit.sha[:8]}")
    for path in contents.submodules:
        log.say(f"     The submodule {path} is left out: a module is built from its own repository.")
    if "Dockerfile" in commit.source.entries:
        log.say("     The project's own Dockerfile is not used: the image is built from the environment.")


def _say_failure(log: Log, failure: BuildFailed) -> None:
    at_fault = next((line for line in reversed(failure.tail) if line.startswith(f"Step {failure.step}/")), "")
    pip = '"pip", "install"' in at_fault
    lines = [
        line for line in failure.tail if not line.startswith((" --->", "Step ", "Removing intermediate"))
    ]
    log.say()
    if pip:
        why = f"the requirements could not be installed. {pip_cause([*lines, str(failure)])}"
    else:
        why = f"the image could not be built: {failure}."
    log.say("pip's last lines:" if pip else "The last lines:")
    for line in lines[-SHOWN_LINES:]:
        log.quote(line)
    log.say()
    log.give_up(why)


def _check_pushed(repository: str, tag: str, digest: str, account: Account) -> None:
    host, path = read_image(repository)
    with Registry(host, account.username, account.password) as registry:
        held = registry.fetch_manifest(path, tag)
    if held is None or held.digest != digest:
        raise TryAgain(f"The registry does not hold {repository}:{tag} as it was pushed.")


def _hand_over(folder: Path, plan: Mapping[str, Any], verdict: Verdict, candidate: str, digest: str) -> None:
    write_smoke(folder, plan)
    values = {"MLREEF_VERDICT": str(verdict), "MLREEF_CANDIDATE": candidate}
    write_dotenv(folder / "build.env", values | ({"MLREEF_DIGEST": digest} if digest else {}))
