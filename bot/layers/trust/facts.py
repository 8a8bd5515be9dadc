"""What is known about how an image came to be, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.layers.labels import BASE_DIGEST_LABEL, CREATED_LABEL, ENGINE_LABEL, SOURCE_LABEL, base_of


@dataclass(frozen=True, slots=True)
class Facts:
    """How an image came to be. Texts are empty where something is not known.

    `image`: its name without tag or digest. `digest`: its manifest's. `project`, `pipeline`: addresses. `builder`: the
    image of the bot that built it. `created`: the commit's time, `2026-01-02T03:04:05Z`.
    """

    image: str
    digest: str
    commit: str
    project: str
    branch: str
    pipeline: str
    builder: str
    version: str
    base: str
    base_digest: str
    engine: str
    created: str

    @classmethod
    def of(
        cls,
        image: str,
        digest: str,
        labels: Mapping[str, str],
        *,
        commit: str,
        branch: str,
        pipeline: str,
        builder: str,
        version: str,
    ) -> Facts:
        """Those of an image with these labels, and of the pipeline that vouches for it."""
        return cls(
            image=image,
            digest=digest,
            commit=commit,
            project=labels.get(SOURCE_LABEL, ""),
            branch=branch,
            pipeline=pipeline,
            builder=builder,
            version=version,
            base=base_of(labels),
            base_digest=labels.get(BASE_DIGEST_LABEL, ""),
            engine=labels.get(ENGINE_LABEL, ""),
            created=labels.get(CREATED_LABEL, ""),
        )
