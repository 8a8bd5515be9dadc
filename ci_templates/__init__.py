"""GitLab CI files with named holes, one per build engine, and the Dockerfile of a module."""

from __future__ import annotations

from importlib.resources import files


def read_template(name: str) -> str:
    """The text of a template, such as `docker.yml` or `module.Dockerfile`."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
