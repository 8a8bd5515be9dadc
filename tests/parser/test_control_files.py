"""mlopen's control files: found, checked and read as the command in the image will treat them."""

import argparse
import ast
import json
from pathlib import Path

import pytest
from argparse_truth import walk
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import HEAD, PATHS, TAIL, codes, report

from bot.domain.module_label import read_module
from ci_templates import mlopen
from ci_templates.mlopen.mlopenapp._run.command import build_parser
from ci_templates.mlopen.mlopenapp._run.control import Control
from ci_templates.mlopen.mlopenapp._run.faults import AuthorFault
from parser.control_file import PACKAGE
from parser.control_imports import STAND_IN
from parser.control_parameters import TAKEN, flag_of
from parser.edits import apply
from parser.model import Module, Parameter
from parser.wire import canonical, module_to_dict

IMPORT = "from mlopenapp.utils import io_handler as io\n"
TRAIN = "def train(inpt, params=None):\n    io.save_pipeline([], [], 'x')\n"
RUN = "def run_pipeline(input, model, args, params=None):\n    return {'text': input.read()}\n"
WHOLE = IMPORT + TRAIN + RUN


def module_of(files: dict) -> Module:
    found = report(files)
    assert not found.refused, found.problems
    return found.module


def declared(dictionary: str, before: str = "") -> dict[str, Parameter]:
    """What `run` takes besides its own paths, by name."""
    text = f"{before}{WHOLE}def get_params(run=True):\n    return {dictionary}\n"
    found = module_of({"pipeline.py": text}).parameters_of("run")
    return {one.name: one for one in found if one.name not in ("input-path", "output-path", "model")}


def test_a_control_file_has_the_commands_train_and_run() -> None:
    module = module_of({"pipeline.py": WHOLE, "helper.py": "def f(): pass\n"})
    assert [(one.role, one.file, one.framework) for one in module.entry_points] == [
        ("train", "pipeline.py", "mlopen"),
        ("run", "pipeline.py", "mlopen"),
    ]
    assert (module.framework, module.launched, module.main) == ("mlopen", True, "pipeline.py")
    assert [(one.subcommand, one.flags, one.required) for one in module.parameters] == [
        (("train",), ("--input-path",), True),
        (("train",), ("--output-path",), True),
        (("run",), ("--input-path",), True),
        (("run",), ("--model",), False),
        (("run",), ("--output-path",), True),
    ]


def test_a_pipeline_without_training_has_the_command_run_only_and_no_model() -> None:
    module = module_of({"pipeline.py": RUN})
    assert [one.role for one in module.entry_points] == ["run"]
    assert [(one.subcommand, one.name) for one in module.parameters] == [
        (("run",), "input-path"),
        (("run",), "output-path"),
    ]
    assert read_module(canonical(module_to_dict(module))) == module


def test_its_label_gives_it_back() -> None:
    module = module_of({"pipeline.py": WHOLE})
    assert read_module(canonical(module_to_dict(module))) == module


def test_a_control_file_is_found_at_any_depth_and_with_helpers_beside_it() -> None:
    text = "from mlopenapp.pipelines import clean\nfrom mlopenapp.pipelines.words import split\n" + WHOLE
    helpers = {
        "a/b/clean.py": "import numpy\n" + IMPORT,
        "a/b/words/__init__.py": "import scipy\ndef split(): pass\n",
    }
    found = report({"a/b/pipeline.py": text, **helpers, "requirements.txt": "numpy\n"})
    assert found.module.main == "a/b/pipeline.py"
    told = [one for one in found.problems if one.code in ("import-unprovided", "import-out-of-reach")]
    assert [one.place.file for one in told] == ["a/b/words/__init__.py"]
    assert "requirement-unused" not in codes(found)


def test_what_the_image_brings_of_mlopen_is_nothing_to_install() -> None:
    assert report({"pipeline.py": WHOLE, "requirements.txt": None}).needed == ()
    inside = report(
        {"mlopenapp/pipelines/pipeline.py": WHOLE, "mlopenapp/utils/other.py": "", "setup.py": ""}
    )
    assert not {"import-unprovided", "import-out-of-reach", "import-misspelt"} & set(codes(inside))


