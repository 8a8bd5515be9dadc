"""Fields that other scripts here do not have, and arguments that are declared in loops over what is written down."""

import argparse
import sys

TABLE = {"alpha": 0.1, "beta": 0.2}
WORDS = {"loops": "from a dictionary", "extra": 3}


class Parser(argparse.ArgumentParser):
    """A parser with defaults of its own."""

    def __init__(self, *, prog="tool", allow_abbrev=False, **words):
        super().__init__(prog=prog, allow_abbrev=allow_abbrev, **words)


def old(action):
    """Marked after it was made, which every Python understands."""
    action.deprecated = True
    return action


def main():
    parser = Parser(epilog="%(prog)s ends")
    parser.add_argument("command", nargs=argparse.PARSER, help="what %(prog)s runs")
    for name in ["loops", "lists"]:
        parser.add_argument("--" + name)
    for name in TABLE:
        parser.add_argument("--" + name, type=float, default=TABLE[name])
    for number, (name, value) in enumerate(TABLE.items(), 1):
        parser.add_argument(f"--{name}-{number:02d}", default="%s=%.1f" % (name, value))
    for number in range(3, 0, -2):
        parser.add_argument("--step-{}".format(number), type=int, default=number**2 % 5)
    parser.add_argument("--rest", nargs=argparse.REMAINDER)
    old(parser.add_argument("--old", help="as before"))
    parser.add_argument("--all", action="store_const", const=["a", "b"], default=[])
    parser.set_defaults(**WORDS)
    parser.parse_known_intermixed_args(sys.argv[2:]) if len(sys.argv[1:]) > 9 else parser.parse_known_args(sys.argv[1:])


if __name__ == "__main__":
    main()
