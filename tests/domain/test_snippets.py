"""Texts to copy: values as typed into a form become a component's inputs and a shell's line, or say why they cannot."""

import shlex
import subprocess

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.component import component_inputs, plan_component
from bot.domain.component_file import shape
from bot.domain.input_values import component_values
from bot.domain.inputs import plain_text
from bot.domain.snippets import component_example, component_snippet, docker_line
from ci_templates.component_arguments import command_line
from tests.domain.component_parts import module_of, rendered, shape_of

MODULE = module_of(
    "parser.add_argument('--input-path', required=True, help='a folder')",
    "parser.add_argument('--mode', choices=['gaussian', 's&p'], default='gaussian')",
    "parser.add_argument('--rate', type=float, default=0.1)",
    "parser.add_argument('--seed', type=int)",
    "parser.add_argument('--epochs', type=int, default=3)",
    "parser.add_argument('--quiet', action='store_true')",
    "parser.add_argument('--sizes', nargs='+', type=int)",
    "parser.add_argument('--title', default='none')",
)
PATH = "group/noise"
IMAGE = "registry.example.com/group/noise@sha256:abc"


def inputs_of(values: dict[str, str]) -> dict:
    snippet = component_snippet(MODULE, PATH, "1.2.0", values)
    assert snippet.problems == ()
    (included,) = yaml.safe_load(snippet.text)["include"]
    assert included["component"] == f"$CI_SERVER_FQDN/group/noise/{MODULE.slug}@1.2.0"
    return included["inputs"]


def test_a_form_left_as_it_is_gives_no_more_than_what_must_be_given() -> None:
    form = {one.name: "" if one.default is None else _typed(one.default) for one in component_inputs(MODULE)}
    assert inputs_of(form | {"input-path": "pictures"}) == {"input-path": "pictures"}


def _typed(default) -> str:
    return shlex.join(default) if isinstance(default, tuple) else plain_text(default)


def test_values_have_the_types_of_their_inputs() -> None:
    typed = {"rate": "-1e-5", "seed": "42", "epochs": "-3", "quiet": "on", "sizes": "1 -2", "title": ""}
    assert inputs_of({"input-path": "a b: #c", "mode": "s&p", **typed, "job-needs": "load 'and more'"}) == {
        "input-path": "a b: #c",
        "mode": "s&p",
        "rate": -1e-5,
        "seed": "42",
        "epochs": -3,
        "quiet": True,
        "sizes": "1 -2",
        "title": "",
        "job-needs": ["load", "and more"],
    }


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("input-path", "", "It must be given."),
        ("mode", "salt", "`salt` is none of `gaussian`, `s&p`."),
        ("rate", "fast", "`fast` is no number."),
        ("rate", "inf", "`inf` is no number that GitLab can hold"),
        ("epochs", "1.5", "`1.5` is no whole number."),
        ("seed", "x", "`x` is no whole number."),
        ("quiet", "maybe", "`maybe` is neither `true` nor `false`."),
        ("title", "a\nb", "It must be one line"),
        ("title", "a\x85b", "It must be one line"),
        ("sizes", "'1", "No closing quotation"),
        ("sizes", "1 --mode=salt", "the script would take the word `--mode=salt` for an option"),
        ("job-name", "a: {b", "none of the texts that are possible here"),
        ("colour", "red", "The module has no input of this name."),
        ("title", "x" * 10_001, "It is longer than 10000 characters."),
    ],
)
def test_a_refusal_says_which_field_and_why_and_the_rest_is_shown(field: str, text: str, words: str) -> None:
    for snippet in (
        component_snippet(MODULE, PATH, "1.2.0", {"input-path": "in", field: text}),
        docker_line(IMAGE, MODULE, {"input-path": "in", field: text}),
    ):
        assert [problem.field for problem in snippet.problems] == [field]
        assert words in snippet.problems[0].message
    assert component_snippet(MODULE, PATH, "1.2.0", {field: text}).text.startswith("include:\n")


def test_the_lines_to_begin_with_name_what_must_be_given() -> None:
    assert component_example(MODULE, PATH, "1.2.0") == (
        "include:\n"
        f"  - component: $CI_SERVER_FQDN/group/noise/{MODULE.slug}@1.2.0\n"
        "    inputs:\n"
        "      input-path: INPUT_PATH\n"
    )


def test_the_docker_line_is_the_command_line_of_the_job() -> None:
    values = {"input-path": "it's here", "mode": "s&p", "sizes": "1 2", "quiet": "true"}
    text = docker_line(IMAGE, MODULE, values).text
    assert text.startswith("docker run --rm ")
    words = shlex.split(text.replace("\\\n", ""))
    given, _ = component_values(MODULE, values)
    assert words[words.index(IMAGE) + 1 :] == command_line(*shape_of(rendered(MODULE), given))
    assert words[-4:] == ["2", "--input-path=it's here", "--mode=s&p", "--quiet"]


@given(
    text=st.text(max_size=20)
    | st.sampled_from(["$(id)", "`id`", "'; id #", "!!", "a\\", "~", "*", "-", "$HOME"])
)
@settings(max_examples=20, deadline=None)
def test_any_text_stands_in_the_docker_line_as_one_word_of_a_real_shell(text: str) -> None:
    snippet = docker_line(IMAGE, MODULE, {"input-path": text})
    if snippet.problems:
        return
    # in docker's place something that tells its words
    told = "docker() { printf '%s\\0' \"$@\"; }\n"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", told + snippet.text], capture_output=True, check=True, timeout=60
    )
    words = ran.stdout.decode().split("\0")[:-1]
    assert words[words.index(IMAGE) + 1 :] == [f"--input-path={text}"]
    assert ran.stderr == b""


@given(text=st.text(max_size=20))
def test_any_text_of_a_form_is_refused_or_survives_yaml_and_a_shell(text: str) -> None:
    snippet = component_snippet(MODULE, PATH, "1.2.0", {"input-path": text})
    if snippet.problems:
        assert "inputs" not in yaml.safe_load(snippet.text)["include"][0]
        return
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        (included,) = yaml.load(snippet.text, Loader=loader)["include"]  # noqa: S506 - both are safe ones
        assert included["inputs"] == {"input-path": text}
    words = shlex.split(docker_line(IMAGE, MODULE, {"input-path": text}).text.replace("\\\n", ""))
    assert words[-1] == f"--input-path={text}"
    told = command_line(shape(MODULE, plan_component(MODULE), ()), {"input-path": text})
    assert told == [f"--input-path={text}"]
