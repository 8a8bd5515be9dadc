"""Values that are one of several: parsers, groups and tables that depend on what is not known."""

import argparse
import os
import sys

FAST = os.environ.get("A_VARIABLE_THAT_IS_NOT_SET")
DEFAULTS = {"size": 1}


def make_other():
    other = argparse.ArgumentParser()
    other.add_argument("--again", action="store_true")
    return other


def run_again(args):
    other = make_other()
    args = other.parse_args(args)
    DEFAULTS["size"] = 2
    sys.exit(args.again)


def group_for(parser, name):
    if FAST:
        return parser
    return parser.add_argument_group(name)


class Tool:
    def __init__(self):
        self.hidden = {}
        self.parser = argparse.ArgumentParser()
        self.commands = self.parser.add_subparsers()
        self.add("first", lambda parser: parser.add_argument("--one"))
        self.add("second", self.add_second)

    def add(self, name, function, aliases=None):
        parser = self.commands.add_parser(name, aliases=aliases or [])
        function(parser)

    def add_second(self, parser):
        group_for(parser, "of its own").add_argument("--two", type=int)

    def run(self, args):
        if args and args[0] in self.hidden:
            parser = self.hidden[args[0]]
        else:
            parser = self.parser
        parser.add_argument("--size", default=DEFAULTS["size"])
        return parser.parse_args(args)


def main():
    args = sys.argv[1:]
    if args and args[0] == "again":
        DEFAULTS["size"] = 3
        run_again(["--again"] + args[1:])
    Tool().run(args)


if __name__ == "__main__":
    main()
