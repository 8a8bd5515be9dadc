"""`make pictures`: every scene photographed, for docs/merge-requests.md.

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

from pictures.browser import Browser, NoBrowser
from pictures.page import Scene, page
from pictures.scenes import scenes

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


def small(taken: bytes, scene: Scene) -> bytes:
    """A photograph with few colours, and with the digest of what it shows."""
    about = PngInfo()
    about.add_text(MADE_FROM, made_from(scene))
    out = io.BytesIO()
    with Image.open(io.BytesIO(taken)) as image:
        image.convert("RGB").quantize(COLOURS, kmeans=1).save(out, "PNG", optimize=True, pnginfo=about)
    return out.getvalue()


def main() -> int:
    """Write the pictures that are not of today; those of scenes that are no more go."""
    FOLDER.mkdir(exist_ok=True)
    wanted = {FOLDER / f"{scene.name}.png": scene for scene in scenes()}
    for file in set(FOLDER.glob("*.png")) - set(wanted):
        file.unlink()
    try:
        with Browser() as browser:
            for file, scene in wanted.items():
                if file.exists() and digest_of(file) == made_from(scene):
                    continue
                browser.show(page(scene), WIDTH, SCALE)
                file.write_bytes(small(browser.photograph(), scene))
                print(f"docs/pictures/{file.name}: {file.stat().st_size // 1000} kB", flush=True)
    except NoBrowser as error:
        print(f"There is no browser here: {error}", file=sys.stderr)
        return 2
    return 0


def digest_of(file: Path) -> str:
    """The digest of the page that a picture shows; empty when it says none."""
    with Image.open(file) as image:
        return str(image.info.get(MADE_FROM, ""))


if __name__ == "__main__":
    sys.exit(main())
