"""The content key of one module, made in the same way wherever it is needed: by whoever builds, and by verify."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.content import content_key
from bot.domain.environments import Environment
from bot.layers.contents import Contents
from bot.layers.values import LAYOUT
from parser.model import Module
from parser.wire import canonical, interface_to_dict


def content_of(
    contents: Contents,
    module: Module,
    environment: Environment,
    engine: str,
    env: Mapping[str, str],
    lock_key: str,
) -> str:
    """`sha256:…`; `env` are the variables that the repository sets, `lock_key` stands for its requirements."""
    # the registry's name may change, the digest says what it is; a tag may move unseen (docs/images.md)
    base = (environment.image.rpartition("@")[2], *environment.platforms)
    return content_key(
        base=" ".join(base),
        lock=lock_key,
        files=((file.path, file.kind, file.blob) for file in contents.files),
        interface=canonical(interface_to_dict(module)).encode("ascii"),
        layout=LAYOUT,
        engine=engine,
        env={**environment.env, **env},
        entry=module.main,
    )
