"""Tells the classes of new rows, by a model that train.py made.

python predict.py --input-path data --model-path output/model.json --output-path output
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


@data_processor(type="ALGORITHM", input_type="TABULAR", output_type="TABULAR")
def predict(model, rows):
    """The class of each row."""
    rows = (rows - numpy.array(model["mean"])) / numpy.array(model["spread"])
    scores = numpy.column_stack([rows, numpy.ones(len(rows))]) @ numpy.array(model["weights"])
    return [model["classes"][best] for best in scores.argmax(axis=1)]


def process_arguments(args):
    """Reads the command line: every argument becomes a parameter of the published module."""
    parser = argparse.ArgumentParser(
        description="Tells the classes of new rows, by a model that was trained."
    )
    parser.add_argument("--input-path", type=Path, required=True, help="a CSV file, or a folder of them")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder the classes go to")
    parser.add_argument("--model-path", type=Path, required=True, help="the model.json that training wrote")
    return parser.parse_args(args)


def main(args):
    """Writes each table once more, with the class that was told."""
    options = process_arguments(args)
    for path in (options.input_path, options.model_path):
        if not path.exists():
            sys.exit(f"{path} does not exist")
    model = json.loads(options.model_path.read_text())
    width = len(model["mean"])
    files = sorted(options.input_path.glob("*.csv")) if options.input_path.is_dir() else [options.input_path]
    options.output_path.mkdir(parents=True, exist_ok=True)
    for file in files:
        with file.open(newline="", encoding="utf-8") as table:
            head, *lines = list(csv.reader(table))
        rows = numpy.array([[float(cell) for cell in line[:width]] for line in lines])
        target = options.output_path / file.name
        with target.open("w", newline="", encoding="utf-8") as table:
            csv.writer(table).writerows(
                [
                    [*head[:width], "told"],
                    *([*line[:width], one] for line, one in zip(lines, predict(model, rows))),
                ]
            )
        print(f"{file} -> {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
