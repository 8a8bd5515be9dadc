"""Annotations in all their forms, and what is said when argparse holds something else."""

import subprocess
import sys

import pytest
from repositories import HEAD, STAND_INS, TAIL, codes, report, source
from repositories import PATHS as ACCEPTED

from parser.annotations import read_annotations
from parser.edits import apply
from parser.model import Severity
from parser.script import read_script

PROCESSOR = "@data_processor(name='n', type='OPERATION', input_type='ANY', output_type='ANY')\n"
PATHS = "@parameter('input-path', 'STRING', True, '', 'in')\n@parameter('output-path', 'STRING', True, '', 'out')\n"


def annotated(decorators: str):
    """What is read of these decorators alone."""
    script = read_script(source({"a.py": decorators + "\ndef f(): pass\n"}), "a.py")
    import ast

    from parser.interpreter.values import Unknown

    def evaluate(node: ast.expr):
        try:
            return ast.literal_eval(node)
        except ValueError:
            return Unknown()

    return read_annotations(script, evaluate)


def merged(annotation: str, argument: str):
    """The report of a script with one annotation and one add_argument call besides the two paths."""
    return report({"run.py": merged_script(annotation, argument)})


def merged_script(annotation: str, argument: str) -> str:
    """That script."""
    return (
        "import argparse\n"
        + STAND_INS
        + PROCESSOR
        + PATHS
        + annotation
        + "\ndef main():\n    p = argparse.ArgumentParser()\n"
        "    p.add_argument('--input-path', required=True)\n    p.add_argument('--output-path', required=True)\n"
        f"    {argument}\n    p.parse_args()\nif __name__ == '__main__':\n    main()\n"
    )


@pytest.mark.parametrize(
    "decorator",
    [
        "@parameter('rate', 'FLOAT', False, 0.5, 'd')",
        "@parameter(name='rate', type='FLOAT', required=False, defaultValue=0.5, description='d')",
        "@parameter('rate', 'float', required=False, defaultValue=0.5, description='d')",
        "@param('rate', datatype='FLOAT', required=False, default_value=0.5, description='d')",
        "@mlreef.parameter('rate', 'FLOAT', False, default_value=0.5, description='d')",
        "@a.b.param('rate', 'FLOAT', required='False', default=0.5, description='d')",
    ],
)
def test_every_form_of_a_parameter_gives_the_same(decorator: str) -> None:
    found = annotated(PROCESSOR + decorator)
    assert found.problems == ()
    (one,) = found.parameters
    assert (one.name, one.type, one.required, one.default, one.description) == (
        "rate",
        "FLOAT",
        False,
        0.5,
        "d",
    )


def test_positional_fields_of_a_data_processor_come_in_the_documented_order() -> None:
    found = annotated(
        "@data_processor('N', 'A', 'c', 'VISUALIZATION', 'D', 'PRIVATE', 'VIDEO', 'NUMBER', 's')"
    )
    one = found.processor
    assert (one.name, one.author, one.kind, one.description) == ("N", "A", "VISUALIZATION", "D")
    assert (one.visibility, one.input_type, one.output_type, one.slug) == ("PRIVATE", "VIDEO", "NUMBER", "s")


def test_the_word_of_mlreefs_pages_for_an_operation_is_known() -> None:
    found = annotated("@data_processor(name='n', type='DATAOPS')\n")
    assert (found.processor.kind, found.problems) == ("OPERATION", ())


def test_a_parameter_before_its_data_processor_is_not_lost() -> None:
    found = annotated("@parameter('a', 'STRING')\n" + PROCESSOR)
    assert [one.name for one in found.parameters] == ["a"]


def test_a_metric_is_kept() -> None:
    found = annotated(PROCESSOR + "@metric('RECALL', ground_truth='t', prediction='p')")
    assert [(one.name, one.ground_truth, one.prediction) for one in found.metrics] == [("RECALL", "t", "p")]