def test_a_requirement_of_mlopen_is_told_to_be_needless() -> None:
    found = report({"pipeline.py": WHOLE, "requirements.txt": "numpy\nMLOpenApp==1.0\n"})
    (told,) = [one for one in found.problems if one.code == "requirement-brought"]
    assert (told.place.file, told.place.line) == ("requirements.txt", 2)


def told_to_miss(text: str, files: dict | None = None) -> list[tuple[str, str, int]]:
    found = report({"code/pipeline.py": text + RUN, **(files or {})})
    return [
        (one.message.partition(" ")[0], one.place.file, one.place.line)
        for one in found.problems
        if one.code == "control-import-missing"
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from mlopenapp import constants\n", ["mlopenapp.constants"]),
        ("import mlopenapp.models.files\n", ["mlopenapp.models.files"]),
        (
            "from mlopenapp.models.files import InputFile, Other\n",
            ["mlopenapp.models.files.InputFile", "mlopenapp.models.files.Other"],
        ),
        ("from mlopenapp.utils import io_handler, params_handler\n", ["mlopenapp.utils.params_handler"]),
        ("from mlopenapp.utils.plotter import bar, plotlify_pie_js\n", ["mlopenapp.utils.plotter.bar"]),
        (
            "from mlopenapp.utils import plotter as p\np.bar([1])\np.plotlify_pie_js({})\n",
            ["mlopenapp.utils.plotter.bar"],
        ),
        ("from mlopenapp.pipelines import words, missing\n", ["mlopenapp.pipelines.missing"]),
        ("from mlopenapp.pipelines.words import anything\n", []),
        ("from mlopenapp.pipelines.deep import more, gone\n", ["mlopenapp.pipelines.deep.gone"]),
        ("from mlopenapp.pipelines.whole import more\n", []),
        ("import mlopenapp.pipelines.deep.more\nfrom mlopenapp.utils import *\n", []),
        ("try:\n    from mlopenapp import constants\nexcept ImportError:\n    pass\n", []),
        ("from .mlopenapp import constants\n", []),
    ],
)
def test_what_the_image_does_not_have_of_mlopen_is_told_before_it_is_built(
    text: str, names: list[str]
) -> None:
    files = {"code/words.py": "", "code/deep/more.py": "", "code/whole/__init__.py": "", "missing.py": ""}
    assert [name for name, _, _ in told_to_miss(text, files)] == names


def test_what_a_helper_uses_of_mlopen_is_looked_at_too() -> None:
    helper = "import os\nfrom mlopenapp.utils import data_handler as d\nd.read_from_file(1)\n"
    text = "from mlopenapp.pipelines import words\n"
    assert told_to_miss(text, {"code/words.py": helper, "other.py": "import mlopenapp.constants\n"}) == [
        ("mlopenapp.utils.data_handler.read_from_file", "code/words.py", 3)
    ]


def test_the_stand_in_has_what_the_reader_says() -> None:
    folder = Path(mlopen.__file__).parent / PACKAGE
    for module, names in STAND_IN.items():
        path = folder.joinpath(*module.split(".")[1:])
        if path.is_dir():
            there = {one.stem for one in path.iterdir() if not one.name.startswith("_")}
            # the folder of the control file is made when it runs
            assert {*there, "pipelines"} == {*names, "pipelines"}
        else:
            tree = ast.parse(path.with_suffix(".py").read_text())
            assert {
                one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name[0] != "_"
            } == set(names)


def test_an_import_of_mlopen_is_missing_in_any_other_module() -> None:
    found = report({"run.py": IMPORT + HEAD + PATHS + TAIL})
    assert "import-unprovided" in codes(found)


def test_a_script_that_reads_a_command_line_comes_first() -> None:
    module = module_of({"run.py": HEAD + PATHS + TAIL, "pipeline.py": WHOLE})
    assert [(one.role, one.file) for one in module.entry_points] == [("main", "run.py")]


