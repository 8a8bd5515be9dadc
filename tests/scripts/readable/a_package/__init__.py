"""A package; not a script of its own."""

from . import deeper
from .options import NAMES

__all__ = ["deeper", "from_the_root"]


def from_the_root(parser):
    for name in NAMES:
        parser.add_argument("--" + name)
