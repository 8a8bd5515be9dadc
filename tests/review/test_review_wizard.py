"""The wizard's files set a repository up and read back as they were meant; nothing in a repository can bend them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.environments import Environment
from bot.domain.settings_edit import CannotEdit
from bot.domain.skeletons import annotate
from bot.domain.wizard import Means, Setup, SetupWish, Skeleton, is_mendable, plan_setup
from bot.domain.wizard_files import Described, Pin, Pins, requirements_text, settings_text
from bot.domain.wizard_words import setup_description, terminal_lines
from parser.model import Needed, Severity
from parser.read import read
from parser.requirements import read_requirements
from parser.settings_file import read_settings_file
from parser.source import Entry, Source

ENVIRONMENTS = (
    Environment("python-3.12", "Python 3.12", "python:3.12", "3.12"),
    Environment("cuda-12", "CUDA 12", "cuda:12", "3.12", gpu=True, cuda="12.4"),
)
SCRIPT = """\
import argparse

import numpy
import sklearn.svm

PARSER = argparse.ArgumentParser()
PARSER.add_argument("--input-path", required=True, help="what is read")
PARSER.add_argument("--output-path", required=True)
PARSER.add_argument("--rate", type=float, default=0.5, help="how fast")
PARSER.add_argument("--layers", type=int, nargs="+", default=[1, 2])
PARSER.add_argument("--verbose", action="store_true")

if __name__ == "__main__":
    PARSER.parse_args()
