"""A base environment: the image that people choose by name, and its form in mlreef.yml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from bot.shapes import CUDA, DEFAULT_WHEELS, EXECUTABLE, PYTHON, WHEEL_PLATFORM

LINUX_AMD64 = "linux/amd64"
PLATFORMS = (LINUX_AMD64, "linux/arm64")
"""What images can be built for."""

_BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Environment:
    """A base image that people choose by name; `asked` is whether a repository did, or got it without asking.

    `executable`: path of its Python (empty: where Python's own images have it). `platforms`: what it exists for, the
    first one is built. `wheel_platform`: the tag of wheels that run in it, without the architecture. `cuda`: version of
    its CUDA libraries (`12.4`). `bytecode`: whether images hold compiled modules. `wish`: what in the repository led to
    it, in the words of `Wish.text`; a commit that says something else needs another look.
    """

    name: str
    title: str
    image: str
    python: str
    env: Mapping[str, str] = field(default_factory=dict)
    asked: bool = False
    executable: str = ""
    platforms: tuple[str, ...] = (LINUX_AMD64,)
    wheel_platform: str = DEFAULT_WHEELS
    gpu: bool = False
    cuda: str | None = None
    bytecode: bool = True
    description: str = ""
    wish: str = ""

    def __post_init__(self) -> None:
        if not self.executable:
            # frozen, but not before it is whole
            object.__setattr__(self, "executable", usual_executable(self.python))

    @property
    def pinned(self) -> bool:
        """Whether its image can never become another one."""
        return bool(_BY_DIGEST.search(self.image))


def usual_executable(python: str) -> str:
    """Where Python's own images have that version (`3.12`)."""
    return f"/usr/local/bin/python{python}"


_ALWAYS = ("name", "title", "image", "python", "env", "asked")
_NEVER = ("description",)


def environment_to_data(environment: Environment) -> dict[str, Any]:
    """The environment as plain data: what nobody has changed, and what builds nothing, is left out."""
    usual = Environment("", "", "", environment.python)
    return {
        each.name: value
        for each in fields(Environment)
        if each.name not in _NEVER
        and ((value := getattr(environment, each.name)) != getattr(usual, each.name) or each.name in _ALWAYS)
    }


def read_environment(data: Mapping[str, object]) -> Environment:
    """The environment of that data. ValueError says why it cannot be one."""
    env, platforms = data.get("env"), data.get("platforms", [LINUX_AMD64])
    if not isinstance(env, dict) or not all(isinstance(word, str) for pair in env.items() for word in pair):
        raise ValueError("its environment variables are not texts")
    if not isinstance(platforms, list) or not platforms or not all(one in PLATFORMS for one in platforms):
        raise ValueError("its platforms are not ones that images are built for")
    python = _text(data, "python")
    cuda = data.get("cuda")
    found = Environment(
        name=_text(data, "name"),
        title=_text(data, "title"),
        image=_text(data, "image"),
        python=python,
        env=env,
        asked=data.get("asked") is True,
        executable=_text(data, "executable", usual_executable(python)),
        platforms=tuple(platforms),
        wheel_platform=_text(data, "wheel_platform", DEFAULT_WHEELS),
        gpu=data.get("gpu") is True,
        cuda=None if cuda is None else _text(data, "cuda"),
        bytecode=data.get("bytecode") is not False,
        wish=_text(data, "wish", ""),
    )
    shapes = (
        ("python", PYTHON, found.python),
        ("executable", EXECUTABLE, found.executable),
        ("wheel_platform", WHEEL_PLATFORM, found.wheel_platform),
        ("cuda", CUDA, found.cuda or "0.0"),
    )
    for name, shape, value in shapes:
        if not re.fullmatch(shape, value, re.ASCII):
            raise ValueError(f"its setting `{name}` is none that an operator may set")
    return found


def _text(data: Mapping[str, object], key: str, otherwise: str | None = None) -> str:
    value = data.get(key, otherwise)
    if not isinstance(value, str):
        raise ValueError(f"its setting `{key}` is not a text")
    return value
