"""Arguments, constants, enums and defaults of a package beside the script, imported in every way."""

import argparse

import a_package
import a_package.options as options
from a_package import *
from a_package.deeper.constants import LIMITS as limits
from a_package.options import Colour, Settings


def main():
    parser = argparse.ArgumentParser()
    options.add_to(parser)
    from_the_root(parser)
    a_package.deeper.add_deep(parser)
    parser.add_argument("--colour", choices=[one.value for one in Colour], default=Colour.RED.value)
    parser.add_argument("--size", type=int, choices=range(*limits), default=Settings.size)
    parser.add_argument("--label", default=Settings(label="given").label)
    parser.add_argument("--rate", type=float, default=a_package.deeper.constants.RATE)
    parser.parse_args()


if __name__ == "__main__":
    main()
