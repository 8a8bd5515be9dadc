import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path")
parser.add_argument("--output-path")
parser.add_argument("-m", "--mode")
parser.add_argument("-m", "--model")

if __name__ == "__main__":
    parser.parse_args()
