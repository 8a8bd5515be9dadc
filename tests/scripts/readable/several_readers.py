"""Of two parsers only one reads every command line: what the other one adds is conditional."""

import argparse
import sys

common = argparse.ArgumentParser(add_help=False)
common.add_argument("--verbose", action="store_true")
titled = common.add_argument_group("titled")
either = titled.add_mutually_exclusive_group()
either.add_argument("--this")
either.add_argument("--that")

parser = argparse.ArgumentParser(parents=[common])
if getattr(sys, "frozen", False):
    parser.add_argument("--update", "-u")
else:
    parser.add_argument("--check", "-u")
other = argparse.ArgumentParser(parents=[common])
other.add_argument("--start")


def main(argv):
    if len(argv) > 1 and argv[1] == "discover":
        other.parse_args(argv[2:])
        return
    parser.parse_args(argv[1:])


if __name__ == "__main__":
    main(sys.argv)
