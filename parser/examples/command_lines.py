"""Scripts and their command lines: an example of every problem."""

from __future__ import annotations

from parser.examples.frames import CLICK, FIELDS, PLAIN, WHOLE, Example

COMMAND_LINES: dict[str, Example] = {
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
    "notebook-command": Example(
        "`jupyter nbconvert` makes such lines of a notebook's `%` and `!` commands. Python knows none of them.",
        "get_ipython().run_line_magic('matplotlib', 'inline')\n",
        "",
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
    "type-list": Example(
        'argparse calls `list("64,32")`, and that has five items: "6", "4", ",", "3" and "2".',
        'parser.add_argument("--sizes", type=list, default=[64, 32])\n',
        'parser.add_argument("--sizes", type=int, nargs="+", default=[64, 32])\n',
    ),
    "parser-escapes": Example(
        "What a function of another package does to the parser is not known here.",
        "import lightning\n\nlightning.add_arguments(parser)\n",
        'parser.add_argument("--devices", type=int, default=1)\n',
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
}
