"""The pictures of docs/catalogue.md show today's pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pictures.__main__ import FOLDER, digest_of
from pictures.shots import SHOTS, Shot, made_from

PAGE = Path(__file__).parents[2] / "docs" / "catalogue.md"
MAX_PICTURE_BYTES = 160_000


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_picture_shows_the_page_as_it_is_today(shot: Shot) -> None:
    file = FOLDER / f"{shot.name}.png"
    assert digest_of(file) == made_from(shot), "a page or its looks have changed: run `make pictures`"
    assert file.stat().st_size <= MAX_PICTURE_BYTES


def test_the_document_shows_each_of_them() -> None:
    shown = re.findall(r"\]\(pictures/([\w-]+)\.png\)", PAGE.read_text("utf-8"))
    assert sorted(shown) == sorted(shot.name for shot in SHOTS)
