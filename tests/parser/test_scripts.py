"""Scripts and what is read from them: a new case is a new file (and its .json) in tests/scripts."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from parser.read import read
from parser.source import Entry, Source
from parser.wire import report_to_dict

SCRIPTS = Path(__file__).parent.parent / "scripts"
READABLE = sorted(file for file in (SCRIPTS / "readable").glob("*.json"))
UNREADABLE = sorted(file for file in (SCRIPTS / "unreadable").glob("*.json"))
TRUTH = Path(__file__).with_name("argparse_truth.py")
FIELDS = (
    "name",
    "flags",
    "dest",
    "type",
    "default",
    "required",
    "choices",
    "nargs",
    "action",
    "help",
    "group",
)
MORE = ("const", "metavar", "excludes", "one_required", "deprecated", "printed_help")
FIELDS = (*FIELDS, "subcommand", *MORE)


def describe(script: Path) -> dict:
    """What is read from the script, with the modules beside it, as JSON."""
    folder = script.parent
    contents = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.py")}
    # A package of unknown name may bring any module: these scripts are not about requirements.
    contents["requirements.txt"] = b"https://example.org/everything.zip\n"
    source = Source({path: Entry(path, "file") for path in contents}, contents)
    return json.loads(json.dumps(report_to_dict(read(source, "a project", entry_point=script.name))))


def summary(script: Path) -> dict:
    """The part of it that the .json file beside a readable script holds."""
    found = describe(script)
    parameters = [
        {field: one[field] for field in (*FIELDS, "unknown", "condition")} for one in found["parameters"]
    ]
    return {"parameters": parameters, "problems": [one["code"] for one in found["problems"]]}


@pytest.mark.parametrize("expected", READABLE, ids=lambda file: file.stem)
def test_a_readable_script_is_read_as_its_json_says(expected: Path) -> None:
    assert summary(expected.with_suffix(".py")) == json.loads(expected.read_text())


@pytest.mark.parametrize("expected", READABLE, ids=lambda file: file.stem)
def test_argparse_itself_holds_the_same_when_the_script_runs(expected: Path) -> None:
    script = expected.with_suffix(".py")
    ran = subprocess.run([sys.executable, TRUTH, script], capture_output=True, text=True, check=True)
    described = describe(script)["parameters"]
    found = [one for one in described if one["condition"] is None]
    conditional = {one["name"] for one in described if one["condition"] is not None}
    truth = [one for one in json.loads(ran.stdout.splitlines()[-1]) if one["name"] not in conditional]
    assert [one["name"] for one in found] == [one["name"] for one in truth]
    for mine, theirs in zip(found, truth, strict=True):
        known = [field for field in FIELDS if field not in mine["unknown"]]
        assert {field: mine[field] for field in known} == {field: theirs[field] for field in known}


@pytest.mark.parametrize("expected", UNREADABLE, ids=lambda file: file.stem)
def test_an_unreadable_script_is_refused_with_its_problems(expected: Path) -> None:
    found = describe(expected.with_suffix(".py"))
    wanted = json.loads(expected.read_text())
    assert [
        [one["code"], one["place"]["line"] if one["place"] else None] for one in found["problems"]
    ] == wanted
    assert any(one["severity"] == "error" for one in found["problems"])


@pytest.mark.parametrize("expected", READABLE, ids=lambda file: file.stem)
def test_what_is_not_known_is_null_and_told_with_its_source(expected: Path) -> None:
    found = describe(expected.with_suffix(".py"))
    told = [one for one in found["problems"] if one["code"] == "value-not-static"]
    assert all(one["severity"] == "info" and "`" in one["message"] and one["place"] for one in told)
    for one in found["parameters"]:
        about = [problem["message"] for problem in told if f"of '{one['name']}'" in problem["message"]]
        for field in one["unknown"]:
            # the printed help follows from the others
            named = field == "printed_help" or any(field in re.findall(r"\w+", text) for text in about)
            assert (field, one[field], named) == (field, None, True)
        conditional = [problem["message"] for problem in found["problems"] if one["condition"]]
        assert not one["condition"] or any(f"'{one['name']}' exists only if" in text for text in conditional)
