"""Storing what was learnt. Nothing is written before `train` has ended: then all of it becomes one bundle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._run.kept import KEPT, Kind


def save_pipeline(models: Iterable[Any], args: Iterable[Any], name: str) -> None:
    """Keeps models and helper objects, each a pair `(object, "name")`; `name` is the control file's own."""
    KEPT.keep_all("model", models, "models")
    KEPT.keep_all("arg", args, "args")


def save(arg_object: Any, name: str, save_to_db: bool = False, type: Kind = "arg") -> bool:
    """Keeps one object; `type` is "model" or "arg"."""
    KEPT.keep(type, arg_object, name)
    return True


def load(name: str, type: Kind = "arg") -> Any:
    """An object that was kept, or that came with `--model`; of a name with `.pkl` behind it, too."""
    return KEPT.find(type, name)
