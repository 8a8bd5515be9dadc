import argparse

import elsewhere

parser = elsewhere.make()
parser.add_argument("--input-path")
mine = argparse.ArgumentParser()
mine.add_argument(elsewhere.NAME)
elsewhere.more(mine)
mine.parse_args()
