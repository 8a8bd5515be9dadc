"""Builds against registries that misbehave: each ends well or with an error, and a tag moves only when it ends well."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from werkzeug.wrappers import Request, Response

from bot.errors import BotError, Refused, TryAgain
from sandbox.registry import trouble
from sandbox.registry.trouble import Trouble
from tests.building.golden import SCRIPT
from tests.building.site import Site

PIECE_BYTES = 1024 * 1024
MOST_PIECES = 64

CASES: dict[str, tuple[Callable[[Site], Trouble], type[BotError] | None]] = {
    "falls over in the middle of an upload": (lambda _: trouble.falls_over(times=1), TryAgain),
    "is busy": (lambda _: trouble.is_busy(times=1), TryAgain),
    "wants to know again who it is": (lambda _: trouble.asks_again('Basic realm="r"'), Refused),
    "answers pages for people": (lambda _: trouble.answers_nonsense(), TryAgain),
    "says that it stored something else": (lambda _: trouble.stores_something_else(), TryAgain),
    "loses a layer before the manifest": (
        lambda site: trouble.loses_before_manifest(lambda: lose(site)),
        None,
    ),
}


def lose(site: Site) -> None:
    """Takes a package's layer away."""
    layers = site.manifest("group/noise", "t1")["layers"]
    assert site.server.lose_blob("group/noise", layers[2]["digest"])


@pytest.mark.parametrize("case", CASES)
def test_a_tag_moves_only_to_an_image_that_is_whole(site: Site, base: str, case: str) -> None:
    site.add_wheel("alpha")
    folder = site.repository({"requirements.txt": "alpha==1.0\n"})
    old = site.built(folder, base).digest
    (folder / "main.py").write_text(SCRIPT + "# changed\n")
    make, error = CASES[case]
    bad = make(site)
    site.fail = bad
    if error is None:
        new = site.built(folder, base).digest
    else:
        with pytest.raises(error):
            site.build(folder, base)
        assert digest_of_tag(site) == old
        site.fail = lambda _: None
        new = site.built(folder, base).digest
    assert bad.struck
    assert new != old
    assert digest_of_tag(site) == new
    for layer in site.manifest("group/noise", "t1")["layers"]:
        assert site.blob("group/noise", layer["digest"])


def test_a_layer_that_comes_without_end_is_read_no_further_than_it_is_long(site: Site, base: str) -> None:
    """Of a base's registry: nobody else's disk is to be filled by it."""
    layer = site.manifest("bases/python", base.partition("@")[2])["layers"][0]
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        for _ in range(MOST_PIECES):
            given += 1
            yield b"x" * PIECE_BYTES

    def answer(request: Request) -> Response | None:
        asked = request.method == "GET" and request.path.endswith(f"bases/python/blobs/{layer['digest']}")
        # Mounts would do without it.
        refused = "mount" in request.args
        return Response(endless()) if asked else Response(status=403) if refused else None

    site.fail = answer
    with pytest.raises(TryAgain, match="other bytes"):
        site.build(site.repository(), base)
    assert 0 < given < MOST_PIECES // 2
    assert site.manifest("group/noise", "t1") is None


def digest_of_tag(site: Site) -> str | None:
    details = site.server.tag_details("group/noise", "t1")
    return details.digest if details else None
