"""What is allowed in a configuration, and may still not be what its operator wants."""

from __future__ import annotations

from collections.abc import Iterator

from bot.config import Config
from bot.config_file import Fault

_DIGEST = "@sha256:"
_WRITE = "write NAME@sha256:…, which `docker buildx imagetools inspect NAME:TAG` shows"


def advise(config: Config) -> Iterator[Fault]:
    """One after the other, in the order of the file; none of them keeps the bot from working."""
    for environment in config.environments:
        if _DIGEST not in environment.image:
            yield Fault(
                f"environments.{environment.name}.image",
                f"{environment.image} is a tag, which may move: the same commit then gives another image, and a base"
                " that has changed is no reason to build anew",
                _WRITE,
            )
    if _DIGEST not in config.builder.image:
        yield Fault(
            "builder.image",
            f"{config.builder.image} is a tag: whoever moves it decides what runs with the rights of every job",
            _WRITE,
        )
    review = config.review
    if review.may_block and (not review.enabled or review.notes == "off" or review.max_discussions == 0):
        yield Fault(
            "review.may_block",
            "it has no effect: no discussion is ever begun",
            "leave it out, or have discussions begun by review.enabled, review.notes and review.max_discussions",
        )
    pages = config.catalogue
    if pages.enabled and not pages.url:
        yield Fault(
            "catalogue.url",
            f"it is not given, so badges and what is copied from a page lead to {pages.address}",
            "give the address at which people reach the catalogue",
        )
    if pages.enabled and pages.client_id and not pages.url.startswith("https://"):
        yield Fault(
            "catalogue.url",
            "people sign in over plain HTTP: whoever sits in between can take their sessions",
            "put a web server with TLS in front, and give its address",
        )
