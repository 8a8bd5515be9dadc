"""Annotations that the script defines itself, in every form that MLReef's pages show: what runs is published."""

import subprocess
import sys
from pathlib import Path

import pytest
from repositories import report

from parser.edits import apply

NAMED = "name, author, command, type, description, visibility, input_type, output_type"
DEFAULTS = NAMED.replace(",", "=None,") + "=None"
PARAMETER = "name, type, required, defaultValue, description=''"


def itself(name: str, given: str) -> str:
    """A stand-in that gives back itself."""
    return f"def {name}({given}):\n    return {name}\n\n\n"


def inside(name: str, given: str) -> str:
    """One whose inner function does."""
    return f"def {name}({given}):\n    def decorator(function):\n        return decorator\n    return decorator\n\n\n"


FORMS = {
    "a lambda": "def data_processor(*_, **__):\n    return lambda function: function\n\n\nparameter = data_processor\n",
    "itself, of anything": itself("data_processor", "*args, **kwargs")
    + itself("parameter", "*args, **kwargs"),
    "itself, by one name": itself("data_processor", "*args, **kwargs") + "parameter = data_processor\n",
    "itself, of its fields": itself("data_processor", DEFAULTS)
    + itself("parameter", "name=None, type=None, required=None, defaultValue=None"),
    "itself, of fields that are needed": itself("data_processor", NAMED) + itself("parameter", PARAMETER),
    "inside": inside("data_processor", NAMED) + inside("parameter", PARAMETER),
    "classes": "class data_processor(object):\n    def __init__(self, **given):\n        self.given = given\n\n"
    "    def __call__(self, f):\n        def wrapped_function(*args):\n            return f(*args)\n\n"
    "        return wrapped_function\n\n\n"
    "class parameter:\n    def __init__(self, *given):\n        pass\n\n    def __call__(self, f):\n        return f\n",
    "wrappers": "import functools\n\n\ndef data_processor(**given):\n    def decorator(function):\n"
    "        @functools.wraps(function)\n        def inner(*args, **kwargs):\n"
    "            return function(*args, **kwargs)\n\n"
    "        return inner\n\n    return decorator\n\n\ndef parameter(*given):\n    return lambda function: function\n",
}
ANNOTATIONS = """
@data_processor(
    name="Colours", author="A", command="colours", type="ALGORITHM", description="d",
    visibility="PUBLIC", input_type="IMAGE", output_type="MODEL",
)
@parameter("input-path", "str", True, "train")
@parameter("output-path", "str", True, "output")
"""
READING = """def process_arguments(args):
    parser = argparse.ArgumentParser(description="Colours")
    parser.add_argument("--input-path", action="store", required=True)
    parser.add_argument("--output-path", action="store", required=True)
    return vars(parser.parse_args(args))


if __name__ == "__main__":
    print(process_arguments(sys.argv[1:]))
"""
SHAPES = {
    "at a function of its own": "def annotations():\n    pass\n\n\n" + READING,
    "at the one that reads": READING,
}


def runs(text: str, folder: Path) -> bool:
    """Whether Python runs the script up to its command line."""
    script = folder / "run.py"
    script.write_text(text)
    words = [sys.executable, script, "--input-path", "a", "--output-path", "b"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    return done.returncode == 0 and "'input_path': 'a'" in done.stdout


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMS)
def test_what_python_runs_is_published_and_what_it_does_not_is_refused_with_its_mend(
    form: str, shape: str, tmp_path: Path
) -> None:
    text = f"import argparse\nimport sys\n\n\n{FORMS[form]}{ANNOTATIONS}{SHAPES[shape]}"
    found = report({"run.py": text})
    assert found.module.name == "Colours"
    assert found.refused != runs(text, tmp_path)
    if found.refused:
        told = [one for one in found.problems if one.severity == "error"]
        assert {one.code for one in told} == {"annotation-gives-itself"}
        mended = apply(text, [edit for one in told for edit in one.edits])
        assert runs(mended, tmp_path)
        after = report({"run.py": mended})
        assert not after.refused
        assert [one.name for one in after.module.parameters] == ["input-path", "output-path"]


def test_at_least_one_form_that_gives_itself_runs(tmp_path: Path) -> None:
    text = (
        f"import argparse\nimport sys\n\n\n{FORMS['inside']}{ANNOTATIONS}{SHAPES['at a function of its own']}"
    )
    assert runs(text, tmp_path)
    assert not report({"run.py": text}).problems


def test_an_annotation_that_nothing_defines_is_told_beside_vars_of_the_parser() -> None:
    found = report({"run.py": "import argparse\nimport sys\n" + ANNOTATIONS + READING})
    assert {one.code for one in found.problems if one.severity == "error"} == {"annotation-undefined"}
    assert len([one for one in found.problems if one.code == "annotation-undefined"]) == 2


@pytest.mark.parametrize(
    "written", ["vars()['data_processor'] = print", "globals()['data_processor'] = print"]
)
def test_a_name_that_may_be_defined_unseen_is_not_told(written: str) -> None:
    found = report({"run.py": f"import argparse\nimport sys\n{written}\n" + ANNOTATIONS + READING})
    assert "annotation-undefined" not in [one.code for one in found.problems]
