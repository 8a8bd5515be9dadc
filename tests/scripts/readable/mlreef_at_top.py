#A parser that is made and asked when the file is loaded, with functions of the same names as its switches.
import os
import argparse

from helper_table import *

MODEL = 'small'
LABELS = 2  # good and bad

parser = argparse.ArgumentParser(prog='sentences')
parser.add_argument('--input-path', default='data',type=str, action='store', help='path to data folder')
parser.add_argument('--output-path', default='.', type=str, action='store', help='output path to save results')
parser.add_argument('--train', action="store_true", help="Train new weights")
parser.add_argument('--epochs', action="store", type=int, default=10, help="Epochs for training")
parser.add_argument('--evaluate', action="store_true", help="Evaluate existing weights")
parser.add_argument('--predict', default="", type=str, help="Predict on a given sentence")
parser.add_argument('--path', default='weights/', type=str, help="Weights path")
parser.add_argument('--train-file', default='train.txt',
                    type=str, help="Train file. One sentence per line.")
args = parser.parse_args()


def train(train_file, epochs, output_dir):
    return train_file, epochs, output_dir


def evaluate(test_file, model_dir="weights/"):
    return test_file, model_dir


def predict(text, model_dir="weights/"):
    return "Good" if text else "Bad"


if __name__ == '__main__':
    if args.train:
        os.makedirs(os.path.join(args.output_path,args.path), exist_ok=True)
        train(os.path.join(args.input_path,args.train_file), epochs=args.epochs, output_dir=args.output_path)

    if args.evaluate:
        evaluate(args.path)

    if len(args.predict) > 0:
        print(predict(args.predict, model_dir=os.path.join(args.output_path,args.path)))
