"""The content key of a module, made in one place for all who need it: whoever builds, and verify."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.content import content_key
from bot.domain.environments import Environment
from bot.domain.image_start import started_as
from bot.layers.contents import Contents
from bot.layers.lock_key import ResolveInputs, lock_key
from bot.layers.values import LAYOUT
from parser.model import Module
from parser.wire import canonical, interface_to_dict


def content_of(
    contents: Contents, module: Module, environment: Environment, engine: str, env: Mapping[str, str]
) -> str:
    """`sha256:…`; `env` are the variables that the repository sets."""
    # What a repository says beyond this, such as packages to be built of sources, stands in its files.
    locks = [
        lock_key(ResolveInputs(module.requirements, environment, platform))
        for platform in environment.platforms
    ]
    return content_key(
        # The registry's name may change, the digest says what it is. A tag may move unseen: docs/images.md says so.
        base=environment.image.rpartition("@")[2],
        lock=" ".join(locks),
        files=((file.path, file.kind, file.blob) for file in contents.files),
        interface=canonical(interface_to_dict(module)).encode("ascii"),
        layout=LAYOUT,
        engine=engine,
        env={**environment.env, **env},
        entry=started_as(module),
    )
