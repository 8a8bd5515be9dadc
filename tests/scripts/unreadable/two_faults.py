import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", type=int, default="many")
parser.add_argument("--mode", type="int")

if __name__ == "__main__":
    parser.parse_args()
