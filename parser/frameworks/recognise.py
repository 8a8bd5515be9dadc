"""Recognises scripts that read their command line with something else than argparse, and says what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from parser.frameworks.names import dotted_name, imported_names
from parser.frameworks.signatures import as_arguments
from parser.model import Problem
from parser.problems import problem
from parser.script import Script, nodes_of

_GENERAL = (
    "Read the parameters with argparse instead: make an `argparse.ArgumentParser()`, add each parameter with"
    " `add_argument`, call `parse_args()` and pass the values on."
)
_SIGNATURE = (
    "Read the parameters with argparse and call the function with them: `main(**vars(parser.parse_args()))`."
)
_FIELDS = (
    "Read the parameters with argparse and make the object from them: `Config(**vars(parser.parse_args()))`."
)


@dataclass(frozen=True, slots=True)
class Framework:
    """One way to read a command line: its name, how its use looks, and what an author can do.

    `signs` are dotted names that are called, decorate or are inherited from. `readable`: its parameters are read.
    """

    name: str
    signs: tuple[str, ...]
    mend: str = _GENERAL
    readable: bool = False


_ABSL_ROOTS = (
    "absl",
    "tensorflow.app",
    "tensorflow",
    "tensorflow.compat.v1",
    "tensorflow.compat.v1.app",
)
FLAG_ROOTS = (*(f"{root}.flags" for root in _ABSL_ROOTS), "gflags")
"""Modules that are absl's flags, under their own name or another."""

APP_RUNS = ("absl.app.run", "tensorflow.app.run", "tensorflow.compat.v1.app.run")

FRAMEWORKS: tuple[Framework, ...] = (
    Framework(
        "click",
        tuple(
            f"{root}.{name}"
            for root in ("click", "rich_click", "asyncclick", "cloup")
            for name in ("command", "group", "Command", "Group", "option", "argument")
        ),
        "Give the script one command, decorated with `@click.command()` and `@click.option(…)`, in this repository,"
        ' and call it under `if __name__ == "__main__":`; or read the parameters with argparse.',
        readable=True,
    ),
    Framework("typer", ("typer.Typer", "typer.run"), _SIGNATURE),
    Framework(
        "absl",
        (*APP_RUNS, *(f"{root}.DEFINE_{kind}" for root in FLAG_ROOTS for kind in ("string", "integer"))),
        "Define the flags with `flags.DEFINE_…` in this repository and run the script with `app.run(main)`;"
        " or read the parameters with argparse.",
        readable=True,
    ),
    Framework("fire", ("fire.Fire",), _SIGNATURE),
    Framework(
        "Hydra",
        ("hydra.main", "hydra.initialize", "hydra.compose", "hydra.initialize_config_dir", "hydra_zen.zen"),
        "Hydra takes its parameters from configuration files as `key=value` words, not as `--key value`."
        " Write a small script that reads the parameters with argparse and hands them to Hydra's"
        " `compose(config_name, overrides=[…])`.",
    ),
    Framework(
        "tyro", ("tyro.cli", "tyro.extras.subcommand_cli_from_dict", "tyro.extras.SubcommandApp"), _FIELDS
    ),
    Framework(
        "docopt",
        ("docopt.docopt",),
        "docopt reads its parameters from the text of a docstring. Write each of them as"
        " `parser.add_argument(…)` instead and call `parser.parse_args()`.",
    ),
    Framework(
        "optparse",
        ("optparse.OptionParser",),
        "argparse is its successor: write `ArgumentParser` for `OptionParser`, `add_argument` for `add_option`,"
        ' `type=int` for `type="int"`, and `args = parser.parse_args()` for `options, args = parser.parse_args()`.',
    ),
    Framework("getopt", ("getopt.getopt", "getopt.gnu_getopt")),
    Framework(
        "jsonargparse",
        (
            *(f"jsonargparse.{name}" for name in ("CLI", "auto_cli", "auto_parser", "ArgumentParser")),
            *("lightning.pytorch.cli.LightningCLI", "pytorch_lightning.cli.LightningCLI"),
            "pytorch_lightning.utilities.cli.LightningCLI",
        ),
        "jsonargparse makes parameters of signatures when the script runs. Add those that the module should have"
        " to an `argparse.ArgumentParser()` by hand and pass the values on.",
    ),
    Framework("simple-parsing", ("simple_parsing.ArgumentParser", "simple_parsing.parse"), _FIELDS),
    Framework(
        "ConfigArgParse",
        tuple(
            f"configargparse.{name}"
            for name in ("ArgumentParser", "ArgParser", "Parser", "get_argument_parser")
        ),
        "Write `argparse.ArgumentParser` in its place, without `is_config_file=` and `env_var=`: configuration files"
        " and environment variables are not part of a module's parameters.",
    ),
    Framework("typed-argument-parser", ("tap.Tap", "tap.tapify"), _FIELDS),
    Framework("HfArgumentParser", ("transformers.HfArgumentParser", "trl.TrlParser"), _FIELDS, readable=True),
    Framework("pyrallis", ("pyrallis.wrap", "pyrallis.parse", "draccus.wrap", "draccus.parse"), _FIELDS),
    Framework("OmegaConf", ("omegaconf.OmegaConf.from_cli",)),
    Framework("sacred", ("sacred.Experiment",)),
    Framework("plac", ("plac.call",), _SIGNATURE),
    Framework(
        "pydantic-settings",
        ("pydantic_settings.CliApp.run", "pydantic_settings.CliSettingsSource"),
        _FIELDS,
    ),
    Framework("cyclopts", ("cyclopts.App", "cyclopts.run"), _SIGNATURE),
    Framework("defopt", ("defopt.run",), _SIGNATURE),
    Framework("argh", ("argh.dispatch_command", "argh.dispatch_commands", "argh.ArghParser"), _SIGNATURE),
)
_SIGNS: Mapping[str, Framework] = {sign: one for one in FRAMEWORKS for sign in one.signs}
_WEAK: Mapping[str, Framework] = {
    sign.partition(".")[0]: one for one in FRAMEWORKS for sign in one.signs if sign.count(".") == 1
}
"""Package → framework: what its import alone lets one suppose."""

