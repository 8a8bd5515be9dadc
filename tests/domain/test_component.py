"""A module's interface as inputs: each accepts what argparse accepts, and hands over what is meant."""

import argparse
import copy
import io
import json
import re
import shlex
import subprocess
import sys
import time
from contextlib import redirect_stderr
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import re2
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.describing import describe
from bot.domain.component import component_inputs, output_path, plan_component
from bot.domain.component_file import shape
from bot.domain.inputs import DECIMAL, LINE, WHOLE, matches, plain_text
from ci_templates import read_program
from ci_templates.component_arguments import NotHandedOver, command_line
from sandbox.gitlab.rules import Invalid
from tests.domain.component_parts import job_of, module_of, read_module, read_report, rendered, shape_of, told


def input_of(line: str, name: str):
    return next(one for one in component_inputs(module_of(line)) if one.name == name)


@pytest.mark.parametrize(
    ("line", "kind", "default"),
    [
        ("parser.add_argument('--x', required=True)", "string", None),
        ("parser.add_argument('--x', default='a')", "string", "a"),
        ("parser.add_argument('--x')", "string", ""),
        ("parser.add_argument('--x', type=int, default=3)", "number", 3),
        ("parser.add_argument('--x', type=float, default=-1e-5)", "number", -1e-5),
        ("parser.add_argument('--x', type=float, required=True)", "number", None),
        ("parser.add_argument('--x', type=int)", "string", ""),
        ("parser.add_argument('--x', type=int, default=0.5)", "string", ""),
        ("parser.add_argument('--x', default=5)", "string", ""),
        ("parser.add_argument('--x', type=float, default=float('inf'))", "string", ""),
        ("parser.add_argument('--x', action='store_true')", "boolean", False),
        ("parser.add_argument('--x', action='store_false')", "boolean", False),
        ("parser.add_argument('--x', action='store_const', const=4)", "boolean", False),
        ("parser.add_argument('--x', action='count')", "number", 0),
        ("parser.add_argument('--x', action=argparse.BooleanOptionalAction, default=True)", "boolean", True),
        ("parser.add_argument('--x', action=argparse.BooleanOptionalAction)", "string", ""),
        ("parser.add_argument('--x', type=bool, default=True)", "boolean", True),
        ("parser.add_argument('--x', nargs=2, type=int, default=[1, 2])", "string", "1 2"),
        ("parser.add_argument('--x', nargs='+', default=['a b', 'c'])", "string", "'a b' c"),
        ("parser.add_argument('--x', action='append', default=['a'])", "string", ""),
        ("parser.add_argument('x')", "string", None),
        ("parser.add_argument('x', nargs='?', default='here')", "string", "here"),
        ("parser.add_argument('x', nargs='*')", "string", ""),
    ],
)
def test_the_type_and_default_of_an_input_are_the_parameters(line: str, kind: str, default: object) -> None:
    found = input_of(line, "x")
    assert (found.type, found.default) == (kind, default)


def test_choices_are_options_among_which_is_the_one_for_not_given() -> None:
    assert input_of("parser.add_argument('--x', choices=['a', 'b'])", "x").options == ("", "a", "b")
    assert input_of("parser.add_argument('--x', choices=['a', 'b'], default='c')", "x").options == (
        "c",
        "a",
        "b",
    )
    assert input_of("parser.add_argument('--x', choices=[1, 2], type=int, default=2)", "x").options == (1, 2)
    many = input_of("parser.add_argument('--x', choices=[str(n) for n in range(60)])", "x")
    assert many.options == ()
    assert "and 40 more" in many.description


def test_a_choice_that_no_line_can_hold_leaves_the_choosing_to_the_script() -> None:
    found = input_of(r"parser.add_argument('--x', choices=['a\nb', 'c'])", "x")
    assert (found.options, found.regex) == ((), LINE)
    assert r"a\nb" in found.description


def test_the_components_own_inputs_share_no_name_with_a_scripts() -> None:
    module = module_of(
        "parser.add_argument('--job-name')",
        "parser.add_argument('--stage')",
        "parser.add_argument('--a.b')",
        "parser.add_argument('--a_b')",
        "parser.add_argument('--größe')",
        "parser.add_argument('--2d')",
    )
    names = [one.name for one in component_inputs(module)]
    assert names[:6] == ["arg-job-name", "stage", "a-b", "a-b-2", "gr-e", "arg-2d"]
    assert len(set(names)) == len(names)


