"""What counts as found, invented, right and unknown; and what a script may do while it is run for its truth."""

from pathlib import Path
from typing import Any

import pytest

from fidelity.compare import Outcome, compare
from fidelity.corpus import Candidate, Package
from fidelity.readers import READERS
from fidelity.truth import Truth, fetch_truths
from parser.source import load_source

SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default="0.5", help="how fast (default: %(default)s)")
parser.add_argument("--names", nargs="+", choices=["a", "b"])
parser.add_argument("--cores", type=int, default=os.cpu_count())
if __name__ == "__main__":
    parser.parse_args()
"""


@pytest.fixture
def truths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one script and gives its truth and its source."""
    monkeypatch.setattr("fidelity.truth.CACHE", tmp_path / "cache")

    def run(text: str) -> tuple[Truth, Any]:
        root = tmp_path / "repository"
        root.mkdir()
        (root / "run.py").write_text(text)
        script = Candidate(Package("mine", "1", root), "run.py", None)
        return fetch_truths([script], 1)[script], load_source(root)

    return run


def read(source: Any, reader: str = "mlreef-bot") -> list[dict[str, Any]]:
    parameters = READERS[reader](source, "run.py").parameters
    assert parameters is not None
    return parameters


def spoiled(outcome: Outcome) -> set[tuple[str, str]]:
    return {(one.parameter, one.field) for one in outcome.wrong}


def test_a_script_that_is_read_right_is_full(truths: Any) -> None:
    truth, source = truths(SCRIPT)
    outcome = compare(truth, read(source))
    assert outcome.score.full == 1
    assert outcome.score.arguments == 3


def test_the_number_of_cores_is_not_scored(truths: Any) -> None:
    truth, _ = truths(SCRIPT)
    assert {one.shown: set(one.unknown) for one in truth.arguments} == {
        "--rate": set(),
        "--names": set(),
        "--cores": {"default"},
    }


def test_a_wrong_field_a_missed_and_an_invented_argument_are_noticed(truths: Any) -> None:
    truth, source = truths(SCRIPT)
    parameters = read(source)
    parameters[0]["default"] = 0.25
    parameters[1]["flags"] = ["--others"]
    outcome = compare(truth, parameters)
    assert spoiled(outcome) == {("--rate", "default")}
    assert (outcome.missed, outcome.invented) == (("--names",), ("--others",))
    assert (outcome.score.full, outcome.score.names, outcome.score.found) == (0, 0, 2)


def test_a_field_declared_unknown_is_neither_right_nor_wrong(truths: Any) -> None:
    truth, source = truths(SCRIPT)
    parameters = read(source)
    parameters[0] |= {"default": None, "unknown": ["default"]}
    outcome = compare(truth, parameters)
    assert outcome.wrong == ()
    assert outcome.score.abstained["default"] == 1
    assert outcome.score.full == 0


def test_an_argument_that_an_absent_package_decides_is_conditional(truths: Any) -> None:
    text = "import absent\n" + SCRIPT.replace(
        "if __name__", "if absent.flag:\n    parser.add_argument('--extra')\nif __name__"
    )
    truth, _ = truths(text)
    assert [one.shown for one in truth.arguments if one.conditional] == ["--extra"]


@pytest.mark.parametrize(
    "harm",
    [
        "import os; os.system('touch {mark}')",
        "import subprocess; subprocess.run(['touch', '{mark}'])",
        "open('{mark}', 'w').write('x')",
        "import pathlib; pathlib.Path('{mark}').write_text('x')",
        "import os; os.close(os.open('{mark}', os.O_CREAT | os.O_WRONLY))",
        "import os; os.fork() or open('{mark}', 'w')",
    ],
)
def test_a_script_writes_nothing_while_its_truth_is_sought(truths: Any, tmp_path: Path, harm: str) -> None:
    mark = tmp_path / "mark"
    truths(harm.format(mark=mark) + "\n" + SCRIPT)
    assert not mark.exists()


def test_a_script_that_never_ends_is_ended(truths: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fidelity.truth.SECONDS", 1)
    truth, _ = truths("while True: pass\n")
    assert truth.arguments == ()
    assert "1 s" in truth.why


@pytest.mark.parametrize("reader", list(READERS))
def test_every_reader_tells_what_a_plain_script_accepts(truths: Any, reader: str) -> None:
    truth, source = truths(SCRIPT)
    outcome = compare(truth, read(source, reader))
    assert outcome.missed == outcome.invented == ()


def test_the_corpus_is_pinned() -> None:
    from fidelity.corpus import pinned

    everything = pinned(subset=False)
    assert len(everything) >= 60
    assert all(one.count("==") == 1 for one in everything)
    assert set(pinned(subset=True)) < set(everything)
