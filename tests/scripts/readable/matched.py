"""`match` on values that are known, not known, and given on the command line."""

import argparse
import os
from dataclasses import dataclass

SPEC = {"kind": "adam", "options": {"lr": 0.1, "beta": 0.9}}


@dataclass
class Point:
    x: int
    y: int = 0


def of_kind(parser, kind):
    match kind:
        case "sgd":
            parser.add_argument("--momentum", default=0.9)
        case "adam" | "adamw" as name:
            parser.add_argument("--beta", default=name)
        case _:
            parser.add_argument("--never")


def described(value):
    match value:
        case None:
            return "nothing"
        case True | False:
            return "a flag"
        case int(number) if number > 10:
            return f"many: {number}"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case []:
            return "empty"
        case [first, *rest]:
            return f"{first} and {len(rest)} more"
        case {"kind": kind, **others}:
            return f"{kind} with {sorted(others)}"
        case Point(0, y=height):
            return f"on the axis at {height}"
        case Point(x=across):
            return f"{across} across"
        case _:
            return "something"


def main():
    parser = argparse.ArgumentParser()
    of_kind(parser, "adam")
    of_kind(parser, "sgd")
    values = (None, True, 3, 12, 2.5, "x", [], [1, 2, 3], ("a",), SPEC, Point(0, 4), Point(3), Point, {})
    for number, value in enumerate(values):
        parser.add_argument(f"--value-{number}", default=described(value))
    match SPEC:
        case {"missing": _}:
            parser.add_argument("--missing")
        case {"options": {"lr": float(rate)}}:
            parser.add_argument("--rate", type=float, default=rate)
    match os.environ.get("A_MODE_THAT_IS_NOT_SET"):
        case "fast":
            parser.add_argument("--fast")
            mode = 1
        case mode:
            parser.add_argument("--slow")
    parser.add_argument("--mode", default=mode)
    match (1, 2):
        case (1, second) if second == 3:
            parser.add_argument("--three")
        case (1, second) if second == 2:
            parser.add_argument("--two")
    parser.parse_args()


if __name__ == "__main__":
    main()
