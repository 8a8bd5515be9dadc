"""A helper beside the scripts: hands on what another module has."""

from helper_more import add_paths, build

__all__ = ["build"]