def test_constants_of_the_script_are_known_in_annotations() -> None:
    script = STAND_INS + "NAME = 'con' + 'stant'\n@data_processor(name=NAME)\ndef f(): pass\n"
    assert report({"run.py": script}).module.name == "constant"


@pytest.mark.parametrize(
    ("decorator", "code"),
    [
        ("@parameter(type='STRING')", "annotation-incomplete"),
        ("@parameter", "annotation-incomplete"),
        ("@metric()", "annotation-incomplete"),
        ("@parameter('a b', 'STRING')", "parameter-name"),
        ("@parameter('', 'STRING')", "parameter-name"),
        ("@parameter('ä', 'STRING')", "parameter-name"),
        ("@parameter('a', 'NUMBER')", "parameter-type"),
        ("@parameter('a', 'STRING', 'perhaps')", "annotation-value"),
        ("@parameter('a', 'STRING', True, {1, 2})", "annotation-value"),
        ("@parameter('a', 'STRING', True, '', 'd', 'more')", "annotation-too-many"),
        ("@parameter('a', 'STRING', name='b')", "annotation-twice"),
        ("@parameter('a', 'STRING', colour='red')", "annotation-field-unknown"),
        ("@parameter('a')\n@parameter('a')", "parameter-annotated-twice"),
        ("@parameter('a', default_value=unknown())", "annotation-not-static"),
        ("@parameter(**everything)", "annotation-not-static"),
        ("@parameter(*everything)", "annotation-not-static"),
        ("@parameter('a', 'INTEGER', False, 'large')", "annotated-default-type"),
        ("@parameter('a', 'BOOLEAN', False, 3)", "annotated-default-type"),
        ("@parameter('a', 'FLOAT', False, [1.5])", "annotated-default-type"),
        ("@parameter('a', 'INTEGER', False, 1.5)", "annotated-default-type"),
        ("@parameter('a', requierd=True)", "annotation-field-unknown"),
        (PROCESSOR, "several-annotations"),
        ("@metric(name=1)", "annotation-value"),
    ],
)
def test_a_faulty_annotation_is_told(decorator: str, code: str) -> None:
    assert code in [one.code for one in annotated(PROCESSOR + decorator).problems]


@pytest.mark.parametrize(
    "field", ["type='TOY'", "visibility='SECRET'", "input_type='SMELL'", "name=1", "author=b'x'"]
)
def test_a_faulty_field_of_the_data_processor_is_told(field: str) -> None:
    assert [one.code for one in annotated(f"@data_processor({field})").problems] == ["annotation-value"]


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("INTEGER", "3"),
        ("INTEGER", 3.0),
        ("FLOAT", 1),
        ("BOOLEAN", "True"),
        ("LIST", [1, 2]),
        ("TUPLE", (1, "a")),
        ("DICTIONARY", {"a": [1]}),
        ("COMPLEX", "1j"),
        ("COMPLEX", 2j),
        ("STRING", ""),
        ("OBJECT", None),
    ],
)
def test_a_default_of_the_annotated_type_is_no_fault(type_: str, default: object) -> None:
    assert annotated(PROCESSOR + f"@parameter('a', '{type_}', False, {default!r})").problems == ()


