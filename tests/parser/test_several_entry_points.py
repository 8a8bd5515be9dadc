"""Several entry points in one module: each is read as a module's one script is, behind the word of its role."""

import json

import pytest
from repositories import HEAD, PATHS, STAND_INS, TAIL, codes, report

from bot.domain.module_label import read_module
from parser.edits import apply
from parser.model import Kind, Module, Severity
from parser.wire import canonical, module_to_dict

TRAIN = HEAD + PATHS + "parser.add_argument('--epochs', type=int, default=3)\n" + TAIL
INFER = HEAD + PATHS + "parser.add_argument('--model', required=True)\n" + TAIL
SETTINGS = "entry_points:\n  infer: predict.py\n  train: train.py\n"
FILES = {"train.py": TRAIN, "predict.py": INFER, ".mlreef.yaml": SETTINGS}
CLICK = """\
import click

@click.command()
@click.option("--input-path", required=True)
@click.option("--output-path", required=True)
@click.option("--model", required=True)
def main(input_path, output_path, model):
    print(input_path, output_path, model)

if __name__ == "__main__":
    main()
"""


def published(files: dict) -> Module:
    found = report(files)
    assert not found.refused, found.problems
    return found.module


def of(module: Module) -> list[tuple[tuple[str, ...], str]]:
    return [(one.subcommand, one.name) for one in module.parameters]


def test_the_role_is_the_first_word_of_each_entry_points_parameters() -> None:
    module = published(FILES)
    assert [(one.role, one.file) for one in module.entry_points] == [
        ("train", "train.py"),
        ("infer", "predict.py"),
    ]
    assert of(module) == [
        *((("train",), name) for name in ("input-path", "output-path", "epochs")),
        *((("infer",), name) for name in ("input-path", "output-path", "model")),
    ]
    assert module.launched


def test_what_lies_behind_the_role_is_what_the_script_alone_would_be() -> None:
    alone = published({"train.py": TRAIN, ".mlreef.yaml": "entry_points: {main: train.py}\n"})
    assert published(FILES).parameters_of("train") == alone.parameters
    assert alone.parameters_of("main") == alone.parameters
    assert not alone.launched
    assert published(FILES).parameters_of("other") == ()


def test_subcommands_of_a_script_come_behind_its_role() -> None:
    body = "sub = parser.add_subparsers()\nfast = sub.add_parser('fast')\nfast.add_argument('--rate')\n"
    module = published({**FILES, "train.py": HEAD + PATHS + body + TAIL})
    assert (("train", "fast"), "rate") in of(module)


def test_entry_points_may_read_their_command_lines_with_different_libraries() -> None:
    module = published({**FILES, "predict.py": CLICK, "requirements.txt": "click\n"})
    assert [(one.role, one.framework) for one in module.entry_points] == [
        ("train", "argparse"),
        ("infer", "click"),
    ]
    assert module.framework == "argparse"


def test_each_entry_point_takes_an_input_and_an_output_path() -> None:
    found = report({**FILES, "predict.py": HEAD + "parser.add_argument('--input-path')\n" + TAIL})
    (told,) = [one for one in found.problems if one.code == "missing-parameter"]
    assert told.place.file == "predict.py"
    assert "--output-path" in told.message
    assert found.refused


def test_the_problems_of_every_script_are_told_with_their_file() -> None:
    fault = "parser.add_argument('--a', type=bool, default=False)\n"
    files = {**FILES, "train.py": HEAD + PATHS + fault + TAIL, "predict.py": HEAD + PATHS + fault + TAIL}
    told = [one.place.file for one in report(files).problems if one.code == "type-bool"]
    assert told == ["predict.py", "train.py"]


def test_a_file_that_is_not_there_is_told_where_it_is_named() -> None:
    found = report({**FILES, ".mlreef.yaml": "entry_points:\n  train: train.py\n  infer: predikt.py\n"})
    (told,) = [one for one in found.problems if one.code == "entry-point-missing"]
    assert (told.place.file, told.place.line) == (".mlreef.yaml", 3)
    assert [edit.text for edit in told.edits] == ["predict.py"]
    assert found.module is None


