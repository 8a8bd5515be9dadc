"""The parameters file: one file that carries the annotations of all entry points, and is never run."""

import pytest
from repositories import HEAD, PATHS, STAND_INS, TAIL, codes, report

from parser.edits import apply
from parser.model import Module, Report, Severity

TRAIN = HEAD + PATHS + "parser.add_argument('--epochs', type=int, default=3)\n" + TAIL
INFER = HEAD + PATHS + "parser.add_argument('--model', required=True)\n" + TAIL
NAMED = "entry_points:\n  train: train.py\n  infer: predict.py\n"
PAIR = "@parameter('input-path', 'STRING', True)\n@parameter('output-path', 'STRING', True)\n"


def block(head: str, more: str = "", function: str = "f") -> str:
    """One annotated function of a parameters file."""
    return f"@data_processor({head})\n{PAIR}{more}def {function}(): pass\n\n"


EPOCHS = "@parameter('epochs', 'INTEGER', False, 3, 'How often')\n"
MODEL = "@parameter('model', 'STRING', True, '', 'What was trained')\n"
BOTH = (
    STAND_INS + block("name='Train', command='train'", EPOCHS) + block("name='Ask', command='infer'", MODEL)
)


def of(parameters: str, **files: str) -> Report:
    given = {"train.py": TRAIN, "predict.py": INFER, "parameters.py": parameters, ".mlreef.yaml": NAMED}
    return report({**given, **{name.replace("__", "."): text for name, text in files.items()}})


def helps(module: Module) -> dict[str, str | None]:
    return {" ".join((*one.subcommand, one.name)): one.help for one in module.parameters if one.help}


DESCRIBED = {"train epochs": "How often", "infer model": "What was trained"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("command='train'", "command='infer'"),
        ("command='train.py'", "command='predict.py'"),
        ("command='python train.py'", "command='predict'"),
        ("name='a', author='b', command='./train.py'", "name='c', command='infer'"),
    ],
)
def test_a_block_belongs_to_the_entry_point_that_its_command_names(first: str, second: str) -> None:
    found = of(STAND_INS + block(first, EPOCHS) + block(second, MODEL))
    assert not found.refused, found.problems
    assert helps(found.module) == DESCRIBED
    assert [one.code for one in found.problems if one.place and one.place.file == "parameters.py"] == [
        "parameters-file-taken"
    ]


def test_without_a_command_it_belongs_to_the_one_that_its_function_is_called() -> None:
    found = of(STAND_INS + block("name='a'", MODEL, "infer") + block("name='b'", EPOCHS, "train"))
    assert helps(found.module) == DESCRIBED


def test_blocks_may_stand_at_one_function_or_their_parameters_at_others() -> None:
    one = (
        STAND_INS
        + f"@data_processor(command='train')\n{EPOCHS}@data_processor(command='infer')\n{MODEL}def f(): pass\n"
    )
    assert helps(of(one).module) == DESCRIBED
    apart = (
        f"{STAND_INS}{EPOCHS}def g(): pass\n@data_processor(command='train')\ndef f(): pass\n"
        f"@data_processor(command='infer')\ndef h(): pass\n{MODEL}def i(): pass\n"
    )
    assert helps(of(apart).module) == DESCRIBED


def test_the_script_wins_and_both_places_are_told() -> None:
    found = of(BOTH.replace("'INTEGER', False, 3", "'INTEGER', False, 5"))
    (told,) = [one for one in found.problems if one.code == "default-differs"]
    assert (told.place.file, told.also[0].file) == ("parameters.py", "train.py")
    assert [(edit.place.file, edit.text) for edit in told.edits] == [("parameters.py", "3")]
    (epochs,) = [one for one in found.module.parameters if one.name == "epochs"]
    assert epochs.default == 3


def test_what_only_one_entry_point_takes_is_no_contradiction_of_the_other() -> None:
    assert "annotated-not-accepted" not in codes(of(BOTH))
    found = of(
        BOTH.replace("command='train'", "command='infer'", 1).replace("command='infer'", "command='train'", 1)
    )
    assert not found.refused


def test_a_file_that_is_named_needs_no_other_sign() -> None:
    settings = NAMED + "parameters_file: notes/about.py\n"
    found = report(
        {
            "train.py": TRAIN,
            "predict.py": INFER,
            "notes/about.py": BOTH,
            "other.py": BOTH,
            ".mlreef.yaml": settings,
        }
    )
    assert helps(found.module) == DESCRIBED
    assert "parameters-file-taken" not in codes(found)


def test_one_of_the_entry_points_may_carry_the_annotations_of_all() -> None:
    found = of("", train__py=BOTH + TRAIN, __mlreef__yaml=NAMED + "parameters_file: train.py\n")
    assert not found.refused, found.problems
    assert helps(found.module) == DESCRIBED


def test_the_decorators_of_a_file_that_is_not_run_need_no_definition() -> None:
    found = of(BOTH.removeprefix(STAND_INS))
    assert "annotation-undefined" not in codes(found)
    assert helps(found.module) == DESCRIBED


def test_the_file_alone_says_which_scripts_are_run() -> None:
    found = report(
        {"train.py": TRAIN, "predict.py": INFER, "parameters.py": BOTH.replace("infer", "predict")}
    )
    assert not found.refused, found.problems
    assert [(one.role, one.file) for one in found.module.entry_points] == [
        ("train", "train.py"),
        ("predict", "predict.py"),
    ]
    assert helps(found.module) == {"train epochs": "How often", "predict model": "What was trained"}


