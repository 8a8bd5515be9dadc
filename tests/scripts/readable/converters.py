import argparse
from pathlib import Path


def str2bool(value):
    if isinstance(value, bool):
        return value
    if value.lower() in ("yes", "true", "1"):
        return True
    if value.lower() in ("no", "false", "0"):
        return False
    raise argparse.ArgumentTypeError("a boolean is expected")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flag", type=str2bool, default="yes")
    parser.add_argument("--other", type=str2bool, default=False, nargs="?", const=True)
    parser.add_argument("--list", type=lambda text: [int(part) for part in text.split(",")], default="1,2")
    parser.add_argument("--where", type=Path, default=Path("data") / "raw")
    parser.add_argument("--count", type=int, default="12")
    parser.add_argument("--big", type=float, default="1e-3")
    parser.add_argument("--file", type=argparse.FileType("r"), default=None)
    parser.parse_args()


if __name__ == "__main__":
    main()
