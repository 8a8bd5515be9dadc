"""An image that others have built → the same layers with our labels, by the registry alone."""

from __future__ import annotations

import io
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.adapters.registry import Manifest, Registry, read_image
from bot.ci.log import Log
from bot.ci.order import Candidate, Order
from bot.domain.image_start import own_files, start_words
from bot.errors import OperatorError, TryAgain
from bot.layers.gzipped import LayerWriter
from bot.layers.sources import write_own
from bot.layers.values import DOCKER_LAYER, OCI_LAYER
from parser.model import Module
from parser.wire import canonical

ROOT_USERS = ("", "0", "root")

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_POSITIONAL = re.compile(r"\$\{?[@*0-9]")

_DOCKER = "application/vnd.docker."

_INDEX_HINT = "Let the builder push one image, without attestations of its own."


@dataclass(frozen=True, slots=True)
class Finish:
    """What an image is given; only one without an entry point gets what starts the module, too."""

    labels: Mapping[str, str]
    env: Mapping[str, str]
    module: Module


@dataclass(frozen=True, slots=True)
class Finished:
    """The image as it stands in the registry: how it is started, where, and as whom."""

    digest: str
    command: tuple[str, ...]
    directory: str
    user: str
    entry_point_added: bool

    @property
    def runs_as_root(self) -> bool:
        """Whether nothing in it says that somebody else runs it."""
        return self.user.partition(":")[0] in ROOT_USERS


def finish(order: Order, built: str, log: Log) -> Candidate | None:
    """Labels, variables and entry point for a candidate that was pushed without them, by its digest.

    None: no parameter would reach its script, and the log says why.
    """
    host, path = read_image(order.repository)
    given = Finish(order.labels(), order.report.settings.env, order.module)
    with Registry(host, order.account.username, order.account.password) as registry:
        finished = finish_image(registry, path, built, order.tag, given)
    _say(log, finished)
    # of a Dockerfile of ours it is what it must be
    if order.dockerfile is not None and (fault := _fault(finished, order.module)):
        log.give_up(f"the entry point of {order.dockerfile} {fault}")
        return None
    return Candidate(finished.digest, finished.command, finished.directory)


def _fault(finished: Finished, module: Module) -> str:
    """What is wrong with the words that start an image, and what to do; "" where parameters reach its scripts."""
    leave_out = "Leave it out: then the image gets one that starts each of its entry points."
    if not takes_words(finished.command):
        mend = (
            leave_out if module.launched else f'Write it as a list: ENTRYPOINT ["python", "{module.main}"].'
        )
        return f"is a line for a shell, which hands no parameter on. {mend}"
    last = posixpath.relpath(
        posixpath.join("/", finished.directory, finished.command[-1]), finished.directory
    )
    alone = [point for point in module.entry_points if point.file == last]
    if module.launched and alone and not finished.entry_point_added:
        roles = ", ".join(point.role for point in module.entry_points)
        return f"runs {last} and nothing else, and the first word is to select one of {roles}. {leave_out}"
    return ""


def _say(log: Log, finished: Finished) -> None:
    if finished.entry_point_added:
        log.say(f"     It had no entry point, and has this one now: {' '.join(finished.command)}")
    if finished.runs_as_root:
        log.say(
            "     It runs as root, as nothing in it says otherwise; a line `USER 10001` would change that."
        )


def takes_words(entry_point: Sequence[str]) -> bool:
    """Whether words behind the entry point can reach a program: a shell's line gets them only where it names them."""
    shell, words = posixpath.basename(entry_point[0]), entry_point[1:]
    if shell not in _SHELLS or len(words) < 2 or not re.fullmatch(r"-[a-z]*c", words[0]):
        return True
    return _POSITIONAL.search(words[1]) is not None


def finish_image(registry: Registry, repository: str, built: str, tag: str, finish: Finish) -> Finished:
    """Gives the image with the digest `built` what it lacks and lets the tag name the result; may be repeated."""
    manifest = registry.fetch_manifest(repository, built)
    if manifest is None:
        raise TryAgain(f"The registry does not hold {repository}@{built} as it was pushed.")
    outer = _mapping(json.loads(manifest.content))
    part = _mapping(outer.get("config"))
    if not part:
        raise OperatorError(f"{repository}@{built} is a list of images, not an image.", _INDEX_HINT)
    body = registry.read_blob(repository, str(part.get("digest")))
    if body is None:
        raise TryAgain(f"The registry does not hold the configuration of {repository}@{built}.")
    image = _mapping(json.loads(body))
    config = dict(_mapping(image.get("config")))
    changed = _changed(config, finish)
    if changed != config:
        image = {**image, "config": changed}
        if not config.get("Entrypoint"):
            outer, image = _with_own_files(registry, repository, finish.module, outer, image)
        manifest = _put(registry, repository, tag, manifest, outer, image)
    entry = tuple(map(str, changed["Entrypoint"]))
    return Finished(
        manifest.digest,
        entry,
        str(changed.get("WorkingDir") or "/"),
        str(changed.get("User") or ""),
        "Entrypoint" not in config or not config["Entrypoint"],
    )


def _changed(config: Mapping[str, Any], finish: Finish) -> dict[str, Any]:
    changed = {**config, "Labels": {**_mapping(config.get("Labels")), **finish.labels}}
    if finish.env:
        others = [pair for pair in config.get("Env") or () if pair.partition("=")[0] not in finish.env]
        changed["Env"] = [*others, *(f"{name}={value}" for name, value in finish.env.items())]
    if not config.get("Entrypoint"):
        start = start_words(finish.module, str(config.get("WorkingDir") or "/"))
        changed |= {"Entrypoint": ["python", *start], "Cmd": []}
    return changed


def _with_own_files(
    registry: Registry, repository: str, module: Module, outer: Mapping[str, Any], image: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Manifest and configuration with one layer more, where the module is started by files of ours."""
    own = own_files(module)
    if not own:
        return outer, image
    body = io.BytesIO()
    writer = LayerWriter(body)
    write_own(writer, own)
    layer = writer.close("what starts its entry points")
    registry.ensure_bytes(repository, body.getvalue())
    kind = DOCKER_LAYER if str(outer.get("mediaType", "")).startswith(_DOCKER) else OCI_LAYER
    part = {"mediaType": kind, "digest": layer.digest, "size": layer.size}
    held = _mapping(image.get("rootfs"))
    ids = [*(held.get("diff_ids") or ()), layer.diff_id]
    history = [*(image.get("history") or ()), {"created_by": layer.title}]
    return (
        {**outer, "layers": [*(outer.get("layers") or ()), part]},
        {**image, "rootfs": {**held, "diff_ids": ids}, "history": history},
    )


def _put(
    registry: Registry,
    repository: str,
    tag: str,
    before: Manifest,
    outer: Mapping[str, Any],
    image: Mapping[str, Any],
) -> Manifest:
    body = canonical(image).encode("ascii")
    digest = registry.ensure_bytes(repository, body)
    part = {**_mapping(outer["config"]), "digest": digest, "size": len(body)}
    manifest = Manifest.of(canonical({**outer, "config": part}).encode("ascii"), before.media_type)
    registry.put_manifest(repository, tag, manifest)
    return manifest


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
