import argparse
import functools
import sys

SIZES = {"small": 1, "large": 2}
BASE = 1 << 4


def flag(parser, name, **options):
    options.setdefault("type", int)
    parser.add_argument("--" + name, **options)


def make(description):
    parser = argparse.ArgumentParser(description=description)
    add_common(parser)
    return parser


def add_common(parser):
    parser.add_argument("--size", choices=list(SIZES.keys()), default="small")
    parser.add_argument("--sizes", choices=sorted(SIZES), nargs="+", default=[*SIZES])
    for name, default in (("width", BASE), ("height", BASE * 2)):
        flag(parser, name, default=default, help=f"the {name} (%d at first)" % default)
    add = parser.add_argument
    add("--alias", default="a" * 3)
    text = functools.partial(parser.add_argument, type=str, default="")
    text("--one")
    text("--two", default=None)


def main(argv):
    parser = make("helpers")
    if len(SIZES) > 1:
        parser.add_argument("--many", action="store_true")
    else:
        parser.add_argument("--few", action="store_true")
    options = dict(type=float, default=".5")
    parser.add_argument("--ratio", **options)
    parser.add_argument(*("-k", "--key"), default=", ".join(["x", "y"]))
    parser.set_defaults(one="set", extra=3)
    args, rest = parser.parse_known_args(argv)
    return args


if __name__ == "__main__":
    main(sys.argv[1:])