def test_a_control_file_that_is_named_is_taken_before_it() -> None:
    settings = "entry_points: {main: pipeline.py}\n"
    module = module_of({"run.py": HEAD + PATHS + TAIL, "pipeline.py": WHOLE, ".mlreef.yaml": settings})
    assert [one.framework for one in module.entry_points] == ["mlopen", "mlopen"]


def test_a_script_that_reads_its_command_line_is_no_control_file_whatever_its_functions() -> None:
    module = module_of({"run.py": RUN + HEAD + PATHS + TAIL})
    assert module.framework == "argparse"


def test_a_control_file_is_no_entry_point_among_others() -> None:
    files = {"run.py": HEAD + PATHS + TAIL, "pipeline.py": WHOLE}
    found = report({**files, ".mlreef.yaml": "entry_points:\n  main: run.py\n  ask: pipeline.py\n"})
    assert found.refused
    assert [one.code for one in found.problems if one.severity == "error"] == ["control-file-beside"]


def test_of_two_control_files_somebody_has_to_name_one() -> None:
    found = report({"one.py": WHOLE, "two.py": WHOLE})
    assert found.candidates == ("one.py", "two.py")
    assert "several-entry-points" in codes(found)


def test_a_helper_that_trains_is_no_second_one() -> None:
    assert module_of({"pipeline.py": WHOLE, "training.py": IMPORT + TRAIN}).main == "pipeline.py"


@pytest.mark.parametrize(
    "text", [TRAIN, "def train(a, b): pass\n", "def main(): pass\n", "run_pipeline = 3\n"]
)
def test_other_files_are_none(text: str) -> None:
    assert codes(report({"pipeline.py": text}))[0] in ("no-entry-point", "module-defaults")
    assert report({"pipeline.py": text}).module is None


def test_training_alone_is_refused_with_the_function_that_is_missing() -> None:
    found = report({"pipeline.py": IMPORT + TRAIN})
    (told,) = [one for one in found.problems if one.severity == "error"]
    assert told.code == "control-file-function"
    assert "def run_pipeline(input, model, args, params=None):" in told.hint
    assert told.place.line == 2


def test_the_other_function_may_be_imported() -> None:
    files = {
        "pipeline.py": IMPORT + "from running import run_pipeline\n" + TRAIN,
        "running.py": "import sys\n" + RUN,
    }
    found = report({**files, ".mlreef.yaml": "entry_points: {main: pipeline.py}\n"})
    assert not found.refused


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("def run_pipeline(input, model, args):", "def run_pipeline(input, model, args, params=None):"),
        ("def run_pipeline(data):", "def run_pipeline(data, model, args, params=None):"),
        ("def run_pipeline():", "def run_pipeline(input, model, args, params=None):"),
        ("def run_pipeline(a, b=(1, 2)):", "def run_pipeline(a, b=(1, 2), args=None, params=None):"),
        (
            "def run_pipeline(a: str, /) -> dict:",
            "def run_pipeline(a: str, model, args, params=None, /) -> dict:",
        ),
    ],
)
def test_a_signature_that_lacks_something_is_mended(written: str, mended: str) -> None:
    text = RUN.replace("def run_pipeline(input, model, args, params=None):", written)
    found = report({"pipeline.py": text.replace("input.read()", "1")})
    (told,) = [one for one in found.problems if one.code == "control-file-signature"]
    assert found.refused
    after = apply(text, told.edits)
    assert mended in after
    assert not [one for one in codes(report({"pipeline.py": after})) if one.startswith("control-file")]


@pytest.mark.parametrize(
    "written",
    [
        "def run_pipeline(input, model, args, params, more):",
        "def run_pipeline(input, *, model):",
        "async def run_pipeline(input, model, args, params):",
        "def run_pipeline(params):",
        "def run_pipeline(a, b=(1)):",
    ],
)
def test_a_signature_that_a_person_must_mend_is_shown_as_it_should_be(written: str) -> None:
    text = RUN.replace("def run_pipeline(input, model, args, params=None):", written)
    (told,) = [one for one in report({"pipeline.py": text}).problems if one.code == "control-file-signature"]
    assert not told.edits
    shown = told.hint.partition("`")[2].rpartition("`")[0]
    (function,) = ast.parse(shown + " pass").body
    assert function.name == "run_pipeline"
    assert len(function.args.args) == 4


