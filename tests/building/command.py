"""The command in a process of its own, at a site."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.building.site import Site

ROOT = Path(__file__).parents[2]


def build(
    site: Site, folder: Path, *words: str, limit: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`mlreef-bot build FOLDER …` with the site's index and a cache of its own; no file above `limit` bytes."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(site.work / "home"),
        "PYTHONPATH": str(ROOT),
        "UV_CACHE_DIR": str(site.work / "uv"),
        "UV_DEFAULT_INDEX": site.index.simple,
        **{name: value for name, value in os.environ.items() if name == "DOCKER_HOST"},
        **variables,
    }
    cache = () if "--cache" in words else ("--cache", str(site.work / "cache"))
    return subprocess.run(
        [sys.executable, "-m", "bot", "build", str(folder), *cache, *words],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        timeout=240,
        preexec_fn=None
        if limit is None
        else partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)),
    )


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """What it said as JSON."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
