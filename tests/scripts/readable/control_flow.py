"""Ways that code takes, where each of them is known."""

import argparse
import sys

DEFAULTS = {"a": 1}
try:
    import surely_there_is_no_such_module as extra  # noqa: F401
except ImportError:
    extra = None


def default(name):
    try:
        return DEFAULTS[name]
    except KeyError:
        return "no " + name


def number(text):
    try:
        return int(text)
    except ValueError:
        return -1


def early(parser, really):
    if not really:
        return parser
    parser.add_argument("--never")
    return parser


def main(argv=None):
    parser = argparse.ArgumentParser()
    for name in ("a", "b"):
        parser.add_argument(f"--{name}", default=default(name))
    parser.add_argument("--number", type=number, default="x")
    if sys.version_info >= (3, 8) and sys.platform != "win32":
        parser.add_argument("--modern", action="store_true")
    else:
        parser.add_argument("--ancient")
    early(parser, False)
    count = 0
    while count < 2:
        parser.add_argument(f"--turn-{count}", default=count)
        count += 1
    for index in range(10):
        if index % 2:
            continue
        if index > 4:
            break
        parser.add_argument(f"--even-{index}")
    else:
        parser.add_argument("--not-reached")
    if isinstance(DEFAULTS, dict) and not isinstance(count, str) and type(count) is int:
        parser.add_argument("--typed", type=type(count))
    if hasattr(parser, "add_argument") and getattr(parser, "nothing", None) is None:
        parser.add_argument("--has")
    inner = argparse.ArgumentParser()
    inner.add_argument("--inner")
    parser.parse_args(argv)
    third = argparse.ArgumentParser()
    third.add_argument("--third")
    third.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