@pytest.mark.parametrize(
    "written",
    [
        "def run_pipeline(a, b, c, d):",
        "def run_pipeline(*everything):",
        "def run_pipeline(a, b=1, c=2, d=3, e=4, *, f=5):",
        "def run_pipeline(a, /, b, *more, **named):",
    ],
)
def test_any_signature_that_can_be_called_so_is_taken(written: str) -> None:
    text = written + "\n    return {}\n"
    assert not report({"pipeline.py": text}).refused


def test_train_and_get_params_are_held_to_their_signatures_too() -> None:
    text = IMPORT + "def train(inpt):\n    pass\ndef get_params():\n    return {}\n" + RUN
    told = [one for one in report({"pipeline.py": text}).problems if one.code == "control-file-signature"]
    after = apply(text, [edit for one in told for edit in one.edits])
    assert "def train(inpt, params=None):" in after
    assert "def get_params(run=True):" in after
    assert not report({"pipeline.py": after}).refused


def test_every_type_becomes_an_option() -> None:
    found = declared(
        """{
        "name": ("string",), "count": ("integer", {"default": 3}), "rate": ("float", {"default": "0.5"}),
        "mode": ("choice", {"choices": ["fast", "exact"]}), "data": ("file"), "more": "upload",
        "clean": ("bool",), "quick": ("boolean", {"default": True}),
    }"""
    )
    assert {name: (one.type, one.default, one.required, one.action) for name, one in found.items()} == {
        "name": ("str", "", False, "store"),
        "count": ("int", 3, False, "store"),
        "rate": ("float", 0.5, False, "store"),
        "mode": ("str", "fast", False, "store"),
        "data": ("str", None, False, "store"),
        "more": ("str", None, False, "store"),
        "clean": ("bool", False, False, "store_true"),
        "no-quick": ("bool", True, False, "store_false"),
    }
    assert found["mode"].choices == ("fast", "exact")
    assert found["data"].metavar == "FILE"


def test_what_may_not_be_blank_must_be_given() -> None:
    found = declared('{"a": ("string", {"blank": False}), "b": ("string", {"blank": True})}')
    assert [(one.required, one.default) for one in found.values()] == [(True, None), (False, "")]


def test_choices_may_be_pairs_of_a_value_and_its_label() -> None:
    found = declared('{"a": ("choice", {"choices": [(1, "one"), (2, "two")], "default": 2})}')
    assert (found["a"].choices, found["a"].default) == (("1", "2"), "2")


def test_both_commands_have_what_get_params_says_for_them() -> None:
    text = (
        WHOLE
        + "def get_params(run=True):\n    if run:\n        return {'a': 'file'}\n    return {'b': 'file'}\n"
    )
    module = module_of({"pipeline.py": text})
    assert [one.name for one in module.parameters_of("train")] == ["input-path", "output-path", "b"]
    assert [one.name for one in module.parameters_of("run")] == ["input-path", "model", "output-path", "a"]


@pytest.mark.parametrize("given_back", ["''", "None", "{}", "[]"])
def test_nothing_may_be_declared(given_back: str) -> None:
    assert declared(given_back) == {}


def test_names_of_a_form_become_options() -> None:
    found = declared('{"train - pos samples": ("file"), "model": ("file"), "Top_K": ("integer")}')
    assert list(found) == ["train-pos-samples", "param-model", "Top_K"]
    assert [one.help for one in found.values()] == ["train - pos samples", "model", None]


def test_a_table_of_the_file_is_followed() -> None:
    found = declared(
        '{name: ("float", {"default": value}) for name, value in TABLE}', 'TABLE = [("a", 1), ("b", 2)]\n'
    )
    assert {name: one.default for name, one in found.items()} == {"a": 1, "b": 2}


