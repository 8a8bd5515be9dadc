import argparse


def main():
    parser = argparse.ArgumentParser()
    files = parser.add_argument_group("files", "what is read")
    files.add_argument("--input-path", required=True)
    files.add_argument("--output-path", required=True)
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--cpu", action="store_true")
    one.add_argument("--gpu", type=int)
    inner = files.add_mutually_exclusive_group()
    inner.add_argument("--zip", action="store_true")
    inner.add_argument("--tar", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
