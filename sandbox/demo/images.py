"""Images of the demo: the base, the bot's own where an engine builds, and one run of what was published."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.demo.children import end_group, run
from sandbox.images.running import Order, Way

ROOT = Path(__file__).parents[2]
BOT_IMAGE = "mlreef/bot:demo"
RUN_SECONDS = 120
"""Time that one run of a published image may take."""

Tell = Callable[[str], None]


def ensure_base(tell: Tell) -> str:
    """Name of a Python base image that the engine holds: named, pulled, or made from this host's files."""
    _, said = run([str(ROOT / "scripts" / "base-image.sh")], tell=tell)
    return said.splitlines()[-1].strip()


def ensure_bot_image(base: str, tell: Tell) -> str:
    """Build the bot's image, which the pipeline's jobs run in; the engine's cache makes it quick."""
    with _replaced(BOT_IMAGE):
        run(["docker", "build", "--build-arg", f"BASE={base}", "--tag", BOT_IMAGE, "."], cwd=ROOT, tell=tell)
    return BOT_IMAGE


def python_of(image: str) -> str:
    """The Python inside an image, as `3.12`."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    _, said = run(["docker", "run", "--rm", "--network=none", image, "python3", "-c", code])
    return said.strip()


def run_published(way: Way, order: Order, tell: Tell) -> int:
    """Run an image once and give its exit code; its lines are told as they come."""
    reading, writing = os.pipe()
    with open(reading, "rb") as said:  # noqa: PTH123 - a pipe has no path
        with open(writing, "wb") as output:  # noqa: PTH123 - likewise
            started = way.running(order, output)
            with started as process:
                output.close()
                limit = threading.Timer(RUN_SECONDS, end_group, (process,))
                limit.start()
                try:
                    for line in said:
                        tell(line.decode("utf-8", "replace").rstrip("\r\n"))
                    return process.wait()
                finally:
                    limit.cancel()


def keep_as(image: str, name: str) -> None:
    """Give a published image a name that outlives the demo's registry."""
    with _replaced(name):
        run(["docker", "tag", image, name])


@contextlib.contextmanager
def _replaced(name: str) -> Iterator[None]:
    """Take away the image that had the name before, unless something else holds it: nobody finds it without."""
    before = _id_of(name)
    yield
    if before is not None and before != _id_of(name):
        run(["docker", "rmi", before], check=False)


def _id_of(name: str) -> str | None:
    code, said = run(["docker", "image", "inspect", "--format", "{{.Id}}", name], check=False)
    return said.strip() if code == 0 else None


def forget(registry: str) -> None:
    """Take away the names below a registry that is gone; layers stay where another name holds them."""
    _, listed = run(
        ["docker", "images", "--no-trunc", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}"], check=False
    )
    names = set()
    for line in listed.splitlines():
        repository, _, rest = line.partition(" ")
        tag, _, digest = rest.partition(" ")
        if repository.startswith(f"{registry}/"):
            names |= {f"{repository}:{tag}"} if tag != "<none>" else set()
            names |= {f"{repository}@{digest}"} if digest.startswith("sha256:") else set()
    if names:
        run(["docker", "rmi", *sorted(names)], check=False)
