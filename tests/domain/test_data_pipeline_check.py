"""Whether the modules of a data pipeline go together, and the CI file that comes of it."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.component import component_inputs
from bot.domain.data_pipeline import DataPipeline, Fault, read_data_pipeline
from bot.domain.data_pipeline_check import Found, Modules, check_pipeline, fits, given_by_pipeline
from bot.domain.data_pipeline_text import pipeline_yaml, render_pipeline
from bot.domain.input_values import component_values
from parser.annotations import DATA_TYPES
from parser.model import Kind, Module
from tests.domain.component_parts import module_of
from tests.domain.values import module, parameter


def a_module(name: str, reads: str = "IMAGE", writes: str = "IMAGE", kind: Kind = Kind.OPERATION) -> Module:
    made = module(
        parameter("input-path", required=True),
        parameter("output-path", required=True),
        parameter("mode", default="salt", choices=("salt", "pepper")),
        parameter("amount", type="float", default=0.5),
        parameter("clip", type="bool", default=False, action="store_true", nargs=0, const=True),
        name=name,
    )
    return replace(made, slug=name.lower(), input_type=reads, output_type=writes, kind=kind)


SHELF = {
    "lab/noise": a_module("Noise"),
    "lab/count": a_module("Count", "IMAGE", "TABULAR"),
    "lab/train": a_module("Train", "IMAGE", "MODEL", Kind.ALGORITHM),
    "lab/draw": a_module("Draw", "ANY", "IMAGE", Kind.VISUALIZATION),
    "lab/make": a_module("Make", "NONE", "IMAGE"),
    "lab/print": a_module("Print", "ANY", "NONE"),
}


def shelf(pipeline: DataPipeline) -> Modules:
    found: dict[tuple[str, str], Found | None] = {}
    for step in pipeline.steps:
        known = SHELF.get(step.path)
        found[step.path, step.ref] = None if known is None else Found(step.path, "1.4.2", known)
    return found


def read(text: str) -> DataPipeline:
    pipeline, faults = read_data_pipeline(text.encode())
    assert pipeline is not None, faults
    assert faults == ()
    return pipeline


def faults_of(text: str) -> tuple[Fault, ...]:
    pipeline = read(text)
    return check_pipeline(pipeline, shelf(pipeline))


def rendered(text: str) -> dict[str, Any]:
    pipeline = read(text)
    assert check_pipeline(pipeline, shelf(pipeline)) == ()
    found: dict[str, Any] = yaml.safe_load(render_pipeline(pipeline, shelf(pipeline)))
    return found


def test_a_pipeline_is_rendered_with_exact_versions_and_what_each_step_reads_and_writes() -> None:
    document = rendered(
        "name: Noisy twice\ndata: images\nsteps:\n"
        "  - {module: lab/noise@1, with: {mode: pepper, amount: -1e-3, clip: true}}\n"
        "  - {module: lab/noise, name: more}\n"
    )
    assert document["stages"] == ["noise", "more"]
    assert document["workflow"] == {"name": "Noisy twice"}
    first, second = document["include"]
    assert first["component"] == second["component"] == "$CI_SERVER_FQDN/lab/noise/noise@1.4.2"
    assert first["inputs"] == {
        "job-name": "noise",
        "job-stage": "noise",
        "input-path": "images",
        "output-path": "mlreef-out/noise",
        "mode": "pepper",
        "amount": -0.001,
        "clip": True,
    }
    assert second["inputs"] == {
        "job-name": "more",
        "job-stage": "more",
        "job-needs": ["noise"],
        "input-path": "mlreef-out/noise",
        "output-path": "mlreef-out/more",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: a\nsteps: [lab/gone@2]", "no published module 'lab/gone' in version 2"),
        ("data: a\nsteps: [lab/train]", "'lab/train' is a model, and this is a pipeline of the kind data"),
        ("kind: visualization\ndata: a\nsteps: [lab/train, lab/draw]", "'lab/train' is a model"),
        ("kind: experiment\ndata: a\nsteps: [lab/noise]", "has a model, and no step is one"),
        ("kind: visualization\ndata: a\nsteps: [lab/noise]", "has a visualization, and no step is one"),
        ("data: a\nsteps: [lab/draw, lab/noise]", "'noise' reads from the visualization 'draw'"),
        ("data: a\nsteps: [lab/count, lab/noise]", "'noise' reads IMAGE, and 'count' writes TABULAR"),
        ("data: a\nsteps: [lab/print, lab/noise]", "'noise' reads IMAGE, and 'print' writes NONE"),
        ("data: a\nsteps: [lab/noise, lab/make]", "'make' reads no data, so it can take none from 'noise'"),
        ("steps: [lab/noise]", "'noise' reads IMAGE, and nothing says where from"),
        ("data: a\nsteps: [{module: lab/noise, with: {mod: salt}}]", "'mod' is no parameter of 'Noise'"),
        ("data: a\nsteps: [{module: lab/noise, with: {mode: sugar}}]", "'mode': "),
        ("data: a\nsteps: [{module: lab/noise, with: {amount: much}}]", "'amount': "),
        ("data: a\nsteps: [{module: lab/noise, with: {clip: 3}}]", "'clip': "),
        (
            "data: a\nsteps: [{module: lab/noise, with: {output-path: b}}]",
            "'output-path' is given by the pipeline",
        ),
        (
            "data: a\nsteps: [{module: lab/noise, with: {job-needs: b}}]",
            "'job-needs' is given by the pipeline",
        ),
    ],
)
def test_what_does_not_go_together_is_told(text: str, words: str) -> None:
    (told,) = faults_of(text)
    assert words in told.message
    assert told.hint


def test_all_of_it_is_told_at_once_in_the_order_of_the_file() -> None:
    told = faults_of(
        "data: a\nsteps:\n  - lab/train\n  - module: lab/noise\n    with: {mod: salt, amount: x}\n  - lab/gone\n"
    )
    assert [fault.place.line for fault in told] == [3, 4, 5, 5, 6]
    assert any("Is `mode` meant?" in fault.hint for fault in told)


def test_an_experiment_goes_from_operations_over_a_model_to_pictures_of_it() -> None:
    text = "kind: experiment\ndata: a\nsteps: [lab/noise, lab/train, lab/draw]"
    document = rendered(text)
    assert [each["inputs"]["input-path"] for each in document["include"]] == [
        "a",
        "mlreef-out/noise",
        "mlreef-out/train",
    ]


def test_a_step_may_read_from_any_before_it_or_begin_anew() -> None:
    document = rendered(
        "data: a\nsteps:\n  - lab/noise\n  - {module: lab/count, needs: noise}\n"
        "  - {module: lab/draw, needs: [noise, count]}\n  - {module: lab/make, needs: []}\n"
    )
    inputs = [each["inputs"] for each in document["include"]]
    assert [each.get("job-needs") for each in inputs] == [None, ["noise"], ["noise", "count"], None]
    assert [each["input-path"] for each in inputs[:3]] == ["a", "mlreef-out/noise", "mlreef-out/noise"]


def test_a_value_of_its_own_says_where_a_step_reads() -> None:
    (step,) = rendered("steps: [{module: lab/noise, with: {input-path: a/one.png}}]")["include"]
    assert step["inputs"]["input-path"] == "a/one.png"


@given(st.sampled_from(DATA_TYPES), st.sampled_from(DATA_TYPES))
def test_data_fits_where_it_is_of_the_type_or_any_and_nothing_never_does(written: str, wanted: str) -> None:
    if "NONE" in (written, wanted):
        assert not fits(written, wanted)
    else:
        assert fits(written, wanted) == (written == wanted or "ANY" in (written, wanted))


LINES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=60)


@given(LINES)
def test_any_value_reaches_the_component_as_it_is(value: str) -> None:
    made = module(parameter("input-path"), parameter("output-path"), parameter("note", default="none"))
    pipeline = read(yaml.safe_dump({"data": "a", "steps": [{"module": "lab/x", "with": {"note": value}}]}))
    modules = {("lab/x", "~latest"): Found("lab/x", "1.0.0", made)}
    if check_pipeline(pipeline, modules) == ():
        document = yaml.safe_load(render_pipeline(pipeline, modules))
        assert document["include"][0]["inputs"].get("note", "none") == value


FORM = module_of(
    "parser.add_argument('--input-path', required=True)",
    "parser.add_argument('--output-path', required=True)",
    "parser.add_argument('--mode', choices=['salt', 's&p'], default='salt')",
    "parser.add_argument('--rate', type=float, default=0.1)",
    "parser.add_argument('--quiet', action='store_true')",
    "parser.add_argument('--sizes', nargs='+')",
    "parser.add_argument('--title', default='none')",
)


@given(
    st.dictionaries(
        st.sampled_from([one.name for one in component_inputs(FORM)]),
        st.text(max_size=12)
        | st.sampled_from(
            ["s&p", "-1e-3", "true", "~", "null", "'a b' c", "[a]", "../a", "/data/a", "a/", " a"]
        ),
        max_size=5,
    )
)
def test_whatever_is_typed_into_a_form_becomes_a_pipeline_with_these_values_or_is_refused(
    values: dict[str, str],
) -> None:
    snippet = pipeline_yaml("lab/form", FORM, "1.4.2", values)
    pipeline, faults = read_data_pipeline(snippet.text.encode())
    assert pipeline is not None
    assert faults == ()
    modules = {("lab/form", "1.4.2"): Found("lab/form", "1.4.2", FORM)}
    _, refused = component_values(FORM, {"input-path": "data", **values, "output-path": "out"})
    assert {problem.field for problem in snippet.problems} <= {problem.field for problem in refused}
    if snippet.problems:
        return
    assert check_pipeline(pipeline, modules) == ()
    (step,) = yaml.safe_load(render_pipeline(pipeline, modules))["include"]
    wanted, _ = component_values(FORM, {**values, "input-path": values.get("input-path") or "data"})
    given, meant = (
        {name: value for name, value in one.items() if name not in given_by_pipeline(FORM)}
        for one in (step["inputs"], wanted)
    )
    reads, typed = (one.pop("input-path") for one in (given, meant))
    assert given == meant
    assert reads in (typed, posixpath.normpath(typed))


def test_the_snippet_of_a_module_is_a_pipeline_that_can_be_read() -> None:
    noise = SHELF["lab/noise"]
    snippet = pipeline_yaml(
        "lab/noise", noise, "1.4.2", {"mode": "pepper", "amount": "-1e-3", "input-path": "a"}
    )
    assert snippet.problems == ()
    (step,) = rendered(snippet.text)["include"]
    assert step["inputs"]["mode"] == "pepper"
    assert step["inputs"]["amount"] == -0.001
    wrong = pipeline_yaml("lab/noise", noise, "1.4.2", {"mode": "sugar", "input-path": "a"})
    assert [problem.field for problem in wrong.problems] == ["mode"]
    assert "sugar" not in wrong.text
