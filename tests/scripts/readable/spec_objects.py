"""Arguments described by objects, and commands that register themselves."""

import argparse
from collections import namedtuple
from types import SimpleNamespace
from typing import NamedTuple


class Spec(NamedTuple):
    flag: str
    type: type = str
    default: object = None
    help: str = ""


Pair = namedtuple("Pair", "name values", defaults=[("a", "b")])

SPECS = [Spec("--width", int, 3, "how wide"), Spec("--label"), Spec(flag="--ratio", type=float, default="0.5")]
PAIRS = [Pair("kind"), Pair("size", ("s", "m", "l"))]
LOOSE = SimpleNamespace(flags=["-q", "--quiet"], words={"action": "store_true"})
COMMANDS = {}


def command(name, **words):
    def register(function):
        COMMANDS[name] = (function, words)
        return function

    return register


@command("train", help="train it")
def train(parser):
    parser.add_argument("--epochs", type=int, default=1)


@command("test")
def test(parser):
    parser.add_argument("--split", choices=["a", "b"])


class Registry:
    known = []

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Registry.known.append(cls)

    @classmethod
    def add(cls, parser):
        parser.add_argument(f"--{cls.__name__.lower()}", default=cls.value, help=cls.__doc__)


class Alpha(Registry):
    """The first."""

    value = 1


class Beta(Registry):
    value = 2


def specs():
    yield from SPECS
    yield Spec("--last")


def main():
    parser = argparse.ArgumentParser()
    for spec in specs():
        parser.add_argument(spec.flag, type=spec.type, default=spec.default, help=spec.help)
    for name, values in PAIRS:
        parser.add_argument("--" + name, choices=values, default=values[0])
    parser.add_argument(*LOOSE.flags, **LOOSE.words)
    for cls in Registry.known:
        cls.add(parser)
    subparsers = parser.add_subparsers(dest="command")
    for name, (function, words) in COMMANDS.items():
        function(subparsers.add_parser(name, **words))
    parser.parse_args()


if __name__ == "__main__":
    main()