def test_thousands_of_forms_of_one_parameter_get_their_names_in_a_moment_and_once() -> None:
    module = module_of("parser.add_argument('--mode')")
    many = replace(module, parameters=module.parameters[:1] * 4000)
    began = time.process_time()
    planned = plan_component(many)
    assert time.process_time() - began < 3
    assert [one.name for one in planned.inputs[:3]] == ["mode", "mode-2", "mode-3"]
    assert planned.inputs[3999].name == "mode-4000"
    assert plan_component(many) is planned
    assert plan_component(replace(many)) == planned


def test_where_results_go_is_kept_as_artifacts_and_always_said() -> None:
    module = module_of("parser.add_argument('--output_path', default='.')")
    found = output_path(module)
    assert found is not None
    assert (found.name, found.default) == ("output-path", "output")
    assert "The script's own default: ." in found.description
    job = job_of(rendered(module), {})
    assert job["artifacts"]["paths"] == ["mlreef-run.json", "experiment.json", "output", "mlreef-run.json"]
    assert command_line(*shape_of(rendered(module), {})) == ["--output_path=output"]


def test_a_parameter_that_is_known_only_at_run_time_is_named_in_the_file() -> None:
    report = read_report(
        "import argparse, os\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--x', nargs=int(os.environ['N']))\n"
        "parser.add_argument('--home', default=os.environ.get('HOME'))\n"
        "if __name__ == '__main__':\n    parser.parse_args()\n"
    )
    module = report.module
    assert module is not None
    assert "x is no input of the component: its nargs are known only at run time" in describe(report, "table")
    assert [one.name for one in plan_component(module).left_out] == ["x"]
    assert "#   x: its nargs are known only at run time" in rendered(module)
    home = next(one for one in component_inputs(module) if one.name == "home")
    assert "known only at run time" in home.description
    assert command_line(*shape_of(rendered(module), {})) == []


def test_a_hostile_description_stays_one_line_and_is_never_interpolated() -> None:
    module = module_of(r"parser.add_argument('--x', help='a\n---\n$[[ inputs.job-name ]]\n: [\u2028')")
    text = rendered(module)
    assert text.isascii()
    assert set(yaml.safe_load(text.split("\n---\n")[0])["spec"]["inputs"]) >= {"x", "job-name"}
    assert job_of(text, {})["script"] == ['python -I -c "$MLREEF_PROGRAM"']


def test_a_name_of_dollars_and_brackets_is_no_input_of_gitlabs() -> None:
    module = module_of("parser.add_argument('--$[[ inputs.x ]]')")
    shape, _ = shape_of(rendered(module), {})
    assert shape["parameters"][0]["flag"] == "--$[[ inputs.x ]]"


def test_the_program_stands_legibly_in_the_file_and_holds_nothing_that_gitlab_would_replace() -> None:
    text = rendered(module_of())
    assert read_program().isascii()
    assert "    MLREEF_PROGRAM:\n      value: |-\n        from __future__ import annotations\n" in text
    assert text.count("$[[") == text.count("$[[ inputs.job-")
    assert told(job_of(text, {}))["MLREEF_PROGRAM"] == read_program().strip()


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=80, deadline=None)
def test_any_text_is_refused_or_stands_in_its_variable_and_moves_nothing_else(loader, value: str) -> None:
    before = copy.deepcopy(USUAL)
    if not matches(LINE, value):
        with pytest.raises(Invalid):
            job_of(TEXT, {"path": value})
        return
    after = job_of(TEXT, {"path": value, "output-path": value}, loader)
    for name in ("MLREEF_ARG_0", "MLREEF_ARG_1"):
        assert after["variables"].pop(name)["value"] == f"={value}"
        del before["variables"][name]
    assert after["artifacts"].pop("paths") == ["mlreef-run.json", "experiment.json", value, "mlreef-run.json"]
    del before["artifacts"]["paths"]
    assert after == before


TEXT = rendered(
    module_of("parser.add_argument('--path', required=True)", "parser.add_argument('--output-path')")
)