"""
BESIDES = "https://download.example.com/cpu"
VERSIONS = {"numpy": "2.3.1", "scikit-learn": "1.7.0"}


def source(files: Mapping[str, str | bytes]) -> Source:
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return Source({path: Entry(path, "file") for path in contents}, contents)


def pin(needed: Sequence[Needed], _environment: Environment) -> Pins:
    return Pins(tuple(Pin(one.module, one.package, VERSIONS.get(one.package, "1.0")) for one in needed))


MEANS = Means(lambda tree: read(tree, "noise"), pin, ENVIRONMENTS, "python-3.12")


def plan(files: Mapping[str, str | bytes], **wish: Any) -> Setup:
    found = plan_setup(source(files), SetupWish(**wish), MEANS)
    assert isinstance(found, Setup), found
    return found


def refused(files: Mapping[str, str | bytes], **wish: Any) -> CannotEdit:
    found = plan_setup(source(files), SetupWish(**wish), MEANS)
    assert isinstance(found, CannotEdit), found
    return found


def test_two_scripts_and_no_requirements_become_a_repository_that_is_published() -> None:
    made = plan({"train.py": SCRIPT, "eval.py": SCRIPT, "README.md": "Run `python train.py`.\n"})
    assert is_mendable(made.before.problems)
    assert set(made.files) == {".mlreef.yaml", "requirements.txt"}
    assert made.existing == frozenset()
    assert (made.entry, made.candidates) == ("train.py", ("eval.py",))
    assert made.files["requirements.txt"].decode().splitlines()[1:] == ["numpy==2.3.1", "scikit-learn==1.7.0"]
    assert made.errors == ()
    assert made.mends
    assert made.after.module is not None
    assert made.after.module.main == "train.py"
    assert made.after.settings.environment == "python-3.12"
    assert "eval.py" in made.files[".mlreef.yaml"].decode()
    assert not [one for one in made.after.problems if one.code == "module-defaults"]


def test_a_repository_that_lacks_nothing_gets_settings_only() -> None:
    made = plan({"train.py": SCRIPT, "requirements.txt": "numpy==2.3.1\nscikit-learn==1.7.0\n"})
    assert set(made.files) == {".mlreef.yaml"}
    assert not made.mends


def test_settings_that_are_there_are_kept_and_completed() -> None:
    files = {
        "a.py": SCRIPT,
        "b.py": SCRIPT,
        ".mlreef.yaml": "# ours\nname: Noise # loud\n",
        "requirements.txt": "numpy\n",
    }
    made = plan(files, entry_point="b.py", environment="cuda-12")
    assert made.existing == {".mlreef.yaml"}
    assert made.files[".mlreef.yaml"].decode() == (
        "# ours\nname: Noise # loud\nentry_points:\n  main: b.py\nenvironment: cuda-12\n"
    )


def test_several_entry_points_stay_as_they_are_named() -> None:
    settings = "entry_points:\n  train: train.py\n  infer: eval.py\n"
    files = {"train.py": SCRIPT, "eval.py": SCRIPT, ".mlreef.yaml": settings}
    made = plan(files)
    assert made.files[".mlreef.yaml"].decode().startswith(settings)
    assert made.files["requirements.txt"].decode().splitlines()[1:] == ["numpy==2.3.1", "scikit-learn==1.7.0"]
    after = read(source({**files, **made.files}), "noise")
    assert not after.refused, after.problems
    assert after.module is not None
    assert [point.role for point in after.module.entry_points] == ["train", "infer"]
    why = refused(files, entry_point="eval.py").why
    assert why == "`.mlreef.yaml` gives entry points of its own names: `train`, `infer`."


def test_entry_points_that_a_parameters_file_declares_are_all_named() -> None:
    blocks = "".join(
        f"@data_processor(command='{name}', type='ALGORITHM')\ndef {name}(): ...\n"
        for name in ("ask", "train")
    )
    files = {"train.py": SCRIPT, "ask.py": SCRIPT, "parameters.py": blocks}
    made = plan(files)
    assert b"entry_points:\n" in made.files[".mlreef.yaml"]
    for module in (made.before.module, made.after.module):
        assert module is not None
        assert {one.role: one.file for one in module.entry_points} == {"train": "train.py", "ask": "ask.py"}
    chosen = plan(files, entry_point="ask.py").after.module
    assert chosen is not None
    assert [one.file for one in chosen.entry_points] == ["ask.py"]


def test_a_requirements_file_elsewhere_is_named_and_none_is_made() -> None:
    made = plan({"train.py": SCRIPT, "docker/requirements.txt": "numpy\nscikit-learn\n"})
    assert set(made.files) == {".mlreef.yaml"}
    assert made.requirements_file == "docker/requirements.txt"
    assert made.after.settings.requirements_file == "docker/requirements.txt"
    assert made.errors == ()


def test_requirements_that_need_a_graphics_card_get_the_environment_that_has_one() -> None:
    both = (*ENVIRONMENTS, Environment("cuda-12-old", "CUDA 12", "cuda:12.1", "3.11", gpu=True, cuda="12.1"))
    tree = source({"train.py": SCRIPT, "requirements.txt": "cupy-cuda12x==13.0\n"})
    means = Means(MEANS.read, pin, both, "python-3.12")
    made = plan_setup(tree, SetupWish(), means)
    assert isinstance(made, Setup)
    assert made.environment.gpu
    assert made.unfit is None


def test_an_environment_that_does_not_fit_is_told() -> None:
    files = {"train.py": SCRIPT, "requirements.txt": "cupy-cuda12x==13.0\n"}
    made = plan(files, environment="python-3.12")
    assert made.unfit is not None
    assert made.unfit in made.errors


def test_without_a_script_there_is_nothing_to_set_up_unless_one_is_asked_for() -> None:
    assert "init argparse" in refused({"README.md": "Hi\n"}).mend
    made = plan({"README.md": "Hi\n"}, skeleton="argparse")
    assert set(made.files) == {"main.py", ".mlreef.yaml", "requirements.txt"}
    assert made.errors == ()
    assert [one.severity for one in made.after.problems if one.severity is not Severity.INFO] == []


@pytest.mark.parametrize(
    ("files", "wish"),
    [
        ({"train.py": SCRIPT}, {"skeleton": "argparse"}),
        ({"train.py": SCRIPT}, {"entry_point": "trian.py"}),
        ({"train.py": SCRIPT}, {"environment": "gpu"}),
        ({"train.py": SCRIPT}, {"skeleton": "argparse", "entry_point": "train.py"}),
        ({"train.py": SCRIPT}, {"skeleton": "argparse", "entry_point": "../x.py"}),
        ({"train.py": SCRIPT}, {"skeleton": "argparse", "entry_point": "a b.py"}),
        ({"train.py": "def broken(:\n"}, {"skeleton": "annotations", "entry_point": "train.py"}),
        (
            {"train.py": "@data_processor(name='x')\n" + SCRIPT},
            {"skeleton": "annotations", "entry_point": "train.py"},
        ),
        ({"train.py": SCRIPT, ".mlreef.yaml": "- a list\n"}, {}),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(files: dict[str, str], wish: dict[str, str]) -> None:
    found = refused(files, **wish)
    assert found.why
    assert found.mend


def test_annotations_say_what_the_script_says_and_stand_before_its_main_guard() -> None:
    made = plan({"train.py": SCRIPT}, skeleton="annotations")
    text = made.files["train.py"].decode()
    assert made.existing == {"train.py"}
    assert text.index("@data_processor(") < text.index("if __name__")
    assert (
        "@parameter(name='rate', type='FLOAT', required=False, defaultValue=0.5, description='how fast')"
        in text
    )
    assert made.errors == ()
    compile(text, "train.py", "exec")
    assert [one.code for one in made.after.problems if one.severity is not Severity.INFO] == []
    assert made.after.module is not None
    assert made.before.module is not None
    assert len(made.after.module.parameters) == len(made.before.module.parameters)


def test_a_script_of_blanks_is_looked_through_once() -> None:
    module, blanks = plan({"train.py": SCRIPT}).before.module, " " * 100_000
    assert module is not None
    for content in (f"if{blanks}x", f"if __name__ == '__main__'{blanks}x"):
        before = time.process_time()
        assert annotate(content.encode(), module)
        assert time.process_time() - before < 1
    guarded = b"a = 1\nif (\t__name__ == '__main__' ) :\n    a\n"
    assert annotate(guarded, module)[0].endswith(b"\n\n\nif (\t__name__ == '__main__' ) :\n    a\n")


def test_names_that_a_script_uses_otherwise_are_left_to_it() -> None:
    made = plan({"train.py": "parameter = 1\n" + SCRIPT}, skeleton="annotations")
    assert "@param(" in made.files["train.py"].decode()
    assert "def parameter(" not in made.files["train.py"].decode()


def test_a_publication_is_promised_only_where_nothing_is_in_the_way() -> None:
    good = setup_description(plan({"train.py": SCRIPT}), "main", "")
    assert "**Merging it publishes.**" in good
    wanting = setup_description(plan({"train.py": SCRIPT.replace("--output-path", "--out")}), "main", "")
    assert "**Merging it publishes**, once you have mended what step 4 names." in wanting
    assert "Merging will not publish yet." in wanting


def test_an_index_that_is_away_leaves_names_without_versions_and_says_so() -> None:
    pins = Pins(
        (Pin("numpy", "numpy"), Pin("x", "b d", why="no package can be called so")), "the index is away"
    )
    assert requirements_text(pins).decode().splitlines()[1:] == [
        "# Without versions: the index is away",
        "numpy",
        "# b d (for x): no package can be called so",
    ]


def test_an_index_besides_is_a_line_of_its_own() -> None:
    option = f"--extra-index-url {BESIDES}"
    text = requirements_text(Pins((Pin("torch", "torch", "2.9.0+cpu"),), option=option))
    assert text.decode().splitlines()[1:] == [option, "torch==2.9.0+cpu"]
    found, _ = read_requirements(source({"requirements.txt": text}), None)
    assert found is not None
    assert found.options == (option,)


def test_a_package_that_is_not_found_is_said_to_be_missed() -> None:
    def pin_one(needed: Sequence[Needed], environment: Environment) -> Pins:
        found = pin(needed, environment).pins
        return Pins(
            tuple(
                replace(one, version="", why="not there") if one.module == "numpy" else one for one in found
            )
        )

    made = plan_setup(source({"run.py": SCRIPT}), SetupWish(), replace(MEANS, pin=pin_one))
    assert isinstance(made, Setup)
    assert "# numpy (for numpy): not there" in made.files["requirements.txt"].decode()
    told = setup_description(made, "main", "")
    assert "| `numpy` | `numpy` | left out: not there |" in told
    assert "Apart from the packages that were left out" in told
    assert any("`import numpy`" in line for line in terminal_lines(made))


PATHS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0/"), min_size=1, max_size=20
).map(lambda name: name.strip() + ".py")
WORDS = st.text(max_size=30)


@given(
    PATHS,
    st.lists(PATHS, max_size=4),
    st.builds(
        Environment,
        name=st.text(
            st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12
        ),
        title=WORDS,
        image=st.just("python"),
        python=st.just("3.12"),
        description=WORDS,
    ),
    PATHS,
    WORDS,
)
def test_settings_read_back_as_exactly_what_was_meant(
    entry: str, others: list[str], environment: Environment, file: str, docs_url: str
) -> None:
    described = Described("ALGORITHM", "IMAGE", None)
    text = settings_text({"main": entry}, others, environment, (environment,), described, file, docs_url)
    found, problems = read_settings_file(source({".mlreef.yaml": text}))
    assert problems == ()
    assert dict(found.entry_points) == {"main": entry}
    assert (found.environment, found.requirements_file) == (environment.name, file)
    assert (found.kind, found.input_type, found.output_type) == ("ALGORITHM", "IMAGE", None)
    assert (found.name, found.env, found.engine, found.dockerfile, found.quiet) == (
        None,
        {},
        None,
        None,
        "no",
    )


@given(st.lists(st.builds(Pin, WORDS, WORDS, st.sampled_from(["", "1.0"]), WORDS), max_size=5), WORDS)
def test_requirements_hold_no_line_but_names_with_versions_and_comments(
    pins: list[Pin], trouble: str
) -> None:
    text = requirements_text(Pins(tuple(pins), trouble))
    found, problems = read_requirements(source({"requirements.txt": text}), None)
    assert found is not None
    usable = {one.package for one in pins if not one.why}
    assert {one.name for one in found.items} <= usable
    assert found.options == ()
    assert all(one.url is None for one in found.items)
    assert [one for one in problems if one.severity is Severity.ERROR] == []


TYPES = st.sampled_from(
    [
        "",
        ", type=int",
        ", type=float",
        ", type=bool",
        ", action='store_true'",
        ", nargs='*'",
        ", action='append'",
    ]
)
HELP = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
DEFAULTS = st.one_of(st.none(), st.integers(), st.floats(), st.booleans(), HELP)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), TYPES, DEFAULTS, HELP),
        max_size=4,
        unique_by=lambda one: one[0],
    ),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_annotations_of_any_script_bring_no_problem_and_change_no_argument(
    arguments: list[tuple[str, str, object, str]], guarded: bool, newline: str
) -> None:
    lines = ["import argparse", "p = argparse.ArgumentParser()"]
    for name, kind, default, told in arguments:
        given_default = (
            ""
            if "store_true" in kind
            else f", default={default!a}".replace("inf", "1e9").replace("nan", "0.0")
        )
        lines.append(f"p.add_argument('--x-{name}'{kind}{given_default}, help={told!a})")
    lines += ['if __name__ == "__main__":', "    p.parse_args()"] if guarded else ["p.parse_args()"]
    tree = {"run.py": newline.join(lines).encode(), "requirements.txt": ""}
    found = plan_setup(source(tree), SetupWish(skeleton="annotations"), MEANS)
    if isinstance(found, CannotEdit):
        # what the reader gives up on is not annotated; that is all that may be in the way
        assert "no way to annotate" in found.why
        return
    compile(found.files["run.py"], "run.py", "exec")
    before, after = found.before.module, found.after.module
    assert before is not None
    assert after is not None
    assert [(p.flags, p.type, p.default, p.required) for p in before.parameters] == [
        (p.flags, p.type, p.default, p.required) for p in after.parameters
    ]
    assert {p.code for p in found.after.problems} <= {p.code for p in found.before.problems}


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(PATHS, min_size=1, max_size=3, unique=True), st.sampled_from(["", "annotations"]))
def test_whatever_scripts_are_called_the_one_that_is_chosen_is_the_one_that_runs(
    paths: list[str], skeleton: Skeleton
) -> None:
    found = plan_setup(source({f"x{path}": SCRIPT for path in paths}), SetupWish(skeleton=skeleton), MEANS)
    assert isinstance(found, Setup)
    assert found.after.module is not None
    assert found.after.module.main == found.entry
    assert found.errors == ()
    assert read(source(found.files), "noise").settings.entry_points == {"main": found.entry}


def test_a_script_that_no_setting_can_name_is_not_taken() -> None:
    made = plan({" a.py": SCRIPT, "b.py": SCRIPT})
    assert made.entry == "b.py"
    assert "without blanks" in refused({" a.py": SCRIPT}).mend
