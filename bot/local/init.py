"""`mlreef-bot init`: the wizard's files in a folder. No file that is there is changed."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.describing import load_repository, stand_in_policy
from bot.domain import wizard_words
from bot.domain.environments import Environment
from bot.domain.settings_edit import CannotEdit
from bot.domain.text import printable, problem_lines
from bot.domain.wizard import Means, Setup, SetupWish, plan_setup
from bot.domain.wizard_files import Pins
from bot.errors import OperatorError, Refused
from bot.layers.pins import pin
from bot.local.anew import write_anew
from parser.model import Needed
from parser.read import read
from parser.source import Source

if TYPE_CHECKING:
    import argparse

    from bot.domain.policy import Policy


def init(
    options: argparse.Namespace,
    give: Callable[[str], None],
    say: Callable[[str], None],
    read_policy: Callable[[Path], Policy],
) -> None:
    """Runs the command in a folder. Raises Refused with what is in the way, OperatorError for wrong options."""
    if options.environment and not options.config:
        raise OperatorError(
            "--environment names one of the bot's environments, and its settings are not known here.",
            "Give them with --config, or leave --environment out.",
        )
    policy = read_policy(options.config) if options.config else stand_in_policy()
    loaded = load_repository(options.path, project_name=None)
    if loaded.folder != options.path:
        raise OperatorError(f"{options.path} is no folder.", "Give the folder of a repository.")
    name = options.path.resolve().name
    planned = plan_setup(
        loaded.source, wish_of(options), _means(policy, name, named=options.config is not None)
    )
    if isinstance(planned, CannotEdit):
        raise Refused(printable(f"{planned.why} {planned.mend}"))
    if not planned.files:
        say("There is nothing to set up: .mlreef.yaml and the requirements are there.")
    _write(planned, loaded.source, options.path, give, say)
    _tell(planned, say)


def wish_of(options: argparse.Namespace) -> SetupWish:
    """What the command's options ask for."""
    return SetupWish(options.entry_point or "", options.environment or "", options.skeleton or "")


def _means(policy: Policy, name: str, *, named: bool) -> Means:
    def look_up(needed: Sequence[Needed], environment: Environment) -> Pins:
        return pin(needed, environment, os.environ, policy.building.index_url)

    return Means(
        read=lambda source: read(source, name),
        pin=look_up,
        environments=policy.environments,
        default_environment=policy.default_environment,
        docs_url=policy.docs_url,
        named=named,
    )


def _write(
    planned: Setup,
    source: Source,
    folder: Path,
    give: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    for path, content in planned.files.items():
        if path in planned.existing:
            _show(path, source.contents, content, give, say)
            continue
        file = folder / path
        try:
            # a file that git ignores is a file all the same
            write_anew(file, content)
        except FileExistsError:
            say(printable(f"{path} is there already, and is left as it is."))
        except OSError as error:
            raise OperatorError(
                f"{file} cannot be written: {error.strerror}.", "Look at the folder's permissions."
            ) from None
        else:
            say(printable(f"Wrote {path}"))


def _show(
    path: str,
    before: Mapping[str, bytes],
    after: bytes,
    give: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """A change of a file that is there, in the form that `git apply` takes."""
    say(printable(f"{path} is left as it is. This would change in it; `git apply` takes it:"))
    old, new = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (before[path], after))
    give("".join(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")))


def _tell(planned: Setup, say: Callable[[str], None]) -> None:
    for line in wizard_words.terminal_lines(planned):
        say(printable(line))
    for line in problem_lines(planned.errors):
        say(line)
    if planned.errors:
        say("Mend this, and it can be published: commit the files and push.")
    else:
        say("Look through the files, commit them and push: it can be published.")
