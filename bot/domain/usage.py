"""How a published module is run: lines for a shell, to copy and paste."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from parser.model import MLOPEN, Module, Parameter

MAX_ARGUMENTS = 8
"""A line with more of them shows nobody anything."""

MAX_ROLES = 4
"""Entry points of one module that are shown."""

_PLAIN_FLAG = re.compile(r"--?[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}", re.ASCII)


def usage(module: Module, image: str) -> list[str]:
    """The lines. They hold only names of the repository's that no shell reads as anything but names."""
    lines = ["# what it accepts", "docker run --rm \\", f"  {image} --help"]
    if not module.launched:
        return [*lines, *_run(image, "", module.parameters)]
    for point in module.entry_points[:MAX_ROLES]:
        lines += _run(image, point.role, module.parameters_of(point.role), point.framework == MLOPEN)
    return lines


def _run(image: str, role: str, parameters: Sequence[Parameter], model: bool = False) -> Iterator[str]:
    """The lines that run one script with what it must be given; none where that shows nobody anything."""
    words = list(_arguments(parameters, model))
    if not words or None in words or len(words) > MAX_ARGUMENTS:
        return
    which = f"{role}, with" if role else "with"
    yield f"# {which} what it must be given; your folder `data` is its folder /data"
    yield 'docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/data:/data" \\'
    yield f"  {image} \\"
    yield "  " + " ".join([*filter(None, [role]), *map(str, words)])


def _arguments(parameters: Sequence[Parameter], model: bool) -> Iterator[str | None]:
    """What must be given, in order; None for what cannot be shown in a shell as it is.

    `model`: a parameter of that name takes what the training of a control file wrote.
    """
    for one in sorted(parameters, key=lambda parameter: not parameter.flags):
        if one.subcommand:
            yield None
        elif model and one.name == "model":
            # nothing asks for it, and without it the pipeline has nothing of what was learnt
            yield "--model BUNDLE@sha256:HASH"
        elif one.flags and one.required:
            yield _named(one)
        elif not one.flags and one.required is not False:
            yield _placeholder(one)


def _named(parameter: Parameter) -> str | None:
    flag = next((flag for flag in reversed(parameter.flags) if _PLAIN_FLAG.fullmatch(flag)), None)
    value = _placeholder(parameter)
    return f"{flag} {value}" if flag and value else None


def _placeholder(parameter: Parameter) -> str | None:
    if not _PLAIN_NAME.fullmatch(parameter.name):
        return None
    return parameter.name.upper().replace("-", "_")
