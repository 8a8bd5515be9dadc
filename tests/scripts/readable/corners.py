"""Corners of argparse that programs put together at random came upon."""

import argparse
import enum


class Color(enum.Enum):
    RED = "red"


class Size(str, enum.Enum):
    LARGE = "large"


common = argparse.ArgumentParser(add_help=False)
common.add_argument("--al", action="append_const", const=3, required=True)
parser = argparse.ArgumentParser(prefix_chars="-+", conflict_handler="resolve", parents=[common])
commands = parser.add_subparsers(dest="command")
child = commands.add_parser("child", parents=[common])
child.add_argument("+positional", help="a subcommand does not inherit the prefix characters")
parser.add_argument("--al", action="store_true", help="leaves the first one without a flag")
parser.add_argument("--color", type=int, default=Color.RED, help="no text, so no type is asked")
parser.add_argument("--size", type=str.upper, default=Size.LARGE)
parser.add_argument("--fixed", action="store_const", const=1, metavar="DROPPED", help="%(metavar)s")
parser.add_argument("--shown", action="version", version="1.0", help=None)
parser.add_argument("--loud", type=lambda text: text.upper(), help="as %(type)s")
outer = parser.add_mutually_exclusive_group(required=True)
outer.add_argument("--one")
inner = outer.add_mutually_exclusive_group()
inner.add_argument("--two")
inner.add_argument("--three", metavar=("A", "B"), help="a group tries no usage")

if __name__ == "__main__":
    parser.parse_args()
