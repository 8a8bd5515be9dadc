"""Files and the entry point: an example of every problem."""

from __future__ import annotations

from parser.examples.frames import CLI_FUNCTION, CONTROL, HOLE, PLAIN, WHOLE, Example

_TRAIN = """\
def train(inpt, params=None):
    io.save_pipeline([(len(inpt.readlines()), "lines")], [], "lines")
"""
_RUN = """\
def run_pipeline(input, model, args, params=None):
    return {"text": input.read()}
"""
_ALONE = {"run.py": "def helper():\n    return 1\n"}
"""Nothing else in the repository reads a command line."""

FILES: dict[str, Example] = {
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
    # Control files of mlopen
    "control-file-function": Example(
        "The image has the commands `train` and `run`; what is only trained is of no use to anybody.",
        _TRAIN,
        _TRAIN + "\n\n" + _RUN,
        frame=CONTROL,
        file="lines.py",
        beside=_ALONE,
    ),
    "control-file-signature": Example(
        "The functions are called with all values, by place: one that takes fewer would stop there.",
        'def run_pipeline(input, model):\n    return {"text": input.read()}\n',
        'def run_pipeline(input, model, args, params=None):\n    return {"text": input.read()}\n',
        frame=CONTROL,
        file="lines.py",
        beside=_ALONE,
    ),
    "control-file-beside": Example(
        "The first word selects the entry point, and a control file has two of its own.",
        "entry_points:\n  resize: run.py\n  sentiment: sentiment.py\n",
        "entry_points:\n  main: sentiment.py\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={"sentiment.py": CONTROL.replace(HOLE, _RUN)},
    ),
    "control-import-missing": Example(
        "The image has a small stand-in for mlopen, with what control files use of it. Anything else of it fails when"
        " the file is imported, or when the line is reached.",
        "from mlopenapp.utils import plotter\n\n\n"
        'def run_pipeline(input, model, args, params=None):\n    return {"graphs": plotter.bar([1, 2])}\n',
        "def run_pipeline(input, model, args, params=None):\n"
        '    return {"graphs": {"data": [{"type": "bar", "y": [1, 2]}]}}\n',
        frame=CONTROL,
        file="lines.py",
        beside=_ALONE,
    ),
    "control-parameters-unknown": Example(
        "Nothing of the repository is run to read it, so a dictionary that is computed is not known.",
        _RUN + '\n\ndef get_params(run=True):\n    return io.load_json("parameters.json")\n',
        _RUN + '\n\ndef get_params(run=True):\n    return {"limit": ("integer", {"default": 5})}\n',
        frame=CONTROL,
        file="lines.py",
        beside=_ALONE,
    ),
    "control-parameter-refused": Example(
        "Every parameter becomes an option of the command, with a type that is known.",
        _RUN + '\n\ndef get_params(run=True):\n    return {"limit": ("number", {"default": 5})}\n',
        _RUN + '\n\ndef get_params(run=True):\n    return {"limit": ("integer", {"default": 5})}\n',
        frame=CONTROL,
        file="lines.py",
        beside=_ALONE,
    ),
}
