"""What an image says of itself: the module, its commit, its environment. The same for the same commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from bot.domain.content import CONTENT_LABEL
from bot.domain.environments import Environment
from bot.domain.tags import MAX_LABEL_BYTES, MODULE_LABEL, REVISION_LABEL
from bot.errors import OperatorError
from parser.model import SCHEMA, Module
from parser.wire import canonical, module_to_dict

ENGINE_LABEL = "io.mlreef.engine"
BASE_NAME_LABEL = "org.opencontainers.image.base.name"
BASE_DIGEST_LABEL = "org.opencontainers.image.base.digest"
CREATED_LABEL = "org.opencontainers.image.created"
SOURCE_LABEL = "org.opencontainers.image.source"
TITLE_LABEL = "org.opencontainers.image.title"
ENVIRONMENT_LABEL = "io.mlreef.environment"


def module_labels(
    module: Module,
    environment: Environment,
    engine: str,
    *,
    revision: str = "",
    source: str = "",
    created: str = "",
    content: str = "",
) -> dict[str, str]:
    """The labels that every engine gives an image; what is empty is left out. OperatorError: they are too long."""
    described = canonical(module_to_dict(module))
    if len(described) > MAX_LABEL_BYTES:
        raise OperatorError(
            f"The description of this module is {len(described) // 1024} KiB long; an image's label holds "
            f"{MAX_LABEL_BYTES // 1024} KiB.",
            "Shorten the help texts and default values of its parameters.",
        )
    labels = {
        TITLE_LABEL: module.name,
        "org.opencontainers.image.description": module.description or "",
        "org.opencontainers.image.authors": module.author or "",
        REVISION_LABEL: revision,
        SOURCE_LABEL: source,
        # The commit's time, not the build's: the same commit gives the same image.
        CREATED_LABEL: created,
        BASE_NAME_LABEL: environment.image.partition("@")[0],
        BASE_DIGEST_LABEL: environment.image.rpartition("@")[2] if environment.pinned else "",
        "io.mlreef.schema": str(SCHEMA),
        ENVIRONMENT_LABEL: environment.name,
        ENGINE_LABEL: engine,
        CONTENT_LABEL: content,
        MODULE_LABEL: described,
    }
    return {name: _label(value) for name, value in labels.items() if value}


def base_of(labels: Mapping[str, str]) -> str:
    """The base's name with its digest, as far as the labels know them; empty when they do not."""
    name, digest = labels.get(BASE_NAME_LABEL, ""), labels.get(BASE_DIGEST_LABEL, "")
    return f"{name}@{digest}" if name and digest else name


def moment(seconds: int) -> str:
    """A time of a commit as images have it: in UTC, whatever the committer's clock was set to."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _label(value: str) -> str:
    """A label is JSON on its way to an engine, where half a character cannot stand."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
