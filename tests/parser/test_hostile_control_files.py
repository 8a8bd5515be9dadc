"""Control files and parameters files made to break their reader: nothing of them runs, and all end quickly."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repositories import HEAD, PATHS, TAIL, codes, report

from parser.model import Report

SECONDS = 2.0
RUNS = "def train(inpt, params=None): pass\ndef run_pipeline(input, model, args, params=None): pass\n"
OWN = {"input-path", "output-path"}
HUGE = "0x" + "f" * 5_000

BODIES = {
    "a range without end": 'return {"a": ("choice", {"choices": range(10**30)})}',
    "a number that cannot be written, to choose": f'return {{"a": ("choice", {{"choices": [{HUGE}]}})}}',
    "a number that cannot be written, within": f'return {{"a": ("choice", {{"choices": [[({HUGE},)]]}})}}',
    "a number that cannot be written, as a name": f'return {{{HUGE}: "integer"}}',
    "a number that cannot be written, as a default": f'return {{"a": ("integer", {{"default": {HUGE}}})}}',
    "a number that cannot be computed": 'return {"a": ("integer", {"default": 10**10**10})}',
    "a text that cannot be held": 'x = "a"\nfor i in range(100): x = x + x\nreturn {"a": ("string", {"default": x})}',
    "a tuple of a million million, as a name": 'x = (1,)\nfor i in range(40): x = (x, x)\nreturn {x: "integer"}',
    "a tuple of a million million, in a set": "x = (1,)\nfor i in range(40): x = (x, x)\nreturn {x}",
    "a tuple of a million million": "x = (1,)\nfor i in range(40): x = (x, x)\nreturn x",
    "a tuple of a million million, everywhere": "x = (1,)\nfor i in range(40): x = (x, x)\nreturn {"
    '"a": ("integer", {"default": x}), "b": ("choice", {"choices": [x]}), "c": ("string", {"help": x, "default": x}),'
    '"d": (x, {}), "e": ("x", x), "f": x, "g": ("choice", {"choices": ["a"], "default": x})}',
    "a list that holds itself": 'x = []\nx.append(x)\nreturn {"a": ("choice", {"choices": x}), "b": x}',
    "a dictionary that holds itself": 'x = {}\nx["a"] = ("string", x)\nx["default"] = x\nreturn x',
    "a million names": 'return {f"a{i}": "integer" for i in range(10**9)}',
    "twenty thousand types that there are not": "return {"
    + ", ".join(f'"a{number}": "x"' for number in range(20_000))
    + "}",
    "itself": "return get_params(run)",
    "itself, for the other command": 'return {"a": get_params(not run)}',
    "names that are none": 'return {"": "string", "\\0": "string", None: 1, b"a": 2, (1,): 3, "--": "string"}',
    "half a character": 'return {"a\\ud800": ("string", {"default": "\\ud800", "help": "\\ud800"})}',
    "a class that equals all": "class A(str):\n    def __eq__(self, other): return True\n"
    "    def __hash__(self): return 1\n"
    'return {A("x"): (A("y"), A("z"))}',
}


@pytest.fixture(autouse=True)
def only_the_reader_is_measured() -> Iterator[None]:
    """What other tests have left is not looked through for garbage while a reading is timed."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def control(body: str) -> str:
    """A control file with that `get_params`."""
    return RUNS + "def get_params(run=True):\n" + "".join(f"    {line}\n" for line in body.split("\n"))


def in_time(files: dict[str, str]) -> Report:
    """What is read of a repository, with words that every message could be shown by."""
    began = time.process_time()
    found = report(files)
    assert time.process_time() - began < SECONDS
    assert all(len(one.message) < 1_000 and one.message.isprintable() for one in found.problems)
    return found


@pytest.mark.parametrize("name", BODIES)
def test_what_cannot_be_parameters_is_told_and_the_commands_keep_their_own(name: str) -> None:
    found = in_time({"control.py": control(BODIES[name])})
    assert found.module is not None
    assert {one.name for one in found.module.parameters} >= OWN
    assert set(codes(found)) & {"control-parameter-refused", "control-parameters-unknown", "value-not-static"}


