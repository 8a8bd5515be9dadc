"""Machines that really run the jobs: one without an engine, and one with Docker; and what they made of a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sandbox.demo.children import free_port
from sandbox.demo.images import forget
from sandbox.demo.play import CACHE
from sandbox.demo.stage import Images, bring_base, ensure_images, open_bases
from sandbox.executor import GitlabCiLocal
from sandbox.executor.bare import BareMachine
from sandbox.gitlab import Sandbox
from sandbox.gitlab.state import Pipeline
from sandbox.images.host_base import ensure_host_base
from sandbox.images.running import Namespaces
from sandbox.node import ensure_helper_image, ensure_tools
from sandbox.plan import Executor
from sandbox.registry import RegistryServer
from tests.whole_way.conftest import Mood, Way, World, serving

PIPELINE_SECONDS = 240.0
GRACE_SECONDS = 60.0
"""A busy machine takes long to start a pipeline; one that the bot started besides would be another test."""


@contextmanager
def _up(
    folder: Path,
    join: Callable[[RegistryServer], tuple[Executor, Images]],
    **more: Mapping[str, object],
) -> Iterator[World]:
    """Everything, with jobs that are really run."""
    mood = Mood()
    with RegistryServer(folder / "registry") as registry:
        executor, images = join(registry)
        with Sandbox(folder / "gitlab", executor=executor, registry=registry, moods=mood) as sandbox:
            open_bases(sandbox)
            alice, bot = (
                sandbox.create_user("alice"),
                sandbox.create_user("mlreef-bot", bot=True, name="MLReef bot"),
            )
            listen = f"127.0.0.1:{free_port()}"
            log = folder / "bot.log"
            patience = PIPELINE_SECONDS + GRACE_SECONDS
            # any image will do: the sandbox makes the release itself when its job has ended well
            given = {"component": {"release_image": images.bot}, **more}
            with serving(
                folder, sandbox.url, bot.token, listen, log, images, patience, GRACE_SECONDS, **given
            ):
                yield World(sandbox, registry, mood, alice, bot, f"http://{listen}/webhooks/gitlab", log)


@contextmanager
def without_an_engine(folder: Path, **more: Mapping[str, object]) -> Iterator[tuple[World, Namespaces]]:
    """The engine `layers`: images are unpacked, and run in namespaces; `more` are settings of the bot."""
    layout = ensure_host_base(CACHE / "base" / "host", lambda _line: None)
    way = Namespaces(folder / "images", CACHE / "unpacked")

    def join(registry: RegistryServer) -> tuple[Executor, Images]:
        images = bring_base(registry, layout)
        return BareMachine(images.bot, images.base, way, CACHE), images

    with _up(folder, join, **more) as world:
        yield world, way


@contextmanager
def with_docker(folder: Path, **more: Mapping[str, object]) -> Iterator[World]:
    """The engine `docker`, whose jobs gitlab-ci-local runs in containers; `more` are settings of the bot."""
    images = ensure_images(lambda _line: None)
    executor = GitlabCiLocal(ensure_tools(), helper_image=ensure_helper_image(images.base))
    with _up(folder, lambda _registry: (executor, images), **more) as world:
        yield world
        forget(world.registry.address)


def ended(way: Way, sha: str) -> Pipeline:
    """The commit's own pipeline, once it has ended."""
    return way.sandbox.wait_pipeline(way.pipeline(sha).id, PIPELINE_SECONDS)


def told(way: Way, sha: str, state: str) -> str:
    found = way.sandbox.wait_for(
        lambda: next((s for s in way.statuses(sha)[-1:] if s.status == state), None),
        PIPELINE_SECONDS,
        f"the status {state}",
    )
    return str(found.description)
