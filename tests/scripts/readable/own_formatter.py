"""A script's own formatter of help, set by keyword, afterwards, and through a function's keywords."""

import argparse


class Shows(argparse.RawDescriptionHelpFormatter):
    def _get_help_string(self, action):
        text = action.help
        if isinstance(action, Silent):
            return text
        if "%(default)" not in text and action.default is not argparse.SUPPRESS:
            if action.option_strings or action.nargs in ("?", "*"):
                text += " [%(default)s unless given]"
        return text


class Told(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action):
        text = super()._get_help_string(action) or ""
        return text[:-1] + "?" if text.endswith("!") else text


class Silent(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values)


def add(commands, *names, **words):
    words.setdefault("formatter_class", argparse.ArgumentDefaultsHelpFormatter)
    return commands.add_parser(*names, **words)


parser = argparse.ArgumentParser(formatter_class=Shows)
parser.add_argument("--rate", type=float, default=0.5, help="how fast")
parser.add_argument("--quiet", action=Silent, help="say nothing")
parser.add_argument("--hidden", default=argparse.SUPPRESS, help="not shown %%")
commands = parser.add_subparsers(dest="command")
for name in ("one", "two"):
    command = add(commands, name)
    command.add_argument("--size", default=3, help="how large")
told = commands.add_parser("told", formatter_class=Told)
told.add_argument("--size", default=3, help="how large")
told.add_argument("--loud", help="%(default)s or loud!")
later = commands.add_parser("later")
later.add_argument("--size", default=3, help="how large")
later.formatter_class = argparse.ArgumentDefaultsHelpFormatter
later.prog = "later"
later.add_argument("--called", help="for %(prog)s")

if __name__ == "__main__":
    parser.parse_args()