@pytest.mark.parametrize(
    ("head", "decorator"),
    [
        ("from mlreef import data_processor as dp, parameter as p\n", "@p('rate', 'FLOAT')"),
        (
            "import mlreef.annotations as m\nfrom mlreef import data_processor as dp\n",
            "@m.param('rate', 'FLOAT')",
        ),
        (
            "from mlreef import data_processor as dp\nfrom helpers import parameter as p\n",
            "@p('rate', 'FLOAT')",
        ),
        (
            "from mlreef import data_processor as dp\nfrom helpers import KIND, NAME\n",
            "@parameter(NAME, KIND)",
        ),
        ("from mlreef import data_processor as dp, DataType\n", "@parameter('rate', DataType.FLOAT)"),
        ("from mlreef import data_processor as dp\n", "@parameter('rate', float)"),
        (
            "from mlreef import data_processor as dp\nfrom helpers import Types\n",
            "@parameter('rate', Types.FLOAT)",
        ),
        ("from mlreef import data_processor as dp\nA = {'type': 'FLOAT'}\n", "@parameter('rate', **A)"),
        ("from mlreef import data_processor as dp\nA = ('rate', 'FLOAT')\n", "@parameter(*A)"),
        (
            "from functools import partial\nfrom mlreef import data_processor as dp, parameter\n"
            "p = partial(parameter, type='FLOAT')\n",
            "@p('rate')",
        ),
    ],
)
def test_annotations_are_known_under_every_name_and_with_every_constant(head: str, decorator: str) -> None:
    helpers = (
        "import enum\nKIND = 'FLO' + 'AT'\nNAME = 'rate'\nclass Types(enum.Enum):\n    FLOAT = 'FLOAT'\n"
        "def parameter(*a, **k):\n    return lambda f: f\n"
    )
    script = (
        ("" if "parameter" in head else "from mlreef import parameter\n")
        + head
        + f"import argparse\n@dp(name='n', type='OPERATION', input_type='ANY')\n{decorator}\ndef f(): pass\n"
    )
    script += "p_ = argparse.ArgumentParser()\np_.add_argument('--rate', type=int)\np_.parse_args()\n"
    found = report({"run.py": script, "helpers.py": helpers})
    assert found.module.main == "run.py"
    differs = [one for one in found.problems if one.code == "type-differs"]
    assert [one.also[0].line for one in differs] == [script[: script.index("p_.add")].count("\n") + 1]


@pytest.mark.parametrize(
    ("annotation", "written"),
    [
        ("@parameter(type='STRING')", 'name="x", '),
        ("@parameter()", 'name="x"'),
        ("@parameter(\n    type='STRING',\n)", 'name="x", '),
        ("@parameter", None),
        ("@parameter ()", None),
        ("@parameter(type='STRING')\n@parameter(type='STRING')", None),
        ("@parameter(type='STRING')\n@parameter('x')", None),
    ],
)
def test_a_parameter_without_a_name_gets_that_of_the_only_one_that_is_left(
    annotation: str, written: str | None
) -> None:
    needed = "@parameter('input-path')\n@parameter('output-path')\n"
    found = merged(needed + annotation, "p.add_argument('--x')")
    told = next(one for one in found.problems if one.code == "annotation-incomplete")
    assert [edit.text for edit in told.edits] == ([written] if written else [])
    if written:
        again = report(
            {"run.py": apply(merged_script(needed + annotation, "p.add_argument('--x')"), told.edits)}
        )
        assert "annotation-incomplete" not in codes(again)
        assert again.module.parameters[-1].name == "x"


def test_words_of_other_packages_are_no_annotations() -> None:
    script = "from somewhere import metric, parameter\n@metric('x')\n@parameter(3)\ndef f(): pass\n"
    assert "annotation-without-processor" not in codes(report({"run.py": script}, entry_point="run.py"))


