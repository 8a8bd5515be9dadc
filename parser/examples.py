"""Of every problem code: why it matters, a repository that has it, and one that has it no more.

A code of the catalogue without an entry here fails the tests, as does an example that does not give its code.
"""

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


EXAMPLES: dict[str, Example] = {
    # Files
    "file-unreadable": Example(
        "The file is there and its content cannot be had: it is too large, a link, a submodule, or no text.",
        "../shared/requirements.txt\n",
        frame=WHOLE,
        file="requirements.txt",
        link=True,
    ),
    "syntax-error": Example(
        "Python itself would refuse to start the script. A script for Python 2, or for a Python newer than the one that"
        " reads it here, is named as such.",
        'parser.add_argument("--size", type=int\n',
        'parser.add_argument("--size", type=int)\n',
    ),
    "file-too-complex": Example(
        "Python's own parser gives up on code nested this deeply, or crashes.",
        "table = " + "[" * 101 + "]" * 101 + "\n",
        "table = []\n",
    ),
    "file-unfollowed": Example(
        "The script was followed step by step and the steps were used up; arguments added behind that point are not"
        " known.",
        "for row in range(1000):\n    for column in range(1000):\n        parser.set_defaults(cell=row * column)\n",
        "",
    ),
    # Entry point
    "no-entry-point": Example(
        "The image has to run one script, and none of the files looks like it.",
        "def resize(picture):\n    return picture\n",
        PLAIN,
        frame=WHOLE,
    ),
    "several-entry-points": Example(
        "Two scripts parse arguments when they are run. Guessing could publish the wrong one.",
        PLAIN,
        frame=WHOLE,
        file="train.py",
    ),
    "entry-point-missing": Example(
        "The file that is named as the entry point is not in the repository: a typing error, or it was moved.",
        "entry_points:\n  main: tools/rum.py\n",
        "entry_points:\n  main: run.py\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "entry-point-not-python": Example(
        "The image runs the entry point with Python.",
        "entry_points:\n  main: run.sh\n",
        "entry_points:\n  main: run.py\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={"run.sh": "python run.py\n"},
    ),
    "entry-point-assumed": Example(
        "Without a main guard a script also runs when it is imported, so it may not have been meant to be run.",
        PLAIN.replace('if __name__ == "__main__":\n    parser', "parser"),
        PLAIN,
        frame=WHOLE,
    ),
    "entry-point-chosen": Example(
        "Several scripts could be run. What README or packaging say decided; a later sentence there could decide"
        " otherwise.",
        "Run it with `python train.py --input-path DATA --output-path RESULTS`.\n",
        frame=WHOLE,
        file="README.md",
        beside={"train.py": PLAIN},
    ),
    "entry-point-unguarded": Example(
        "The image runs the file itself, not the function that packaging names.",
        CLI_FUNCTION,
        CLI_FUNCTION + '\n\nif __name__ == "__main__":\n    main()\n',
        frame=WHOLE,
        beside={"setup.cfg": "[options.entry_points]\nconsole_scripts =\n    resize = run:main\n"},
    ),
    # Annotations
    "several-annotations": Example(
        "A repository publishes one module, and `@data_processor` describes it.",
        '@data_processor(name="One", type="OPERATION")\n@data_processor(name="Two", type="OPERATION")\n',
        '@data_processor(name="One", type="OPERATION")\n',
        frame=ANNOTATED,
    ),
    "annotation-incomplete": Example(
        "Without this field nobody can tell what the annotation is about.",
        '@parameter(type="INTEGER")\n',
        '@parameter(name="size", type="INTEGER")\n',
        frame=DESCRIBED,
    ),
    "annotation-field-unknown": Example(
        "What the field says is lost; mostly it is a typing error.",
        '@parameter(name="size", typ="INTEGER")\n',
        '@parameter(name="size", type="INTEGER")\n',
        frame=DESCRIBED,
    ),
    "annotation-too-many": Example(
        "Values without a name are taken in a fixed order, and there is no field left for the last ones.",
        '@parameter("size", "INTEGER", False, 64, "pixels", "more")\n',
        '@parameter("size", "INTEGER", False, 64, "pixels")\n',
        frame=DESCRIBED,
    ),
    "annotation-twice": Example(
        "The same field has two values, one by its order and one by its name.",
        '@parameter("size", "INTEGER", name="size")\n',
        '@parameter("size", "INTEGER")\n',
        frame=DESCRIBED,
    ),
    "annotation-value": Example(
        "The field takes only certain values, and this is none of them.",
        '@data_processor(name="Resize", type="CONVERTER")\n',
        '@data_processor(name="Resize", type="OPERATION")\n',
        frame=ANNOTATED,
    ),
    "annotation-not-static": Example(
        "The repository is read and not run, so a value that is computed when it runs cannot be shown to people.",
        'import os\n\n\n@data_processor(name="Resize", author=os.environ["USER"], type="OPERATION")\n',
        '@data_processor(name="Resize", author="Ada", type="OPERATION")\n',
        frame=ANNOTATED,
    ),
    "annotation-undefined": Example(
        "Python looks for the decorator when it comes to the line, finds none, and stops with a NameError.",
        '@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")\n',
        "def data_processor(*_, **__):\n    return lambda function: function\n\n\n"
        '@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")\n',
        frame=ANNOTATED.replace(STAND_INS + "\n\n", ""),
    ),
    "annotation-without-processor": Example(
        "`@parameter` describes one parameter; name and kind of the module are said by `@data_processor`.",
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=ANNOTATED,
    ),
    "parameter-name": Example(
        "The name becomes a flag on a command line and a key in files.",
        '@parameter(name="in put", type="STRING")\n',
        frame=DESCRIBED,
    ),
    "parameter-type": Example(
        "The type is one of MLReef's words, in whatever case.",
        '@parameter(name="size", type="NUMBER", required=False, defaultValue=64)\n',
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=DESCRIBED,
    ),
    "parameter-annotated-twice": Example(
        "Two annotations describe the same parameter; only the first one counts.",
        '@parameter(name="size", type="INTEGER")\n@parameter(name="size", type="FLOAT")\n',
        '@parameter(name="size", type="INTEGER")\n',
        frame=DESCRIBED,
    ),
    # argparse
    "no-argparse": Example(
        "A module takes its input and output, and what people may choose, as arguments on its command line.",
        'if __name__ == "__main__":\n    print("resizing pictures/")\n',
        PLAIN,
        frame=WHOLE,
        beside={".mlreef.yaml": "entry_points:\n  main: run.py\n"},
    ),
    "other-framework": Example(
        "Arguments are read with something else than argparse, which is not (or not wholly) followed here.",
        'import sys\n\nif __name__ == "__main__":\n    print("resizing", sys.argv[1])\n',
        PLAIN,
        frame=WHOLE,
        beside={".mlreef.yaml": "entry_points:\n  main: run.py\n"},
    ),
    "framework-read": Example(
        "The command line is read with a framework that is followed almost as well as argparse.",
        CLICK,
        frame=WHOLE,
    ),
    "several-commands": Example(
        "The image runs the file, and has to know which command that means.",
        CLICK.replace('if __name__ == "__main__":\n    main()', "@click.command()\ndef other():\n    pass"),
        CLICK,
        frame=WHOLE,
        beside={".mlreef.yaml": "entry_points:\n  main: run.py\n"},
    ),
    "command-not-run": Example(
        "Running the file defines the command and ends.",
        CLICK.replace("    main()", "    pass"),
        CLICK,
        frame=WHOLE,
        beside={".mlreef.yaml": "entry_points:\n  main: run.py\n"},
    ),
    "flag-refused": Example(
        "The framework raises an exception in this line, so the script stops before it does anything.",
        CLICK.replace('"--size"', '"size"'),
        CLICK,
        frame=WHOLE,
        beside={".mlreef.yaml": "entry_points:\n  main: run.py\n"},
    ),
    "asks-for-input": Example(
        "In a container nobody sits at the terminal; the script would wait, or stop.",
        CLICK.replace("default=64", "prompt=True"),
        CLICK,
        frame=WHOLE,
    ),
    "never-parsed": Example(
        "Whatever is given on the command line is ignored, because nothing reads it.",
        PLAIN.replace("parser.parse_args()", "print('resizing')"),
        PLAIN,
        frame=WHOLE,
        beside={".mlreef.yaml": "entry_points:\n  main: run.py\n"},
    ),
    "argument-not-followed": Example(
        "The script adds an argument here, and which one depends on something that is not in the repository.",
        'import settings\n\nparser.add_argument(settings.FLAG, help="how large")\n',
        'parser.add_argument("--size", help="how large")\n',
    ),
    "argument-not-reached": Example(
        "The function that adds this argument is called nowhere.",
        'def add_more():\n    parser.add_argument("--size")\n',
        'def add_more():\n    parser.add_argument("--size")\n\n\nadd_more()\n',
    ),
    "argument-conditional": Example(
        "Whether the argument is there depends on the machine; the published description says so.",
        'import os\n\nif os.environ.get("EXPERT"):\n    parser.add_argument("--size")\n',
        'parser.add_argument("--size")\n',
    ),
    "argument-refused": Example(
        "argparse raises an exception in this line, so the script stops before it does anything.",
        'parser.add_argument("--size", type="int")\n',
        'parser.add_argument("--size", type=int)\n',
    ),
    "argument-unusable": Example(
        "No command line can hold this flag.",
        'parser.add_argument("--si\\0ze")\n',
        'parser.add_argument("--size")\n',
    ),
    "name-confusable": Example(
        "On a screen the name looks like another one, and whoever types what they see is told that there is no such"
        " parameter.",
        'parser.add_argument("--m\u043ede")\n',
        'parser.add_argument("--mode")\n',
    ),
    "value-not-static": Example(
        "The value is made when the script runs. It is published as unknown, never guessed.",
        'import os\n\nparser.add_argument("--jobs", type=int, default=os.cpu_count())\n',
        'parser.add_argument("--jobs", type=int, default=1)\n',
    ),
    "help-not-printable": Example(
        "argparse puts values into help texts where they have a `%`. A percent sign that is only meant to be printed is"
        " written twice.",
        'parser.add_argument("--keep", type=int, default=80, help="quality in % of the original")\n',
        'parser.add_argument("--keep", type=int, default=80, help="quality in %% of the original")\n',
    ),
    "default-not-convertible": Example(
        "A default that is text goes through `type` just like text from the command line, and fails in the same way.",
        'parser.add_argument("--size", type=int, default="large")\n',
        'parser.add_argument("--size", type=int, default=64)\n',
    ),
    "default-not-in-choices": Example(
        "Nobody may give this value, and yet the script gets it when nothing is given.",
        'parser.add_argument("--mode", choices=["fast", "exact"], default="best")\n',
        'parser.add_argument("--mode", choices=["fast", "exact"], default="exact")\n',
    ),
    "default-out-of-range": Example(
        "The script refuses its own default whenever the parameter is not given.",
        CLICK.replace("default=64", "type=click.IntRange(1, 512), default=0"),
        CLICK,
        frame=WHOLE,
    ),
    "type-bool": Example(
        'argparse calls `bool("False")`, and every text but the empty one is true.',
        'parser.add_argument("--flip", type=bool, default=False)\n',
        'parser.add_argument("--flip", action="store_true")\n',
    ),
    "parser-escapes": Example(
        "What a function of another package does to the parser is not known here.",
        "import lightning\n\nlightning.add_arguments(parser)\n",
    ),
    "parser-fields-unknown": Example(
        "A package's own class may have hundreds of fields, and others in its next version.",
        FIELDS,
        FIELDS.replace("(Resizing, TrainingArguments)", "Resizing").replace(", TrainingArguments", ""),
        frame=WHOLE,
    ),
    "subcommands": Example(
        "The parameters of all subcommands are published together, and a call can use those of one.",
        'commands = parser.add_subparsers(dest="command")\ncommands.add_parser("train")\ncommands.add_parser("test")\n',
        'parser.add_argument("--command", choices=["train", "test"], default="train")\n',
    ),
    "missing-parameter": Example(
        "Every module takes `--input-path` and `--output-path`, so that modules can be put behind each other.",
        PLAIN.replace("--input-path", "--input"),
        PLAIN,
        frame=WHOLE,
    ),
    # Annotations against argparse
    "annotated-not-accepted": Example(
        "People are shown a parameter that the script refuses. When it is annotated as required, every run would fail,"
        " and it is an error.",
        '@parameter(name="depth", type="INTEGER", required=False, defaultValue=3)\n',
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=DESCRIBED,
    ),
    "accepted-not-annotated": Example(
        "The script has more parameters than the annotations describe; they are published all the same.",
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=DESCRIBED,
    ),
    "type-differs": Example(
        "People would be told another type than the one that the script reads.",
        '@parameter(name="size", type="FLOAT", required=False, defaultValue=64)\n',
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=DESCRIBED,
    ),
    "default-differs": Example(
        "People would be told another default than the one that is used.",
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=128)\n',
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=DESCRIBED,
    ),
    "required-differs": Example(
        "People would be told that they must give a value, or that they need not, and it is the other way round.",
        '@parameter(name="size", type="INTEGER", required=True, defaultValue=64)\n',
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=DESCRIBED,
    ),
    "annotated-not-a-choice": Example(
        "The annotated default is a value that the script refuses.",
        '@parameter(name="mode", type="STRING", required=False, defaultValue="best")\n',
        '@parameter(name="mode", type="STRING", required=False, defaultValue="fast")\n',
        frame=DESCRIBED,
    ),
    "annotated-default-type": Example(
        "People read both and cannot know which is meant.",
        '@parameter(name="size", type="INTEGER", required=False, defaultValue="large")\n',
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=DESCRIBED,
    ),
    "choices-differ": Example(
        "A description that names other values than the script accepts is out of date. It is prose, so this is only"
        " a hint.",
        'parser.add_argument("--mode", choices=["fast", "exact"], help="one of: fast, slow")\n',
        'parser.add_argument("--mode", choices=["fast", "exact"], help="one of: fast, exact")\n',
    ),
    "described-choices": Example(
        "People can be shown a list to choose from when the script has one. Read from prose, so it is a suggestion.",
        'parser.add_argument("--mode", default="fast", help="fast | exact")\n',
        'parser.add_argument("--mode", default="fast", choices=["fast", "exact"], help="fast | exact")\n',
    ),
    "described-range": Example(
        "A value outside of the range is noticed late, or never. Read from prose, so it is a suggestion.",
        'parser.add_argument("--rate", type=float, default=0.5, help="a number in 0..1")\n',
    ),
    "default-not-as-described": Example(
        "Either the default or the description is mistaken. Read from prose, so it is a suggestion.",
        'parser.add_argument("--mode", default="quick", help="fast | exact")\n',
        'parser.add_argument("--mode", default="fast", help="fast | exact")\n',
    ),
    # Requirements
    "no-requirements": Example(
        "The image has what the requirements name, and nothing else. A script that needs nothing has an empty file.",
        "",
        frame=WHOLE,
        file="README.md",
        beside={"requirements.txt": None},
    ),
    "requirement-invalid": Example(
        "pip refuses this line, and the image could not be built.",
        "numpy=2.1\n",
        "numpy==2.1\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-twice": Example(
        "pip joins both lines; whoever changes one of them will not see the other.",
        "numpy>=2\npandas\nnumpy<3\n",
        "numpy>=2,<3\npandas\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-contradiction": Example(
        "pip looks for a version that fits all lines of a package, constraints included, and finds none.",
        "numpy==2.1\npandas\nnumpy==2.0\n",
        "numpy==2.1\npandas\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-name": Example(
        "Some packages are imported by another name than the one they are installed by. What has the import's name on"
        " the index is often empty, refuses to be installed, or is not what was meant.",
        "sklearn\n",
        "scikit-learn\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-hash": Example(
        "With the first hash, pip checks everything it installs, and refuses what cannot be checked.",
        "numpy==2.1 --hash=sha256:" + "0123456789abcdef" * 4 + "\npandas==2.2\n",
        "numpy==2.1\npandas==2.2\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-constraint": Example(
        "A constraint says which version, if the package is installed at all; pip allows nothing else in it.",
        "pandas[excel]<3\n",
        "pandas<3\n",
        frame=WHOLE,
        file="constraints.txt",
        beside={"requirements.txt": "-c constraints.txt\n"},
    ),
    "requirement-cycle": Example(
        "pip opens the file again and again; newer versions refuse it.",
        "-r base.txt\n",
        frame=WHOLE,
        file="requirements.txt",
        beside={"base.txt": "-r requirements.txt\n"},
    ),
    "requirement-ignored": Example(
        "pip reads the line without a word about the part that has no effect; here, the other index is never asked.",
        "torch --extra-index-url https://packages.example.com/cpu\n",
        "torch\n--extra-index-url https://packages.example.com/cpu\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-pip-version": Example(
        "Which pip reads the file is the environment's choice and changes with time.",
        "numpy>=2,\n",
        "numpy>=2\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-conda": Example(
        "conda installs programs and libraries of any kind, pip only packages of Python. The environment has to have"
        " the rest.",
        "dependencies:\n  - numpy=2.1\n  - cudatoolkit=11.8\n",
        frame=WHOLE,
        file="environment.yml",
        beside={"requirements.txt": None},
    ),
    "requirements-format": Example(
        "Files of other tools are read, so that a requirements.txt can be made of them, but the image is built by pip.",
        '[project]\nname = "resize"\ndependencies = ["numpy==2.1"]\n',
        frame=WHOLE,
        file="pyproject.toml",
        beside={"requirements.txt": None},
    ),
    "import-unprovided": Example(
        "If nothing else brings the module, the script stops at this line.",
        "import cv2\n",
        frame=HOLE + PLAIN,
        beside={"requirements.txt": "pandas==2.2\n"},
    ),
    "import-misspelt": Example(
        "The script stops at this line, if no package of that name is installed that holds the same.",
        "from helper import resize\n",
        "from helpers import resize\n",
        frame=HOLE + PLAIN,
        beside={"helpers.py": "def resize(picture): ...\n"},
    ),
    "requirement-unused": Example(
        "A package that nobody uses makes the image larger and its build slower, and can be in the way of others.",
        "pandas==2.2\n",
        "",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-links": Example(
        "Requirements are a layer of the image below the sources: nothing of the repository but the requirements files"
        " is there.",
        "--find-links wheels\nnumpy\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-option": Example(
        "pip does not know this option and refuses the whole file.",
        "--only-wheels\nnumpy\n",
        "--only-binary :all:\nnumpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-outside": Example(
        "Where the image is built there are the files of this repository and nothing else.",
        "-r ../common/requirements.txt\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-file-missing": Example(
        "pip opens every file that is included, and this one is not in the repository.",
        "-r base.txt\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-local": Example(
        "Requirements are a layer of the image below the sources, so that a changed script does not install everything"
        " anew.",
        "-e .\nnumpy\n",
        "numpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-variable": Example(
        "pip puts environment variables into the file; where the image is built only those of the environment exist.",
        "--extra-index-url https://${INDEX_HOST}/simple\nnumpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-credentials": Example(
        "A password in a repository is known to everyone who can read it, now and in its history.",
        "--extra-index-url https://ada:secret@packages.example.com/simple\nnumpy\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    "requirement-tool": Example(
        "pip calls this program to fetch the package, and the base image may not have it.",
        "segmenter @ git+https://gitlab.example.com/vision/segmenter@v1.2\n",
        "segmenter==1.2\n",
        frame=WHOLE,
        file="requirements.txt",
    ),
    # .mlreef.yaml
    "settings-invalid": Example(
        "None of the file's settings count while it cannot be read.",
        "name: Resize: pictures\n",
        'name: "Resize: pictures"\n',
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "settings-unknown": Example(
        "What it says has no effect; mostly it is a typing error.",
        "name: Resize\ndescripton: Makes pictures smaller\n",
        "name: Resize\ndescription: Makes pictures smaller\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "settings-value": Example(
        "The key takes only certain values, and this is none of them.",
        "kind: CONVERTER\n",
        "kind: OPERATION\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "env-refused": Example(
        "A module may set variables for its own script, and none that decide which programs and libraries are run.",
        "env:\n  LD_PRELOAD: /tmp/faster.so\n",
        'env:\n  OMP_NUM_THREADS: "2"\n',
        frame=WHOLE,
        file=".mlreef.yaml",
        words={
            "name": "LD_PRELOAD",
            "why": "decides which programs and libraries run, and is not for a module to set",
        },
    ),
    "environment-unknown": Example(
        "The operator of the bot offers base images by name, and this is none of them.",
        "environment: python-2.7\n",
        "environment: python-3.12\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        words={"name": "python-2.7", "known": "`python-3.11`, `python-3.12`", "default": "python-3.12"},
    ),
    # The project and its files
    "visibility-differs": Example(
        "Who may see the module is decided by the project in GitLab, whatever the annotation says.",
        '@data_processor(name="Resize", type="OPERATION", visibility="PUBLIC")\n',
        frame=ANNOTATED,
        words={"annotated": "PUBLIC", "value": "private"},
    ),
    "path-refused": Example(
        "The path is not one that every file system can hold: it is no text, or leaves its folder.",
        "",
        words={},
    ),
    "link-leaves-repository": Example(
        "In the image the link would lead to a file of the image, or to nothing.",
        "",
        words={"target": "../../shared/weights.bin"},
    ),
    "lfs-missing": Example(
        "Git LFS keeps large files apart; without it the image would hold a note in the place of the file.",
        "",
        words={},
    ),
    "too-many-files": Example(
        "The list of files is read over GitLab's API, page by page, for every push.",
        "",
        words={"limit": "20,000"},
    ),
    "repository-too-large": Example(
        "All files of the repository become a layer of the image.",
        "",
        words={"files": "120000", "size": "5200", "most_files": "50000", "most_size": "2048"},
    ),
    "reading-given-up": Example(
        "Reading a repository may take only so much time and memory, so that one repository cannot keep all others"
        " waiting. Nothing that an ordinary script does comes near to these limits.",
        "",
        words={
            "why": "it took more than 10 seconds; `tables.py` was read last",
            "mend": "Move generated code and large tables out of the Python files, into data files.",
        },
    ),
    # The module
    "module-defaults": Example(
        "Nobody said what kind of module this is and what data it works on, so the most general is taken.",
        "",
        '@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")\n',
        frame=ANNOTATED,
    ),
    "name-differs": Example(
        "Annotation and `.mlreef.yaml` say the same thing differently.",
        "name: Shrink\n",
        "name: Resize\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={"run.py": DESCRIBED.replace(HOLE, "")},
    ),
    "name-refused": Example(
        "The name becomes part of labels, notes and file names.",
        'name: ""\n',
        "name: Resize\n",
        frame=WHOLE,
        file=".mlreef.yaml",
    ),
    "too-many-problems": Example(
        "The list is cut so that it stays readable; errors are always in it.",
        "".join(f"key-{number}: 1\n" for number in range(99)) + "# and so on, and as many in run.py\n",
        "",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={
            "run.py": PLAIN.replace(
                "\nif __name__",
                "".join(f'parser.add_argument("--flag-{number}", type=bool)\n' for number in range(120))
                + "\nif __name__",
            )
        },
    ),
}
