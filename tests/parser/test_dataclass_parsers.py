"""HfArgumentParser: arguments made of the fields of dataclasses, as the class itself makes them."""

import json
from pathlib import Path

import pytest
from repositories import codes, report

from parser.read import read
from parser.source import load_source
from parser.wire import report_to_dict

SCRIPT = Path(__file__).parent.parent / "scripts" / "dataclasses" / "train.py"
PARSE = "\nif __name__ == '__main__':\n    HfArgumentParser({types}).parse_args_into_dataclasses()\n"
HEAD = (
    "from dataclasses import dataclass, field\nfrom transformers import HfArgumentParser, TrainingArguments\n"
)
FIELDS = "@dataclass\nclass Mine:\n    input_path: str\n    output_path: str\n"


def test_the_fields_are_the_parameters_that_the_class_itself_would_add() -> None:
    """The .json was held against the library's class; `type` names what is in a Literal or an enum, not its lambda."""
    found = json.loads(
        json.dumps(report_to_dict(read(load_source(SCRIPT.parent), "p", entry_point=SCRIPT.name)))
    )
    fields = ("name", "flags", "dest", "type", "default", "required", "choices", "nargs", "action", "help")
    fields = (*fields, "group", "unknown")
    parameters = [{field: one[field] for field in fields} for one in found["parameters"]]
    assert parameters == json.loads(SCRIPT.with_suffix(".json").read_text())


def of_fields(fields: str, types: str = "Mine"):
    """What is read of a script with these fields besides the two paths."""
    return report({"run.py": HEAD + FIELDS + fields + PARSE.format(types=types)})


def test_a_dataclass_with_both_paths_is_a_module() -> None:
    found = of_fields("    size: int = 3\n")
    assert not found.refused
    assert [one.name for one in found.module.parameters] == ["input_path", "output_path", "size"]
    assert found.module.parameters[0].flags == ("--input_path", "--input-path")


def test_fields_of_a_class_that_is_not_here_are_said_to_be_unknown() -> None:
    found = of_fields("", "(Mine, TrainingArguments)")
    (told,) = [one for one in found.problems if one.code == "parser-fields-unknown"]
    assert "transformers" in told.message
    assert "of `TrainingArguments`" in told.message
    assert (told.place.end_column or 0) - told.place.column == len("TrainingArguments")
    assert len(found.module.parameters) == 2


def test_fields_inherited_from_a_class_that_is_not_here_are_said_to_be_unknown() -> None:
    script = (
        HEAD + FIELDS.replace("class Mine:", "class Mine(TrainingArguments):") + PARSE.format(types="Mine")
    )
    found = report({"run.py": script})
    assert "parser-fields-unknown" in codes(found)
    assert [one.name for one in found.module.parameters] == ["input_path", "output_path"]


@pytest.mark.parametrize(
    "hint", ["list", "unknown.Thing", "'not a type('", "dict[str, int]", "Mine | None", "'" * 2]
)
def test_no_type_hint_is_too_strange(hint: str) -> None:
    found = of_fields(f"    odd: {hint} = None\n")
    assert "odd" in [one.name for one in found.module.parameters]


def test_a_subclass_of_the_parser_is_followed() -> None:
    script = HEAD + FIELDS + "class Own(HfArgumentParser):\n    pass\n"
    script += PARSE.format(types="Mine").replace("HfArgumentParser", "Own")
    assert [one.name for one in report({"run.py": script}).module.parameters] == ["input_path", "output_path"]
