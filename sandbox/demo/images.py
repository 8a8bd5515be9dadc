"""Images on the local engine: the base, the bot's own, and one run of what was published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.demo.children import run

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
    run(["docker", "build", "--build-arg", f"BASE={base}", "--tag", BOT_IMAGE, "."], cwd=ROOT, tell=tell)
    return BOT_IMAGE


def python_of(image: str) -> str:
    """The Python inside an image, as `3.12`."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    _, said = run(["docker", "run", "--rm", "--network=none", image, "python3", "-c", code])
    return said.strip()


def run_published(
    image: str, arguments: Sequence[str], folders: Sequence[tuple[Path, str, bool]], tell: Tell
) -> int:
    """Run an image once, without network or rights, and give its exit code; `folders`: (here, there, writable)."""
    mounts = [
        f"--volume={here.resolve()}:{there}{'' if writable else ':ro'}" for here, there, writable in folders
    ]
    limits = ["--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=2g"]
    command = ["docker", "run", "--rm", *limits, *mounts, image, *arguments]
    code, _ = run(["timeout", "--kill-after=5", str(RUN_SECONDS), *command], tell=tell, check=False)
    return code


def keep_as(image: str, name: str) -> None:
    """Give a published image a name that outlives the demo's registry, and take away those that do not."""
    run(["docker", "tag", image, name])


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
