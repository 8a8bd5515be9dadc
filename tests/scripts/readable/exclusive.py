"""Groups whose arguments exclude each other, constants and names for values."""

import argparse


def main():
    parser = argparse.ArgumentParser()
    one_of = parser.add_mutually_exclusive_group(required=True)
    one_of.add_argument("--file", metavar="FILE")
    one_of.add_argument("--url", metavar="URL")
    loudness = parser.add_argument_group("loudness").add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="count", default=0)
    loudness.add_argument("-q", "--quiet", action="store_const", const=-1, dest="verbose")
    parser.add_argument("--range", nargs=2, metavar=("FROM", "TO"), type=int)
    parser.add_argument("--cache", nargs="?", const="on", default="off", help="%(const)s when bare, else %(default)s")
    parser.add_argument("--add-a", dest="adds", action="append_const", const="a")
    parser.add_argument("--colour", action=argparse.BooleanOptionalAction, default=True, help="in colour")
    parser.add_argument("--level", choices=("low", "high"), default="low", help="one of %(choices)s")
    parser.add_argument("--secret", help=argparse.SUPPRESS)
    parser.parse_intermixed_args()


if __name__ == "__main__":
    main()
