"""Ways by which code is reached."""

import asyncio
from argparse import *


def outer():
    made = None

    def make():
        nonlocal made
        made = ArgumentParser(formatter_class=RawTextHelpFormatter)

    make()
    return made


class Tool:
    @classmethod
    def create(cls):
        return cls(outer())

    def __init__(self, parser):
        self.parser = parser

    @property
    def group(self):
        return self.parser.add_argument_group("of a property")

    def run(self):
        self.group.add_argument("--in-group", help=SUPPRESS)
        for kind in (int, float):
            self.parser.add_argument(f"--{kind.__name__}", type=kind, default="1")
        return self


async def main():
    tool = Tool.create().run()
    with open(__file__) as stream:
        if stream:
            pass
    try:
        tool.parser.add_argument("--tried", default=len([n for n in range(3) if n]))
    finally:
        tool.parser.add_argument("--at-last", default=not True or "x")
    options = tool.parser.parse_args()
    if options.tried:
        print("tried")


if __name__ == "__main__":
    asyncio.run(main())
