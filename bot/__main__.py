"""The commands. Results go to stdout, everything else to stderr.

Exit codes: 0 good, 1 the input is refused, 2 usage or configuration, 3 a bug.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError, OperatorError
from bot.options import command_line

# Every command loads only what it uses: describing a script must not wait for a web server's libraries.
if TYPE_CHECKING:
    from bot.config import Config
    from bot.domain.policy import Policy
    from parser.model import Report

GOOD, REFUSED, USAGE, BUG = 0, 1, 2, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never lets an exception out."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # The jobs of generated pipelines have commands of their own.
    if arguments[:1] == ["ci"]:
        return _guarded(lambda: _ci(arguments[1:]))
    # What stands behind `--` is for the module that is run.
    end = arguments.index("--") if arguments[:1] == ["build"] and "--" in arguments else len(arguments)
    options = command_line().parse_args(arguments[:end])
    options.arguments = arguments[end + 1 :]
    return _guarded(lambda: COMMANDS[options.command](options))


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
    from bot.check.explain import explain, failures_page, page

    if options.failures:
        _give(failures_page())
    elif options.all:
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
        from bot.local.init import wish_of

        config = _logged(options)
        opened = open_setup(config, options.merge_request, wish_of(options))
        _say(opened.words)
        return GOOD if opened.good else REFUSED
    from bot.local.beginning import begin, wishes_of

    wishes = wishes_of(options)
    if wishes is None and _is_bare(options):
        from bot.local.dialogue import ask_for_wishes

        wishes = ask_for_wishes(options.path, os.environ, _ask, _say)
    if wishes is not None:
        begin(options.path, *wishes, os.environ, _say)
        return GOOD
    from bot.local.init import init

    init(options, _give, _say, _load_policy)
    return GOOD


def _is_bare(options: argparse.Namespace) -> bool:
    """Whether nothing but a folder was given, by a person who can be asked."""
    given = {name for name, value in vars(options).items() if value} - {"command", "path"}
    return not given and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)  # noqa: T201 -- a command speaks to a person
    # a byte that is no text is an answer that is no good, and is asked for again
    line = sys.stdin.buffer.readline().decode(errors="surrogateescape")
    if not line:
        raise KeyboardInterrupt
    return line.strip()


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


def _logged(options: argparse.Namespace) -> Config:
    """The configuration, with logs on their way as it says."""
    from bot.app.settings import start_logs

    config = _config(options)
    start_logs(config)
    return config


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
    config = _logged(options)
    from bot.app.asking import request_publication

    project, branch = request_publication(config, options.project, options.branch)
    _say(f"Branch {branch} of {project} is queued; the running worker publishes it and tells in GitLab.")
    return GOOD


def _withdraw(options: argparse.Namespace) -> int:
    config = _logged(options)
    from bot.app.asking import await_withdrawal, request_withdrawal

    key = request_withdrawal(config, options.project, options.version, options.action, options.branch)
    _say(f"Asked the running worker to {options.action} {options.version} of {options.project}.")
    ended = await_withdrawal(config, key, options.wait) if options.wait else None
    if ended is None:
        _say("It is told on the version's commit in GitLab; `mlreef-bot jobs` says how far it is.")
        return GOOD
    _give(ended.reply)
    return GOOD if ended.done else REFUSED


def _catalogue(options: argparse.Namespace) -> int:
    config = _logged(options)
    from bot.app.catalogue import read_catalogue
    from bot.app.doing import rebuild_catalogue
    from bot.domain.text import printable

    if options.action == "rebuild":
        told = rebuild_catalogue(config, options.project, lambda line: _say(printable(line)))
        _say(told.words)
        return GOOD if told.good else REFUSED
    _give(read_catalogue(config, options.project, options.format == "json"))
    return GOOD


def _jobs(options: argparse.Namespace) -> int:
    config = _logged(options)
    from bot.app.desk import at_the_desk
    from bot.jobs import listing

    if (options.action is None) != (options.id is None):
        raise OperatorError("retry and forget need the ID of a job", "`mlreef-bot jobs` lists them")
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
    config = _logged(options)
    from bot.app.doing import reconcile

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


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "build": _build,
    "catalogue": _catalogue,
    "check": _check,
    "check-config": _check_config,
    "describe": _describe,
    "door": _door,
    "explain": _explain,
    "init": _init,
    "jobs": _jobs,
    "pipeline": _pipeline,
    "publish": _publish,
    "reconcile": _reconcile,
    "render": _render,
    "republish": _withdraw,
    "serve": _serve,
    "token": _token,
    "unpublish": _withdraw,
    "web": _web,
    "worker": _worker,
}
"""What each command does, by its name. `ci` reads its own command line."""


if __name__ == "__main__":
    sys.exit(main())
