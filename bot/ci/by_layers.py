"""The engine `layers`: the candidate is put together from files and wheels, without Docker and without rights."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.adapters.checkout import Objects
from bot.adapters.credentials import find_login
from bot.adapters.registry import Registry
from bot.adapters.registry.values import read_image
from bot.building import Again, build_image
from bot.building import Order as ImageOrder
from bot.ci.log import Log
from bot.ci.order import Candidate, Order
from bot.ci.unchanged import is_wished
from bot.domain.image_start import own_files, start_words
from bot.layers.base import read_reference
from bot.layers.content_of import content_of
from bot.layers.image import Dress
from bot.layers.labels import module_labels, moment
from bot.layers.lock_key import ResolveInputs
from bot.layers.means import Means
from bot.layers.pinned import pin
from bot.layers.shelves import RegistryShelf
from bot.layers.sources import open_of_commit
from bot.layers.values import APP
from bot.progress import Lines, size
from parser.model import Problem

if TYPE_CHECKING:
    from bot.ci.recorded import Recorded


def build_by_layers(order: Order, log: Log) -> Candidate | tuple[Problem, ...]:
    """Builds and pushes the candidate. Problems: what its author has to mend."""
    log.say("2/4  Putting the image together")
    host, path = read_image(order.repository)
    building = order.settings.building
    with ExitStack() as stack:
        registries = _Registries(stack, host, order)
        own = registries.get(host)
        own.will_push(path)
        shared = read_reference(building.shared_layers) if building.shared_layers else None
        objects = stack.enter_context(Objects(order.job.directory))
        means = Means(
            shelf=RegistryShelf(own, path),
            registry_for=registries.get,
            checkout=order.job.directory,
            voice=Lines(lambda line: log.say(f"     {line}")),
            shared=RegistryShelf(registries.get(shared.host), shared.repository) if shared else None,
            variables=order.job.variables,
            index_url=building.index_url,
        )
        built = build_image(_image(order, objects, registries), means)
        if isinstance(built, tuple):
            return built
        new = (
            "all below the sources was made or found"
            if any(shot.prepared for shot in built.shots)
            else "only the sources are new"
        )
        log.say("3/4  The candidate is in the registry")
        log.say(f"     {new}; {size(own.bytes_sent)} sent in {own.requests} requests")
        return Candidate(built.digest)


def _image(order: Order, objects: Objects, registries: _Registries) -> ImageOrder:
    if order.again is not None:
        return _image_again(order, order.again, objects)
    module, environment, env = order.module, order.settings.environment, order.report.settings.env
    pinned = pin(environment, registries.get)
    _, seconds = objects.commit(order.commit.sha)
    asked, texts = module.requirements, order.commit.source.contents
    files = {path: texts[path] for path in (asked.files if asked else ()) if path in texts}
    to_build = order.report.settings.build_sdists
    inputs = tuple(ResolveInputs(asked, pinned, platform, to_build, files) for platform in pinned.platforms)
    labels = module_labels(
        module,
        pinned,
        order.settings.engine,
        revision=order.commit.sha,
        source=order.job.get("CI_PROJECT_URL"),
        created=moment(seconds),
        content=content_of(order.contents, module, environment, order.settings.engine, env),
    )
    return ImageOrder(
        inputs,
        Dress(start_words(module, APP), environment.env, env, labels, moment(seconds)),
        order.contents,
        open_of_commit(objects, order.job.directory),
        (order.tag,),
        # A person who starts a pipeline with it wishes for newer versions.
        refresh=is_wished(order.job),
        own=own_files(module),
    )


def _image_again(order: Order, recorded: Recorded, objects: Objects) -> ImageOrder:
    """The image of a version once more: by its own lock and base, and it says of itself what it said."""
    module, settings, env = order.module, order.settings, order.report.settings.env
    environment = replace(settings.environment, image=recorded.base or settings.environment.image)
    asked, texts = module.requirements, order.commit.source.contents
    files = {path: texts[path] for path in (asked.files if asked else ()) if path in texts}
    to_build = order.report.settings.build_sdists
    return ImageOrder(
        tuple(
            ResolveInputs(asked, environment, platform, to_build, files) for platform in recorded.platforms
        ),
        Dress(start_words(module, APP), environment.env, env, recorded.labels, recorded.created),
        order.contents,
        open_of_commit(objects, order.job.directory),
        (order.tag,),
        again={
            platform: Again(recorded.keys[platform], recorded.locks[platform])
            for platform in recorded.platforms
        },
        own=own_files(module),
    )


class _Registries:
    """Registries by host: the project's with the job's rights, others with those that the runner's people noted."""

    def __init__(self, stack: ExitStack, own: str, order: Order) -> None:
        self._stack, self._own, self._order = stack, own, order
        self._held: dict[str, Registry] = {}

    def get(self, host: str) -> Registry:
        """The registry at a host; the same one each time."""
        if host not in self._held:
            account = (
                self._order.account if host == self._own else find_login(host, self._order.job.variables)
            )
            registry = Registry(host, account.username, account.password) if account else Registry(host)
            self._held[host] = self._stack.enter_context(registry)
        return self._held[host]
