"""Two mistakes: no --output-path here, and no requirements.txt beside it."""

import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--radius", type=float, default=2.0)
options = parser.parse_args()
print(options.radius)
