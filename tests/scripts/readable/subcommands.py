import argparse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--global-flag", action="store_true")
    commands = parser.add_subparsers(dest="command")
    train = commands.add_parser("train", help="trains")
    train.add_argument("--rate", type=float, default=0.1)
    test = commands.add_parser("test")
    test.add_argument("data")
    inner = test.add_subparsers()
    deep = inner.add_parser("deep")
    deep.add_argument("--rate", type=int)
    parser.parse_args()


if __name__ == "__main__":
    main()
