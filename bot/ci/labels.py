"""What an image says about itself."""

from __future__ import annotations

from bot.adapters.checkout import Commit
from bot.ci.job import CiJob
from bot.domain.pipeline import PipelineSettings
from bot.domain.tags import REVISION_LABEL
from bot.errors import OperatorError
from parser.model import SCHEMA, Module
from parser.wire import canonical, module_to_dict

MAX_LABEL_BYTES = 256 * 1024
"""Bytes of the label that holds the module; the engine takes all labels in one request line of 1 MiB."""


def image_labels(
    job: CiJob, commit: Commit, module: Module, settings: PipelineSettings, own_dockerfile: bool = False
) -> dict[str, str]:
    """The labels of a commit's image; empty ones are left out. One that is built from `own_dockerfile` has a base of
    its own choice, which is not named.
    """
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
        "io.mlreef.schema": str(SCHEMA),
        "io.mlreef.engine": settings.engine,
        "io.mlreef.module": described,
    }
    if not own_dockerfile:
        labels["org.opencontainers.image.base.name"] = settings.environment.image
        labels["io.mlreef.environment"] = settings.environment.name
    return {name: _text(value) for name, value in labels.items() if value}


def _text(value: str) -> str:
    """A label is JSON on its way to the engine, where half a character cannot stand."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
