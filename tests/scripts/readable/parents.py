import argparse

base = argparse.ArgumentParser(add_help=False)
base.add_argument("--verbose", action="store_true")
shared = base.add_argument_group("shared")
shared.add_argument("--seed", type=int, default=1)
base.set_defaults(seed=7)

parser = argparse.ArgumentParser(parents=[base], conflict_handler="resolve", argument_default="none")
parser.add_argument("--plain")
parser.add_argument("--verbose", "-V", action="count")
parser.add_argument("--typed", type=int, default=None)

if __name__ == "__main__":
    parser.parse_args()
