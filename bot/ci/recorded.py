"""A version that was taken back, as the registry keeps its record: what a job builds once more, and compares with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.adapters.registry import Registry, read_image
from bot.adapters.withdrawn import Kept, fetch_kept, fetch_record
from bot.ci.job import CiJob
from bot.domain.rebuild import REPUBLISH
from bot.domain.tags import branch_slug
from bot.domain.version_names import kept_tag, read_name
from bot.domain.withdrawn_record import Record
from bot.errors import OperatorError
from bot.layers.image import BASE_LABEL, BASE_LAYERS_LABEL, KEY_LABEL, LAYOUT_LABEL, LOCK_LABEL
from bot.layers.labels import CREATED_LABEL, base_of
from bot.layers.lock import Lock, read_lock

MADE = frozenset({BASE_LABEL, BASE_LAYERS_LABEL, KEY_LABEL, LAYOUT_LABEL, LOCK_LABEL})
"""Labels that follow from the layers: they are made, not taken over."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record with the image's own description. `locks` and `keys` by platform; none where it was not made of one."""

    name: str
    record: Record
    kept: Kept | None
    labels: Mapping[str, str]
    created: str
    locks: Mapping[str, Lock]
    keys: Mapping[str, str]

    @property
    def platforms(self) -> tuple[str, ...]:
        """Those that it has a lock for, in the order of the image's list."""
        return tuple(self.locks)

    @property
    def base(self) -> str:
        """The base image by digest; "" where nothing says which it was."""
        found = base_of(self.labels)
        return found if "@" in found else ""


def fetch_recorded(job: CiJob) -> Recorded:
    """The record of the version that the pipeline is to build once more. OperatorError: there is none."""
    text = job[REPUBLISH]
    slug = branch_slug(job["CI_COMMIT_BRANCH"])
    named = read_name(text, slug, slug)
    if named is None:
        raise OperatorError(f"{REPUBLISH} is {text!r}, which is no version.", _HINT)
    host, repository = read_image(job["CI_REGISTRY_IMAGE"].lower())
    with Registry(host, job["CI_REGISTRY_USER"], job["CI_REGISTRY_PASSWORD"]) as registry:
        held = registry.fetch_manifest(repository, kept_tag(named.tag))
        record = fetch_record(registry, repository, held) if held is not None else None
        if held is None or record is None or not record.sha:
            raise OperatorError(f"{named.tag} is not a version that was taken back.", _HINT)
        kept = fetch_kept(registry, repository, held)
        if kept is None and record.digest == held.digest:
            raise OperatorError(f"The image of {named.tag} is still there.", _HINT)
    return _recorded(named.tag, record, kept)


_HINT = f"The bot sets {REPUBLISH} when somebody asks for a version back; start a pipeline without it."


def _recorded(name: str, record: Record, kept: Kept | None) -> Recorded:
    locks, keys = dict[str, Lock](), dict[str, str]()
    labels = dict[str, str]()
    for image, config in kept.images if kept is not None else ():
        said = _labels(config)
        labels = labels or {key: value for key, value in said.items() if key not in MADE}
        content = kept.locks.get(image.digest) if kept is not None else None
        if content is None:
            continue
        try:
            lock = read_lock(content)
        except ValueError as error:
            raise OperatorError(
                f"The lock in the record of {name} cannot be read: {error}.", _LOCK_HINT
            ) from error
        locks[lock.platform] = lock
        keys[lock.platform] = said.get(KEY_LABEL, "")
    return Recorded(name, record, kept, labels, labels.get(CREATED_LABEL, ""), locks, keys)


_LOCK_HINT = "Build it with the version of mlreef-bot that published it."


def _labels(config: bytes) -> Mapping[str, str]:
    inside = document(config).get("config")
    labels = inside.get("Labels") if isinstance(inside, dict) else None
    return (
        {key: value for key, value in labels.items() if isinstance(value, str)}
        if isinstance(labels, dict)
        else {}
    )


def document(content: bytes) -> Mapping[str, Any]:
    """A manifest or a configuration as plain data; empty for what is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
