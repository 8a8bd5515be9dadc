"""The inputs of a component that stand for no parameter: the job itself, its files, its model, further words."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.component_words import MAX_DESCRIPTION_CHARS
from bot.domain.inputs import LINE, Input
from parser.model import Module

OWN = "job-"
"""Begins the names of the component's own inputs; no parameter's input begins so."""

NAME, STAGE, NEEDS, TAGS = "job-name", "job-stage", "job-needs", "job-tags"
KEEP, FETCH, MODEL, KEEP_MODEL = "job-keep", "job-fetch", "job-model", "job-keep-model"
ARGUMENTS, COMMAND = "job-arguments", "job-command"
ENTRY = "entry-point"
"""The input that selects one of several entry points."""

RECORD = "mlreef-run.json"
"""The file in which a run says what it was."""

_PLAIN_NAME = "^[A-Za-z0-9_.][A-Za-z0-9 _./:-]{0,99}$"
_NO_JOBS = frozenset(
    {
        "after_script", "before_script", "cache", "default", "false", "image", "include", "nil", "pages", "services",
        "spec", "stages", "true", "types", "variables", "workflow",
    }
)  # fmt: skip
"""Names that mean something else in a CI file than a job."""


def own_inputs(module: Module) -> Iterator[Input]:
    """What every component takes beside the parameters of its module."""
    name = f"{module.slug}-module" if module.slug in _NO_JOBS else module.slug
    yield Input(NAME, "string", "The name of the job.", name, regex=_PLAIN_NAME)
    yield Input(STAGE, "string", "The stage that the job is in.", "test", regex=_PLAIN_NAME)
    yield Input(
        NEEDS,
        "array",
        "Jobs that it waits for and whose artifacts it takes. Without any it begins at once.",
        (),
    )
    yield Input(TAGS, "array", "Tags of the runners that may run it.", ())
    yield Input(KEEP, "string", "A further file or folder to keep as artifacts.", RECORD, regex=LINE)
    yield Input(
        FETCH,
        "string",
        "Files to fetch into the folder `fetched` before the run: addresses, each with its digest behind it "
        "(https://…/train.zip#sha256=…), with blanks between them.",
        "",
        regex=LINE,
    )
    yield Input(
        MODEL,
        "string",
        "A model to fetch before the run: an address with its digest, as a run prints it.",
        "",
        regex=LINE,
    )
    yield Input(
        KEEP_MODEL,
        "string",
        "Path of a model that the run writes, to keep in the package registry.",
        "",
        regex=LINE,
    )
    yield Input(
        ARGUMENTS,
        "string",
        "Further words for the script's command line, behind its options, split as a shell does it; nothing is "
        "expanded.",
        "",
        regex=LINE,
    )
    depth = int(module.launched)
    commands = sorted({one.subcommand[depth:] for one in module.parameters if one.subcommand[depth:]})
    if commands:
        known = ", ".join(" ".join(one) for one in commands)
        yield Input(
            COMMAND,
            "string",
            f"The script's command, such as {known}."[:MAX_DESCRIPTION_CHARS],
            "",
            regex=LINE,
        )
