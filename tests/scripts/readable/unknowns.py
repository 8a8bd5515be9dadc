import argparse
import os
import random
import time

import absent_on_purpose_is_none as none  # a helper beside the script


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", default=os.environ.get("HOME_OF_DATA", "/data"))
    parser.add_argument("--here", default=os.path.dirname(__file__))
    parser.add_argument("--seed", type=int, default=random.randint(0, 9))
    parser.add_argument("--when", default=time.time(), type=float)
    parser.add_argument("--pick", choices=os.listdir("."), help="one of %s" % os.getcwd())
    parser.add_argument("--known", default=none.VALUE)
    if os.path.exists("/surely/not/here"):
        parser.add_argument("--sometimes")
    extra = dict(help="h") if time.time() > 0 else {}
    parser.add_argument("--loose", **extra)
    parser.parse_args()


if __name__ == "__main__":
    main()
