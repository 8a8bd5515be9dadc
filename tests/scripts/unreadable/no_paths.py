import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input_path")
parser.add_argument("output-path")

if __name__ == "__main__":
    parser.parse_args()
