"""Draws tables: the columns of a CSV file over one of them, as lines or points.

python draw.py --input-path data --output-path output --over hour --form points
"""

import argparse
import csv
import sys
from pathlib import Path


def data_processor(**_description):
    """Describes the module to MLReef; the script itself runs the same without it."""
    return lambda function: function


def parameter(**_description):
    """Describes one parameter to MLReef; the script itself reads it with argparse."""
    return lambda function: function


@data_processor(
    name="New Visualization",
    type="VISUALIZATION",
    description="Draws the columns of tables over one of them, as lines or points.",
    visibility="PRIVATE",
    input_type="TABULAR",
    output_type="IMAGE",
)
@parameter(name="input-path", type="STRING", required=True, description="A CSV file, or a folder of them")
@parameter(name="output-path", type="STRING", required=True, description="The folder the pictures go to")
@parameter(
    name="over", type="STRING", required=False, description="The column that the others are drawn over"
)
@parameter(name="form", type="STRING", required=False, defaultValue="lines", description="Lines or points")
@parameter(name="width", type="FLOAT", required=False, defaultValue=8.0, description="Width in inches")
def draw(columns, over, form, width, title):
    """A figure with every column of numbers over one of them, the first if none is named."""
    # only here: --help and a wrong word need not wait for it
    from matplotlib.figure import Figure

    names = [name for name, column in columns.items() if is_numbers(column)]
    base = over or names[0]
    figure = Figure(figsize=(width, width * 0.6), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=base)
    for name in names:
        if name != base:
            numbers = [[float(cell) for cell in columns[one]] for one in (base, name)]
            axes.plot(*numbers, "-" if form == "lines" else "o", label=name)
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def is_numbers(column):
    """Whether a column holds nothing but numbers."""
    try:
        return bool([float(cell) for cell in column])
    except ValueError:
        return False


def read_columns(file):
    """The columns of a table by name."""
    with file.open(newline="", encoding="utf-8") as table:
        head, *lines = list(csv.reader(table))
    return dict(zip(head, zip(*lines)))


def process_arguments(args):
    """Reads the command line: every argument becomes a parameter of the published module."""
    parser = argparse.ArgumentParser(
        description="Draws the columns of tables over one of them, as lines or points."
    )
    parser.add_argument("--input-path", type=Path, required=True, help="a CSV file, or a folder of them")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder the pictures go to")
    parser.add_argument("--over", help="the column that the others are drawn over (default: the first)")
    parser.add_argument("--form", default="lines", choices=["lines", "points"], help="(default: %(default)s)")
    parser.add_argument("--width", type=float, default=8.0, help="in inches (default: %(default)s)")
    return parser.parse_args(args)


def main(args):
    """Draws every table, and tells what it wrote."""
    options = process_arguments(args)
    if not options.input_path.exists():
        sys.exit(f"{options.input_path} does not exist")
    files = sorted(options.input_path.glob("*.csv")) if options.input_path.is_dir() else [options.input_path]
    options.output_path.mkdir(parents=True, exist_ok=True)
    for file in files:
        columns = read_columns(file)
        if options.over and not is_numbers(columns.get(options.over, ())):
            sys.exit(f"{file} has no column of numbers that is called {options.over}")
        if not any(map(is_numbers, columns.values())):
            sys.exit(f"{file} holds no column of numbers")
        target = options.output_path / f"{file.stem}.png"
        draw(columns, options.over, options.form, options.width, file.stem).savefig(target, dpi=120)
        print(f"{file} -> {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
