"""`make pictures`: every scene photographed for docs/merge-requests.md, the catalogue's pages for docs/catalogue.md.

A picture carries the digest of the page that it shows: tests compare it with today's words. Exit code 2 without a
browser.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pictures import shots
from pictures.browser import Browser, NoBrowser
from pictures.page import Scene, page
from pictures.scenes import scenes
from pictures.shots import SHOTS

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH = 820
SCALE = 1.5
COLOURS = 96
"""Enough for text on flat colours, and a quarter of the bytes."""

MADE_FROM = "made-from"
"""The name under which a picture keeps the digest of its page."""


def made_from(scene: Scene) -> str:
    """The digest of a scene's page: the same as long as its words and looks are."""
    return hashlib.sha256(page(scene).encode()).hexdigest()


def small(taken: bytes, shows: str) -> bytes:
    """A photograph with few colours, and with the digest of what it shows."""
    about = PngInfo()
    about.add_text(MADE_FROM, shows)
    out = io.BytesIO()
    with Image.open(io.BytesIO(taken)) as image:
        image.convert("RGB").quantize(COLOURS, kmeans=1).save(out, "PNG", optimize=True, pnginfo=about)
    return out.getvalue()


def main() -> int:
    """Write the pictures that are not of today; those of scenes that are no more go."""
    FOLDER.mkdir(exist_ok=True)
    wanted = {FOLDER / f"{scene.name}.png": scene for scene in scenes()}
    pages = {FOLDER / f"{shot.name}.png": shot for shot in SHOTS}
    for file in set(FOLDER.glob("*.png")) - set(wanted) - set(pages):
        file.unlink()
    try:
        with Browser() as browser:
            for file, scene in wanted.items():
                if digest_of(file) == made_from(scene):
                    continue
                browser.show(page(scene), WIDTH, SCALE)
                keep(file, small(browser.photograph(), made_from(scene)))
        old = tuple(shot for file, shot in pages.items() if digest_of(file) != shots.made_from(shot))
        for shot, taken in shots.photographs(old) if old else ():
            keep(FOLDER / f"{shot.name}.png", small(taken, shots.made_from(shot)))
    except NoBrowser as error:
        print(f"There is no browser here: {error}", file=sys.stderr)
        return 2
    return 0


def keep(file: Path, picture: bytes) -> None:
    """Write a picture, and tell its size."""
    file.write_bytes(picture)
    print(f"docs/pictures/{file.name}: {file.stat().st_size // 1000} kB", flush=True)


def digest_of(file: Path) -> str:
    """The digest of the page that a picture shows; empty when it says none, or is not there."""
    if not file.exists():
        return ""
    with Image.open(file) as image:
        return str(image.info.get(MADE_FROM, ""))


if __name__ == "__main__":
    sys.exit(main())
