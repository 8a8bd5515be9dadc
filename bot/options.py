"""The command line: every command with its options, in words. What they do stands in `bot/__main__.py`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

WAIT_SECONDS = 60.0
"""How long a command waits for the worker that does what it asked for."""

TEMPLATE_NAMES = ("model", "operation", "visualization", "mlopen", "blank")
"""Repositories to begin with; bot/domain/templates.py has the same ones, with what is in them."""

VISIBILITIES = ("private", "internal", "public")
"""Who may see a new project, the default first."""

CONFIG_HELP = "settings (default: config.yaml here, if there is one)"

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def command_line() -> argparse.ArgumentParser:
    """The parser of all commands; what it reads says in `command` which one is meant."""
    parser = argparse.ArgumentParser(
        prog="mlreef-bot",
        description="Publishes machine-learning repositories as versioned, runnable containers, inside GitLab.",
        epilog="Exit codes: 0 good, 1 the input is refused, 2 usage or configuration, 3 a bug.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")

    _add_repository(commands)
    _add_processes(commands)
    _add_requests(commands)
    _add_jobs(commands)
    _add_catalogue(commands)
    _add_upkeep(commands)
    commands.add_parser("ci", help="Do one job of a generated pipeline: verify, build, promote.")
    # Started by `serve` with its listening socket; no help, for it is of no use by itself.
    door = commands.add_parser("door")
    door.add_argument("--config", type=Path)
    door.add_argument("--descriptor", type=int, required=True)
    return parser


def _command(commands: Commands, name: str, words: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=words, description=words)


def _service(commands: Commands, name: str, words: str) -> argparse.ArgumentParser:
    added = _command(commands, name, words)
    added.add_argument("--config", type=Path, help=CONFIG_HELP)
    return added


def _reader(commands: Commands, name: str, words: str) -> argparse.ArgumentParser:
    added = _command(commands, name, words)
    added.epilog = "Exit codes: 0 it can be published, 1 it would be refused, 2 usage, 3 a bug."
    added.add_argument(
        "path",
        metavar="PATH",
        type=Path,
        nargs="?",
        default=Path(),
        help="the repository's folder, or one script (default: this folder)",
    )
    added.add_argument("--entry-point", metavar="FILE", help="the script to run, if it cannot be guessed")
    return added


def _add_repository(commands: Commands) -> None:
    checked = _reader(commands, "check", "Tell what is wrong with a repository on disk.")
    checked.add_argument(
        "--format",
        choices=("text", "json", "codequality", "junit", "sarif"),
        default="text",
        help="for people (text, the default), for a pipeline's reports, or for other programs",
    )
    checked.add_argument(
        "--fix", action="store_true", help="mend what needs no decision, in the files themselves"
    )
    checked.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour the text (default: auto, on a terminal unless NO_COLOR is set)",
    )
    explained = _command(commands, "explain", "Tell what a problem means, with an example.")
    explained.add_argument(
        "code", metavar="CODE", nargs="?", help="the code, as `check` prints it in brackets"
    )
    explained.add_argument("--all", action="store_true", help="all problems, as a page in Markdown")
    explained.add_argument(
        "--failures", action="store_true", help="what jobs fail of, and what to do, as a page in Markdown"
    )
    described = _reader(commands, "describe", "Print what a repository on disk would publish.")
    described.add_argument(
        "--format",
        choices=("json", "yaml", "table"),
        default="json",
        help="for programs (default: json), or a table for people",
    )
    rendered = _reader(commands, "render", "Print the mlreef.yml of a repository on disk.")
    rendered.add_argument("--branch", default="main", help="the published branch (default: main)")
    rendered.add_argument(
        "--config", type=Path, help="settings; without, stand-ins for the operator's images"
    )
    _build_options(_reader(commands, "build", "Build the image of a repository on disk, without an engine."))
    chained = _command(commands, "pipeline", "Check or render a data pipeline: modules one after the other.")
    chained.epilog = "Exit codes: 0 good, 1 the file is refused, 2 usage, 3 a bug."
    chained.add_argument(
        "action", choices=("check", "render"), help="tell what is wrong, or print .gitlab-ci.yml"
    )
    chained.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        default=Path("mlreef-pipeline.yml"),
        help="(default: mlreef-pipeline.yml)",
    )
    chained.add_argument("--catalogue", metavar="URL", help="where modules are (default: MLREEF_CATALOGUE)")
    chained.add_argument("--output", metavar="FILE", type=Path, help="write it there, instead of printing it")
    chained.add_argument("--config", type=Path, help="settings; on the bot's own machine, for its store")
    begun = _service(commands, "init", "Set a repository up: entry point, requirements, environment.")
    begun.epilog = "Exit codes: 0 done, 1 it cannot be set up, 2 usage, 3 a bug."
    begun.add_argument(
        "path", metavar="DIR", type=Path, nargs="?", default=Path(), help="its folder (default: this one)"
    )
    begun.add_argument("--entry-point", metavar="FILE", help="the script to run (default: as is found)")
    begun.add_argument("--environment", metavar="NAME", help="the environment; needs --config")
    begun.add_argument(
        "--skeleton",
        choices=("argparse", "annotations"),
        help="code to begin with: a script with a command line, or annotations for one that has it",
    )
    begun.add_argument(
        "--merge-request",
        metavar="PROJECT",
        help="a merge request in this project of GitLab's (id or path), instead of files in a folder",
    )
    _template_options(begun)


def _template_options(begun: argparse.ArgumentParser) -> None:
    new = begun.add_argument_group("a repository to begin with; nothing that is there is overwritten")
    new.add_argument("--template", choices=TEMPLATE_NAMES, help="what it is to hold: it publishes as it is")
    new.add_argument("--name", metavar="NAME", help="the module's name (default: that of the folder)")
    new.add_argument("--description", metavar="TEXT", help="what it does, in one sentence")
    for way in ("input", "output"):
        new.add_argument(
            f"--{way}-type",
            metavar="TYPE",
            type=str.upper,
            help=f"the type of data of its {way}, as in TABULAR",
        )
    made = begun.add_argument_group("and a project in GitLab, by the token in MLREEF_TOKEN")
    made.add_argument("--create", action="store_true", help="make it, with the files as its first commit")
    made.add_argument(
        "--project", metavar="PATH", help="its path, with its group (default: yours, of the name)"
    )
    made.add_argument("--gitlab", metavar="URL", help="where GitLab is (default: GITLAB_URL)")
    seen = made.add_mutually_exclusive_group()
    for name in VISIBILITIES:
        seen.add_argument(
            f"--{name}",
            dest="visibility",
            action="store_const",
            const=name,
            help="the default" if name == VISIBILITIES[0] else None,
        )


def _add_processes(commands: Commands) -> None:
    served = _service(commands, "serve", "Run the bot: the webhook door, the worker and the web pages.")
    served.add_argument("--no-worker", action="store_true", help="run the door alone; workers run elsewhere")
    _service(commands, "worker", "Run a worker only.")
    pages = _service(commands, "web", "Run the catalogue's web pages only.")
    # given by `serve`, with its listening socket
    pages.add_argument("--descriptor", type=int, help=argparse.SUPPRESS)


def _add_requests(commands: Commands) -> None:
    asked = _service(commands, "publish", "Ask the running bot to publish a project's branch now.")
    asked.add_argument("project", metavar="PROJECT", help="the project's id or path in GitLab")
    asked.add_argument("--branch", help="the branch (default: the project's default branch)")
    for action, words in (
        ("unpublish", "Take a version back: its names and its image go, its number stays used."),
        ("republish", "Bring a version back that was taken back, built once more where its image is gone."),
    ):
        withdrawn = _service(commands, action, words)
        withdrawn.set_defaults(action=action)
        withdrawn.epilog = "Exit codes: 0 done or asked for, 1 it cannot be done, 2 usage, 3 a bug."
        withdrawn.add_argument("project", metavar="PROJECT", help="the project's id or path in GitLab")
        withdrawn.add_argument(
            "version", metavar="VERSION", help="as 1.2.0, as master-3, or as 3 of the branch"
        )
        withdrawn.add_argument("--branch", help="whose numbers are meant (default: the default branch)")
        withdrawn.add_argument(
            "--wait",
            metavar="SECONDS",
            type=float,
            default=WAIT_SECONDS,
            help=f"how long to wait for the end (default: {WAIT_SECONDS:.0f}; 0: not at all)",
        )


def _add_jobs(commands: Commands) -> None:
    jobs = _service(commands, "jobs", "List what waits, runs and failed, and why; retry or forget one job.")
    jobs.add_argument("action", nargs="?", choices=("retry", "forget"), help="what to do with the job ID")
    jobs.add_argument("id", metavar="ID", nargs="?", help="the job, as the list names it")
    jobs.add_argument("--state", choices=("waiting", "running", "failed"), help="list only these")
    jobs.add_argument(
        "--format",
        choices=("table", "json"),
        default="table",
        help="for people (default: table), or for programs",
    )


def _add_catalogue(commands: Commands) -> None:
    words = "Look at the catalogue of published modules, or work it out anew of GitLab and the registry."
    actions = commands.add_parser("catalogue", help=words, description=words).add_subparsers(
        metavar="ACTION", required=True
    )

    def action(name: str, words: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=words, description=words)
        added.set_defaults(action=name, project=None, format="table")
        added.add_argument("--config", type=Path, help=CONFIG_HELP)
        return added

    rebuilt = action("rebuild", "Work it out anew: all that the bot sees, or one project.")
    rebuilt.epilog = "Exit codes: 0 good, 1 a project could not be asked and is as it was, 2 usage, 3 a bug."
    rebuilt.add_argument("--project", metavar="PROJECT", help="only this project of GitLab's (id or path)")
    listed = action("list", "List all modules, with their newest versions and how those stand.")
    shown = action("show", "Show one module with all its versions.")
    shown.add_argument("project", metavar="PROJECT", help="the project's id or path in GitLab")
    for one in (listed, shown):
        one.add_argument("--format", choices=("table", "json"), default="table", help="(default: table)")


def _add_upkeep(commands: Commands) -> None:
    token = _service(commands, "token", "Print the secret token for the webhooks of one project.")
    token.add_argument(
        "project_id", metavar="PROJECT_ID", type=_project_id, help="the project's number in GitLab"
    )
    swept = _service(commands, "reconcile", "Find and mend now what no webhook told of, in all projects.")
    swept.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    checked = _service(commands, "check-config", "Tell everything that is wrong with the configuration.")
    checked.add_argument("file", metavar="FILE", nargs="?", type=Path, help="the same as --config FILE")


def _project_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) < 2**63):
        raise argparse.ArgumentTypeError("give the number that GitLab shows on the project's page")
    return int(text)


def _build_options(built: argparse.ArgumentParser) -> None:
    built.epilog = (
        "Exit codes: 0 good, 1 refused or different, 2 usage, 3 a bug; with --run those of the module."
    )
    to = built.add_argument_group("where the image goes; nowhere if nothing is given")
    to.add_argument("--push", metavar="REF", help="to a registry, as HOST/REPOSITORY[:TAG]")
    to.add_argument("--load", action="store_true", help="to this machine's Docker engine")
    beside = built.add_argument_group("what is put beside it in the registry; with --push only")
    beside.add_argument(
        "--attest", action="store_true", help="its lock, a bill of materials and where it comes from"
    )
    beside.add_argument(
        "--advisories",
        metavar="SOURCE",
        help="what OSV's advisories there (path, address) say of its packages",
    )
    beside.add_argument(
        "--sign", metavar="FILE", type=Path, help="a signature as cosign's, with the private key in FILE"
    )
    to.add_argument("--output", metavar="FILE.tar", type=Path, help="to a file, as an OCI layout")
    to.add_argument(
        "--run",
        dest="starts",
        action="store_true",
        help="run it by this machine's Docker engine, with the ARGUMENTS after `--`",
    )
    to.add_argument(
        "--verify", metavar="IMAGE", help="nowhere: build it as IMAGE was built, and compare both"
    )
    ground = built.add_argument_group("what it is built upon")
    ground.add_argument("--config", type=Path, help="the bot's settings, with its environments")
    ground.add_argument("--environment", metavar="NAME", help="one of them (default: as for a push)")
    ground.add_argument("--base", metavar="IMAGE", help="an image with Python, without any settings")
    ground.add_argument("--python", metavar="X.Y", help="its Python, if its tag does not say")
    ground.add_argument(
        "--platform", action="append", choices=("linux/amd64", "linux/arm64"), help="once or several times"
    )
    ground.add_argument("--shared", metavar="REF", help="repository of layers that are taken over from there")
    ground.add_argument("--refresh", action="store_true", help="look for newer versions of the requirements")
    built.add_argument("--cache", metavar="DIR", type=Path, help="(default: ~/.cache/mlreef-bot)")
    built.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
