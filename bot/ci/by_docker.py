"""The engines `docker` and `docker-dind`: a Docker engine builds from a Dockerfile, ours or the repository's own.

With BuildKit where the job's image has its client, else with the engine's classic builder; the log says which.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.adapters.buildx import Buildx
from bot.adapters.engine import USING_CACHE, BuildFailed, Engine, write_logins
from bot.adapters.registry import Registry, read_image
from bot.ci.context import write_order
from bot.ci.dockerfile import COPY_OWN, USER
from bot.ci.failures import SHOWN_LINES, apt_cause, build_cause, pip_cause
from bot.ci.finish import finish
from bot.ci.log import Log
from bot.ci.order import Candidate, Order
from bot.errors import OperatorError, TryAgain
from parser.model import Problem


def build_by_docker(
    order: Order, log: Log, connect: Callable[[], Engine]
) -> Candidate | tuple[Problem, ...] | None:
    """Builds and pushes the candidate. None: an instruction failed, and the log says why."""
    log.say("2/4  Building the image")
    engine = connect()
    with tempfile.TemporaryDirectory(prefix="mlreef-logins-") as logins:
        write_logins(Path(logins), {order.job["CI_REGISTRY"]: order.account})
        engine.log_in_as(Path(logins))
        try:
            problems = _build(engine, Path(logins), order, log)
        except BuildFailed as failure:
            _say_failure(log, failure)
            return None
    if problems:
        return problems
    log.say("3/4  Pushing the candidate")
    digest = engine.push(order.repository, order.tag, order.account)
    if order.dockerfile is not None:
        return finish(order, digest, log)
    _check_pushed(order, digest)
    return Candidate(digest)


def lay_out(order: Order, target: Path) -> tuple[str, tuple[Problem, ...]]:
    """Writes the folder that is built from, and gives the Dockerfile's path in it."""
    with tempfile.TemporaryFile() as packed:
        dockerfile, problems = write_order(order, packed)
        if not problems:
            packed.seek(0)
            with tarfile.open(fileobj=packed, encoding="utf-8") as archive:
                # written by ourselves a moment ago; modes and links stay as they are
                archive.extraction_filter = _as_it_is
                archive.extractall(target)  # noqa: S202 - of paths that plan_contents has let pass
    return dockerfile, problems


def _as_it_is(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    return member


def _build(engine: Engine, logins: Path, order: Order, log: Log) -> tuple[Problem, ...]:
    base, own = order.settings.environment.image, order.dockerfile
    if own is None:
        private = base.startswith(f"{order.job['CI_REGISTRY']}/")
        engine.ensure_image(base, order.account if private else None, lambda line: log.say(f"     {line}"))
    # An own Dockerfile is built as it is; what we add is added to the result.
    labels = order.labels() if own is None else {}
    name = f"{order.repository}:{order.tag}"
    with tempfile.TemporaryDirectory(prefix="mlreef-context-") as folder:
        dockerfile, problems = lay_out(order, Path(folder))
        if problems:
            return problems
        buildx = Buildx.find(logins, os.environ)
        words = (
            Path(folder),
            dockerfile,
            name,
            labels,
            {"MLREEF_BASE": base},
            _Progress(log, own is not None),
        )
        if buildx is not None and Buildx.takes(labels):
            log.say("     with BuildKit")
            buildx.build(*words)
        else:
            log.say(f"     with the engine's classic builder: {_why_classic(buildx)}")
            engine.build(*words)
    built = engine.image(name)
    if built is None:
        raise BuildFailed("", "the engine ended without an image", ())
    if own is None and (built.user != USER or any(built.labels.get(key) != labels[key] for key in labels)):
        raise OperatorError(
            "The engine built an image with another user or other labels than it was told.",
            "Use a Docker engine of version 20.10 or later.",
        )
    return ()


def _why_classic(buildx: Buildx | None) -> str:
    return (
        "there is no docker client with buildx here"
        if buildx is None
        else "the labels are too long for BuildKit's"
    )


class _Progress:
    """Tells a build's lines: a sentence for each step that a person knows, what it prints beneath it.

    Of an own Dockerfile (`all_steps`) the author knows every instruction.
    """

    _SENTENCES = (
        (
            'RUN ["python", "-c", "import os, shutil',
            "Installing the Debian packages (only when they changed)",
        ),
        ("COPY requirements/", "Gathering the requirements"),
        ("RUN " + '["python", "-m", "pip"', "Installing the requirements (only when they changed)"),
        (COPY_OWN.strip(), "Adding what starts it"),
        ("COPY --chown", "Copying the sources"),
    )

    def __init__(self, log: Log, all_steps: bool) -> None:
        self._log = log
        self._all = all_steps
        self._instruction = ""

    def __call__(self, instruction: str, line: str) -> None:
        sentence = self._sentence(instruction)
        if instruction != self._instruction:
            self._instruction = instruction
            if sentence is not None:
                self._log.say(f"     {sentence}")
        if sentence is None or not line:
            return
        if line == USING_CACHE:
            self._log.say("     … unchanged, taken from the cache")
        else:
            self._log.quote(line)

    def _sentence(self, instruction: str) -> str | None:
        if self._all:
            return instruction or None
        return next((words for start, words in self._SENTENCES if instruction.startswith(start)), None)


def _say_failure(log: Log, failure: BuildFailed) -> None:
    own_words = [*failure.tail, *str(failure).splitlines()]
    log.say()
    if '"pip", "install"' in failure.instruction:
        why = f"the requirements could not be installed. {pip_cause(own_words)}"
    elif "apt-get" in failure.instruction:
        why = f"the Debian packages could not be installed. {apt_cause(own_words)}"
    else:
        where = f"{failure.instruction}: " if failure.instruction else ""
        why = f"the image could not be built: {where}{failure}. {build_cause(own_words)}".rstrip()
    log.say("pip's last lines:" if '"pip", "install"' in failure.instruction else "The last lines:")
    for line in failure.tail[-SHOWN_LINES:]:
        log.quote(line)
    log.say()
    log.give_up(why)


def _check_pushed(order: Order, digest: str) -> None:
    host, path = read_image(order.repository)
    with Registry(host, order.account.username, order.account.password) as registry:
        held = registry.fetch_manifest(path, order.tag)
    if held is None or held.digest != digest:
        raise TryAgain(f"The registry does not hold {order.repository}:{order.tag} as it was pushed.")
