"""Scripts without argparse: click's and absl's parameters as the libraries hold them, the others told exactly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import STAND_INS, codes, report

from parser.model import Severity
from parser.read import read
from parser.source import load_source
from parser.wire import report_to_dict

SCRIPTS = Path(__file__).parent.parent / "scripts"
TRUTH = Path(__file__).with_name("command_line_truth.py")
CLICK_TYPES = {
    "text": "str",
    "integer": "int",
    "float": "float",
    "boolean": "bool",
    "choice": "str",
    "path": "Path",
    "integer range": "int",
    "float range": "float",
    "filename": "File",
    "datetime": "datetime",
    "<text integer>": "tuple",
    "<float float>": "float",
    "even": "Even",
    "positive": "positive",
}
ABSL_TYPES = {
    "string": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "string enum": "str",
    "enum class": "str",
    "comma separated list of strings": "list",
    "whitespace separated list of strings": "list",
}


def truth(kind: str, script: Path) -> list[dict]:
    """What the library holds when the script runs."""
    words = [sys.executable, TRUTH, kind, script]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def described(script: Path) -> list[dict]:
    """The parameters that are read from the script."""
    found = read(load_source(script.parent), "a project", entry_point=script.name)
    return json.loads(json.dumps(report_to_dict(found)))["parameters"]


@pytest.mark.parametrize("script", sorted((SCRIPTS / "click").glob("*.py")), ids=lambda file: file.stem)
def test_click_itself_holds_the_same_when_the_script_runs(script: Path) -> None:
    held, found = truth("click", script), described(script)
    assert [(one["dest"], one["subcommand"]) for one in found] == [
        (one["dest"], one["subcommand"]) for one in held
    ]
    for mine, theirs in zip(found, held, strict=True):
        repeats = mine["action"] == "append"
        values = {None: 1, "?": 1, "*": -1, "+": -1, 0: 1}.get(mine["nargs"], mine["nargs"])
        flag = mine["action"] in (
            "store_true",
            "store_false",
            "store_const",
            "BooleanOptionalAction",
            "count",
        )
        said = {
            **{
                field: mine[field]
                for field in ("flags", "dest", "type", "default", "required", "choices", "help")
            },
            "values": values,
            "flag": flag or mine["action"] == "version",
            "repeated": repeats,
        }
        wanted = {**theirs, "type": CLICK_TYPES[theirs["type"]]}
        del wanted["subcommand"]
        for field in mine["unknown"]:
            del said[field], wanted[field]
        assert said == wanted


@pytest.mark.parametrize("script", [SCRIPTS / "absl" / "plain.py"], ids=lambda file: file.stem)
def test_absl_itself_holds_the_same_when_the_script_runs(script: Path) -> None:
    held, found = truth("absl", script), described(script)
    assert [one["flags"] for one in found] == [one["flags"] for one in held]
    for mine, theirs in zip(found, held, strict=True):
        said = {
            **{field: mine[field] for field in ("flags", "dest", "type", "default", "choices")},
            "flag": mine["nargs"] == 0,
            "repeated": mine["action"] == "append",
        }
        wanted = {**theirs, "type": ABSL_TYPES[theirs["type"].removeprefix("multi ")]}
        for field in mine["unknown"]:
            del said[field], wanted[field]
        assert said == wanted


def click_script(decorators: str, more: str = "") -> str:
    """A script with one click command that has both paths, and these decorators."""
    return (
        f"import click\n{more}\n@click.command()\n@click.option('--input-path', required=True)\n"
        f"@click.option('--output-path', required=True)\n{decorators}\ndef main(**kw): pass\n"
        "if __name__ == '__main__':\n    main()\n"
    )


def absl_script(flags: str, run: str = "app.run(main)") -> str:
    """A script with both paths as absl flags, and these lines."""
    return (
        "from absl import app, flags\nflags.DEFINE_string('input-path', None, 'i')\n"
        f"flags.DEFINE_string('output-path', None, 'o')\n{flags}\ndef main(argv): pass\n"
        f"if __name__ == '__main__':\n    {run}\n"
    )


def test_a_click_script_is_a_module() -> None:
    script = click_script("@click.option('--size', default=1)")
    found = report({"run.py": script, "requirements.txt": "click==8.1\n"})
    assert not found.refused
    assert codes(found) == ["framework-read", "module-defaults"]
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path", "size"]


def test_an_absl_script_is_a_module() -> None:
    found = report({"run.py": absl_script(""), "requirements.txt": "absl-py==2.1\n"})
    assert not found.refused
    assert codes(found) == ["framework-read", "module-defaults"]


def test_flags_that_tensorflow_hands_on_are_absls() -> None:
    script = absl_script("").replace(
        "from absl import app, flags", "import tensorflow as tf\nflags = tf.app.flags"
    )
    found = report({"run.py": script.replace("app.run", "tf.compat.v1.app.run")})
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path"]


def test_annotations_are_merged_with_a_click_command() -> None:
    script = STAND_INS + click_script("@click.option('--size', default=1)").replace(
        "def main", "@data_processor(name='n', type='OPERATION')\n@parameter('size', 'STRING')\ndef main"
    )
    assert "type-differs" in codes(report({"run.py": script}))


@pytest.mark.parametrize(
    ("decorators", "code"),
    [
        ("@click.option('--a', type=click.IntRange(0, 5), default=7)", "default-out-of-range"),
        ("@click.option('--a', type=click.Choice(['x']), default='y')", "default-not-in-choices"),
        ("@click.option('--a', type=int, default='many')", "default-not-convertible"),
        ("@click.option('--a', prompt=True)", "asks-for-input"),
        ("@click.option('a')", "flag-refused"),
        ("@click.option('--a/--a')", "flag-refused"),
        ("@click.option('--a', nargs=-1)", "flag-refused"),
        ("@click.option('--a', count=True, multiple=True)", "flag-refused"),
        ("@click.argument('a', 'b')", "flag-refused"),
        ("@click.option(absent.NAME)", "argument-not-followed"),
        ("@absent.options", "parser-escapes"),
        ("@click.option('--' + 'x' * 301)", "argument-unusable"),
    ],
)
def test_what_click_refuses_or_cannot_be_known_is_told(decorators: str, code: str) -> None:
    assert code in codes(report({"run.py": click_script(decorators, "import absent")}))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("flags.DEFINE_integer('a', 'many', '')", "not int"),
        ("flags.DEFINE_integer('a', 0, '', lower_bound=1)", "bounds"),
        ("flags.DEFINE_enum('a', 'z', ['x'], '')", "none of x"),
        ("flags.DEFINE_string('a', None, '')\nflags.DEFINE_string('a', None, '')", "defined twice"),
        ("flags.DEFINE_bool('verbosity', False, '')", "itself"),
        ("flags.DEFINE_bool('a', False, '', short_name='v')", "itself"),
        ("flags.DEFINE_string('a', 'x', '', required=True)", "no default"),
        ("flags.DEFINE_bool('a', 'perhaps', '')", "neither"),
        ("flags.DEFINE_string('a', 3, '')", "not text"),
        ("flags.DEFINE_string('a b', None, '')", "space"),
    ],
)
def test_what_absl_refuses_is_told(lines: str, why: str) -> None:
    found = report({"run.py": absl_script(lines)})
    assert [one.message for one in found.problems if one.code == "flag-refused" and why in one.message]
    assert found.refused


def test_a_flag_under_a_condition_not_known_is_conditional() -> None:
    found = report(
        {"run.py": absl_script("import os\nif os.environ.get('A'):\n    flags.DEFINE_bool('a', False, '')")}
    )
    assert [one.condition for one in found.module.parameters][-1] == "os.environ.get('A')"


def test_a_configuration_flag_is_said_to_hold_more() -> None:
    lines = "from ml_collections import config_flags\nconfig_flags.DEFINE_config_file('config')"
    found = report({"run.py": absl_script(lines)})
    assert "argument-not-followed" in codes(found)
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path", "config"]


def test_a_command_that_is_never_called_is_told() -> None:
    script = click_script("").partition("if __name__")[0]
    assert "command-not-run" in codes(report({"run.py": script}, entry_point="run.py"))
    script = absl_script("", run="pass")
    assert "command-not-run" in codes(report({"run.py": script}, entry_point="run.py"))


def test_two_commands_of_which_none_is_called_are_named() -> None:
    script = "import click\n@click.command()\ndef a(): pass\n@click.command()\ndef b(): pass\n"
    found = report({"run.py": script}, entry_point="run.py")
    assert "several-commands" in codes(found)
    assert "a, b" in next(one.message for one in found.problems if one.code == "several-commands")


def test_a_command_of_another_module_is_followed() -> None:
    files = {
        "run.py": "from tool.cli import start\nif __name__ == '__main__':\n    start()\n",
        "tool/__init__.py": "",
        "tool/cli.py": click_script("@click.option('--size', default=1)").replace("def main", "def start"),
    }
    found = report(files, entry_point="run.py")
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path", "size"]


@pytest.mark.parametrize(
    "decorator",
    ["@here.computed()", "@click.command(cls=Own)", "@unknown_name", "@here.many(absent.NAMES)"],
)
def test_options_that_a_decorator_may_add_unseen_are_told(decorator: str) -> None:
    here = (
        "import absent, click\ndef computed():\n    return absent.decorators()\n"
        "def many(names):\n    def add(f):\n        for name in names:\n            f = click.option(name)(f)\n"
        "        return f\n    return add\n"
    )
    script = click_script("", "import absent, here\nclass Own(click.Command): pass")
    if "command" in decorator:
        script = script.replace("@click.command()", decorator)
    else:
        script = script.replace("def main", f"{decorator}\ndef main")
    found = report({"run.py": script, "here.py": here})
    assert {"argument-not-followed", "parser-escapes"} & set(codes(found))


def test_a_wrapper_that_takes_over_what_was_declared_loses_nothing() -> None:
    more = (
        "import functools\ndef timed(f):\n    def inner(*a, **k): return f(*a, **k)\n"
        "    return functools.update_wrapper(inner, f)\n"
    )
    script = click_script("@timed\n@click.option('--size', default=1)", more)
    found = report({"run.py": script})
    assert [one.name for one in found.module.parameters] == ["input-path", "output-path", "size"]
    assert "argument-not-followed" not in codes(found)


def test_what_runs_first_is_told_rather_than_what_a_function_might_do() -> None:
    script = (
        "import fire\nfrom transformers import HfArgumentParser\ndef main(path, size=3):\n"
        "    HfArgumentParser(absent)\nif __name__ == '__main__':\n    fire.Fire(main)\n"
    )
    told = report({"run.py": script}, entry_point="run.py").problems
    assert [one.message for one in told if "fire" in one.message]


FOREIGN = {
    "typer": "import typer\napp = typer.Typer()\n@app.command()\ndef main(path: str, size: int = 3): pass\napp()\n",
    "fire": "import fire\ndef main(input_path, size=3): pass\nfire.Fire(main)\n",
    "Hydra": "import hydra\n@hydra.main(config_path='c')\ndef main(cfg): pass\nmain()\n",
    "tyro": "import tyro\nfrom dataclasses import dataclass\n@dataclass\nclass C:\n    size: int = 3\ntyro.cli(C)\n",
    "docopt": "from docopt import docopt\nargs = docopt(__doc__)\n",
    "optparse": "from optparse import OptionParser\np = OptionParser()\np.add_option('--a')\np.parse_args()\n",
    "getopt": "import getopt, sys\ngetopt.getopt(sys.argv[1:], 'a')\n",
    "jsonargparse": "from jsonargparse import CLI\ndef main(size: int = 3): pass\nCLI(main)\n",
    "simple-parsing": "import simple_parsing\np = simple_parsing.ArgumentParser()\n",
    "ConfigArgParse": "import configargparse\np = configargparse.ArgParser()\n",
    "typed-argument-parser": "from tap import Tap\nclass A(Tap):\n    size: int = 3\nA().parse_args()\n",
    "pyrallis": "import pyrallis\ncfg = pyrallis.parse(config_class=object)\n",
    "plac": "import plac\ndef main(size: int = 3): pass\nplac.call(main)\n",
    "cyclopts": "import cyclopts\napp = cyclopts.App()\n@app.default\ndef main(size: int = 3): pass\napp()\n",
    "OmegaConf": "from omegaconf import OmegaConf\nc = OmegaConf.from_cli()\n",
    "sys.argv": "import sys\nprint(len(sys.argv))\npath = sys.argv[1]\n",
}


@pytest.mark.parametrize("framework", FOREIGN)
def test_another_framework_is_told_by_its_name_with_what_to_do(framework: str) -> None:
    found = report({"run.py": FOREIGN[framework]}, entry_point="run.py")
    (told,) = [one for one in found.problems if one.code == "other-framework"]
    assert framework in told.message
    assert told.severity is Severity.ERROR
    assert "no-argparse" not in codes(found)
    if framework in ("typer", "fire", "tyro", "jsonargparse", "plac", "cyclopts", "typed-argument-parser"):
        assert "--size" in told.hint or framework == "jsonargparse"
    assert told.place.line > 1 or framework == "docopt"


def test_click_for_its_colours_only_is_no_framework() -> None:
    found = report({"run.py": "import click\nclick.echo('x')\n"}, entry_point="run.py")
    assert "no-argparse" in codes(found)


def test_a_script_that_takes_all_steps_still_ends_in_a_report() -> None:
    body = "import click\nfor i in range(10000):\n    for j in range(10000):\n        click.option('--x')\n"
    found = report(
        {"run.py": body + "@click.command()\ndef main(a=len('x' * 3)): pass\nmain()\n"}, entry_point="run.py"
    )
    assert found.refused
    assert "file-unfollowed" in codes(found)
