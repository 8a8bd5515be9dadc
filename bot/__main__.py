"""The commands. Results go to stdout, everything else to stderr.

Exit codes: 0 good, 1 the input is refused, 2 usage or configuration, 3 a bug.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError, OperatorError

# Every command loads only what it uses: describing a script must not wait for a web server's libraries.
if TYPE_CHECKING:
    from bot.config import Config
    from bot.domain.policy import Policy
    from parser.model import Report

GOOD, REFUSED, USAGE, BUG = 0, 1, 2, 3

WAIT_SECONDS = 60.0
"""How long a command waits for the worker that does what it asked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never lets an exception out."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # The jobs of generated pipelines have commands of their own.
    if arguments[:1] == ["ci"]:
        return _guarded(lambda: _ci(arguments[1:]))
    # What stands behind `--` is for the module that is run.
    end = arguments.index("--") if arguments[:1] == ["build"] and "--" in arguments else len(arguments)
    options = _parser().parse_args(arguments[:end])
    options.arguments = arguments[end + 1 :]
    run: Callable[[argparse.Namespace], int] = options.run
    return _guarded(lambda: run(options))


def _guarded(run: Callable[[], int]) -> int:
    try:
        return run()
    except OperatorError as error:
        _say(f"mlreef-bot: {error}\n→ {error.hint}")
        return USAGE
    except BotError as error:
        _say(f"mlreef-bot: {error}")
        return REFUSED
    except KeyboardInterrupt:
        return USAGE
    except BrokenPipeError:
        # Whoever read our output has seen enough; python must not complain when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return GOOD
    except Exception as error:  # noqa: BLE001 -- the last resort: told as a bug, with its own exit code
        import traceback

        from bot.logs import redact

        _say(redact("".join(traceback.format_exception(error))))
        _say("mlreef-bot: this is a bug; please report it with the lines above")
        return BUG


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 -- a command speaks to a person


