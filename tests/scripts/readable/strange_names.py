import argparse

parser = argparse.ArgumentParser(prefix_chars="-+")
parser.add_argument("--a'b\"c", default="it's \"quoted\" $HOME `id` ${{ x }} $[[ y ]] *")
parser.add_argument("--smile-😀", default="‮right to left‬\n\tnew line", help="a\nb")
parser.add_argument("++plus", default="+")
parser.add_argument("--" + "n" * 298, default="d" * 300)
parser.add_argument("--dollar$sign;rm -rf", default="\\")
parser.add_argument("-1", "--one", action="store_true")

if __name__ == "__main__":
    parser.parse_args()
