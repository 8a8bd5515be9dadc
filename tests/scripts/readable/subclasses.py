"""Commands are the subclasses of one class; defaults are held by a namespace."""

import argparse

DEFAULTS = argparse.Namespace(rate=0.1, count=3)
DEFAULTS.label = "a label"


class Command:
    name = ""

    def __init__(self, subparsers):
        parser = subparsers.add_parser(self.name, help=self.__doc__)
        self.add_to(parser)
        parser.set_defaults(run=self.run)

    def run(self, args):
        raise NotImplementedError


class Train(Command):
    """Trains."""

    name = "train"

    def add_to(self, parser):
        for name, value in vars(DEFAULTS).items():
            parser.add_argument("--" + name, type=type(value), default=value)


class Evaluate(Command):
    """Evaluates."""

    name = "evaluate"

    def add_to(self, parser):
        parser.add_argument("files", nargs="+")


COMMANDS = {one.name: one for one in Command.__subclasses__()}

parser = argparse.ArgumentParser()
subparsers = parser.add_subparsers(dest="command")
for command in COMMANDS.values():
    command(subparsers)
parser.parse_args()