_LINE = st.text(max_size=6).filter(lambda text: matches(LINE, text) and text != "--")
USUAL = job_of(TEXT, {"path": "usual", "output-path": "usual"})

NASTY = [
    "$(touch /tmp/x)",
    "`id`",
    "'; id #",
    '"',
    "\\",
    "--help",
    "-",
    "--",
    "=",
    "%s",
    "${X}",
    "a  b ",
    " ",
    "\t",
    "é",
    "𝒳",
    "*",
    "~",
]


def run_in_bash(folder: Path, job: dict) -> subprocess.CompletedProcess[str]:
    """Runs the job's script as a runner does: variables in the environment, lines in bash."""
    python = folder / "python"
    if not python.exists():
        python.symlink_to(sys.executable)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(job["script"])],
        env={**told(job), "PATH": f"{folder}:/usr/bin:/bin", "LANG": "C.UTF-8"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a script that tells its arguments, and its component."""
    folder = tmp_path_factory.mktemp("shell")
    script = folder / "main.py"
    script.write_text("import json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    lines = [f"parser.add_argument('--x{number}')" for number in range(len(NASTY))]
    module = module_of(*lines, "parser.add_argument('last', nargs='+')")
    return folder, rendered(module, (sys.executable, str(script)))


def test_texts_reach_the_script_through_a_real_shell_as_they_are(shell: tuple[Path, str]) -> None:
    folder, text = shell
    texts = {f"x{number}": value for number, value in enumerate(NASTY)}
    ran = run_in_bash(folder, job_of(text, {**texts, "last": "'a b' -c \"$HOME\""}))
    wanted = [f"--x{number}={value}" for number, value in enumerate(NASTY)]
    assert json.loads(ran.stdout.splitlines()[-1]) == [*wanted, "--", "a b", "-c", "$HOME"]
    record = json.loads((folder / "mlreef-run.json").read_text())
    assert record["arguments"]["x0"] == NASTY[0]
    assert (record["exit_code"], record["version"]) == (0, "1.2.0")


@given(values=st.lists(_LINE.filter(bool), min_size=1, max_size=len(NASTY)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_texts_reach_the_script_through_a_real_shell(shell: tuple[Path, str], values: list[str]) -> None:
    folder, text = shell
    given = {f"x{number}": value for number, value in enumerate(values)}
    ran = run_in_bash(folder, job_of(text, {**given, "last": "end"}))
    wanted = [f"--x{number}={value}" for number, value in enumerate(values)]
    assert json.loads(ran.stdout.splitlines()[-1]) == [*wanted, "--", "end"]


def test_what_a_run_measured_is_handed_to_gitlabs_metrics_report(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "import pathlib\npathlib.Path('experiment.json').write_text('{\"1\": {\"acc\": 0.5}}')\n"
    )
    job = job_of(rendered(module_of(), (sys.executable, str(script))), {})
    run_in_bash(tmp_path, job)
    assert (tmp_path / job["artifacts"]["reports"]["metrics"]).read_text() == "acc 0.5\n# EOF\n"


def words_of(texts: dict[str, str], *lines: str) -> list[str]:
    module = module_of(*lines)
    return command_line(json.loads(json.dumps(shape(module, plan_component(module), ()))), texts)


COMMANDS = (
    "parser.add_argument('--loud', action='store_true')",
    "parser.add_argument('files', nargs='*')",
    "subs = parser.add_subparsers(dest='command')",
    "train = subs.add_parser('train')",
    "train.add_argument('--epochs', type=int, default=3)",
    "train.add_argument('data')",
    "subs.add_parser('test').add_argument('--epochs', type=int, default=1)",
)


def test_a_command_stands_between_the_scripts_arguments_and_its_own() -> None:
    texts = {"loud": "true", "job-command": "train", "train-epochs": "5", "train-data": "-x"}
    more = {"job-arguments": "--verbose 'a b'"}
    alone = [line for line in COMMANDS if "files" not in line]
    assert words_of(texts, *alone) == ["--loud", "train", "--epochs=5", "--", "-x"]
    assert words_of(texts | more, *alone)[1:5] == ["train", "--epochs=5", "--verbose", "a b"]


@pytest.mark.parametrize(
    ("texts", "words", "lines"),
    [
        (
            {"job-command": "test", "train-epochs": "5"},
            "train-epochs belongs to the command `train`",
            COMMANDS,
        ),
        ({"job-command": "train", "train-data": "x"}, "tells these apart by their order alone", COMMANDS),
        ({"b": "1"}, "a, b", ("parser.add_argument('a', nargs='?')", "parser.add_argument('b', nargs='?')")),
        (
            {"x": "a --y"},
            "would take the word `--y` for an option",
            ("parser.add_argument('--x', nargs='+')",),
        ),
        ({"x": "1 2 3"}, "takes words by 2, and 3 are given", ("parser.add_argument('--x', nargs=2)",)),
        ({"x": "'1"}, "No closing quotation", ("parser.add_argument('--x', nargs='+')",)),
        ({"x": "1.5"}, "a whole number below 1000", ("parser.add_argument('--x', action='count')",)),
    ],
)
def test_what_would_arrive_elsewhere_is_refused_with_the_inputs_name(texts, words, lines) -> None:
    with pytest.raises(NotHandedOver, match=re.escape(words)):
        words_of(texts, *lines)


def test_an_optional_positional_with_a_default_is_given_where_one_behind_it_is() -> None:
    lines = ("parser.add_argument('a', nargs='?', default='usual')", "parser.add_argument('b', nargs='?')")
    assert words_of({"b": "x"}, *lines) == ["--", "usual", "x"]
    assert words_of({}, *lines) == []


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=4))
def test_gitlabs_own_regular_expressions_and_pythons_say_the_same(text: str) -> None:
    for regex in (LINE, WHOLE, DECIMAL):
        # GitLab looks for a match anywhere in the text, in UTF-8
        assert (re2.search(regex, text) is not None) == matches(regex, text)


@given(number=st.integers(0, 0x10FFFF).filter(lambda n: not 0xD800 <= n <= 0xDFFF))
@example(0x85)
@example(0x9F)
@example(0xA0)
@example(0x2028)
@example(0xFEFF)
@example(0xFFFF)
@example(0x10FFFF)
def test_of_each_character_gitlab_and_python_say_the_same(number: int) -> None:
    assert (re2.search(LINE, chr(number)) is not None) == matches(LINE, chr(number))


@pytest.mark.parametrize("regex", sorted({one.regex for one in component_inputs(module_of()) if one.regex}))
def test_the_regular_expressions_of_the_components_own_inputs_are_gitlabs(regex: str) -> None:
    assert re2.compile(regex).groups == 0


def test_the_job_is_one_that_gitlabs_schema_takes() -> None:
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/gitlab-ci.json").read_text("utf-8")
    check = jsonschema.Draft7Validator(json.loads(schema))
    text = rendered(module_of("parser.add_argument('--x', required=True)"))
    document = {"run": job_of(text, {"x": "a", "job-tags": ["gpu"], "job-needs": ["load"]})}
    assert [error.message for error in check.iter_errors(document)] == []
    assert [error.message for error in check.iter_errors(yaml.safe_load(text.split("\n---\n")[0]))] == []


@given(
    text=st.one_of(
        st.floats().map(str), st.integers().map(str), st.text("0123456789+-._eEinfaty ", max_size=9)
    )
)
def test_a_number_is_what_python_takes_for_one(text: str) -> None:
    for kind, regex in ((int, WHOLE), (float, DECIMAL)):
        try:
            kind(text)
            is_one = True
        except ValueError:
            is_one = not text
        assert matches(regex, text) == is_one


# One argument: how it is added, a value, its text as an input has it, and what argparse then holds.
_TEXT = _LINE.map(lambda text: (text, text))
_INT = st.integers(-(10**6), 10**6).map(lambda n: (n, n))
_FLOAT = st.floats(allow_nan=False, allow_infinity=False).map(lambda n: (n, n))
_WORD = st.text("abcé$'\" \\", min_size=1, max_size=4)


@st.composite
def arguments(draw, number: int):
    kind = draw(
        st.sampled_from(
            ["str", "int", "float", "flag", "either", "count", "list", "pair", "each", "choice", "bool"]
        )
    )
    flag = draw(st.sampled_from([f"'--long-{number}'", f"'-{'abcdefgh'[number]}'"]))
    name = f"long-{number}" if "long" in flag else "abcdefgh"[number]
    if kind in ("str", "int", "float"):
        default = draw({"str": _TEXT, "int": _INT, "float": _FLOAT}[kind])[0]
        value, text = draw({"str": _TEXT, "int": _INT, "float": _FLOAT}[kind])
        return name, f"{flag}, type={kind}, default={default!r}", value, text
    if kind == "flag":
        value = draw(st.booleans())
        return name, f"{flag}, action='store_true'", value, value
    if kind == "either":
        value = draw(st.booleans())
        flag = f"'--long-{number}'"
        return (
            f"long-{number}",
            f"{flag}, action=argparse.BooleanOptionalAction, default={draw(st.booleans())}",
            value,
            value,
        )
    if kind == "bool":
        value = draw(st.booleans())
        return name, f"{flag}, type=bool, default={draw(st.booleans())}", value, value
    if kind == "count":
        value = draw(st.integers(0, 5))
        return name, f"{flag}, action='count', default=0", value, value
    if kind == "choice":
        choices = draw(st.lists(_WORD, min_size=1, max_size=4, unique=True))
        value = draw(st.sampled_from(choices))
        return name, f"{flag}, choices={choices!r}, default={choices[0]!r}", value, value
    words = draw(
        st.lists(_WORD, min_size=2, max_size=2) if kind == "pair" else st.lists(_WORD, min_size=1, max_size=3)
    )
    how = {"list": "nargs='+'", "pair": "nargs=2", "each": "action='append'"}[kind]
    return name, f"{flag}, {how}", words, shlex.join(words)


@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_argparse_gets_exactly_what_is_given(data) -> None:
    made = [data.draw(arguments(number)) for number in range(data.draw(st.integers(1, 4)))]
    first = data.draw(_TEXT)
    rest = data.draw(
        st.lists(st.text("ab-é ", min_size=1, max_size=4).filter(lambda word: word != "--"), max_size=3)
    )
    lines = [f"parser.add_argument({how})" for _, how, _, _ in made]
    lines += ["parser.add_argument('first')", "parser.add_argument('rest', nargs='*')"]
    module = module_of(*lines)
    texts = {name: text for name, _, _, text in made} | {"first": first[1], "rest": shlex.join(rest)}
    told = json.loads(json.dumps(shape(module, plan_component(module), ())))
    words = command_line(told, {name: plain_text(text) for name, text in texts.items()})
    parser = argparse.ArgumentParser()
    for line in lines:
        exec(line, {"parser": parser, "argparse": argparse})  # noqa: S102 - lines made above
    errors = io.StringIO()
    try:
        with redirect_stderr(errors):
            found = vars(parser.parse_args(words))
    except SystemExit:
        raise AssertionError(f"{words}: {errors.getvalue()}") from None
    for name, _, value, _ in made:
        assert found[name.replace("-", "_")] == value
    assert (found["first"], found["rest"]) == (first[0], rest)


CLICK = """
import json
import click

@click.command()
@click.option("-f", "--file", required=True)
@click.option("-s", default="x")
@click.option("--shout/--no-shout", default=True)
@click.option("--verbose", count=True)
@click.option("--tag", multiple=True)
@click.option("--point", nargs=2, type=float)
@click.option("--sure", type=bool, default=True)
@click.argument("source")
@click.argument("rest", nargs=-1)
def main(**values):
    click.echo(json.dumps(values))

if __name__ == "__main__":
    main()
"""


def test_a_script_that_reads_its_command_line_with_click_gets_what_is_given(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(CLICK)
    module = read_module(CLICK)
    texts = {"file": "-x", "s": "=-y", "shout": "false", "verbose": "2", "tag": "'a b' -c", "point": "-1 .5"}
    texts |= {"sure": "false", "source": "--", "rest": "-v w"}
    told = json.loads(json.dumps(shape(module, plan_component(module), ())))
    ran = subprocess.run(
        [sys.executable, script, *command_line(told, texts)], capture_output=True, check=True
    )
    assert json.loads(ran.stdout) == {
        "file": "-x",
        "s": "=-y",
        "shout": False,
        "verbose": 2,
        "tag": ["a b", "-c"],
        "point": [-1.0, 0.5],
        "sure": False,
        "source": "--",
        "rest": ["-v", "w"],
    }
