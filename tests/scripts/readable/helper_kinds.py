"""Kinds of things, found by the script that imports this module; a module without a parser."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

__all__ = [name for name in ("Thing", "Stone", "StoneManager", "BigTree", "BigTreeManager", "Manager")]

ACTIONS: dict[str, dict[str, Extra]] = {}
"""Class name -> action name -> what it takes; filled by the decorator."""


@dataclass
class Extra:
    required: tuple[str, ...]
    in_object: bool


def action(*, names: str | tuple[str, ...], required: tuple[str, ...] = ()):
    def wrap(function):
        @functools.wraps(function)
        def wrapped(*args, **words):
            return function(*args, **words)

        in_object = True
        for name in names if isinstance(names, tuple) else (names,):
            final = name
            if name.endswith("Manager"):
                final = name.replace("Manager", "")
                in_object = False
            if final not in ACTIONS:
                ACTIONS[final] = {}
            ACTIONS[final][function.__name__.replace("_", "-")] = Extra(required=required, in_object=in_object)
        return wrapped

    return wrap


class Thing:
    key: str | None = "id"


class Manager(Generic[T]):
    kind: type[T]
    wanted: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


class Lists(Manager[T]):
    filters = ("page",)

    def list(self):
        return os.listdir()


class Gets(Manager[T]):
    def get(self):
        return None


class Stone(Thing):
    key = None

    @action(names="Stone", required=("force", "angle"))
    def throw_away(self):
        return self.key


class StoneManager(Gets[Stone]):
    kind = Stone


class BigTree(Thing):
    @action(names=("BigTree", "BigTreeManager"))
    def climb(self):
        return None


class BigTreeManager(Gets[BigTree], Lists[BigTree]):
    kind = BigTree
    wanted = ("height", "leaf_colour")
