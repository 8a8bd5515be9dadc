"""What is recorded of an image whose version is taken back: what it is, and all that it is built once more from."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.adapters.registry import Manifest
from bot.adapters.withdrawn import Kept, describe_image
from bot.domain.plan import State
from bot.domain.tags import branch_slug
from bot.domain.version_names import Named
from bot.domain.withdrawn_record import ASKED, MAX_TEXT, Record
from bot.errors import BotError
from bot.image_names import BranchImages, numbers_and_version
from bot.layers.image import LOCK_LABEL, read_known
from bot.layers.known import fetch_lock
from bot.layers.labels import ENGINE_LABEL, base_of
from bot.layers.shelves import RegistryShelf

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a version is taken back, and who asked for it; 0 for nobody."""

    why: str = ASKED
    user_id: int = 0


def record_of(
    images: BranchImages, named: Named, image: Manifest, sha: str, names: tuple[str, ...], cause: Cause
) -> tuple[Record, Kept | None]:
    """The record of an image, and its own description with its locks."""
    registry, path = images.registry, images.path
    kept = describe_image(registry, path, image, {})
    labels, locks, platforms = dict[str, str](), dict[str, bytes](), list[str]()
    for one, config in kept.images if kept is not None else ():
        known = read_known(one.content, config)
        labels = labels or _labels(config)
        platforms.append(_platform(config))
        if known is None or LOCK_LABEL not in known.labels:
            continue
        try:
            found = fetch_lock(RegistryShelf(registry, path), known)
        except (BotError, ValueError) as error:
            log.warning("lock_unread", project=images.project.path, version=named.tag, reason=str(error))
            continue
        if found is not None:
            locks[one.digest] = found[1]
    number, version = numbers_and_version(names, images.slug)
    # a name that nobody can read is found again by its slug
    branch = _text(_branch_of(images, image.digest)) or images.slug
    return (
        Record(
            project=images.project.path,
            branch=branch,
            number=number,
            version=version,
            names=names,
            digest=image.digest,
            sha=sha,
            engine=_text(labels.get(ENGINE_LABEL, "")),
            base=_text(base_of(labels)),
            platforms=tuple(platform for platform in platforms if platform),
            why=cause.why,
            user_id=cause.user_id,
            at=round(time.time(), 3),
        ),
        replace(kept, locks=locks) if kept is not None else None,
    )


def _branch_of(images: BranchImages, digest: str) -> str:
    """The branch's name, where the bot knows one with this slug; the slug itself else."""
    if images.is_default:
        return images.project.default_branch or images.slug
    for state in (State.PUBLISHED, State.UNCHANGED, State.UNPUBLISHED):
        for one in images.world.store.publications_in(images.project.id, state):
            if one.digest == digest and branch_slug(one.branch) == images.slug:
                return one.branch
    return images.slug


def _labels(config: bytes) -> dict[str, str]:
    inside = _document(config).get("config")
    labels = inside.get("Labels") if isinstance(inside, dict) else None
    found = labels if isinstance(labels, dict) else {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _platform(config: bytes) -> str:
    parts = [_document(config).get(name) for name in ("os", "architecture", "variant")]
    return _text("/".join(part for part in parts if isinstance(part, str)))


def _document(config: bytes) -> dict[str, Any]:
    try:
        found = json.loads(config)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(text: str) -> str:
    """A label as a record may hold it: anybody may have written it."""
    return text if text.isprintable() and len(text) <= MAX_TEXT else ""
