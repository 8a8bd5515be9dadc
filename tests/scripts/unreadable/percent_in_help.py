import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path")
parser.add_argument("--output-path")
parser.add_argument("--share", help="50% of all")

if __name__ == "__main__":
    parser.parse_args()
