from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, List, Literal, Optional, Union

from transformers import HfArgumentParser

from more_fields import Paths


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(kw_only=True)
class Model(Paths):
    """What the model is."""

    kind: ClassVar[str] = "none"
    model_name: str = field(metadata={"help": "Which model", "aliases": ["-m"]})
    layers: int = 12
    rate: float = 1e-3
    revision: Optional[str] = None
    cache: str | None = field(default=None, metadata={"help": "Where"})
    fast: bool = False
    safe: bool = field(default=True, metadata={"help": "Careful"})
    maybe: Optional[bool] = None
    surely: Optional[bool] = True
    steps: List[int] = field(default_factory=lambda: [1, 2])
    names: list[str] = field(default_factory=list)
    needed: Optional[List[float]] = None
    mode: Literal["a", "b"] = "a"
    size: Literal[1, 2] = 2
    colour: Colour = Colour.RED
    either: Union[str, int] = "3"
    home: str = os.path.expanduser("~")
    hidden: int = field(default=0, init=False)
    label_names: Optional[list[str]] = field(default=None, metadata={"help": "Labels"})
    must_choose: Literal["x", "y"] = field(metadata={"help": "No default"}, kw_only=True)


@dataclass(kw_only=True)
class Data:
    _argument_group_name = "data"
    limit: Optional[int] = field(default=None, metadata={"help": "At most"})
    source_path: str = "data"


def main():
    parser = HfArgumentParser((Model, Data), description="x")
    parser.add_argument("--extra", type=int, default=1)
    model, data, rest = parser.parse_args_into_dataclasses()


if __name__ == "__main__":
    main()
