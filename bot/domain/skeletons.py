"""Beginnings of code for those who ask for one: a script that reads a command line, or annotations for one that does.

All of it is ASCII, and foreign words stand in literals of Python. The annotations do nothing when the script runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parser.model import Module, Parameter, Value
from parser.source import Undecodable, read_text, source_encoding

MAX_DESCRIPTION_CHARS = 200
"""Characters of a description that an annotation repeats."""

NAMES = ("main.py", "run.py", "module.py", "mlreef_main.py")
"""What a new script is called: the first that is free."""

NEW_SCRIPT = re.compile(r"(?:(?!\.{1,2}/)[A-Za-z0-9_.-]+/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.py\Z", re.ASCII)
"""What a new script may be called."""

_ANNOTATED = re.compile(r"^[ \t]*@[ \t]*(?:\w+\.)?(?:data_processor|processor)\b", re.MULTILINE)
_WORD = re.compile(r"\w+")
_GUARD = re.compile(
    r"""^if[ \t]*+(?:\([ \t]*+)?__name__[ \t]*+==[ \t]*+["']__main__["'][ \t]*+(?:\)[ \t]*+)?:""",
    re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)
_WORDS = {"bool": "BOOLEAN", "int": "INTEGER", "float": "FLOAT", "complex": "COMPLEX"}
_CARRIER = "mlreef_module"


SCRIPT = b'''\
"""Reads --input-path and writes to --output-path. Your own work begins in `main`."""

import argparse
from pathlib import Path


def read_arguments():
    """The command line: every argument becomes a parameter of the published module."""
    parser = argparse.ArgumentParser(description="What this module does, in one sentence.")
    parser.add_argument("--input-path", type=Path, required=True, help="the file or folder that is read")
    parser.add_argument("--output-path", type=Path, required=True, help="the folder that results are written to")
    parser.add_argument("--seed", type=int, default=0, help="where random numbers begin")
    return parser.parse_args()


def main():
    """Does the work."""
    options = read_arguments()
    options.output_path.mkdir(parents=True, exist_ok=True)
    print(f"Reading {options.input_path}, writing to {options.output_path}, seed {options.seed}")


if __name__ == "__main__":
    main()
'''
"""A script with a command line, to begin with."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the annotations are called in a script, where the usual names may mean something else."""

    processor: str = "data_processor"
    parameter: str = "parameter"
    descriptions: bool = True
    defaults: bool = True


def annotations_skeleton(module: Module, spelling: Spelling | None = None, newline: str = "\n") -> str:
    """The annotations of a module as code: decorators that do nothing, and a function that carries them."""
    return newline.join(_annotations(module, spelling or Spelling()))


def _annotations(module: Module, spelling: Spelling) -> Iterator[str]:
    descriptions, defaults = spelling.descriptions, spelling.defaults
    yield f"def {spelling.processor}(**_description):"
    yield '    """Describes the module; the script itself runs the same without it."""'
    yield from ("    return lambda function: function", "", "")
    if module.parameters:
        yield f"def {spelling.parameter}(**_description):"
        yield '    """Describes one argument; the script itself reads it from the command line."""'
        yield from ("    return lambda function: function", "", "")
    yield f"@{spelling.processor}("
    yield f"    name={module.name!a},"
    yield f"    type={module.kind.value!a},"
    if module.description and descriptions:
        yield f"    description={module.description[:MAX_DESCRIPTION_CHARS]!a},"
    yield f"    input_type={module.input_type!a},"
    yield f"    output_type={module.output_type!a},"
    yield ")"
    for one in module.parameters:
        if _NAME.match(one.name) and not one.subcommand and one.condition is None:
            yield f"@{spelling.parameter}({', '.join(_fields(one, descriptions, defaults))})"
    yield f"def {_CARRIER}():"
    yield '    """Carries the description above; nobody calls it."""'


def _fields(one: Parameter, descriptions: bool, defaults: bool) -> Iterator[str]:
    yield f"name={one.name!a}"
    several = one.nargs not in (None, 0, "?") or one.action in ("append", "extend")
    yield f"type={'LIST' if several else _WORDS.get(one.type or '', 'STRING')!a}"
    if one.required is not None:
        yield f"required={one.required}"
    if defaults and "default" not in one.unknown and not several and _is_literal(one.default):
        yield f"defaultValue={one.default!a}"
    if descriptions and one.help:
        yield f"description={one.help[:MAX_DESCRIPTION_CHARS]!a}"


def _is_literal(value: Value) -> bool:
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def is_annotated(content: bytes) -> bool:
    """Whether a script seems to have annotations already."""
    return _ANNOTATED.search(content.decode("latin-1")) is not None


def annotate(content: bytes, module: Module) -> Sequence[bytes]:
    """Ways of writing the annotations into a script, the best first; none where their names mean something there.

    Before the main guard, else at the end. Whether a way reads back as it should is for the caller to see.
    """
    try:
        text = read_text(content)
    except Undecodable:
        return ()
    words = set(_WORD.findall(text))
    processor = next((word for word in ("data_processor", "processor") if word not in words), "")
    parameter = next((word for word in ("parameter", "param") if word not in words), "")
    if not processor or not parameter or _CARRIER in words:
        return ()
    newline = "\r\n" if "\r\n" in text else "\n"
    mark = content[: len(content) - len(content.removeprefix(b"\xef\xbb\xbf"))]
    encoding = source_encoding(content)
    found = []
    guards = [one.start() for one in _GUARD.finditer(text)]
    for descriptions, defaults in ((True, True), (False, True), (False, False)):
        added = annotations_skeleton(module, Spelling(processor, parameter, descriptions, defaults), newline)
        for at in (*guards[-1:], len(text)):
            before, after = text[:at].rstrip("\r\n"), text[at:]
            gap = newline * 3
            written = f"{before}{gap if before else ''}{added}{newline}{newline * 2 if after else ''}{after}"
            found.append(mark + written.encode(encoding))
    return tuple(found)