_BY_HAND = (
    "Read the parameters with argparse: `parser = argparse.ArgumentParser()`, a `parser.add_argument(…)` for each"
    " word that is taken from sys.argv, and `args = parser.parse_args()`."
)


@dataclass(frozen=True, slots=True)
class Use:
    """Where a script uses a framework."""

    framework: Framework
    node: ast.AST


def used_framework(script: Script) -> Use | None:
    """The framework that the script reads its command line with, and where; None when none is seen."""
    names = imported_names(script)
    if not names:
        return None
    # What runs when the file is run comes before what some function may do.
    for node in (*_run_at_once(script), *script.nodes):
        for target in _targets(node):
            sign = dotted_name(target, names)
            # `transformers.hf_argparser.HfArgumentParser` is the same as the name above it.
            if sign and (found := _SIGNS.get(sign) or _SIGNS.get(_short(sign))):
                return Use(found, node)
    return None


def _run_at_once(script: Script) -> Iterator[ast.AST]:
    """Nodes outside of functions and classes, with the decorators and bases of those."""
    for statement in script.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
            yield from (node for one in statement.decorator_list for node in nodes_of(one))
        elif isinstance(statement, ast.ClassDef):
            yield statement
        else:
            yield from nodes_of(statement)


def _targets(node: ast.AST) -> list[ast.expr]:
    """What the node calls, is decorated with or inherits from."""
    if isinstance(node, ast.Call):
        return [node.func]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [one for one in node.decorator_list if not isinstance(one, ast.Call)]
    if isinstance(node, ast.ClassDef):
        return [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return []


def _short(sign: str) -> str:
    root, _, rest = sign.partition(".")
    return f"{root}.{rest.rpartition('.')[2]}"


def other_framework(script: Script) -> Problem | None:
    """The problem that says what the script reads its command line with; None when nothing is seen."""
    use = used_framework(script) or _imported_only(script)
    if use is not None:
        return _told(script, use.node, use.framework.name, _mend(script, use))
    by_hand = _argv(script)
    return _told(script, by_hand, "sys.argv", _BY_HAND) if by_hand is not None else None


def _told(script: Script, node: ast.AST, name: str, mend: str) -> Problem:
    words = {"file": script.path, "framework": name, "mend": mend}
    return problem("other-framework", script.place(node), None, **words)


def _mend(script: Script, use: Use) -> str:
    """What to do, with the add_argument calls themselves where a signature shows them."""
    if use.framework.mend not in (_SIGNATURE, _FIELDS):
        return use.framework.mend
    lines = as_arguments(script, use.node)
    return f"{use.framework.mend} Its parameters would be: {lines}." if lines else use.framework.mend


def _imported_only(script: Script) -> Use | None:
    """The framework that is imported, where how it is used is not seen; click is often there for its colours."""
    for node in script.nodes:
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        for module in modules:
            root = module.partition(".")[0]
            found = _WEAK.get(root)
            plain = root not in ("transformers", "tensorflow", "absl", "omegaconf", "trl", "click")
            if found and (plain or module in ("absl.flags", "absl.app")):
                return Use(found, node)
    return None


def _argv(script: Script) -> ast.AST | None:
    """Where sys.argv is looked into; setting it or counting it is no reading."""
    names = imported_names(script)
    passive: set[int] = set()
    for node in script.nodes:
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            passive.update(id(one.value if isinstance(one, ast.Subscript) else one) for one in targets)
    for node in script.nodes:
        if (
            id(node) not in passive
            and isinstance(node, ast.Attribute | ast.Name)
            and dotted_name(node, names) == "sys.argv"
        ):
            return node
    return None