def test_one_script_is_described_by_a_file_beside_it() -> None:
    found = report({"train.py": TRAIN, "parameters.py": STAND_INS + block("name='Train it'", EPOCHS)})
    assert not found.refused, found.problems
    assert (found.module.name, found.module.main) == ("Train it", "train.py")
    assert helps(found.module) == {"epochs": "How often"}
    assert not found.module.launched


def test_an_annotated_script_is_no_parameters_file_of_another() -> None:
    other = STAND_INS + block("name='Other', command='train'") + INFER
    found = report({"train.py": TRAIN, "other.py": other, ".mlreef.yaml": "entry_points: {main: train.py}\n"})
    assert found.module.name == "a project"
    assert "parameters-file-taken" not in codes(found)


def test_of_two_such_files_none_is_taken() -> None:
    found = of(BOTH, more__py=BOTH)
    assert helps(found.module) == {}
    assert "parameters-file-taken" not in codes(found)


def test_a_block_of_no_entry_point_is_told_with_its_mend() -> None:
    text = STAND_INS + block("name='Train', command='train'", EPOCHS) + block("name='Ask'", MODEL, "ask")
    (told,) = [one for one in of(text).problems if one.code == "annotation-of-no-entry-point"]
    assert told.place.file == "parameters.py"
    mended = of(apply(text, told.edits))
    assert helps(mended.module) == DESCRIBED
    wrong = text.replace("name='Ask'", "name='Ask', command='predikt'")
    (told,) = [one for one in of(wrong).problems if one.code == "annotation-of-no-entry-point"]
    assert helps(of(apply(wrong, told.edits)).module) == DESCRIBED


def test_two_blocks_for_one_entry_point_are_refused() -> None:
    found = of(BOTH + block("command='train'"))
    (told,) = [one for one in found.problems if one.severity is Severity.ERROR]
    assert told.code == "entry-point-annotated-twice"
    assert told.also


def test_an_entry_point_of_its_own_annotations_keeps_them() -> None:
    own = STAND_INS + block("name='Own', type='ALGORITHM'", EPOCHS.replace("How often", "Own words"))
    found = of(BOTH, train__py=own + TRAIN)
    assert helps(found.module)["train epochs"] == "Own words"
    (told,) = [one for one in found.problems if one.code == "annotated-in-two-files"]
    assert (told.place.file, told.also[0].file) == ("parameters.py", "train.py")


def test_parameters_that_the_script_annotates_itself_are_kept_beside_them() -> None:
    own = STAND_INS + EPOCHS + "def main(): pass\n" + TRAIN
    found = of(BOTH.replace(EPOCHS, ""), train__py=own)
    assert helps(found.module) == DESCRIBED
    assert "annotation-without-processor" not in codes(found)


def test_an_entry_point_that_nobody_describes_is_told() -> None:
    settings = NAMED + "parameters_file: parameters.py\n"
    found = of(STAND_INS + block("command='train'", EPOCHS), __mlreef__yaml=settings)
    (told,) = [one for one in found.problems if one.code == "entry-point-not-annotated"]
    assert "infer" in told.message


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("nowhere.py", "own-file-missing"),
        ("../parameters.py", "own-file-missing"),
        ("notes.txt", "parameters-file-refused"),
        ("train.py", "parameters-file-refused"),
        ("broken.py", "syntax-error"),
    ],
)
def test_a_file_that_cannot_be_it_is_refused_where_it_is_named(named: str, code: str) -> None:
    files = {"broken__py": "@data_processor(\n", "notes__txt": "data_processor"}
    found = of("", **files, __mlreef__yaml=f"{NAMED}parameters_file: {named}\n")
    assert found.refused
    (told,) = [one for one in found.problems if one.code == code]
    assert told.place.file == (".mlreef.yaml" if code != "syntax-error" else "broken.py")


def test_what_is_wrong_in_it_is_told_there() -> None:
    found = of(BOTH.replace("'INTEGER'", "'INTEGR'"))
    (told,) = [one for one in found.problems if one.code == "parameter-type"]
    assert told.place.file == "parameters.py"


def test_each_entry_point_keeps_the_types_of_data_that_it_is_annotated_with() -> None:
    first = "command='train', input_type='TABULAR', output_type='MODEL'"
    found = of(
        STAND_INS
        + block(first, EPOCHS)
        + block("command='infer', input_type='TABULAR', output_type='TEXT'", MODEL)
    )
    assert "entry-points-disagree" not in codes(found)
    assert (found.module.input_type, found.module.output_type) == ("TABULAR", "MODEL")
    assert found.module.types_of("train") == ("TABULAR", "MODEL")
    assert found.module.types_of("infer") == ("TABULAR", "TEXT")
    assert [(one.input_type, one.output_type) for one in found.module.entry_points] == [
        (None, None),
        (None, "TEXT"),
    ]


@pytest.mark.parametrize(
    ("script", "code"), [("print(1)\n", "no-argparse"), ("def broken(:\n", "syntax-error")]
)
def test_a_file_that_it_names_and_that_cannot_be_run_is_not_passed_over(script: str, code: str) -> None:
    parameters = block("command='train.py'", EPOCHS) + block("command='predict.py'", MODEL)
    found = report({"train.py": TRAIN, "predict.py": script, "parameters.py": parameters})
    assert [one.place.file for one in found.problems if one.code == code] == ["predict.py"]
    assert "annotation-of-no-entry-point" not in codes(found)
    # a word that may mean anything else names no script that reads no command line
    loose = block("command='train.py'", EPOCHS) + block("command='predict'", MODEL)
    found = report({"train.py": TRAIN, "predict.py": "print(1)\n", "parameters.py": loose})
    assert not found.refused
    assert "annotation-of-no-entry-point" in codes(found)
