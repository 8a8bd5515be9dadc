"""Turns text upside down; a stand-in for work on pictures that needs no large packages."""

import argparse
from pathlib import Path

from helper import turned


def build_parser():
    parser = argparse.ArgumentParser(description="Turn files")
    files = parser.add_argument_group("files")
    files.add_argument("--input-path", type=Path, required=True, help="folder to read")
    files.add_argument("--output-path", type=Path, required=True, help="folder to write")
    parser.add_argument("--angle", type=int, choices=[90, 180, 270], default=180, help="degrees")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    return parser


def main():
    options = build_parser().parse_args()
    for path in sorted(options.input_path.iterdir()):
        if not options.dry_run:
            (options.output_path / path.name).write_text(turned(path.read_text(), options.angle))


if __name__ == "__main__":
    main()
