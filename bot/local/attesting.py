"""`mlreef-bot build --push … --attest`: what promote does in a pipeline, for an image that was pushed from here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bot
from bot.domain.tags import REVISION_LABEL
from bot.errors import OperatorError
from bot.layers.trust.advisory_source import fetch_advisories
from bot.layers.trust.attest import assess, attach, children, fetch_lock_of, tell
from bot.layers.trust.facts import Facts
from bot.layers.trust.signing import load_signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.adapters.registry import Manifest, Registry
    from bot.layers.trust.signing import Signer


def attest_pushed(
    registry: Registry,
    name: str,
    image: Manifest,
    say: Callable[[str], None],
    *,
    advisories: str = "",
    key: Path | None = None,
    variables: Mapping[str, str],
) -> None:
    """Attaches the documents to an image `name` that the registry has; `advisories` is an address or a path."""
    repository = name.partition("/")[2]
    told = fetch_advisories(advisories) if advisories else None
    signer = _signer(key, variables) if key is not None else None
    images = children(registry, repository, image)
    for one in images if images == (image,) else (*images, image):
        labels = registry.fetch_labels(repository, one)
        lock = fetch_lock_of(registry, repository, one)
        assessed = assess(lock, told, None) if told is not None and one in images else None
        for line in tell(assessed) if assessed is not None else ():
            say(line)
        facts = Facts.of(
            name,
            one.digest,
            labels,
            commit=labels.get(REVISION_LABEL, ""),
            branch="",
            pipeline="",
            builder="",
            version=bot.__version__,
        )
        attach(registry, repository, one, facts, lock, assessed, signer, say)


def _signer(key: Path, variables: Mapping[str, str]) -> Signer:
    return load_signer("--sign", {**variables, "--sign": str(key)})


def check_wishes(
    attest: bool, pushed: bool, advisories: str | None, key: Path | None, variables: Mapping[str, str]
) -> None:
    """Raises OperatorError for wishes that cannot be met together, or not at all: before anything is pushed."""
    if attest and not pushed:
        raise OperatorError(
            "--attest puts documents beside an image in a registry.", "Add --push, or leave it out."
        )
    if not attest and (advisories or key is not None):
        raise OperatorError("--advisories and --sign belong to --attest.", "Add --attest, or leave them out.")
    if advisories and "://" not in advisories and not Path(advisories).exists():
        raise OperatorError(
            f"--advisories: there is no {advisories}.", "Name an address, or a file or folder that is there."
        )
    if key is not None and not key.is_file():
        raise OperatorError(f"--sign: there is no file {key}.", "Name the file of a private key in PEM.")
    if key is not None:
        _signer(key, variables)
