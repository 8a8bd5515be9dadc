"""The smoke job's questions, asked of real scripts."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.ci.smoke_folder import write_smoke
from bot.ci.trial_plan import plan_document
from bot.domain.failure_words import read_cause
from parser.model import EntryPoint, Kind, Module, Parameter, Place
from parser.read import read
from parser.source import load_source

HEAD = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--input-path"); p.add_argument("--output-path")
"""
TAIL = """
if __name__ == "__main__":
    p.parse_args()
    open("BODY", "w").close()
"""


def plan_of(folder: Path, script: str) -> dict[str, Any]:
    (folder / "main.py").write_text(script)
    (folder / "requirements.txt").write_text("")
    module = read(load_source(folder), "test").module
    assert module is not None
    return plan_document(module)


def ask(
    folder: Path, plan: dict[str, Any], seconds: float = 20, python: str = sys.executable
) -> tuple[int, str]:
    """Runs the probe as the smoke job does, with the script in `folder` instead of the image."""
    command = [python, str(folder / "main.py")]
    here = {"command": command, "script": command, "directory": str(folder), "seconds": seconds}
    return run_smoke(folder, {**plan, **here})


def run_smoke(folder: Path, plan: dict[str, Any]) -> tuple[int, str]:
    """Runs the plan as the smoke job does, in a folder below `folder`; exit code and log."""
    job = folder / "job"
    job.mkdir(exist_ok=True)
    shutil.rmtree(job / "smoke", ignore_errors=True)
    write_smoke(job, plan)
    done = subprocess.run(
        [sys.executable, "-I", str(job / "smoke")],
        capture_output=True,
        check=False,
        cwd=job,
        env={**os.environ, "CI_JOB_TOKEN": "secret-job-token"},
        timeout=100,
    )
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


def try_script(folder: Path, options: str, tail: str = TAIL) -> tuple[int, str]:
    script = HEAD + options + tail
    result = ask(folder, plan_of(folder, script))
    assert not (folder / "BODY").exists()
    return result


def test_the_test_of_a_candidate_is_code_that_python_3_8_understands() -> None:
    parts = [part for part in files("bot.ci.candidate").iterdir() if part.name.endswith(".py")]
    assert len(parts) > 4
    for part in parts:
        ast.parse(part.read_text(), feature_version=(3, 8))


def test_a_script_that_accepts_its_parameters_passes_with_a_line_for_each(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        HEAD
        + 'p.add_argument("--n", type=int, default=3)\np.add_argument("--v", action="store_true")'
        + TAIL,
    )
    code, log = ask(tmp_path, plan)
    assert code == 0, log
    assert [
        name for name in ("--help", "input-path", "output-path", "n", "v") if f"  ok {name}\n" in log
    ] == [*("--help", "input-path", "output-path", "n", "v")]


def test_every_kind_of_option_that_argparse_knows_passes(tmp_path: Path) -> None:
    code, log = try_script(
        tmp_path,
        """
import pathlib
p.add_argument("image"); p.add_argument("more", nargs="*")
p.add_argument("--choice", choices=["-a", "b"]); p.add_argument("--numbers", type=int, nargs=3)
p.add_argument("--level", type=int, choices=[7, 8]); p.add_argument("--rate", type=float, choices=[0.25])
p.add_argument("--some", nargs="+", type=float); p.add_argument("--maybe", nargs="?")
p.add_argument("--many", action="append"); p.add_argument("--ext", action="extend", nargs="+")
p.add_argument("--on", action=argparse.BooleanOptionalAction); p.add_argument("-q", action="count")
p.add_argument("--const", action="store_const", const=4); p.add_argument("--no", action="store_false")
p.add_argument("--path", type=pathlib.Path, default="x"); p.add_argument("--version", action="version", version="1")
p.add_argument("-s"); p.add_argument("--negative", type=int, default=-4)
""",
    )
    assert code == 0, log
    assert "  no " not in log


CLICK = """
import click
@click.command()
@click.option("--input-path", required=True)
@click.option("--output-path", required=True)
@click.option("--size", type=int, default=1)
@click.option("--fast/--slow")
@click.option("--hidden", hidden=True)
@click.argument("names", nargs=-1)
def main(**kw):
    open("BODY", "w").close()
if __name__ == "__main__":
    main()
"""
ABSL = """
from absl import app, flags
flags.DEFINE_string("input-path", None, "in", required=True)
flags.DEFINE_string("output-path", None, "out", required=True)
flags.DEFINE_integer("size", 1, "size", lower_bound=1)
flags.DEFINE_bool("fast", False, "fast", short_name="b")
flags.DEFINE_enum("mode", "a", ["a", "b"], "mode")
flags.DEFINE_list("names", "x,y", "names")
def main(argv):
    open("BODY", "w").close()
if __name__ == "__main__":
    app.run(main)
"""


