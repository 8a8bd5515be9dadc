"""Fields of dataclasses turned into arguments in a loop."""

import argparse
import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, List, Optional


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass
class Base:
    seed: int = field(default=1, metadata={"help": "seed of all random numbers"})
    name: Optional[str] = field(default=None, metadata={"help": "name of the run", "alias": "-n"})


@dataclass
class Training(Base):
    rate: float = field(default=0.1, metadata={"help": "learning rate"})
    layers: List[int] = field(default_factory=lambda: [1, 2], metadata={"help": "sizes"})
    mode: Mode = field(default=Mode.FAST, metadata={"help": "how"})
    resume: bool = field(default=False, metadata={"help": "go on"})
    anything: Any = "x"
    hidden: str = field(default="", metadata={"skip": True})


def of(kind):
    text = str(kind)
    if text.startswith("typing.Optional"):
        return kind.__args__[0]
    return kind


def add(parser, cls, delete=("seed",)):
    group = parser.add_argument_group(cls.__name__)
    for one in dataclasses.fields(cls):
        meta = one.metadata
        if meta.get("skip"):
            continue
        flags = ["--" + one.name.replace("_", "-")]
        if "alias" in meta:
            flags.append(meta["alias"])
        kind = of(one.type)
        words = {"help": meta.get("help"), "default": one.default}
        if one.default is dataclasses.MISSING:
            words["default"] = one.default_factory()
        if kind is bool:
            words["action"] = "store_true"
        elif isinstance(kind, type) and issubclass(kind, Enum):
            words["choices"] = [member.value for member in kind]
            words["default"] = one.default.value
        elif getattr(kind, "__origin__", None) is list:
            words["type"] = kind.__args__[0]
            words["nargs"] = "+"
        elif kind is not Any:
            words["type"] = kind
        try:
            group.add_argument(*flags, **words)
        except argparse.ArgumentError:
            pass
    return parser


if __name__ == "__main__":
    add(argparse.ArgumentParser(), Training).parse_args()
