"""A module with several entry points, used: its component, the lines to copy, its steps in data pipelines."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.component import component_inputs, input_path, output_path, plan_component
from bot.domain.component_file import shape
from bot.domain.data_pipeline import read_data_pipeline
from bot.domain.data_pipeline_check import Fault, Found, check_pipeline
from bot.domain.data_pipeline_text import pipeline_yaml, render_pipeline
from bot.domain.image_start import start_words
from bot.domain.input_values import Refusal, component_values
from bot.domain.interface import Level, compare
from bot.domain.module_label import read_module
from bot.domain.snippets import component_example, component_snippet, docker_line
from bot.domain.usage import usage
from bot.web.fields import groups_of
from ci_templates import read_template
from ci_templates.component_arguments import NotHandedOver, command_line
from parser.model import MLOPEN, EntryPoint, Kind, Module, Parameter, Place
from parser.wire import canonical, module_to_dict
from tests.ci.several import SCRIPTS, several
from tests.domain.component_parts import job_of, rendered, shape_of, told

PATH = "lab/forest"
IMAGE = "registry.example.com/lab/forest@sha256:abc"
TRAINING = {"entry-point": "train", "train-input-path": "tables/a b.csv", "train-epochs": "5"}
TRAINED = ["train", "--input-path=tables/a b.csv", "--output-path=output", "--epochs=5"]
INFERRING = {"entry-point": "infer", "infer-input-path": "new", "infer-model": "model.bin"}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Module:
    return replace(several(tmp_path_factory.mktemp("forest")), kind=Kind.ALGORITHM)


def words(module: Module, texts: dict[str, str]) -> list[str]:
    return command_line(json.loads(json.dumps(shape(module, plan_component(module), ()))), texts)


def test_one_input_chooses_the_entry_point_and_each_has_inputs_of_its_own(module: Module) -> None:
    inputs = {one.name: one for one in component_inputs(module)}
    assert [name for name in inputs if not name.startswith("job-")] == [
        "entry-point",
        *("train-input-path", "train-output-path", "train-epochs", "train-optimizer"),
        *("infer-input-path", "infer-output-path", "infer-model", "infer-threshold"),
    ]
    chosen = inputs["entry-point"]
    assert (chosen.options, chosen.required) == (("train", "infer"), True)
    assert chosen.description == "Which entry point runs: train (train.py), infer (infer.py)."
    assert "That entry point needs it." in inputs["infer-model"].description
    assert "Belongs to the entry point `infer`." in inputs["infer-model"].description
    assert "job-command" not in inputs, "neither script has commands of its own"


def test_where_it_reads_and_writes_is_known_of_each(module: Module) -> None:
    for role in ("train", "infer"):
        reads, writes = input_path(module, role), output_path(module, role)
        assert reads is not None
        assert writes is not None
        assert (reads.name, writes.name) == (f"{role}-input-path", f"{role}-output-path")


def test_only_the_chosen_one_gets_words(module: Module) -> None:
    assert words(module, TRAINING) == TRAINED
    assert words(module, INFERRING) == [
        *("infer", "--input-path=new", "--output-path=output", "--model=model.bin")
    ]
    more = words(module, {**TRAINING, "job-arguments": "--optimizer adam"})
    assert more == [*TRAINED, "--optimizer", "adam"]


def test_what_belongs_to_another_entry_point_is_refused_in_words(module: Module) -> None:
    with pytest.raises(NotHandedOver) as refusal:
        words(module, {**TRAINING, "infer-threshold": "0.7"})
    assert str(refusal.value) == (
        "infer-threshold belongs to the entry point `infer`, and `train` is to run: leave infer-threshold out, or set "
        "entry-point to infer."
    )
    with pytest.raises(NotHandedOver, match="entry-point: say which one is to run: train, infer"):
        words(module, {"train-epochs": "5"})
    found, refused = component_values(module, {**TRAINING, "infer-threshold": "0.7"})
    assert found == {"entry-point": "train", "train-input-path": "tables/a b.csv", "train-epochs": 5}
    assert refused == (
        Refusal("infer-threshold", "It belongs to the entry point `infer`, and `train` is to run."),
    )


def test_what_the_chosen_one_needs_is_asked_for_and_what_the_other_needs_is_not(module: Module) -> None:
    _, refused = component_values(module, {"entry-point": "infer"})
    assert refused == (
        Refusal("infer-input-path", "The entry point `infer` needs it."),
        Refusal("infer-model", "The entry point `infer` needs it."),
    )
    _, refused = component_values(module, {})
    assert refused == (Refusal("entry-point", "It must be given."),)
    _, refused = component_values(module, {"entry-point": "trian"})
    assert refused == (Refusal("entry-point", "`trian` is none of `train`, `infer`."),)


def test_a_line_for_a_shell_and_an_include_hold_the_same(module: Module) -> None:
    line = docker_line(IMAGE, module, TRAINING)
    assert line.problems == ()
    assert shlex.split(line.text.replace("\\\n", ""))[-len(TRAINED) :] == TRAINED
    snippet = component_snippet(module, PATH, "1.0.0", TRAINING)
    (included,) = yaml.safe_load(snippet.text)["include"]
    assert included["inputs"] == {
        "entry-point": "train",
        "train-input-path": "tables/a b.csv",
        "train-epochs": 5,
    }
    assert docker_line(IMAGE, module, {}).problems == (Refusal("entry-point", "It must be given."),)


def test_the_lines_to_begin_with_run_the_first_entry_point(module: Module) -> None:
    (included,) = yaml.safe_load(component_example(module, PATH, "1.0.0"))["include"]
    assert included["inputs"] == {"entry-point": "train", "train-input-path": "TRAIN_INPUT_PATH"}


def test_a_parameter_that_would_be_named_like_the_choice_gets_another_name(module: Module) -> None:
    odd = parameter("point", "entry")
    points = (EntryPoint("entry", "a.py"), EntryPoint("train", "b.py"))
    names = [one.name for one in component_inputs(replace(module, entry_points=points, parameters=(odd,)))]
    assert names[:2] == ["entry-point", "entry-point-2"]


def parameter(name: str, *subcommand: str) -> Parameter:
    return Parameter(
        name, (f"--{name}",), name, "str", None, False, None, None, "store", None, Place("a.py"),
        subcommand=subcommand,
    )  # fmt: skip


def test_the_only_function_of_a_control_file_need_not_be_chosen(module: Module) -> None:
    points = (EntryPoint("run", "pipeline.py", MLOPEN),)
    only = replace(module, framework=MLOPEN, entry_points=points, parameters=(parameter("k", "run"),))
    chosen = component_inputs(only)[0]
    assert (chosen.name, chosen.default, chosen.options) == ("entry-point", "run", ("run",))
    assert words(only, {"run-k": "3"}) == ["run", "--k=3"]
    assert docker_line(IMAGE, only, {"run-k": "3"}).text.endswith("run --k=3\n")
    assert start_words(only, "/app") == ("/opt/mlreef/mlopen/runner.py", "/app/pipeline.py")


def test_the_line_that_runs_a_control_file_names_what_was_learnt(module: Module) -> None:
    points = (EntryPoint("train", "pipeline.py", MLOPEN), EntryPoint("run", "pipeline.py", MLOPEN))
    own = (
        replace(parameter("input-path", "run"), required=True),
        parameter("model", "run"),
        replace(parameter("output-path", "run"), required=True),
    )
    trained = replace(module, framework=MLOPEN, entry_points=points, parameters=own)
    assert usage(trained, IMAGE)[-1] == (
        "  run --input-path INPUT_PATH --model BUNDLE@sha256:HASH --output-path OUTPUT_PATH"
    )
    # of a script it may be the name of a kind of model
    scripts = (EntryPoint("infer", "a.py"), EntryPoint("run", "b.py"))
    assert "--model" not in usage(replace(trained, framework="argparse", entry_points=scripts), IMAGE)[-1]


TEXTS = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1, max_size=12)


@given(path=TEXTS, threshold=st.floats(allow_nan=False, allow_infinity=False, width=32), role=st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_values_reach_the_chosen_script_as_they_are(
    module: Module, path: str, threshold: float, role: bool
) -> None:
    texts = {
        True: {"entry-point": "train", "train-input-path": path, "train-output-path": path},
        False: {**INFERRING, "infer-input-path": path, "infer-threshold": json.dumps(threshold)},
    }[role]
    first, *behind = words(module, texts)
    assert first == texts["entry-point"]
    scope: dict[str, Any] = {"__name__": "read"}
    exec(SCRIPTS[first], scope)  # noqa: S102 - a script of these tests
    held = scope["p"].parse_args(behind)
    assert held.input_path == path
    if first == "infer" and threshold != 0.5:
        assert held.threshold == threshold


# In a job --------------------------------------------------------------------------------------------


def run_component(folder: Path, module: Module, given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """The component's own program with the values of a job, and the launcher and scripts of the image."""
    several(folder)
    launcher = folder / "entry.py"
    launcher.write_text(read_template("entry.py"))
    start = [str(launcher), *start_words(module, str(folder))[1:]]
    job = job_of(rendered(module, (sys.executable, *start)), given)
    environment = {**os.environ, **told(job)}
    command = [sys.executable, "-I", "-c", environment["MLREEF_PROGRAM"]]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_both_run_by_the_component_and_the_record_says_which(module: Module, tmp_path: Path) -> None:
    ran = run_component(
        tmp_path, module, {"entry-point": "train", "train-input-path": "a b", "train-epochs": 9}
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "trained a b output 9 sgd\n"
    assert json.loads((tmp_path / "mlreef-run.json").read_text())["arguments"] == {
        "entry-point": "train",
        "train-input-path": "a b",
        "train-output-path": "output",
        "train-epochs": "9",
    }
    given = {
        "entry-point": "infer",
        "infer-input-path": "new",
        "infer-model": "m",
        "infer-output-path": "there",
    }
    ran = run_component(tmp_path, module, given)
    assert (ran.returncode, ran.stdout) == (0, "inferred new there m 0.5\n")


def test_a_job_with_values_of_both_runs_neither(module: Module, tmp_path: Path) -> None:
    ran = run_component(
        tmp_path, module, {"entry-point": "train", "train-input-path": "a", "infer-model": "m"}
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "mlreef: infer-model belongs to the entry point `infer`" in ran.stderr


def test_the_model_of_a_run_goes_to_the_entry_point_that_takes_one(module: Module) -> None:
    renamed = tuple(
        replace(one, name="model-path", flags=("--model-path",)) if one.name == "model" else one
        for one in module.parameters
    )
    about, _ = shape_of(rendered(replace(module, parameters=renamed)), {"entry-point": "infer"})
    assert {role: one["model"] for role, one in about["entries"].items()} == {
        "train": None,
        "infer": "infer-model-path",
    }
    assert {role: one["output"] for role, one in about["entries"].items()} == {
        "train": "train-output-path",
        "infer": "infer-output-path",
    }


def test_another_entry_point_is_an_addition_and_the_first_of_several_a_break(module: Module) -> None:
    third = replace(module, entry_points=(*module.entry_points, EntryPoint("test", "test.py")))
    assert [(one.kind, one.level) for one in compare(module, third).changes] == [("entry_point", Level.MINOR)]
    assert [(one.kind, one.level) for one in compare(third, module).changes] == [("entry_point", Level.MAJOR)]
    plain = replace(module, entry_points=(EntryPoint("main", "main.py"),), parameters=())
    bare = replace(module, parameters=())
    (change,) = compare(plain, bare).changes
    assert (change.before, change.after, change.level) == ("main.py", "train, infer", Level.MAJOR)
    assert change.consequence == "Every use must say first which entry point it wants."
    (change,) = compare(bare, plain).changes
    assert (change.before, change.after, change.level) == ("train, infer", "main.py", Level.MAJOR)


def test_how_to_run_it_shows_a_line_for_each_entry_point(module: Module) -> None:
    lines = usage(module, IMAGE)
    assert lines[:3] == ["# what it accepts", "docker run --rm \\", f"  {IMAGE} --help"]
    assert [line for line in lines if line.startswith(("  train", "  infer"))] == [
        "  train --input-path INPUT_PATH --output-path OUTPUT_PATH",
        "  infer --input-path INPUT_PATH --output-path OUTPUT_PATH --model MODEL",
    ]


# On the page -----------------------------------------------------------------------------------------


def test_the_form_asks_first_which_one_and_folds_away_the_others(module: Module) -> None:
    inputs = component_inputs(module)
    groups = groups_of(inputs, {}, {})
    assert [(one.title, one.folded) for one in groups] == [
        ("", False), ("train", False), ("infer", False), ("Settings of the job", True),
    ]  # fmt: skip
    (choice,) = groups[0].fields
    assert choice.options == (("", "choose one"), ("train", "train"), ("infer", "infer"))
    assert choice.required
    chosen = groups_of(inputs, {"entry-point": "infer"}, {})
    assert [one.title for one in chosen if one.folded] == ["train", "Settings of the job"]


# In a data pipeline ----------------------------------------------------------------------------------


def check(module: Module, text: str) -> tuple[Fault, ...]:
    pipeline, faults = read_data_pipeline(text.encode())
    assert pipeline is not None, faults
    assert faults == ()
    found = {(step.path, step.ref): Found(step.path, "1.0.0", module) for step in pipeline.steps}
    return check_pipeline(pipeline, found)


BOTH = """\
kind: experiment
data: tables
steps:
  - module: lab/forest@1
    name: learn
    entry: train
    with: {epochs: 5}
  - module: lab/forest@1
    name: use
    entry: infer
    with: {infer-input-path: tables, model: mlreef-out/learn/model.bin}
"""


def test_steps_say_which_entry_point_they_run(module: Module) -> None:
    assert check(module, BOTH) == ()
    pipeline, _ = read_data_pipeline(BOTH.encode())
    assert pipeline is not None
    text = render_pipeline(
        pipeline, dict.fromkeys([("lab/forest", "1")], Found("lab/forest", "1.0.0", module))
    )
    first, second = (one["inputs"] for one in yaml.safe_load(text)["include"])
    assert first == {
        "job-name": "learn",
        "job-stage": "learn",
        "entry-point": "train",
        "train-input-path": "tables",
        "train-output-path": "mlreef-out/learn",
        "train-epochs": 5,
    }
    assert second == {
        "job-name": "use",
        "job-stage": "use",
        "job-needs": ["learn"],
        "entry-point": "infer",
        "infer-input-path": "tables",
        "infer-output-path": "mlreef-out/use",
        "infer-model": "mlreef-out/learn/model.bin",
    }


@pytest.mark.parametrize(
    ("change", "told", "mend"),
    [
        (("    entry: train\n", ""), "'lab/forest' has several entry points: train, infer", "`entry: train`"),
        (("entry: train", "entry: trian"), "'trian' is no entry point of 'lab/forest'", "Is `train` meant?"),
        (("epochs: 5", "model: x"), "'model' is no parameter of 'forest'", "Is `"),
        (
            ("epochs: 5", "infer-model: x"),
            "'infer-model': It belongs to the entry point `infer`",
            "Correct it",
        ),
        (("epochs: 5", "epochs: many"), "'epochs': `many` is no", "Correct it"),
        (("epochs: 5", "epochs: 5, train-epochs: 6"), "'train-epochs' and 'epochs' are the same", "Keep one"),
        (
            ("epochs: 5", "entry-point: infer"),
            "'entry-point' is given by the pipeline itself",
            "Say it by `entry`",
        ),
        (
            (", model: mlreef-out/learn/model.bin", ""),
            "'infer-model': The entry point `infer` needs it.",
            "Correct",
        ),
    ],
)
def test_what_is_wrong_with_a_step_is_told_at_its_line(
    module: Module, change: tuple[str, str], told: str, mend: str
) -> None:
    assert change[0] in BOTH
    (fault,) = check(module, BOTH.replace(*change))
    assert fault.message.startswith(told), fault.message
    assert mend in fault.hint


def typed(module: Module) -> Module:
    """The module as a model that learns of tables; what it infers of pictures is a text."""
    train, infer = module.entry_points
    infer = replace(infer, input_type="IMAGE", output_type="TEXT")
    return replace(module, input_type="TABULAR", output_type="MODEL", entry_points=(train, infer))


def test_each_entry_point_has_its_own_types_of_data(module: Module) -> None:
    own = typed(module)
    assert (own.types_of("train"), own.types_of("infer")) == (("TABULAR", "MODEL"), ("IMAGE", "TEXT"))
    assert read_module(canonical(module_to_dict(own))) == own
    choice, *_ = component_inputs(own)
    assert choice.description == "Which entry point runs: train (train.py), infer (infer.py, IMAGE → TEXT)."
    # where a step says itself where it reads, the one before it is needed for something else
    assert check(own, BOTH) == ()
    told = check(own, BOTH.replace("input-path: tables, model: mlreef-out/learn/model.bin", "model: a"))
    assert [one.message for one in told] == ["'use' reads IMAGE, and 'learn' writes MODEL"]
    chain = (
        "kind: experiment\ndata: d\nsteps:\n"
        "  - {module: lab/forest@1, entry: infer, name: first, with: {model: m}}\n"
        "  - {module: lab/forest@1, entry: train, name: second}\n"
    )
    (fault,) = check(own, chain)
    assert fault.message == "'second' reads TABULAR, and 'first' writes TEXT"
    assert check(replace(own, input_type="TEXT"), chain) == ()


def test_other_data_of_one_entry_point_are_a_break(module: Module) -> None:
    own = typed(module)
    assert compare(own, own).changes == ()
    changes = compare(own, replace(own, entry_points=module.entry_points)).changes
    assert [(one.kind, one.parameter, one.before, one.after, one.level) for one in changes] == [
        ("entry_point", "infer", "IMAGE → TEXT", "TABULAR → MODEL", Level.MAJOR)
    ]


def test_a_module_with_one_script_has_nothing_to_choose(module: Module) -> None:
    plain = replace(
        module, entry_points=(EntryPoint("main", "main.py"),), parameters=(parameter("input-path"),)
    )
    (fault,) = check(plain, "kind: experiment\ndata: d\nsteps:\n  - module: lab/x@1\n    entry: train\n")
    assert fault.message == "'lab/x' has but one script, and nothing to choose from"
    assert fault.place.line == 5


def test_a_pipeline_to_begin_with_names_the_entry_point_that_was_chosen(module: Module) -> None:
    made = pipeline_yaml("lab/forest", module, "1.0.0", {**TRAINING, "train-input-path": "tables"})
    assert made.problems == ()
    assert yaml.safe_load(made.text) == {
        "kind": "experiment",
        "data": "tables",
        "steps": [{"module": "lab/forest@1.0.0", "entry": "train", "with": {"train-epochs": 5}}],
    }
    assert check(module, made.text) == ()
