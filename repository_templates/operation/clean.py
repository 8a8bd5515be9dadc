"""Cleans tables: fills what is missing in columns of numbers, and brings them to one scale.

python clean.py --input-path data --output-path output --fill median --scale unit
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy


def data_processor(**_description):
    """Describes the module to MLReef; the script itself runs the same without it."""
    return lambda function: function


def parameter(**_description):
    """Describes one parameter to MLReef; the script itself reads it with argparse."""
    return lambda function: function


FILLS = {"mean": numpy.nanmean, "median": numpy.nanmedian, "zero": lambda _column: 0.0}
SCALES = ["none", "unit", "spread"]


@data_processor(
    name="New Operation",
    type="OPERATION",
    description="Fills what is missing in tables, and brings their numbers to one scale.",
    visibility="PRIVATE",
    input_type="TABULAR",
    output_type="TABULAR",
)
@parameter(name="input-path", type="STRING", required=True, description="A CSV file, or a folder of them")
@parameter(name="output-path", type="STRING", required=True, description="The folder the tables go to")
@parameter(name="fill", type="STRING", required=False, defaultValue="mean", description="What fills the gaps")
@parameter(
    name="scale", type="STRING", required=False, defaultValue="none", description="The scale of numbers"
)
@parameter(
    name="digits", type="INTEGER", required=False, defaultValue=4, description="Digits after the point"
)
def clean(column, fill, scale, digits):
    """A column of numbers, without gaps and to scale."""
    column = numpy.where(numpy.isnan(column), FILLS[fill](column), column)
    if scale == "unit":
        width = column.max() - column.min()
        column = (column - column.min()) / (width or 1.0)
    elif scale == "spread":
        column = (column - column.mean()) / (column.std() or 1.0)
    return numpy.round(column, digits)


def clean_table(lines, fill, scale, digits):
    """The lines of a table with its columns of numbers cleaned; other columns stay as they are."""
    columns = [list(column) for column in zip(*lines[1:])]
    for number, column in enumerate(columns):
        numbers = to_numbers(column)
        if numbers is not None:
            columns[number] = [f"{one:g}" for one in clean(numbers, fill, scale, digits)]
    return [lines[0], *zip(*columns)]


def to_numbers(column):
    """A column as numbers, gaps as NaN; None where it holds something else, or nothing at all."""
    try:
        numbers = numpy.array([float(cell) if cell.strip() else numpy.nan for cell in column])
    except ValueError:
        return None
    return None if numpy.isnan(numbers).all() else numbers


def process_arguments(args):
    """Reads the command line: every argument becomes a parameter of the published module."""
    parser = argparse.ArgumentParser(
        description="Fills what is missing in tables, and brings their numbers to one scale."
    )
    parser.add_argument("--input-path", type=Path, required=True, help="a CSV file, or a folder of them")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder the tables go to")
    parser.add_argument(
        "--fill",
        default="mean",
        choices=["mean", "median", "zero"],
        help="what fills gaps (default: %(default)s)",
    )
    parser.add_argument("--scale", default="none", choices=SCALES, help="the scale (default: %(default)s)")
    parser.add_argument("--digits", type=int, default=4, help="digits after the point (default: %(default)s)")
    return parser.parse_args(args)


def main(args):
    """Cleans every table, and tells what it wrote."""
    options = process_arguments(args)
    if not options.input_path.exists():
        sys.exit(f"{options.input_path} does not exist")
    files = sorted(options.input_path.glob("*.csv")) if options.input_path.is_dir() else [options.input_path]
    options.output_path.mkdir(parents=True, exist_ok=True)
    for file in files:
        with file.open(newline="", encoding="utf-8") as table:
            lines = list(csv.reader(table))
        target = options.output_path / file.name
        with target.open("w", newline="", encoding="utf-8") as table:
            csv.writer(table).writerows(clean_table(lines, options.fill, options.scale, options.digits))
        print(f"{file} -> {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