def test_a_help_with_a_percent_sign_is_printed_as_it_is() -> None:
    (one,) = declared('{"a": ("float", {"help": "50% of it"})}').values()
    assert (one.help, one.printed_help) == ("50%% of it", "50% of it")


@pytest.mark.parametrize(
    ("dictionary", "unknown"),
    [
        ('{"a": ("float", {"default": os.environ["A"]})}', ("default",)),
        ('{"a": ("choice", {"choices": os.listdir("/")})}', ("choices", "default")),
        ('{"a": ("string", {"blank": os.path.exists("/x")})}', ("default", "required")),
    ],
)
def test_a_value_that_is_not_static_is_told_and_not_guessed(dictionary: str, unknown: tuple) -> None:
    text = "import os\n" + WHOLE + f"def get_params(run=True):\n    return {dictionary}\n"
    found = report({"pipeline.py": text})
    (one,) = [one for one in found.module.parameters_of("run") if one.name == "a"]
    assert one.unknown == unknown
    told = [one.place.line for one in found.problems if one.code == "value-not-static"]
    assert set(told) == {len(text.splitlines())}


@pytest.mark.parametrize(
    "body",
    [
        "return json.load(open('x'))",
        "return {**json.load(open('x'))}",
        "p = {'a': 'file'}\n    p.update(json.load(open('x')))\n    return p",
        "return {'a': 'file'} if json else {'b': 'file'}",
    ],
)
def test_parameters_that_are_not_static_are_told(body: str) -> None:
    found = report({"pipeline.py": "import json\n" + WHOLE + f"def get_params(run=True):\n    {body}\n"})
    assert not found.refused
    told = [one.message for one in found.problems if one.code == "control-parameters-unknown"]
    assert ["`run`" in one for one in told].count(True) == 1
    assert ["`train`" in one for one in told].count(True) == 1


@pytest.mark.parametrize(
    "written", ["os.environ['A']", "(os.environ['A'],)", "('bool', {'default': os.environ['A']})"]
)
def test_an_option_of_which_not_even_the_form_is_known_is_told_and_left_to_the_image(written: str) -> None:
    text = "import os\n" + WHOLE + f"def get_params(run=True):\n    return {{'b': 'file', 'a': {written}}}\n"
    found = report({"pipeline.py": text})
    assert [one.name for one in found.module.parameters_of("train")] == ["input-path", "output-path", "b"]
    told = [one for one in found.problems if one.code == "control-parameters-unknown"]
    assert ["`train`" in told[0].message, "`run`" in told[1].message, len(told)] == [True, True, 2]
    assert all("what it gives for 'a' " in one.message for one in told)


@pytest.mark.parametrize(
    ("dictionary", "why"),
    [
        ('{"a": ("number",)}', "of the type 'number'"),
        ('{"a": ("choice",)}', "no choices"),
        ('{"a": ("choice", {"choices": ["b"], "default": "c"})}', "none of its choices"),
        ('{"a": ("integer", {"default": "many"})}', "no integer"),
        ('{"a": ("file", "b")}', "no dictionary"),
        ('{"a": ("file", {}, 1)}', "no type"),
        ('{"a": 5}', "no type"),
        ('{"": "file"}', "no letter"),
        ("{5: 'file'}", "no text"),
        ('{"a-b": "file", "a_b": "file"}', "another parameter"),
        ('{"a b": "file", "a - b": "file"}', "another parameter"),
        ("['a']", "not a dictionary"),
    ],
)
def test_what_the_command_could_not_have_is_refused(dictionary: str, why: str) -> None:
    found = report({"pipeline.py": WHOLE + f"def get_params(run=True):\n    return {dictionary}\n"})
    assert found.refused
    assert all(why in one.message for one in found.problems if one.code == "control-parameter-refused")
    assert "control-parameter-refused" in codes(found)


def held(functions: dict) -> list[dict]:
    """What argparse holds in the command of the image, in the reader's words."""
    parser = build_parser("pipeline.py", Control("pipeline", functions))
    return json.loads(json.dumps(list(walk(parser))))


