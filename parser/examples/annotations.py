"""Annotations, by themselves and against the command line: an example of every problem."""

from __future__ import annotations

from parser.examples.frames import ANNOTATED, DESCRIBED, HOLE, PLAIN, STAND_INS, WHOLE, Example

_SELF = "def parameter(**_):\n"
_CALLED = f"""\
import argparse


def data_processor(**_):
    return lambda function: function


{HOLE}

@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")
@parameter(name="input-path", type="STRING", required=True)
@parameter(name="output-path", type="STRING", required=True)
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-path", required=True)
    parser.add_argument("--output-path", required=True)
    print(parser.parse_args())


if __name__ == "__main__":
    main()
"""
_PARAMETERS = f"""\
{STAND_INS}

@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")
@parameter(name="input-path", type="STRING", required=True)
@parameter(name="output-path", type="STRING", required=True)
def resize(): ...
"""
_BLOCKS = f"""\
{_PARAMETERS}

{HOLE}def more(): ...
"""
_TWO = {
    "shrink.py": PLAIN,
    ".mlreef.yaml": "entry_points:\n  resize: run.py\n  shrink: shrink.py\nparameters_file: parameters.py\n",
}

ANNOTATIONS: dict[str, Example] = {
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
    "annotation-gives-itself": Example(
        "A decorator that does nothing gives back the function that it is given. One that gives back itself takes the"
        " function's place, and calling that runs nothing.",
        _SELF + "    return parameter\n",
        _SELF + "    return lambda function: function\n",
        frame=_CALLED,
    ),
    "annotation-without-processor": Example(
        "`@parameter` describes one parameter; name and kind of the module are said by `@data_processor`.",
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        '@data_processor(name="Resize", type="OPERATION", input_type="IMAGE", output_type="IMAGE")\n'
        '@parameter(name="size", type="INTEGER", required=False, defaultValue=64)\n',
        frame=ANNOTATED,
    ),
    # The parameters file
    "parameters-file-refused": Example(
        "It is read for its annotations, as Python.",
        "entry_points:\n  main: run.py\nparameters_file: helper.py\n",
        "entry_points:\n  main: run.py\nparameters_file: parameters.py\n",
        frame=WHOLE,
        file=".mlreef.yaml",
        beside={"helper.py": "SIZE = 64\n", "parameters.py": _PARAMETERS},
    ),
    "parameters-file-taken": Example(
        "The file has annotations, runs nothing, and the script has none of its own.",
        _PARAMETERS,
        frame=WHOLE,
        file="parameters.py",
    ),
    "annotation-of-no-entry-point": Example(
        "Several entry points are annotated in one file: each annotation has to say which it is for.",
        '@data_processor(name="Shrink", type="OPERATION")\n',
        '@data_processor(command="shrink", name="Shrink", type="OPERATION")\n',
        frame=_BLOCKS,
        file="parameters.py",
        beside=_TWO,
    ),
    "entry-point-annotated-twice": Example(
        "An entry point is described once; which of the two counts would be a guess.",
        '@data_processor(command="resize", name="Resize", type="OPERATION")\n',
        '@data_processor(command="shrink", name="Shrink", type="OPERATION")\n',
        frame=_BLOCKS,
        file="parameters.py",
        beside=_TWO,
    ),
    "annotated-in-two-files": Example(
        "The script's own annotations stand beside its code, so these are taken.",
        '@data_processor(command="shrink", name="Shrink", type="OPERATION")\n',
        "",
        frame=_BLOCKS,
        file="parameters.py",
        beside={**_TWO, "shrink.py": DESCRIBED.replace(HOLE, "")},
    ),
    "entry-point-not-annotated": Example(
        "The parameters file describes the other entry points, and people read nothing of this one.",
        "",
        '@data_processor(command="shrink", name="Shrink", type="OPERATION")\n',
        frame=_BLOCKS,
        file="parameters.py",
        beside=_TWO,
    ),
    "parameter-name": Example(
        "The name becomes a flag on a command line and a key in files.",
        '@parameter(name="in put", type="STRING")\n',
        '@parameter(name="input-path", type="STRING", required=True)\n',
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
        '@parameter(name="input-path", type="STRING", required=True)\n'
        '@parameter(name="output-path", type="STRING", required=True)\n'
        '@parameter(name="mode", type="STRING", required=False, defaultValue="fast")\n'
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
}
