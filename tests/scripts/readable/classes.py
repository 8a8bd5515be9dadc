import argparse
import enum
from pathlib import Path


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Parser(argparse.ArgumentParser):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, description="mine", **kwargs)
        self.add_argument("--from-subclass", type=Path, default="a//b/./c")

    def add_more(self):
        self.add_argument("--colour", choices=[c.value for c in Colour], default=Colour.RED.value)


class Options:
    prefix = "opt"

    def __init__(self, parser):
        self.parser = parser
        self.initialise()

    def initialise(self):
        self.parser.add_argument(f"--{self.prefix}-a", default=self.choose("x"))

    @staticmethod
    def choose(text):
        return text.upper() + "!"


class MoreOptions(Options):
    prefix = "more"

    def initialise(self):
        super().initialise()
        self.parser.add_argument("--own", type=int, choices=range(1, 4), default=2)


def main():
    parser = Parser()
    parser.add_more()
    MoreOptions(parser)
    parser.parse_args()


if __name__ == "__main__":
    main()
