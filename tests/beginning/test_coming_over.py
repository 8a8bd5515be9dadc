"""Repositories of the predecessors are brought over in the steps that the documents tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from parser.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]

RESIZE = '''\
"""Resizes pictures."""
import argparse
import sys


def data_processor(*args, **kwargs):
    return data_processor


def parameter(*args, **kwargs):
    return parameter


@parameter(name="input-path", datatype="str", required=True, default_value=".")
@data_processor(
    name="Resize",
    author="MLReef",
    command="im_resize",
    type="OPERATION",
    visibility="PUBLIC",
    input_type="IMAGE",
    output_type="IMAGE",
)
@parameter("output-path", "str", True, ".")
@parameter(name="height", type="Integer", required=True, defaultValue=300)
@parameter(name="width", datatype="int", required=False, default_value=200)
def init_params():
    pass


def process_arguments(args):
    parser = argparse.ArgumentParser(description="Resizes pictures")
    parser.add_argument("--input-path", action="store", help="path to directory")
    parser.add_argument("--output-path", action="store", default=".", help="output")
    parser.add_argument("--height", action="store", default=300, type=int, help="height")
    parser.add_argument("--width", action="store", default=300, type=int, help="width")
    return vars(parser.parse_args(args))


if __name__ == "__main__":
    print(process_arguments(sys.argv[1:]))
'''
"""In the shape of MLReef's own samples: both ways of spelling, by place and by name, one above the processor."""

NOT_INDENTED = RESIZE.replace("    print(process", "print(process")

CONTROL = """\
import os
from mlopenapp.utils import io_handler as io


def get_params(run=True):
    if run:
        return {"threshold": ("float", {"default": 0.5})}
    return {"train - pos samples": ("file")}


def train(inpt):
    io.save_pipeline([({}, "model")], [], os.path.basename(__file__))


def run_pipeline(input, model, args):
    return {"text": "done"}
"""


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The codes of what `check` tells, with their severity."""
    capsys.readouterr()
    main(["check", str(folder), "--format", "json"])
    return {one["code"]: one["severity"] for one in json.loads(capsys.readouterr().out)["problems"]}


def described(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["describe", str(folder)]) == 0
    module = json.loads(capsys.readouterr().out)
    assert isinstance(module, dict)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "resize"
    made.mkdir()
    (made / "requirements.txt").touch()
    return made


def test_a_module_of_mlreef_is_published_as_it_is_and_mended_by_one_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "im_resize.py").write_text(RESIZE)
    assert told(folder, capsys) == {"required-differs": "warning", "default-differs": "warning"}
    module = described(folder, capsys)
    assert (module["name"], module["kind"], module["input_type"]) == ("Resize", "OPERATION", "IMAGE")
    assert main(["check", "--fix", str(folder)]) == 0
    assert told(folder, capsys) == {}
    assert "defaultValue=300" in (folder / "im_resize.py").read_text()


def test_the_template_of_mlreefs_documentation_is_mended_by_one_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "im_resize.py").write_text(NOT_INDENTED)
    assert told(folder, capsys) == {"syntax-error": "error"}
    assert main(["check", "--fix", str(folder)]) == 0
    assert (
        (folder / "im_resize.py")
        .read_text()
        .endswith('if __name__ == "__main__":\n    ' + RESIZE.splitlines()[-1].strip() + "\n")
    )


def test_what_could_not_run_in_mlreef_either_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for line in RESIZE.splitlines(keepends=True) if '"--output-path", action' not in line]
    (folder / "im_resize.py").write_text("".join(lines).replace('type="Integer"', 'type="Whole"'))
    found = told(folder, capsys)
    assert {code for code, severity in found.items() if severity == "error"} == {
        *("annotated-not-accepted", "missing-parameter", "parameter-type")
    }


def test_a_control_file_of_mlopen_is_mended_by_one_command_and_has_its_parameters(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sentiment_control.py").write_text(CONTROL)
    assert told(folder, capsys) == {"control-file-signature": "error", "module-defaults": "info"}
    assert main(["check", "--fix", str(folder)]) == 0
    text = (folder / "sentiment_control.py").read_text()
    assert "def train(inpt, params=None):" in text
    assert "def run_pipeline(input, model, args, params=None):" in text
    module = described(folder, capsys)
    assert module["entry_points"] == {"train": "sentiment_control.py", "run": "sentiment_control.py"}
    names = [one["name"] for one in module["parameters"]]
    assert {"train-pos-samples", "threshold", "model"} <= set(names)


def test_a_script_beside_a_control_file_comes_before_it_until_the_control_file_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the page for those who come from mlopen tells, with what is told and what to do."""
    (folder / "control.py").write_text(
        CONTROL.replace("inpt)", "inpt, params)").replace("args)", "args, params)")
    )
    (folder / "tool.py").write_text(
        "import argparse\n\nif __name__ == '__main__':\n    argparse.ArgumentParser().parse_args()\n"
    )
    assert told(folder, capsys)["missing-parameter"] == "error"
    (folder / ".mlreef.yaml").write_text("entry_points: {main: control.py}\n")
    assert told(folder, capsys) == {"module-defaults": "info"}
    assert described(folder, capsys)["entry_points"] == {"train": "control.py", "run": "control.py"}


@pytest.mark.parametrize("page", ["coming-from-mlreef.md", "coming-from-mlopen.md"])
def test_codes_that_the_pages_name_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("   | `")]
    named = {word for row in rows for word in row.split("|")[1].split("`")[1::2] if "-" in word}
    assert named
    assert named <= set(CATALOGUE)
