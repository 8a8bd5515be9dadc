"""Builds one fixed repository into a folder and prints the image's digest: run by several Pythons, in several worlds.

python -m tests.building.program REGISTRY FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bot.adapters.registry import Registry
from bot.building import Again, Built
from bot.domain.environments import Environment
from bot.layers.shelves import FolderShelf
from tests.building.golden import built_wheel, lock_of, push_base, write_repository
from tests.building.workshop import build_folder


def main(address: str, folder: Path) -> int:
    """Prints the digest."""
    checkout = write_repository(folder / "golden")
    with Registry(address, pauses=()) as registry:
        digest = push_base(registry, "bases/golden", "1")
        # The name stands in a label; where the registry is today does not.
        image = f"registry.example.com/bases/golden@{digest}"
        built = build_folder(
            checkout,
            Environment("cpu", "CPU", image, "3.12", {"A": "1"}, bytecode=False),
            lambda _host: registry,
            FolderShelf(folder / "cache"),
            lambda _line: None,
            again=Again("0" * 64, lock_of(built_wheel(checkout))),
            cache=folder / "uv",
        )
    assert isinstance(built, Built), built
    sys.stdout.write(f"{built.digest}\n")
    return 0


if __name__ == "__main__":
    os.umask(int(os.environ.get("UMASK", "022"), 8))
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
