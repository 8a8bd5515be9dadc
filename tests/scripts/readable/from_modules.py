"""Arguments that other modules add; the modules have to lie beside this one."""

import argparse
import importlib

import helper_more
from helper_again import *
from helper_again import add_paths as paths


def main():
    parser = build(argparse.ArgumentParser)
    paths(parser)
    helper_more.Options().add_to(parser)
    importlib.import_module("helper_more").add_dynamic(parser, helper_more.DEFAULT)
    parser.parse_args()


if __name__ == "__main__":
    main()