@pytest.mark.parametrize(
    ("annotation", "argument", "mended"),
    [
        ("@parameter('x', 'FLOAT', False, 1)", "p.add_argument('--x', type=int, default=1)", "'INTEGER'"),
        ("@parameter('x', 'STRING', True)", "p.add_argument('--x')", "False"),
        ("@parameter('x', 'STRING', False, 'a')", "p.add_argument('--x', default='b')", "'b'"),
        ("@parameter('x_y', 'STRING')", "p.add_argument('--x-y')", "'x-y'"),
        ("@parameter('x', datatyp='STRING')", "p.add_argument('--x')", "datatype"),
        (
            "@parameter('x', 'STRING', False, 'c')",
            "p.add_argument('--x', choices=['a', 'b'], default='b')",
            "'b'",
        ),
    ],
)
def test_a_contradiction_has_both_places_and_a_mend_that_ends_it(
    annotation: str, argument: str, mended: str
) -> None:
    found = merged(annotation, argument)
    told = next(one for one in found.problems if one.edits)
    assert [edit.text for edit in told.edits] == [mended]
    if told.code != "annotation-field-unknown":
        assert told.also[0].line > told.place.line
    again = report({"run.py": apply(merged_script(annotation, argument), told.edits)})
    assert told.code not in codes(again)


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("p.add_argument('--x', default='a', help='one of: a, b or c')", "described-choices"),
        ("p.add_argument('--x', help='a | b | c')", "described-choices"),
        ("p.add_argument('--x', default='z', help='a | b | c')", "default-not-as-described"),
        ("p.add_argument('--x', choices=['a', 'b'], help='one of a, c')", "choices-differ"),
        ("p.add_argument('--x', type=float, default=0.5, help='share, 0..1')", "described-range"),
        ("p.add_argument('--x', type=int, default=0, help='must be > 0')", "default-not-as-described"),
    ],
)
def test_what_a_description_says_is_a_suggestion_only(argument: str, code: str) -> None:
    found = merged("@parameter('x')", argument)
    assert code in codes(found)
    assert {one.severity for one in found.problems} == {Severity.INFO}


def test_the_annotations_description_counts_like_the_help() -> None:
    found = merged("@parameter('x', description='a | b')", "p.add_argument('--x')")
    assert codes(found) == ["described-choices"]
    assert found.problems[0].also[0].line < found.problems[0].place.line


def test_agreement_gives_no_problem() -> None:
    found = merged(
        "@parameter('rate', 'FLOAT', False, 0.5)", "p.add_argument('--rate', type=float, default=0.5)"
    )
    assert found.problems == ()


@pytest.mark.parametrize(
    ("annotation", "argument", "code", "severity"),
    [
        ("@parameter('x', 'STRING')", "pass", "annotated-not-accepted", "warning"),
        ("@parameter('x', 'STRING', True)", "pass", "annotated-not-accepted", "error"),
        ("", "p.add_argument('--x')", "accepted-not-annotated", "info"),
        ("@parameter('x', 'FLOAT')", "p.add_argument('--x', type=int)", "type-differs", "warning"),
        (
            "@parameter('x', 'FLOAT', True)",
            "p.add_argument('--x', type=int, required=True)",
            "type-differs",
            "error",
        ),
        ("@parameter('x', 'INTEGER')", "p.add_argument('--x', type=float)", "type-differs", "warning"),
        ("@parameter('x', 'STRING', True)", "p.add_argument('--x')", "required-differs", "warning"),
        (
            "@parameter('x', 'STRING', False)",
            "p.add_argument('--x', required=True)",
            "required-differs",
            "warning",
        ),
        (
            "@parameter('x', 'STRING', False, 'a')",
            "p.add_argument('--x', default='b')",
            "default-differs",
            "warning",
        ),
        (
            "@parameter('x', 'STRING', False, 'c')",
            "p.add_argument('--x', choices=['a', 'b'], default='a')",
            "annotated-not-a-choice",
            "warning",
        ),
        (
            "@parameter('x', 'STRING', True, 'c')",
            "p.add_argument('--x', choices=['a', 'b'], required=True)",
            "annotated-not-a-choice",
            "error",
        ),
    ],
)
def test_a_contradiction_is_told_and_argparse_wins(
    annotation: str, argument: str, code: str, severity: str
) -> None:
    found = merged(annotation, argument)
    assert [(one.code, one.severity) for one in found.problems] == [(code, Severity(severity))]


def test_an_annotation_is_not_called_unaccepted_with_an_error_when_arguments_were_lost() -> None:
    found = merged("@parameter('x', 'STRING', True)", "import absent; absent.add(p)")
    assert [one.severity for one in found.problems if one.code == "annotated-not-accepted"] == [
        Severity.WARNING
    ]


def test_the_annotation_describes_a_parameter_that_has_no_help() -> None:
    module = merged("", "pass").module
    assert [one.help for one in module.parameters] == ["in", "out"]


