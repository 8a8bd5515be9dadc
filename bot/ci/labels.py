"""What an image says about itself."""

from __future__ import annotations

from bot.adapters.checkout import Commit
from bot.ci.job import CiJob
from bot.domain.pipeline import PipelineSettings
from bot.layers.labels import BASE_DIGEST_LABEL, BASE_NAME_LABEL, ENVIRONMENT_LABEL, module_labels
from parser.model import Module


def image_labels(
    job: CiJob, commit: Commit, module: Module, settings: PipelineSettings, own_dockerfile: bool = False
) -> dict[str, str]:
    """The labels of a commit's image; empty ones are left out. One that is built from `own_dockerfile` has a base of
    its own choice, which is not named.
    """
    labels = module_labels(
        module,
        settings.environment,
        settings.engine,
        revision=commit.sha,
        source=job.get("CI_PROJECT_URL"),
        created=job.get("CI_COMMIT_TIMESTAMP"),
    )
    ground = {BASE_NAME_LABEL, BASE_DIGEST_LABEL, ENVIRONMENT_LABEL} if own_dockerfile else set()
    return {name: value for name, value in labels.items() if name not in ground}
