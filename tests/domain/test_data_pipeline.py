"""The file of a data pipeline, as it is read."""

from __future__ import annotations

import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.data_pipeline import MAX_BYTES, DataPipeline, Fault, read_data_pipeline
from bot.domain.data_pipeline_values import MAX_STEPS, NOT_NAMES, PipelineKind
from bot.domain.uses import NEWEST, read_pipeline_uses

GOOD = """\
name: Noisy edges
kind: experiment
data: ./pictures/raw/
steps:
  - module: lab/add-noise@1.2.0
    with: {mode: speckle, variance: 1e-3, no-clip: true, sizes: [1, two words]}
  - lab/Find.Edges
  - module: lab/add-noise@1
    name: again
    needs: add-noise
  - {module: lab/compare@1.2, needs: [find-edges, again]}
  - {module: lab/fresh@latest, needs: []}
"""


def read(text: str) -> DataPipeline:
    pipeline, faults = read_data_pipeline(text.encode())
    assert faults == ()
    assert pipeline is not None
    return pipeline


def faults_of(text: str | bytes) -> tuple[Fault, ...]:
    return read_data_pipeline(text.encode() if isinstance(text, str) else text)[1]


def test_a_pipeline_is_read_with_its_steps_in_order() -> None:
    pipeline = read(GOOD)
    assert (pipeline.name, pipeline.kind, pipeline.data) == (
        "Noisy edges",
        PipelineKind.EXPERIMENT,
        "pictures/raw",
    )
    assert [(step.name, step.path, step.ref, step.needs) for step in pipeline.steps] == [
        ("add-noise", "lab/add-noise", "1.2.0", ()),
        ("find-edges", "lab/Find.Edges", NEWEST, ("add-noise",)),
        ("again", "lab/add-noise", "1", ("add-noise",)),
        ("compare", "lab/compare", "1.2", ("find-edges", "again")),
        ("fresh", "lab/fresh", NEWEST, ()),
    ]


def test_values_are_taken_as_they_were_typed() -> None:
    values = read(GOOD).steps[0].values
    assert values == {"mode": "speckle", "variance": "1e-3", "no-clip": "true", "sizes": "1 'two words'"}


def test_places_are_those_of_the_words() -> None:
    step = read(GOOD).steps[0]
    assert (step.at("module").line, step.at("with.mode").line, step.at("with.mode").column) == (5, 6, 17)
    assert step.at("needs") == step.place


def test_what_the_bot_counts_as_used_is_what_is_read() -> None:
    uses = {(use.path, use.ref) for use in read_pipeline_uses(GOOD.encode())}
    assert uses >= {
        (s.path.lower(), s.ref) for s in read(GOOD).steps if s.ref != NEWEST and s.name != "find-edges"
    }


def test_a_step_without_a_name_gets_one_that_is_free() -> None:
    steps = "\n".join(f"  - {path}" for path in ("a/x", "b/x", "c/x", "a/pages", "a/_._"))
    assert [step.name for step in read(f"steps:\n{steps}\n").steps] == [
        "x",
        "x-2",
        "x-3",
        "pages-step",
        "step",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a mapping"),
        ("[]", "not a mapping"),
        ("name: a", "no steps"),
        ("steps: []", "no steps"),
        ("steps: {a: b}", "must be a list"),
        ("steps: [3]", "'3' is no project's path"),
        ("steps: [[]]", "a step must be a mapping"),
        ("steps: [{name: a}]", "has no module"),
        ("steps: [noise]", "no project's path"),
        ("steps: [../../x]", "no project's path"),
        ("steps: ['a/b@']", "'' is no version"),
        ("steps: [a/b@main]", "'main' is no version"),
        ("steps: [a/b@1.2.3.4]", "is no version"),
        ("steps: [a/b@01]", "is no version"),
        ("steps: [{module: a/b, name: Noise}]", "cannot be called 'Noise'"),
        ("steps: [{module: a/b, name: include}]", "cannot be called"),
        ("steps: [{module: a/b, name: x}, {module: a/b, name: x}]", "there is a step 'x' before it"),
        ("steps: [{module: a/b, needs: [c]}]", "'c' is no step before this one"),
        ("steps: [{module: a/b, name: x, needs: [x]}]", "'x' is no step before this one"),
        ("steps: [a/x, {module: a/b, needs: [x, x]}]", "is named twice"),
        ("steps: [{module: a/b, with: [1]}]", "must be a mapping"),
        ("steps: [{module: a/b, with: {mode: null}}]", "must be text"),
        ("steps: [{module: a/b, with: {mode: {a: b}}}]", "must be text"),
        ("steps: [{module: a/b, with: {mode: a, mode: b}}]", "'mode' is given twice"),
        ("steps: [{modul: a/b, module: a/b}]", "a step's key 'modul' is not known"),
        ("steps: [a/b]\nkind: training", "kind 'training' is not known"),
        ("steps: [a/b]\ndata: /etc", "no path inside"),
        ("steps: [a/b]\ndata: a/../../b", "no path inside"),
        ("steps: [a/b]\nname: ''", "one line of text"),
        (f"steps: [{', '.join(['a/b'] * (MAX_STEPS + 1))}]", f"more than {MAX_STEPS} entries"),
        ("steps: [a/b", "expected"),
        (b"\xff\xfe", "not text"),
        (b"#" * (MAX_BYTES + 1), "more than 64 KiB"),
    ],
)
def test_what_is_wrong_is_told_with_its_mend(text: str | bytes, words: str) -> None:
    told = faults_of(text)
    assert any(words in fault.message for fault in told), told
    assert all(fault.hint and fault.place.line >= 1 for fault in told)


def test_everything_wrong_is_told_at_once() -> None:
    told = faults_of("kind: dta\ndata: /x\nsteps:\n  - modul: a/b\n  - module: a/b@x\n    name: A\n")
    assert [(fault.place.line, fault.hint) for fault in told][:2] == [
        (1, "Is data meant?"),
        (2, "Write it from the repository's root, as in `data/images`."),
    ]
    assert [fault.place.line for fault in told] == [1, 2, 4, 4, 5, 6]


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert faults_of("\n".join([*lines, "steps: [a/b]"]) + "\n") != ()


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["steps", "module", "with", "needs", "name", "kind", "data", "a"]), inner
            )
        ),
    )
)
def test_no_file_breaks_the_reader(document: object) -> None:
    pipeline, faults = read_data_pipeline(yaml.safe_dump(document).encode())
    assert pipeline is not None or faults
    for step in pipeline.steps if pipeline else ():
        assert step.name not in NOT_NAMES


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20), max_size=5)
)
def test_a_list_of_any_words_stays_those_words(words: list[str]) -> None:
    text = yaml.safe_dump({"steps": [{"module": "a/b", "with": {"x": words}}]}, allow_unicode=True)
    typed = read(text).steps[0].values["x"]
    assert shlex.split(typed) == words
