"""The control file: imported once, with its helpers found, and looked at whether it can be called."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import pipelines
from .faults import AuthorFault, CallerFault
from .files import kind_of
from .options import Option, read_options

SIGNATURES = {
    "get_params": (1, "def get_params(run=True):"),
    "train": (2, "def train(inpt, params=None):"),
    "run_pipeline": (4, "def run_pipeline(input, model, args, params=None):"),
}
"""By function: how many arguments it is called with, by their places, and how it is written."""


class Control:
    """A control file that can be run: its name without `.py`, its functions, the parameters of its commands."""

    def __init__(self, name: str, functions: dict[str, Callable[..., Any]]) -> None:
        self.name = name
        self.train = functions.get("train")
        self.run_pipeline = functions["run_pipeline"]
        ask = functions.get("get_params")
        self.params: dict[str, list[Option]] = {
            command: read_options(ask(command == "run")) if ask else [] for command in ("train", "run")
        }


def load_control(path: Path) -> Control:
    """Imports the file. Raises CallerFault when there is none, AuthorFault for what a function lacks."""
    if kind_of(path) != "file":
        raise CallerFault(f"{path}: there is no such control file.")
    folder = path.resolve().parent
    _offer_helpers(folder)
    module = _import(path.resolve())
    functions = {}
    for name, (count, written) in SIGNATURES.items():
        found = getattr(module, name, None)
        if found is None:
            continue
        if not callable(found) or not _takes(found, count):
            raise AuthorFault(
                f"{path.name}: {name} cannot be called with {count} arguments. Write `{written}`"
            )
        functions[name] = found
    if "run_pipeline" not in functions:
        written = SIGNATURES["run_pipeline"][1]
        raise AuthorFault(f"{path.name} has no function run_pipeline. Write `{written}`")
    return Control(path.stem, functions)


def _offer_helpers(folder: Path) -> None:
    """As a script has it: its folder comes first. Of mlopen's: `mlopenapp.pipelines` is that folder, too."""
    sys.path.insert(0, str(folder))
    os.environ[pipelines.FOLDER_VARIABLE] = str(folder)
    pipelines.__path__ = [str(folder)]


def _import(path: Path) -> types.ModuleType:
    # Kept objects of its own classes are found by this name again. One that is taken is left to whom it belongs.
    name = path.stem if path.stem not in sys.modules else f"control_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CallerFault(f"{path}: this is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # written in C: nothing is known of it
        return True
    return True
