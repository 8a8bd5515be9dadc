"""Write the extract anew from GitLab's own file: `python -m sandbox.openapi openapi_v2.yaml`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from sandbox.gitlab.routes import ROOMS
from sandbox.openapi import EXTRACT, extract


def main(source: Path) -> None:
    """Read GitLab's description, and keep what the sandbox answers."""
    description = yaml.safe_load(source.read_bytes())
    wanted = [(route.method, route.pattern) for room in ROOMS for route in room.routes]
    EXTRACT.write_text(json.dumps(extract(description, wanted), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
