"""Types that are no plain functions: partials, objects that can be called, functions that are renamed."""

import argparse
import functools


class Bounded:
    def __init__(self, kind, least):
        self.kind = kind
        self.least = least
        self.__name__ = kind.__name__

    def __call__(self, text):
        return max(self.kind(text), self.least)


class Upper:
    def __call__(self, text):
        return text.upper()


def number(kind, least):
    def convert(text):
        return max(kind(text), least)

    convert.__name__ = kind.__name__
    return convert


def power(text, exponent):
    return int(text) ** exponent


parser = argparse.ArgumentParser()
parser.add_argument("--bounded", type=Bounded(int, 3), default="2")
parser.add_argument("--upper", type=Upper(), default="abc")
parser.add_argument("--least", type=number(float, 0.5), default=1.0)
parser.add_argument("--square", type=functools.partial(power, exponent=2), default="3")
group = parser.add_argument_group("outer")
group.add_mutually_exclusive_group().add_argument("--inside")

if __name__ == "__main__":
    parser.parse_args()
