"""Looks through the actions that a parser has, its help among them, and changes them by their place."""

import argparse
from enum import Enum


class Mode(Enum):
    FAST = 1
    SLOW = 2


parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--sizes", type=int, nargs="*", default=[64, 64])
parser.add_argument("--mode", type=lambda text: Mode[text.upper()], default="fast")
parser._actions[1].default = 7.5
for action in parser._actions:
    if action.dest == "help":
        continue
    if isinstance(action, argparse._StoreAction) and action.nargs == "*":
        action.help = "how large they are"
other = argparse.ArgumentParser(add_help=False)
for action in parser._actions:
    if not isinstance(action, argparse._HelpAction):
        other._add_action(action)
other.add_argument("--last", default=len(other._actions))
other.parse_args()