def test_requirements_are_compared_with_what_all_scripts_import() -> None:
    files = {**FILES, "train.py": "import torch\n" + TRAIN, "predict.py": "import numpy\n" + INFER}
    told = report({**files, "requirements.txt": "torch\nnumpy\n"})
    assert not {"requirement-unused", "import-unprovided"} & set(codes(told))
    told = report({**files, "requirements.txt": "torch\n"})
    (one,) = [one for one in told.problems if one.code == "import-unprovided"]
    assert one.place.file == "predict.py"
    told = report({**files, "requirements.txt": None})
    assert {one.package for one in told.needed} == {"torch", "numpy"}


def test_one_named_script_alone_is_the_main_one_and_needs_no_word() -> None:
    module = published(
        {"train.py": TRAIN, "other.py": TRAIN, ".mlreef.yaml": "entry_points: {train: train.py}\n"}
    )
    assert [one.role for one in module.entry_points] == ["main"]
    assert module.main == "train.py"
    assert {one.subcommand for one in module.parameters} == {()}
    assert read_module(canonical(module_to_dict(module))) == module


def test_main_is_a_word_like_the_others_beside_them_and_comes_first() -> None:
    module = published({**FILES, ".mlreef.yaml": "entry_points: {infer: predict.py, main: train.py}\n"})
    assert [one.role for one in module.entry_points] == ["main", "infer"]
    assert module.main == "train.py"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("entry_points: {Train: train.py}\n", "Train"),
        ("entry_points: {train_it: train.py}\n", "train_it"),
        ("entry_points: {train: train.py, infer: train.py}\n", "two roles"),
        ("entry_points: {train: train.py, infer: ./train.py}\n", "two roles"),
        ("entry_points: {train: train.py, infer: ' train.py'}\n", "two roles"),
        ("entry_points: [train.py, predict.py]\n", "mapping"),
        ("entry_points: {" + ", ".join(f"r{n}: f{n}.py" for n in range(9)) + "}\n", "9 entry points"),
    ],
)
def test_roles_that_cannot_be_are_refused(written: str, why: str) -> None:
    found = report({**FILES, ".mlreef.yaml": written})
    (told,) = [one for one in found.problems if one.code == "settings-value"]
    # what would follow from it is not told besides
    assert "several-entry-points" not in codes(found)
    assert why in told.message
    assert told.severity is Severity.ERROR


def test_a_label_gives_the_module_back() -> None:
    module = published(FILES)
    assert read_module(canonical(module_to_dict(module))) == module


def test_of_several_in_an_older_label_only_the_main_one_is_run() -> None:
    described = module_to_dict(
        published({"train.py": TRAIN, ".mlreef.yaml": "entry_points: {main: train.py}\n"})
    )
    described["entry_points"]["infer"] = "predict.py"
    module = read_module(json.dumps(described))
    assert [one.role for one in module.entry_points] == ["main"]
    assert not module.launched


@pytest.mark.parametrize("frameworks", [{}, {"train": "argparse"}, {"train": "a", "infer": "b", "more": "c"}])
def test_a_label_whose_entry_points_contradict_each_other_is_none(frameworks: dict) -> None:
    described = {**module_to_dict(published(FILES)), "frameworks": frameworks}
    assert read_module(json.dumps(described)) is None


ANNOTATED = STAND_INS + "@data_processor(name='{}', type='{}', input_type='IMAGE')\ndef f(): pass\n"


def test_the_settings_name_a_module_whose_entry_points_are_each_annotated() -> None:
    files = {
        **FILES,
        "train.py": ANNOTATED.format("Train it", "ALGORITHM") + TRAIN,
        "predict.py": ANNOTATED.format("Ask it", "ALGORITHM") + INFER,
    }
    assert published(files).name == "Train it"
    found = report({**files, ".mlreef.yaml": SETTINGS + "name: Resnet\n"})
    assert found.module.name == "Resnet"
    assert not {"name-differs", "entry-points-disagree"} & set(codes(found))