def in_words(module: Module) -> list[dict]:
    """The same of what was read."""
    fields = ("name", "flags", "dest", "type", "default", "required", "choices", "nargs", "action", "help")
    more = (
        "group",
        "subcommand",
        "const",
        "metavar",
        "excludes",
        "one_required",
        "deprecated",
        "printed_help",
    )
    read = json.loads(json.dumps([module_to_dict(module)["parameters"]]))[0]
    return [{field: one[field] for field in (*fields, *more)} for one in read]


def pipeline(*given: object, **named: object) -> None:
    """Stands for a function of a control file."""


@pytest.mark.parametrize("trains", [True, False])
def test_the_commands_in_the_image_hold_what_was_read(trains: bool) -> None:
    module = module_of({"pipeline.py": WHOLE if trains else RUN})
    functions = {"run_pipeline": pipeline, **({"train": pipeline} if trains else {})}
    assert in_words(module) == held(functions)


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(-2, 2),
    st.sampled_from(["", "a", "5", "0.5", "%d"]),
)
_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "default": _VALUES,
        "blank": st.booleans(),
        "choices": st.lists(st.one_of(_VALUES, st.tuples(_VALUES, _VALUES)), max_size=3),
        "help": st.one_of(_VALUES),
        "label": st.sampled_from(["50%", "what it is"]),
    },
)
_KINDS = st.sampled_from(
    ["string", "integer", "float", "choice", "file", "upload", "bool", "boolean", "number"]
)
_FORMS = st.one_of(_KINDS, st.tuples(_KINDS), st.tuples(_KINDS, _OPTIONS), st.just(()), _VALUES)
_NAMES = st.sampled_from(
    ["a", "b", "a b", "a-b", "A_b", "no-a", "model", "input_path", "train - x", "ä", "--"]
)
STRICTER = ("its default", "more than")
"""A default that argparse would stop at only when the command is used is refused when it is read."""


@settings(max_examples=200)
@given(st.dictionaries(_NAMES, _FORMS, max_size=4))
def test_whatever_get_params_gives_is_read_as_the_command_in_the_image_takes_it(given_back: dict) -> None:
    text = WHOLE + f"def get_params(run=True):\n    return {given_back!r}\n"
    found = report({"pipeline.py": text})
    functions = {"train": pipeline, "run_pipeline": pipeline, "get_params": lambda run: given_back}
    refused = [one for one in found.problems if one.code == "control-parameter-refused"]
    try:
        theirs = held(functions)
    except (AuthorFault, argparse.ArgumentError):
        assert refused
    except (argparse.ArgumentTypeError, ValueError):
        assert all("its default" in one.message for one in refused)
        assert refused
    else:
        assert all(any(why in one.message for why in STRICTER) for one in refused)
        if not refused:
            assert in_words(found.module) == theirs


@given(st.text())
def test_every_option_is_plain_and_none_is_one_of_the_commands_own(name: str) -> None:
    flag = flag_of(name)
    assert flag.replace("_", "-") not in TAKEN
    assert not flag or flag.isascii()
    assert not flag.startswith("-")
    assert flag_of(flag) in (flag, f"param-{flag}")


def test_a_control_file_may_be_annotated() -> None:
    stand_in = "def data_processor(*_, **__): return lambda f: f\nparameter = data_processor\n"
    text = WHOLE.replace(
        "def run_pipeline",
        stand_in
        + "@data_processor(name='Mood', type='ALGORITHM', input_type='TEXT', output_type='TABULAR')\n"
        "@parameter('input-path', 'STRING', True)\n@parameter('output-path', 'STRING', True)\n"
        "@parameter('model', 'STRING', False)\ndef run_pipeline",
    )
    found = report({"pipeline.py": text})
    assert (found.module.name, found.module.kind, found.module.framework) == ("Mood", "ALGORITHM", "mlopen")
    assert not {"annotated-not-accepted", "accepted-not-annotated"} & set(codes(found))
