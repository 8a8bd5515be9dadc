"""Arguments of the fields of dataclass instances, whose own methods say what is in them."""

import argparse
from argparse import ArgumentError
from dataclasses import _MISSING_TYPE, MISSING, dataclass, field
from enum import Enum
from typing import Any, List, Optional, Tuple


class Choices(Enum):
    def __str__(self):
        return self.value


def choices_of(words):
    return Choices("Words", {word: word for word in words})


FORMATS = choices_of(["json", "plain"])


@dataclass
class Settings:
    _name: Optional[str] = None

    def names(self):
        return [key for key in self.__dataclass_fields__.keys()]

    def default(self, name):
        if hasattr(self, name) and getattr(self, name) != self.__dataclass_fields__[name].default:
            return getattr(self, name)
        one = self.__dataclass_fields__[name]
        return one.default if isinstance(one.default_factory, _MISSING_TYPE) else one.default_factory()

    def type(self, name) -> Any:
        return self.__dataclass_fields__[name].type

    def help(self, name):
        return self.__dataclass_fields__[name].metadata.get("help", None)


@dataclass
class Common(Settings):
    seed: int = field(default=1, metadata={"help": "where chance begins"})
    log_format: Optional[FORMATS] = field(default=None, metadata={"help": "how to write"})
    fast: bool = False
    sizes: List[int] = field(default_factory=lambda: [1, 2])


@dataclass
class More(Common):
    seed: int = 2
    ratio: Optional[float] = None


def add_fields(parser, settings):
    for name in settings.names():
        if name.startswith("_"):
            continue
        kind, default, words = settings.type(name), settings.default(name), {}
        if str(kind).startswith("typing.Optional"):
            kind = kind.__args__[0]
        if default is MISSING:
            words["required"] = True
        elif kind is bool:
            words["action"] = "store_true"
        elif isinstance(kind, type) and issubclass(kind, Enum):
            words["choices"] = [one.value for one in list(kind)]
        elif isinstance(kind, type) and (issubclass(kind, List) or issubclass(kind, Tuple)):
            words["nargs"] = 2
        elif "List" in str(kind):
            words.update(nargs="+", type=kind.__args__[0], default=default)
        else:
            words.update(type=kind, default=default)
        try:
            parser.add_argument("--" + name.replace("_", "-"), help=settings.help(name), **words)
        except ArgumentError:
            pass


parser = argparse.ArgumentParser()
add_fields(parser, Common())
add_fields(parser, More(seed=3))
parser.parse_args()