def _give(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


# Describing a repository on disk ----------------------------------------------------------------------


def _read(options: argparse.Namespace) -> Report:
    from bot.describing import load_report

    return load_report(options.path, options.entry_point)


def _check(options: argparse.Namespace) -> int:
    from bot.check.command import check

    return REFUSED if check(options, _give, _say) else GOOD


def _explain(options: argparse.Namespace) -> int:
    from bot.check.explain import explain, page

    if options.all:
        _give(page())
    elif options.code is None:
        raise OperatorError("no code is given", "give one, as `check` prints it in brackets, or --all")
    else:
        _give(explain(options.code))
    return GOOD


def _describe(options: argparse.Namespace) -> int:
    from bot.describing import describe

    report = _read(options)
    _give(describe(report, options.format))
    return REFUSED if report.refused else GOOD


def _render(options: argparse.Namespace) -> int:
    from bot.describing import render, stand_in_policy
    from bot.domain.text import problem_lines

    report = _read(options)
    if report.refused:
        for line in problem_lines(report.problems):
            _say(line)
        _say("There is no mlreef.yml of this: it would be refused.")
        return REFUSED
    if options.config:
        policy = _load_policy(options.config)
    else:
        policy = stand_in_policy()
        _say("Without --config the operator's images are stand-ins.")
    _give(render(report, policy, options.branch).decode("ascii"))
    return GOOD


def _build(options: argparse.Namespace) -> int:
    from bot.local.ahead import Ahead

    ahead = Ahead(options.path, options.entry_point)
    from bot.local.command import build

    return build(options, ahead, _give, _say, _load_policy)


def _init(options: argparse.Namespace) -> int:
    if options.merge_request:
        from bot.app.doing import open_setup
        from bot.app.settings import start_logs
        from bot.local.init import wish_of

        config = _config(options)
        start_logs(config)
        opened = open_setup(config, options.merge_request, wish_of(options))
        _say(opened.words)
        return GOOD if opened.good else REFUSED
    from bot.local.init import init

    init(options, _give, _say, _load_policy)
    return GOOD


def _pipeline(options: argparse.Namespace) -> int:
    from bot.local.pipelines import LookUp, pipeline

    def on_server(file: Path) -> LookUp:
        from bot.app.catalogue import look_up_modules
        from bot.config_file import load_config

        return look_up_modules(load_config(file, secrets=False))

    return GOOD if pipeline(options, os.environ, _give, _say, on_server) else REFUSED


def _load_policy(file: Path) -> Policy:
    from bot.app.settings import read_policy
    from bot.config_file import load_config

    # GitLab is not spoken to: whoever draws a file or builds an image needs no secrets.
    return read_policy(load_config(file, secrets=False))


# The service ------------------------------------------------------------------------------------------


def _config(options: argparse.Namespace) -> Config:
    from bot.config_file import load_config

    return load_config(options.config)


def _serve(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.service import serve

    return serve(config, options.config, not options.no_worker)


def _door(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.door import run_door

    run_door(config, options.descriptor)
    return GOOD


def _web(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.web import run_web

    run_web(config, options.descriptor)
    return GOOD


def _worker(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.worker import run_worker

    run_worker(config)
    return GOOD


def _publish(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.asking import request_publication
    from bot.app.settings import start_logs

    start_logs(config)
    project, branch = request_publication(config, options.project, options.branch)
    _say(f"Branch {branch} of {project} is queued; the running worker publishes it and tells in GitLab.")
    return GOOD


def _withdraw(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.asking import await_withdrawal, request_withdrawal
    from bot.app.settings import start_logs

    start_logs(config)
    key = request_withdrawal(config, options.project, options.version, options.action, options.branch)
    _say(f"Asked the running worker to {options.action} {options.version} of {options.project}.")
    ended = await_withdrawal(config, key, options.wait) if options.wait else None
    if ended is None:
        _say("It is told on the version's commit in GitLab; `mlreef-bot jobs` says how far it is.")
        return GOOD
    _give(ended.reply)
    return GOOD if ended.done else REFUSED


def _catalogue(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.catalogue import read_catalogue
    from bot.app.doing import rebuild_catalogue
    from bot.app.settings import start_logs
    from bot.domain.text import printable

    start_logs(config)
    if options.action == "rebuild":
        told = rebuild_catalogue(config, options.project, lambda line: _say(printable(line)))
        _say(told.words)
        return GOOD if told.good else REFUSED
    _give(read_catalogue(config, options.project, options.format == "json"))
    return GOOD


def _jobs(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.desk import at_the_desk
    from bot.app.settings import start_logs
    from bot.jobs import listing

    if (options.action is None) != (options.id is None):
        raise OperatorError("retry and forget need the ID of a job", "`mlreef-bot jobs` lists them")
    start_logs(config)
    if options.action is None:
        show = listing.FORMATS[options.format]
        _give(at_the_desk(config, lambda store, desk: show(listing.list_jobs(store, desk, options.state))))
        return GOOD
    act = listing.retry if options.action == "retry" else listing.forget
    _say(at_the_desk(config, lambda store, desk: act(store, desk, options.id)))
    return GOOD


def _token(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.settings import derive_project_token

    _give(derive_project_token(config, options.project_id))
    return GOOD


def _reconcile(options: argparse.Namespace) -> int:
    config = _config(options)
    from bot.app.doing import reconcile
    from bot.app.settings import start_logs

    start_logs(config)
    for line in reconcile(config, act=not options.dry_run):
        _say(line)
    return GOOD


def _check_config(options: argparse.Namespace) -> int:
    if options.file and options.config:
        raise OperatorError("two files are given", "give one, as FILE or as --config FILE")
    options.config = options.file or options.config
    config = _config(options)
    _say(f"The configuration is good: GitLab at {config.gitlab.url}, listening on {config.webhook.listen}.")
    from bot.config_advice import advise

    for advice in advise(config):
        _say(f"  worth a look: {advice.where}: {advice.what}; {advice.hint}")
    return GOOD


def _ci(arguments: Sequence[str]) -> int:
    from bot.ci import run

    return run(arguments)


def _project_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) < 2**63):
        raise argparse.ArgumentTypeError("give the number that GitLab shows on the project's page")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlreef-bot",
        description="Publishes machine-learning repositories as versioned, runnable containers, inside GitLab.",
        epilog="Exit codes: 0 good, 1 the input is refused, 2 usage or configuration, 3 a bug.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        return added

    def service(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added = command(name, run, words)
        added.add_argument(
            "--config", type=Path, help="settings (default: config.yaml here, if there is one)"
        )
        return added

    def reader(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added = command(name, run, words)
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

    checked = reader("check", _check, "Tell what is wrong with a repository on disk.")
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
    explained = command("explain", _explain, "Tell what a problem means, with an example.")
    explained.add_argument(
        "code", metavar="CODE", nargs="?", help="the code, as `check` prints it in brackets"
    )
    explained.add_argument("--all", action="store_true", help="all problems, as a page in Markdown")
    described = reader("describe", _describe, "Print what a repository on disk would publish.")
    described.add_argument(
        "--format",
        choices=("json", "yaml", "table"),
        default="json",
        help="for programs (default: json), or a table for people",
    )
    rendered = reader("render", _render, "Print the mlreef.yml of a repository on disk.")
    rendered.add_argument("--branch", default="main", help="the published branch (default: main)")
    rendered.add_argument(
        "--config", type=Path, help="settings; without, stand-ins for the operator's images"
    )
    _build_options(reader("build", _build, "Build the image of a repository on disk, without an engine."))
    chained = command("pipeline", _pipeline, "Check or render a data pipeline: modules one after the other.")
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
    begun = service("init", _init, "Set a repository up: entry point, requirements, environment.")
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
    served = service("serve", _serve, "Run the bot: the webhook door, the worker and the web pages.")
    served.add_argument("--no-worker", action="store_true", help="run the door alone; workers run elsewhere")
    service("worker", _worker, "Run a worker only.")
    pages = service("web", _web, "Run the catalogue's web pages only.")
    # given by `serve`, with its listening socket
    pages.add_argument("--descriptor", type=int, help=argparse.SUPPRESS)
    asked = service("publish", _publish, "Ask the running bot to publish a project's branch now.")
    asked.add_argument("project", metavar="PROJECT", help="the project's id or path in GitLab")
    asked.add_argument("--branch", help="the branch (default: the project's default branch)")
    for action, words in (
        ("unpublish", "Take a version back: its names and its image go, its number stays used."),
        ("republish", "Bring a version back that was taken back, built once more where its image is gone."),
    ):
        withdrawn = service(action, _withdraw, words)
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
    jobs = service("jobs", _jobs, "List what waits, runs and failed, and why; retry or forget one job.")
    jobs.add_argument("action", nargs="?", choices=("retry", "forget"), help="what to do with the job ID")
    jobs.add_argument("id", metavar="ID", nargs="?", help="the job, as the list names it")
    jobs.add_argument("--state", choices=("waiting", "running", "failed"), help="list only these")
    jobs.add_argument(
        "--format",
        choices=("table", "json"),
        default="table",
        help="for people (default: table), or for programs",
    )
    _catalogue_options(commands)
    token = service("token", _token, "Print the secret token for the webhooks of one project.")
    token.add_argument(
        "project_id", metavar="PROJECT_ID", type=_project_id, help="the project's number in GitLab"
    )
    swept = service("reconcile", _reconcile, "Find and mend now what no webhook told of, in all projects.")
    swept.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    checked = service("check-config", _check_config, "Tell everything that is wrong with the configuration.")
    checked.add_argument("file", metavar="FILE", nargs="?", type=Path, help="the same as --config FILE")
    commands.add_parser("ci", help="Do one job of a generated pipeline: verify, build, promote.")
    # Started by `serve` with its listening socket; no help, for it is of no use by itself.
    door = commands.add_parser("door")
    door.set_defaults(run=_door)
    door.add_argument("--config", type=Path)
    door.add_argument("--descriptor", type=int, required=True)
    return parser


def _catalogue_options(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "Look at the catalogue of published modules, or work it out anew of GitLab and the registry."
    actions = commands.add_parser("catalogue", help=words, description=words).add_subparsers(
        metavar="ACTION", required=True
    )

    def action(name: str, words: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=words, description=words)
        added.set_defaults(run=_catalogue, action=name, project=None, format="table")
        added.add_argument(
            "--config", type=Path, help="settings (default: config.yaml here, if there is one)"
        )
        return added

    rebuilt = action("rebuild", "Work it out anew: all that the bot sees, or one project.")
    rebuilt.epilog = "Exit codes: 0 good, 1 a project could not be asked and is as it was, 2 usage, 3 a bug."
    rebuilt.add_argument("--project", metavar="PROJECT", help="only this project of GitLab's (id or path)")
    listed = action("list", "List all modules, with their newest versions and how those stand.")
    shown = action("show", "Show one module with all its versions.")
    shown.add_argument("project", metavar="PROJECT", help="the project's id or path in GitLab")
    for one in (listed, shown):
        one.add_argument("--format", choices=("table", "json"), default="table", help="(default: table)")


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


if __name__ == "__main__":
    sys.exit(main())