def test_entry_points_of_different_kinds_are_told_and_the_first_counts() -> None:
    files = {
        **FILES,
        "train.py": ANNOTATED.format("Train it", "ALGORITHM") + TRAIN,
        "predict.py": ANNOTATED.format("Ask it", "OPERATION") + INFER,
    }
    found = report(files)
    assert found.module.kind is Kind.ALGORITHM
    (told,) = [one for one in found.problems if one.code == "entry-points-disagree"]
    assert (told.place.file, told.also[0].file) == ("predict.py", "train.py")


@pytest.mark.parametrize("written", ["Computer Vision", "computer-vision", "COMPUTER_VISION"])
def test_a_model_has_a_type_and_a_category(written: str) -> None:
    settings = f"kind: ALGORITHM\nmodel_type: Object Detection\nml_category: {written}\n".replace(
        "Object ", ""
    )
    module = published({"run.py": TRAIN, ".mlreef.yaml": settings})
    assert (module.model_type, module.ml_category) == ("DETECTION", "COMPUTER_VISION")
    assert read_module(canonical(module_to_dict(module))) == module


def test_only_a_model_has_them() -> None:
    found = report({"run.py": TRAIN, ".mlreef.yaml": "kind: OPERATION\nmodel_type: detection\n"})
    (told,) = [one for one in found.problems if one.code == "models-only"]
    assert (told.place.file, told.place.line) == (".mlreef.yaml", 2)
    assert found.module.model_type is None
    assert "model_type" not in module_to_dict(found.module)


def test_a_misspelt_category_is_mended() -> None:
    found = report({"run.py": TRAIN, ".mlreef.yaml": "kind: ALGORITHM\nml_category: computer visoin\n"})
    (told,) = [one for one in found.problems if one.code == "settings-value"]
    assert [edit.text for edit in told.edits] == ["COMPUTER_VISION"]


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("sample: [--input-path, a, --epochs, '3']\n", "sample: [train, --input-path, a, --epochs, '3']\n"),
        ("sample: [ --model=m ]\n", "sample: [ infer, --model=m ]\n"),
        ("sample:\n  - --model\n  - m\n", "sample:\n  - infer\n  - --model\n  - m\n"),
        ("sample:\n- --epochs\n- '3'\n", "sample:\n- train\n- --epochs\n- '3'\n"),
        ("sample: [trian, --input-path, a]\n", "sample: [train, --input-path, a]\n"),
        ("sample: ['Infer', --input-path, a]\n", "sample: [infer, --input-path, a]\n"),
        ("sample: [--input-path, a]\n", None),
        ("sample: [data]\n", None),
        ("sample: []\n", None),
    ],
)
def test_a_sample_that_selects_none_of_them_is_refused_before_anything_is_built(
    written: str, mended: str | None
) -> None:
    found = report({**FILES, ".mlreef.yaml": SETTINGS + written})
    (told,) = [one for one in found.problems if one.severity is Severity.ERROR]
    assert (told.code, told.place.file, told.place.line) == (
        "settings-value",
        ".mlreef.yaml",
        5 if "\n-" in written or "\n  -" in written else 4,
    )
    assert "Begin it with one of train, infer." in told.hint
    done = apply(SETTINGS + written, told.edits)
    assert done == SETTINGS + (mended or written)
    assert report({**FILES, ".mlreef.yaml": done}).refused == (mended is None)


def test_a_sample_of_one_script_has_no_such_word() -> None:
    alone = "entry_points: {train: train.py}\nsample: [--input-path, a]\n"
    assert not report({**FILES, ".mlreef.yaml": alone}).refused
    named = SETTINGS + "sample: [infer, --input-path, a]\n"
    assert not report({**FILES, ".mlreef.yaml": named}).refused
