"""Annotations in all their forms, and what is said when argparse holds something else."""

import pytest
from repositories import codes, report, source

from parser.annotations import read_annotations
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
    script = (
        "import argparse\n"
        + PROCESSOR
        + PATHS
        + annotation
        + "\ndef main():\n    p = argparse.ArgumentParser()\n"
        "    p.add_argument('--input-path', required=True)\n    p.add_argument('--output-path', required=True)\n"
        f"    {argument}\n    p.parse_args()\nif __name__ == '__main__':\n    main()\n"
    )
    return report({"run.py": script})


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


def test_a_parameter_before_its_data_processor_is_not_lost() -> None:
    found = annotated("@parameter('a', 'STRING')\n" + PROCESSOR)
    assert [one.name for one in found.parameters] == ["a"]


def test_a_metric_is_kept() -> None:
    found = annotated(PROCESSOR + "@metric('RECALL', ground_truth='t', prediction='p')")
    assert [(one.name, one.ground_truth, one.prediction) for one in found.metrics] == [("RECALL", "t", "p")]


def test_constants_of_the_script_are_known_in_annotations() -> None:
    script = "NAME = 'con' + 'stant'\n@data_processor(name=NAME)\ndef f(): pass\n"
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
        ("@parameter(**everything)", "annotation-incomplete"),
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
    script = "import argparse\n" + PROCESSOR + "def f(): pass\n"
    found = report({"run.py": script, ".mlreef.yaml": "name: other\n"})
    assert found.module.name == "n"
    assert "name-differs" in codes(found)
