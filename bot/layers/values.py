"""What everybody here speaks of: the form of layers, the paths in an image, and a layer by its digest."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.errors import BotError
from parser.model import Problem

LAYOUT = 1
"""Number of the form of layers; raised whenever any byte of one would come out otherwise."""

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
"""The kinds of layers that every engine reads: gzip'd archives, as OCI and as Docker call them."""

ENV_ROOT = "/opt/mlreef/env"
"""The virtual environment of the module, made of plain files."""

CONDA_ROOT = "/opt/mlreef/conda"
"""Where packages of conda lie, when a module has any; their Python is then the environment's."""

LOCK_PATH = "/opt/mlreef/pylock.toml"
APP = "/app"
HOME = "/home/module"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as manifest and configuration name it: `sha256:…` of its bytes and of the tar inside, size in bytes.

    `brings`: of a layer of wheels, where it must not meet another one (bringing.py).
    """

    digest: str
    size: int
    diff_id: str
    title: str
    media_type: str = OCI_LAYER
    brings: tuple[str, ...] = field(default=(), compare=False)


class BadWheel(BotError):
    """Wheels or packages of conda that cannot become a layer; what was written of it until then is worth nothing."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems
