"""Reads --input-path and writes to --output-path. Your own work begins in `process`.

python main.py --input-path data --output-path output
"""

import argparse
import json
import sys
from pathlib import Path


def data_processor(**_description):
    """Describes the module to MLReef; the script itself runs the same without it."""
    return lambda function: function


def parameter(**_description):
    """Describes one parameter to MLReef; the script itself reads it with argparse."""
    return lambda function: function


@data_processor(
    name="New Module",
    type="OPERATION",
    description="Lists files with their sizes.",
    visibility="PRIVATE",
    input_type="ANY",
    output_type="ANY",
)
@parameter(name="input-path", type="STRING", required=True, description="A file, or a folder of files")
@parameter(name="output-path", type="STRING", required=True, description="The folder that results go to")
@parameter(name="pattern", type="STRING", required=False, defaultValue="*", description="Names that count")
def process(path, pattern):
    """What becomes of the input: here, the size of each file."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob(pattern) if file.is_file())
    return {
        file.name if path.is_file() else file.relative_to(path).as_posix(): file.stat().st_size
        for file in files
    }


def process_arguments(args):
    """Reads the command line: every argument becomes a parameter of the published module."""
    parser = argparse.ArgumentParser(description="Lists files with their sizes.")
    parser.add_argument("--input-path", type=Path, required=True, help="a file, or a folder of files")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder that results go to")
    parser.add_argument(
        "--pattern", default="*", help="names that count, as in '*.txt' (default: %(default)s)"
    )
    return parser.parse_args(args)


def main(args):
    """Does the work, and tells what it wrote."""
    options = process_arguments(args)
    if not options.input_path.exists():
        sys.exit(f"{options.input_path} does not exist")
    options.output_path.mkdir(parents=True, exist_ok=True)
    target = options.output_path / "files.json"
    target.write_text(json.dumps(process(options.input_path, options.pattern), indent=2))
    print(f"{options.input_path} -> {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
