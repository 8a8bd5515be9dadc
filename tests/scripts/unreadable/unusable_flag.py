import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path")
parser.add_argument("--output-path")
parser.add_argument("--" + "x" * 301)
parser.add_argument("--a\0b")
parser.add_argument("--\ud800")

if __name__ == "__main__":
    parser.parse_args()
