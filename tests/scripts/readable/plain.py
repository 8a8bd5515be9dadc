import argparse

parser = argparse.ArgumentParser(description="plain")
parser.add_argument("name", help="a positional")
parser.add_argument("rest", nargs="*", default=["a"])
parser.add_argument("-l", "--learning-rate", type=float, default="0.1", help="rate (default: %(default)s)")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--mode", choices=["a", "b"], default="a", required=False)
parser.add_argument("--must", required=True)
parser.add_argument("-q", "--quiet", action="store_true")
parser.add_argument("--no-cache", dest="cache", action="store_false")
parser.add_argument("-v", action="count", default=0)
parser.add_argument("--tag", action="append")
parser.add_argument("--more", action="extend", nargs="+", type=int)
parser.add_argument("--fast", action="store_const", const=9, default=1)
parser.add_argument("--pair", nargs=2, type=float, metavar=("X", "Y"))
parser.add_argument("--maybe", nargs="?", const="c", default="d")
parser.add_argument("--colour", action=argparse.BooleanOptionalAction, default=True)
parser.add_argument("--version", action="version", version="1")
parser.add_argument("--hidden", help=argparse.SUPPRESS, default=argparse.SUPPRESS)

if __name__ == "__main__":
    parser.parse_args()