def test_a_click_script_is_asked_without_running_its_body(tmp_path: Path) -> None:
    code, said = ask(tmp_path, plan_of(tmp_path, CLICK))
    assert code == 0, said
    assert all(f"ok {name}" in said for name in ("input-path", "size", "fast", "hidden", "names"))
    assert not (tmp_path / "BODY").exists()


def test_an_absl_script_is_asked_without_running_its_body(tmp_path: Path) -> None:
    code, said = ask(tmp_path, plan_of(tmp_path, ABSL))
    assert code == 0, said
    assert all(f"ok {name}" in said for name in ("input-path", "size", "fast", "mode", "names"))
    assert not (tmp_path / "BODY").exists()


def test_an_option_that_a_click_script_does_not_have_is_named(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, CLICK)
    (tmp_path / "main.py").write_text(CLICK.replace("--size", "--length"))
    code, said = ask(tmp_path, plan)
    assert code == 1
    assert "no size" in said


def test_a_flag_that_an_absl_script_does_not_have_or_refuses_is_named(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, ABSL)
    (tmp_path / "main.py").write_text(ABSL.replace('"size"', '"length"').replace("lower_bound=1", ""))
    code, said = ask(tmp_path, plan)
    assert code == 1
    assert "no size: the script does not know it" in said
    (tmp_path / "main.py").write_text(
        ABSL.replace("lower_bound=1", "lower_bound=5").replace('", 1,', '", 7,')
    )
    code, said = ask(tmp_path, plan)
    assert code == 1
    assert "no size" in said


def test_an_absl_script_that_crashes_is_not_mistaken_for_one_that_helps(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, ABSL)
    (tmp_path / "main.py").write_text("import absent\n" + ABSL)
    assert ask(tmp_path, plan)[0] == 1


def test_subcommands_are_tried_each(tmp_path: Path) -> None:
    code, log = try_script(
        tmp_path,
        """
s = p.add_subparsers(dest="what", required=True)
t = s.add_parser("train"); t.add_argument("--epochs", type=int); t.add_argument("data")
e = s.add_parser("eval"); e.add_argument("--epochs", choices=["all"])
""",
    )
    assert code == 0, log


def test_options_that_exclude_each_other_are_tried_alone(tmp_path: Path) -> None:
    code, log = try_script(
        tmp_path,
        'g = p.add_mutually_exclusive_group()\ng.add_argument("--a", type=int)\ng.add_argument("--b")\n',
    )
    assert code == 0, log


def test_a_parameter_that_the_script_does_not_have_is_named(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + 'p.add_argument("--mode")' + TAIL)
    (tmp_path / "main.py").write_text(HEAD + TAIL)
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "  no mode: the script does not know it" in log
    assert read_cause(log.encode()) == (
        "the script does not accept what was read from it: mode. "
        "The script has other parameters in the image than in its source: --mode."
    )
    assert "  ok input-path" in log


def test_a_flag_that_the_script_does_not_have_is_named(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + 'p.add_argument("--fast", action="store_true")' + TAIL)
    (tmp_path / "main.py").write_text(HEAD + 'p.add_argument("--faster", action="store_true")' + TAIL)
    code, log = ask(tmp_path, plan)
    # argparse takes --fast for short of --faster; its parser knows better
    assert code == 1
    assert "  ok fast\n" in log
    assert "  no --fast: main.py:5 is not in the parser" in log
    (tmp_path / "main.py").write_text(HEAD + 'p.add_argument("--slow", action="store_true")' + TAIL)
    assert ask(tmp_path, plan)[0] == 1


def test_an_option_that_the_help_hides_is_known_all_the_same(tmp_path: Path) -> None:
    options = 'p.add_argument("--a", help=argparse.SUPPRESS)\n'
    options += 'p.add_argument("--b", action="store_true", help=argparse.SUPPRESS)\n'
    code, log = try_script(tmp_path, options)
    assert code == 0, log


def test_another_type_and_other_choices_are_told(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + 'p.add_argument("--a")\np.add_argument("--b", choices=["x"])' + TAIL)
    (tmp_path / "main.py").write_text(
        HEAD + 'p.add_argument("--a", type=int)\np.add_argument("--b", choices=["y"])' + TAIL
    )
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "does not accept what was read from it: a, b." in log


