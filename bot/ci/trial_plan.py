"""Module → the plan of the smoke job: what each of its command lines is asked, its sample, the repository's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from bot.ci.dockerfile import WORKDIR
from bot.ci.help_word import help_of
from bot.ci.probes import BY_ARGPARSE, plan_probes
from bot.ci.questions import plan_questions
from bot.domain.image_start import start_words
from parser.model import MLOPEN, EntryPoint, Module, Problem, Settings
from parser.wire import module_to_dict

PROBE_SECONDS = 120
"""Seconds that the script may take to its help; importing a big library takes most of it."""

SAMPLE_SECONDS = 900
"""Seconds that the sample of .mlreef.yaml may take."""

TESTS_SECONDS = 1500
"""Seconds that the repository's own tests may take; the job's own limit is half an hour."""

TESTS = "tests"
"""The folder of a repository whose tests are run."""

INCOMPLETE = frozenset(
    {
        *(
            "argument-not-followed",
            "parser-escapes",
            "parser-fields-unknown",
            "file-unfollowed",
            "never-parsed",
        ),
        "control-parameters-unknown",
    }
)
"""Problems that say that the script may have more parameters than were read."""

OVERVIEW: dict[str, Any] = {"word": "--help", "code": 0, "shows": "Entry points:", "names_all": False}
"""How the launcher of several entry points (ci_templates/entry.py) is asked which there are."""

DEFAULT_SETTINGS = Settings()


def plan_document(
    module: Module,
    problems: Iterable[Problem] = (),
    settings: Settings = DEFAULT_SETTINGS,
    paths: Iterable[str] = (),
    command: Sequence[str] = (),
    directory: str = WORKDIR,
) -> dict[str, Any]:
    """The whole plan as the smoke job reads it. `paths`: the repository's files.

    `command`: what the image runs before arguments, where that is not as in our own Dockerfile; `directory`: where.
    Of several entry points each has a plan of its own in `parts`.
    """
    whole = list(command) or ["python", *start_words(module, directory)]
    complete = not any(problem.code in INCOMPLETE for problem in problems)
    several = module.launched and module.framework != MLOPEN
    ours = whole[1:] == list(start_words(module, directory))
    asked: dict[str, Any] = {"parts": []}
    if several:
        # an entry point of the author's own need not show an overview
        asked["help"] = OVERVIEW if ours else None
        for point in module.entry_points:
            one = _alone(module, point)
            words = [whole[0], *start_words(one, directory)] if ours else []
            part = _asked(one, [*whole, point.role], words, complete)
            asked["parts"].append(
                {"role": point.role, "directory": directory, "seconds": PROBE_SECONDS, **part}
            )
    else:
        plain = [whole[0], whole[-1]] if _is_script(whole) and not module.launched else []
        asked |= _asked(module, whole, whole if ours else plain, complete)
    return {
        "schema": 3,
        "verdict": "publish",
        "command": whole,
        "directory": directory,
        "seconds": PROBE_SECONDS,
        **asked,
        "sample": settings.sample,
        "sample_seconds": SAMPLE_SECONDS,
        "tests": TESTS if settings.tests and any(_is_test(path) for path in paths) else None,
        "tests_seconds": TESTS_SECONDS,
    }


def _alone(module: Module, point: EntryPoint) -> Module:
    """One entry point as a module of its own: the words behind its role are its whole command line."""
    parameters = module.parameters_of(point.role)
    alone = EntryPoint("main", point.file, point.framework)
    return replace(module, entry_points=(alone,), parameters=parameters, framework=point.framework)


def _asked(module: Module, command: list[str], script: list[str], complete: bool) -> dict[str, Any]:
    """What one command line is asked. `script`: Python, and the script whose parser is asked from inside; none where
    an entry point of the author's own stands in the way.
    """
    groups, skipped = plan_probes(module)
    argparse = module.framework in BY_ARGPARSE and bool(script)
    return {
        "command": command,
        "script": script,
        "help": help_of(module),
        "groups": [asdict(group) for group in groups],
        "skipped": [asdict(each) for each in skipped],
        "questions": [asdict(each) for each in plan_questions(module.parameters)] if argparse else [],
        "stated": module_to_dict(module)["parameters"] if argparse else None,
        "complete": complete,
    }


def _is_script(command: Sequence[str]) -> bool:
    """Whether it is Python with a script, and maybe options of Python's between them."""
    python = command[0].rpartition("/")[2]
    return python.startswith("python") and command[-1].endswith(".py")


def _is_test(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    named = name.startswith("test") or name.endswith("_test.py")
    return folder.split("/")[0] == TESTS and name.endswith(".py") and named
