"""Whatever an image says of its module, its component is one job that runs our program, and nothing else."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.component import plan_component
from bot.domain.component_file import Released, render_component
from bot.domain.data_pipeline_text import pipeline_yaml
from bot.domain.module_label import read_module
from bot.domain.snippets import component_snippet, docker_line
from parser.model import Kind, Module

IMAGE, DIGEST = f"registry.example.com/group/noise@sha256:{'a' * 64}", f"sha256:{'a' * 64}"
ATTACKS = (
    *(
        "$[[ inputs.a ]]",
        "]]",
        "a'b\"c",
        "x\n- y",
        "\x85b",
        "\u2028",
        "---\nspec:",
        "<image>",
        " <bare>",
        "!!python",
    ),
    *("$(id)", "`id`", "-", "--", "--x=", "", "~", "*a", "&a", "%", "null", "1e5", "\x00", "x" * 300),
)
TEXT = st.one_of(st.sampled_from(ATTACKS), st.text(max_size=8))
VALUE = st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), TEXT, st.lists(TEXT, max_size=3))
PLAIN: dict[str, Any] = {
    "name": "a",
    "flags": [],
    "dest": "a",
    "type": None,
    "default": None,
    "required": True,
    "choices": None,
    "nargs": None,
    "action": None,
    "help": None,
    "place": {"file": "a.py"},
}
PARAMETER = st.fixed_dictionaries(
    {
        "name": TEXT,
        "flags": st.lists(TEXT.map(lambda text: f"--{text}") | TEXT, max_size=3),
        "type": st.sampled_from([None, "int", "float", "str", "bool", "odd"]),
        "default": VALUE,
        "required": st.sampled_from([None, True, False]),
        "choices": st.none() | st.lists(VALUE, max_size=4) | st.just(list(range(60))),
        "nargs": st.sampled_from([None, "?", "*", "+", "...", "A...", "odd", -1, 0, 1, 2, 10**9]),
        "action": st.sampled_from(
            [None, "store_true", "append", "count", "extend", "BooleanOptionalAction", "odd"]
        ),
        "help": st.none() | TEXT,
        "subcommand": st.lists(TEXT, max_size=2),
        "unknown": st.lists(st.sampled_from(["default", "choices", "nargs", "odd"]), max_size=2),
        "metavar": st.none() | TEXT,
    }
)


def labelled(parameters: list[dict[str, Any]], **more: Any) -> Module:
    """The module of such a label."""
    label = {
        "schema": 1,
        "name": "n",
        "slug": "noise",
        "kind": Kind.OPERATION.value,
        "input_type": "IMAGE",
        "output_type": "IMAGE",
        "author": None,
        "description": None,
        "visibility": None,
        "entry_points": {"main": "main.py"},
        "parameters": [PLAIN | one for one in parameters],
        "requirements": None,
        "framework": "argparse",
    }
    found = read_module(json.dumps(label | more))
    assert found is not None
    return found


@settings(max_examples=60)
@given(st.lists(PARAMETER, max_size=4), TEXT, st.lists(TEXT, max_size=10))
def test_nothing_in_a_label_stands_in_the_job_but_as_data(
    parameters: list[dict[str, Any]], name: str, typed: list[str]
) -> None:
    module = labelled(parameters, name=name)
    plan = plan_component(module)
    assert all(one.options or one.regex for one in plan.inputs if one.type == "string")
    text = render_component(
        module, Released("group/noise", "1.0.0", IMAGE, DIGEST, ("python", "/app/main.py"))
    )
    body = text.split("\n---\n", 1)[1]
    holes = re.findall(r"\$\[\[ inputs\.([a-z0-9-]+) \]\]", body)
    assert len(holes) == body.count("$[[")
    assert set(holes) == {one.name for one in plan.inputs}
    (job,) = yaml.safe_load(re.sub(r": \$\[\[.*", ": []", body)).values()
    assert job["script"] == ['python -I -c "$MLREEF_PROGRAM"']
    assert job["image"]["name"] == IMAGE
    values = {one.name: text for one, text in zip(plan.inputs, typed, strict=False)}
    snippet = yaml.safe_load(component_snippet(module, "group/noise", "1.0.0", values).text)
    assert snippet.keys() == {"include"}
    assert snippet["include"][0].keys() <= {"component", "inputs"}
    assert yaml.safe_load(pipeline_yaml("group/noise", module, "1.0.0", values).text)["steps"]
    assert docker_line(IMAGE, module, values).text.startswith("docker run")


@pytest.mark.parametrize(
    "odd",
    [{"nargs": "A..."}, {"nargs": "odd"}, {"nargs": -1}, {"nargs": 0, "action": "append", "flags": ["--a"]}],
)
def test_what_takes_nobody_knows_how_many_words_gets_no_input_and_is_named(odd: dict[str, Any]) -> None:
    module = labelled([odd])
    plan = plan_component(module)
    assert [one.name for one in plan.left_out] == ["a"]
    assert docker_line(IMAGE, module, {"job-arguments": "x y"}).problems == ()


@pytest.mark.parametrize(
    "text", ["1" * 9_000 + "x", "1_" * 4_500 + "x", "." + "1" * 9_000 + "e", " " * 9_000 + "x"]
)
def test_a_number_of_any_length_is_refused_at_once(text: str) -> None:
    """It stands in an address: whoever sees one module could keep the pages from everybody."""
    module = labelled([{"flags": ["--a"], "type": "float"}])
    began = time.process_time()
    assert [one.field for one in docker_line(IMAGE, module, {"a": text}).problems] == ["a"]
    assert time.process_time() - began < 1


def test_a_default_that_looks_like_a_mark_of_ours_reaches_the_job_as_it_is() -> None:
    odd = "a <bare>b <image> $[[ inputs.a ]]"
    module = labelled([{"flags": ["--a"], "default": odd, "required": False}])
    text = render_component(module, Released("group/noise", "1.0.0", IMAGE, DIGEST, ("python", "main.py")))
    (job,) = yaml.safe_load(re.sub(r": \$\[\[.*", ": []", text.split("\n---\n", 1)[1])).values()
    shape = json.loads(job["variables"]["MLREEF_MODULE"]["value"])
    assert [one["default"] for one in shape["parameters"]] == [odd]