def test_the_settings_differ_from_the_annotation_with_a_warning() -> None:
    script = "import argparse\n" + STAND_INS + PROCESSOR + "def f(): pass\n"
    found = report({"run.py": script, ".mlreef.yaml": "name: other\n"})
    assert found.module.name == "n"
    assert "name-differs" in codes(found)


ANNOTATED = merged_script("@metric('RECALL')", "pass")


def test_an_annotation_that_nothing_defines_is_an_error_with_a_mend_for_each_name() -> None:
    script = ANNOTATED.replace(STAND_INS, "")
    found = report({"run.py": script})
    told = [one for one in found.problems if one.code == "annotation-undefined"]
    assert found.refused
    assert [one.message.split()[0] for one in told] == ["'data_processor'", "'parameter'", "'metric'"]
    assert [place.line for place in told[1].also] == [told[1].place.line + 1]
    for _ in told:
        mend = next(one for one in report({"run.py": script}).problems if one.code == "annotation-undefined")
        script = apply(script, mend.edits)
    assert codes(report({"run.py": script})) == codes(report({"run.py": ANNOTATED}))
    ran = subprocess.run(
        [sys.executable, "-", "--input-path", "a", "--output-path", "b"],
        input=script,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_module_of_an_annotation_has_to_be_imported() -> None:
    script = ANNOTATED.replace("@parameter", "@mlreef.parameter")
    assert "annotation-undefined" in codes(report({"run.py": script}))
    assert "annotation-undefined" not in codes(report({"run.py": "import mlreef\n" + script}))


@pytest.mark.parametrize(
    "head",
    [
        "from mlreef import data_processor, metric, parameter\n",
        "from mlreef import *\n",
        "exec(open('names.py').read())\n",
        "for name in ('data_processor', 'parameter', 'metric'):\n    globals()[name] = lambda *_, **__: lambda f: f\n",
        "import builtins\nbuiltins.parameter = 1\n",
        "try:\n    from mlreef import data_processor, metric, parameter\nexcept ImportError:\n    "
        + STAND_INS.replace("\n", "\n    ").rstrip(" "),
    ],
)
def test_an_annotation_that_may_be_defined_out_of_sight_is_no_error(head: str) -> None:
    assert "annotation-undefined" not in codes(report({"run.py": head + ANNOTATED.replace(STAND_INS, "")}))


@pytest.mark.parametrize(
    ("annotation", "argument", "called", "mended"),
    [
        ("@parameter('x_y', 'STRING')", "p.add_argument('--x-y')", "--x-y", "'x-y'"),
        ("@parameter('learning_rate')", "p.add_argument('--lr', dest='learning_rate')", "--lr", "'lr'"),
        ("@parameter('x')", "p.add_argument('--no-x', dest='x', action='store_false')", "--no-x", None),
    ],
)
def test_a_parameter_that_is_annotated_by_another_name_is_one_problem(
    annotation: str, argument: str, called: str, mended: str | None
) -> None:
    (told,) = merged(annotation, argument).problems
    assert told.code == "annotated-not-accepted"
    assert f"The script calls it '{called}'" in told.hint
    assert [edit.text for edit in told.edits] == ([mended] if mended else [])


def test_an_annotation_that_misses_a_parameter_by_a_letter_is_asked_about_it() -> None:
    (told,) = merged("@parameter('angel')", "p.add_argument('--angle')").problems
    assert told.hint.startswith("Is 'angle' meant, which the script accepts? Otherwise, add `parser")
    assert told.also[0].line > told.place.line
    assert told.edits == ()


def test_an_annotation_is_not_taken_for_a_parameter_that_has_its_own() -> None:
    found = merged("@parameter('angle')\n@parameter('angel')", "p.add_argument('--angle')")
    assert [one.hint for one in found.problems] == [
        'Add `parser.add_argument("--angel", …)`, or remove the annotation.'
    ]


@pytest.mark.parametrize("kind", ["[1]", "{}", "lambda text: list(text)", "str"])
def test_another_type_is_not_said_to_split_text(kind: str) -> None:
    assert "type-list" not in codes(merged("@parameter('x')", f"p.add_argument('--x', type={kind})"))


@pytest.mark.parametrize("kind", ["list", "tuple", "set"])
def test_a_type_that_splits_text_into_characters_is_told(kind: str) -> None:
    told = merged("@parameter('x')", f"p.add_argument('--x', type={kind})").problems[-1]
    assert (told.code, told.severity) == ("type-list", Severity.WARNING)


def test_the_mend_of_an_annotation_that_is_not_accepted_is_written_as_the_script_writes() -> None:
    assert "parser.add_argument" in merged("@parameter('y')", "pass").problems[0].hint


@pytest.mark.parametrize(
    ("annotation", "code", "written"),
    [
        ("@parameter('x', 'INTGER')", "parameter-type", '"INTEGER"'),
        ("@parameter('x', 'floats')", "parameter-type", '"FLOAT"'),
        ("@parameter('x', 'COLOUR')", "parameter-type", None),
        ("@parameter('x', WORD)", "parameter-type", None),
    ],
)
def test_a_word_that_is_nearly_right_has_its_mend(annotation: str, code: str, written: str | None) -> None:
    script = "WORD = 'INTGER'\n" + merged_script(annotation, "p.add_argument('--x', type=int)")
    (told,) = [one for one in report({"run.py": script}).problems if one.code == code]
    assert [edit.text for edit in told.edits] == ([written] if written else [])


def test_a_misspelt_kind_has_its_mend() -> None:
    script = merged_script("", "pass").replace("'OPERATION'", "'OPERATON'")
    (told,) = [one for one in report({"run.py": script}).problems if one.code == "annotation-value"]
    assert "annotation-value" not in codes(report({"run.py": apply(script, told.edits)}))


@pytest.mark.parametrize(
    ("fields", "settings", "told"),
    [
        ("type='OPERATON', input_type='IMAGE', output_type='IMAG'", "", None),
        ("type='OPERATON', input_type='IMAGE'", "", "output_type is not given"),
        ("input_type='IMAGE', output_type='IMAGE'", "kind: TOY\n", None),
        ("type='', input_type='IMAGE', output_type='IMAGE'", "", "kind is not given"),
    ],
)
def test_a_field_that_is_given_wrong_is_not_said_to_be_missing(
    fields: str, settings: str, told: str | None
) -> None:
    script = f"{STAND_INS}\n@data_processor(name='x', {fields})\ndef main(): pass\n{HEAD}{ACCEPTED}{TAIL}"
    found = report({"run.py": script, ".mlreef.yaml": settings})
    said = [one.message for one in found.problems if one.code == "module-defaults"]
    assert [told for one in said if told and told in one] == ([told] if told else [])
    assert len(said) == bool(told)


@pytest.mark.parametrize("written", ["'--input_path'", '"--input_path"'])
def test_a_path_that_is_spelt_with_an_underscore_is_mended_and_its_value_keeps_its_name(written: str) -> None:
    text = (
        HEAD + ACCEPTED.replace('"--input-path"', written) + "parser.add_argument('--input_path_2')\n" + TAIL
    )
    found = report({"run.py": text})
    (told,) = [one for one in found.problems if one.code == "missing-parameter"]
    mended = apply(text, told.edits)
    assert mended == text.replace(f"{written},", f"{written.replace('_', '-')},")
    (now,) = [one for one in report({"run.py": mended}).module.parameters if one.name == "input-path"]
    assert now.dest == "input_path"


@pytest.mark.parametrize(
    "written",
    ['"-i", "--input_path"', '"--Input-Path"', '"--input_path"[:]', '"input_path"', 'r"--input_path"'],
)
def test_one_that_is_spelt_otherwise_is_left_to_a_person(written: str) -> None:
    found = report(
        {"run.py": HEAD + ACCEPTED.replace('"--input-path"', written).replace(", required=True", "") + TAIL}
    )
    (told,) = [one for one in found.problems if one.code == "missing-parameter"]
    assert told.edits == ()
