# A visualisation in the shape that MLReef's own had: its paths are spelt with underscores, and it goes on behind the guard.
import argparse
import sys


def process_arguments(args):
    parser = argparse.ArgumentParser(description='points of pictures')
    parser.add_argument('--input_path', action='store', help='path to directory of images')
    parser.add_argument('--output_path', action='store', help='path to where to put output json file')
    parser.add_argument('--perplexity', action='store', default=30, help='perplexity (default 30)')
    params = vars(parser.parse_args(args))
    return params


if __name__ == '__main__':
    params = process_arguments(sys.argv[1:])
    output_path = params['output_path']
print("finished saving %s" % output_path)