def test_a_type_of_the_scripts_own_is_asked_and_not_insisted_on(tmp_path: Path) -> None:
    options = """
def even(text):
    if int(text) % 2:
        raise argparse.ArgumentTypeError("odd")
    return int(text)
p.add_argument("--own", type=even, default=3); p.add_argument("--unsaid", type=even)
"""
    code, log = try_script(tmp_path, options)
    assert code == 0, log
    assert "  ?  own: it ended with exit code 2" in log
    assert "  ?  unsaid: not tried" in log


def test_a_script_that_crashes_fails_with_its_last_lines(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + TAIL)
    (tmp_path / "main.py").write_text("print('\\x1b[31mred')\nimport nothing_of_this_name\n")
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "no --help: it ended with exit code 1" in log
    cause = read_cause(log.encode())
    assert cause is not None
    assert cause.startswith("the script does not even print its help, it ended with exit code 1.")
    assert "No module named 'nothing_of_this_name'" in cause
    assert "\x1b" not in log


def test_a_script_that_is_killed_says_by_what(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + TAIL)
    (tmp_path / "main.py").write_text("import os\nos.kill(os.getpid(), 11)\n")
    code, log = ask(tmp_path, plan)
    assert code == 1
    assert "ended by SIGSEGV" in log


def test_a_script_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + TAIL)
    (tmp_path / "main.py").write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid))\ntime.sleep(60)\n"
    )
    began = time.monotonic()
    code, log = ask(tmp_path, plan, seconds=1)
    assert code == 1
    assert "did not end within 1 seconds" in log
    assert time.monotonic() - began < 15
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_script_that_never_stops_printing_fills_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + TAIL)
    (tmp_path / "main.py").write_text("import sys\nwhile True: sys.stdout.write('x' * 1000000)\n")
    code, log = ask(tmp_path, plan, seconds=1)
    assert code == 1
    assert len(log) < 20_000


def test_a_script_is_not_given_the_jobs_token(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, HEAD + TAIL)
    (tmp_path / "main.py").write_text("import os, sys\nprint(sorted(os.environ))\nsys.exit(1)\n")
    _, log = ask(tmp_path, plan)
    assert "PATH" in log
    assert "CI_JOB_TOKEN" not in log


def test_a_stopped_pipeline_has_nothing_to_try(tmp_path: Path) -> None:
    code, log = ask(tmp_path, {"verdict": "stop"})
    assert code == 0
    assert "no new image" in log


def test_a_parameter_that_is_not_always_there_is_not_insisted_on(tmp_path: Path) -> None:
    options = 'import sys\nif len(sys.argv) > 99:\n    p.add_argument("--rare", type=int)\n'
    code, log = try_script(tmp_path, options)
    assert code == 0, log
    assert "  ?  rare: not tried" in log


texts = st.text(max_size=12)


@given(
    st.lists(
        st.builds(
            Parameter,
            name=texts,
            flags=st.sampled_from([(), ("-x",), ("--long", "-l")]),
            dest=texts,
            type=st.none() | st.sampled_from(["str", "int", "float", "bool", "even", "Path"]),
            default=st.none() | st.booleans() | st.integers() | texts,
            required=st.none() | st.booleans(),
            choices=st.none() | st.lists(st.none() | st.integers() | texts, max_size=3).map(tuple),
            nargs=st.none() | st.sampled_from(["?", "*", "+", "...", "A..."]) | st.integers(-1, 200),
            action=st.none()
            | st.sampled_from(["store", "append", "count", "help", "version", "Own", "store_true"]),
            help=st.none(),
            place=st.just(Place("main.py")),
            subcommand=st.sampled_from([(), ("train",), ("train", "deep")]),
            unknown=st.lists(st.sampled_from(["type", "choices", "nargs", "action"]), max_size=2).map(tuple),
        ),
        max_size=6,
    )
)
def test_every_parameter_is_either_tried_or_said_to_be_left_out(parameters: list[Parameter]) -> None:
    module = Module(
        "x",
        "x",
        Kind.OPERATION,
        "ANY",
        "ANY",
        None,
        None,
        None,
        (EntryPoint("main", "main.py"),),
        tuple(parameters),
        None,
    )
    plan = plan_document(module)
    told = [probe["name"] for group in plan["groups"] for probe in group["probes"]] + [
        each["name"] for each in plan["skipped"]
    ]
    assert sorted(told) == sorted(parameter.name for parameter in parameters)
    assert json.loads(json.dumps(plan))["groups"][0]["prefix"] == []
