"""What the constructor of a parser changes."""

import argparse


class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawTextHelpFormatter):
    pass


common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
common.add_argument("--shared", help="from a parent")
common.add_argument("--replaced", type=int)

parser = argparse.ArgumentParser(
    "tool",
    prefix_chars="-+",
    parents=[common],
    formatter_class=Formatter,
    fromfile_prefix_chars="@",
    conflict_handler="resolve",
    allow_abbrev=False,
    exit_on_error=False,
    argument_default="nothing",
)
parser.add_argument("+x", "++extra", help="two\nlines")
parser.add_argument("--replaced", type=float, default=1.5, help="in place of the parent's")
parser.add_argument("-h", "--height", type=int, default=2, help="not help")
parser.add_argument("--flag", action="store_true", help="a flag")
parser.add_argument("--none", default=None, help="%(prog)s says %(dest)s")
parser.add_argument("place", nargs="?", help="where", metavar="PLACE")
parser.set_defaults(flag=True, later="later")
parser.add_argument("--later", help="default set before, of type %(type)s", type=str)

if __name__ == "__main__":
    parser.parse_args()
