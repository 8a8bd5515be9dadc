"""What an example is, and the scripts around examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from parser.source import Entry, Source

HOLE = "<example>\n"
"""Where an example's text stands in the file around it."""

SCRIPT = f"""\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
{HOLE}
if __name__ == "__main__":
    parser.parse_args()
"""
STAND_INS = """\
def data_processor(*_, **__):
    return lambda function: function


parameter = data_processor
"""
ANNOTATED = f"""\
import argparse


{STAND_INS}

{HOLE}def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-path", required=True)
    parser.add_argument("--output-path", required=True)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--mode", choices=["fast", "exact"], default="fast")
    print(parser.parse_args())


if __name__ == "__main__":
    main()
"""
DESCRIBED = ANNOTATED.replace(
    HOLE,
    f'@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")\n{HOLE}',
)
CLICK = """\
import click


@click.command()
@click.option("--input-path", required=True)
@click.option("--output-path", required=True)
@click.option("--size", type=int, default=64)
def main(input_path, output_path, size):
    print(input_path, output_path, size)


if __name__ == "__main__":
    main()
"""
WHOLE = HOLE
PLAIN = SCRIPT.replace(HOLE, "")

FIELDS = """\
from dataclasses import dataclass, field

from transformers import HfArgumentParser, TrainingArguments


@dataclass
class Resizing:
    input_path: str
    output_path: str
    size: int = field(default=64, metadata={"help": "Pixels of each side"})


if __name__ == "__main__":
    print(HfArgumentParser((Resizing, TrainingArguments)).parse_args_into_dataclasses())
"""
CLI_FUNCTION = """\
import argparse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-path", required=True)
    parser.add_argument("--output-path", required=True)
    print(parser.parse_args())
"""
CONTROL = f"""\
from mlopenapp.utils import io_handler as io


{HOLE}"""
"""A control file of mlopen."""


@dataclass(frozen=True, slots=True)
class Example:
    """`text` stands in `file`, inside of `frame`; `beside` are further files (None: `requirements.txt` is not there).

    `mended` is the same text without the problem, where showing it helps. `words` fill the message of a problem that
    reading files alone cannot give: it needs the project in GitLab or the image.
    """

    why: str
    text: str
    mended: str | None = None
    frame: str = SCRIPT
    file: str = "run.py"
    beside: Mapping[str, str | None] = field(default_factory=dict)
    link: bool = False
    words: Mapping[str, str] | None = None


def example_source(example: Example, text: str) -> Source:
    """The repository of an example, with this text in the place of its own."""
    files: dict[str, str | None] = {"run.py": PLAIN, "requirements.txt": ""}
    files |= {example.file: example.frame.replace(HOLE, text), **example.beside}
    contents = {path: content.encode() for path, content in files.items() if content is not None}
    entries = {path: Entry(path, "file") for path in contents}
    if example.link:
        entries[example.file] = Entry(example.file, "symlink")
        del contents[example.file]
    return Source(entries, contents)