def test_nothing_of_a_control_file_runs(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    act = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    script = f"{act}\n@({act})\n" + control(f"{act}\nreturn {{'a': ('string', {{'default': {act}}})}}")
    assert in_time({"control.py": script, "helper.py": f"{act}\n"}).module is not None
    assert not mark.exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"control.py": "import mlopenapp\n" + "def train(a, b, c): pass\n" * 20_000}, "control-file-signature"),
        ({"control.py": RUNS.replace("inpt", ", ".join(f"a{n}" for n in range(20_000)))}, "control-file-signature"),
        ({"control.py": RUNS + "x = " + "(" * 5_000 + ")" * 5_000}, "file-too-complex"),
        ({f"c{number}.py": RUNS for number in range(5_000)}, "several-entry-points"),
    ],
)  # fmt: skip
def test_too_much_of_anything_is_one_problem(files: dict[str, str], said: str) -> None:
    assert said in codes(in_time(files))


PIECES = st.sampled_from(
    [
        *('"a"', '"b"', '"integer"', '"choice"', '"bool"', '{"default": ', '{"choices": ', "[", "]", "(", ")"),
        *("}", ", ", "1", "-1", "None", "x", "run", "lambda: ", "*", "**", "range(9)", " if ", " else "),
        *(" for x in ", "'\\ud800'"),
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25))
@settings(max_examples=150, deadline=None)
def test_no_pile_of_words_in_get_params_makes_the_reader_raise(pieces: list[str]) -> None:
    found = report({"control.py": control("return {" + "".join(pieces) + "}")})
    assert found.module is not None or found.problems


def described(*blocks: str) -> dict[str, str]:
    """Two scripts, and a file with annotations for them."""
    script = HEAD + PATHS + TAIL
    settings_text = "entry_points: {train: train.py, infer: infer.py}\nparameters_file: parameters.py\n"
    text = "from mlreef.annotations import *\n" + "\n".join(blocks)
    return {"train.py": script, "infer.py": script, ".mlreef.yaml": settings_text, "parameters.py": text}


DEEP = "x = (1,)\nfor i in range(40): x = (x, x)\n"
OF_TRAIN = '@data_processor(name="x", command="train")\n'
END = "def f(): pass"


@pytest.mark.parametrize(
    "blocks",
    [
        [OF_TRAIN + END] * 5_000,
        ['@data_processor(name="x")\n' * 3_000 + END],
        ['@data_processor(name="x", command="' + "train " * 100_000 + '")\n' + END],
        [f"{DEEP}@data_processor(name=x, command=x, type=x)\n{END}"],
        [f"@data_processor(name={HUGE}, command={HUGE}, type={HUGE}, input_type={HUGE})\n{END}"],
        [OF_TRAIN + '@parameter(name="a", type="int", default=1)\n' * 5_000 + END],
        [f"{DEEP}{OF_TRAIN}@parameter(name=x, type=x, default=x, required=x)\n{END}"],
        [f"{OF_TRAIN}@parameter(name={HUGE}, type={HUGE}, default={HUGE})\n{END}"],
        [f"data_processor = lambda *a, **b: data_processor(*a, **b)\n{OF_TRAIN}{END}"],
        [
            '@data_processor(name="\\u202e\\ud800\\0", command="../x", description="'
            + "x" * 1_000_000
            + f'")\n{END}'
        ],
        ["@data_processor(**{'command': 'train', 'name': []})\nclass F: pass"],
        [f"@data_processor(*[1] * 10**9)\n{END}"],
    ],
)
def test_a_parameters_file_is_read_in_time_or_told(blocks: list[str]) -> None:
    assert in_time(described(*blocks)).problems


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../parameters.py", "parameters.py\0", "\u202e.py", "a" * 100_000, "train.py", "."],
)
def test_a_parameters_file_that_is_none_of_the_repository_is_told(path: str) -> None:
    files = described('@data_processor(name="x", command="train")\ndef f(): pass')
    files[".mlreef.yaml"] = f"entry_points: {{train: train.py, infer: infer.py}}\nparameters_file: {path!r}\n"
    assert in_time(files).problems
