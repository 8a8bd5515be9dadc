"""Trains a classifier on tables: CSV files whose last column is the class, all others numbers.

python train.py --input-path data --output-path output --epochs 200
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy


def data_processor(**_description):
    """Describes the module to MLReef; the script itself runs the same without it."""
    return lambda function: function


def parameter(**_description):
    """Describes one parameter to MLReef; the script itself reads it with argparse."""
    return lambda function: function


@data_processor(
    name="New Model",
    type="ALGORITHM",
    description="Learns to tell classes apart by the numbers in a table.",
    visibility="PRIVATE",
    input_type="TABULAR",
    output_type="MODEL",
)
@parameter(name="input-path", type="STRING", required=True, description="A CSV file, or a folder of them")
@parameter(name="output-path", type="STRING", required=True, description="The folder the model goes to")
@parameter(name="epochs", type="INTEGER", required=False, defaultValue=200, description="Rounds of training")
@parameter(name="rate", type="FLOAT", required=False, defaultValue=0.5, description="Length of each step")
@parameter(name="held-back", type="FLOAT", required=False, defaultValue=0.25, description="Share for testing")
@parameter(name="seed", type="INTEGER", required=False, defaultValue=0, description="Start of random numbers")
def train(rows, classes, epochs, rate, held_back, seed):
    """Softmax regression; returns the model, and what was measured after each epoch."""
    names = sorted(set(classes))
    truth = numpy.array([names.index(one) for one in classes])
    order = numpy.random.default_rng(seed).permutation(len(rows))
    testing, learning = numpy.split(order, [int(len(rows) * held_back)])
    mean, spread = rows[learning].mean(axis=0), rows[learning].std(axis=0)
    spread[spread == 0] = 1.0
    rows = numpy.column_stack([(rows - mean) / spread, numpy.ones(len(rows))])
    wanted = numpy.eye(len(names))[truth]
    weights = numpy.zeros((rows.shape[1], len(names)))
    measured = {}
    for epoch in range(1, epochs + 1):
        wrong = shares(rows[learning] @ weights) - wanted[learning]
        weights -= rate * rows[learning].T @ wrong / len(learning)
        measured[str(epoch)] = {
            **measure(rows[learning] @ weights, truth[learning], ""),
            **measure(rows[testing] @ weights, truth[testing], "val_"),
        }
    model = {"classes": names, "mean": mean.tolist(), "spread": spread.tolist(), "weights": weights.tolist()}
    return model, measured


def shares(scores):
    """Scores as shares of one, for each row."""
    raised = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def measure(scores, truth, prefix):
    """How good the scores are; nothing where there is nothing to look at."""
    if not len(truth):
        return {}
    right = shares(scores)[numpy.arange(len(truth)), truth]
    accuracy = (scores.argmax(axis=1) == truth).mean()
    return {
        prefix + "acc": round(float(accuracy), 6),
        prefix + "loss": round(float(-numpy.log(right).mean()), 6),
    }


def read_tables(path):
    """All rows of numbers, and their classes."""
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    rows, classes = [], []
    for file in files:
        with file.open(newline="", encoding="utf-8") as table:
            for line in list(csv.reader(table))[1:]:
                rows.append([float(cell) for cell in line[:-1]])
                classes.append(line[-1])
    return numpy.array(rows), classes


def process_arguments(args):
    """Reads the command line: every argument becomes a parameter of the published module."""
    parser = argparse.ArgumentParser(description="Learns to tell classes apart by the numbers in a table.")
    parser.add_argument("--input-path", type=Path, required=True, help="a CSV file, or a folder of them")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder the model goes to")
    parser.add_argument("--epochs", type=int, default=200, help="rounds of training (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.5, help="length of each step (default: %(default)s)")
    parser.add_argument(
        "--held-back", type=float, default=0.25, help="share of the rows for testing (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same number gives the same model again")
    return parser.parse_args(args)


def main(args):
    """Trains, and writes model.json and experiment.json, of which charts are drawn."""
    options = process_arguments(args)
    if not options.input_path.exists():
        sys.exit(f"{options.input_path} does not exist")
    rows, classes = read_tables(options.input_path)
    if len(set(classes)) < 2:
        sys.exit(f"{options.input_path} holds fewer than two classes to tell apart")
    model, measured = train(rows, classes, options.epochs, options.rate, options.held_back, options.seed)
    options.output_path.mkdir(parents=True, exist_ok=True)
    (options.output_path / "model.json").write_text(json.dumps(model))
    (options.output_path / "experiment.json").write_text(json.dumps(measured))
    last = measured.get(str(options.epochs), {})
    print(f"{len(rows)} rows, {len(set(classes))} classes: " + ", ".join(f"{k} {v}" for k, v in last.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
