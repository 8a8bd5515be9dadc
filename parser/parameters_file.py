"""The parameters file: one file that is not run and carries the annotations of all entry points."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from parser.annotations import Annotations, is_annotated
from parser.argparse_reader import read_command_line
from parser.blocks import Block, belongs_to, count_processors, is_called, read_blocks
from parser.entry import evaluator
from parser.entry_points import is_no_entry, reads_command_line, role_of
from parser.model import Place, Problem, Settings
from parser.problems import problem, short
from parser.script import Refused, Script, read_script
from parser.settings import MAX_ROLES, ROLE
from parser.source import Source

MAX_LOOKED_AT = 20
"""Files with annotations that are looked at to find the parameters file."""

_PROCESSOR = re.compile(rb"@[ \t]*(?:[\w.]+\.)?processor\b|data_processor\b")


@dataclass(slots=True)
class ParametersFile:
    """What the parameters file says: role → annotations, and what is wrong; `path` is None where there is none."""

    path: str | None = None
    of: dict[str, Annotations] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_parameters_file(source: Source, settings: Settings, scripts: Mapping[str, Script]) -> ParametersFile:
    """The annotations of these entry points in the file that is named, or that is plainly there for them."""
    found = ParametersFile()
    try:
        script = _named(source, settings) if settings.parameters_file else _found(source, scripts)
    except Refused as refused:
        found.problems.append(refused.problem)
        return found
    if script is None:
        return found
    blocks = read_blocks(script, evaluator(read_command_line(source, script)))
    if not blocks or (not settings.parameters_file and len(scripts) == 1 and not _meant(blocks, scripts)):
        return found
    found.path = script.path
    if not settings.parameters_file:
        found.problems.append(problem("parameters-file-taken", blocks[0].place, file=short(script.path)))
    _assign(found, blocks, scripts)
    return found


def _meant(blocks: tuple[Block, ...], scripts: Mapping[str, Script]) -> bool:
    """Whether a file that nobody names describes the one script: it says so, or describes nothing else."""
    pairs = [(block, role, script.path) for block in blocks for role, script in scripts.items()]
    return len(blocks) == 1 or any(belongs_to(*pair) for pair in pairs)


def _named(source: Source, settings: Settings) -> Script:
    """The file that the settings name. Raises Refused when it cannot be the parameters file."""
    named = settings.parameters_file or ""
    place = settings.places.get("parameters_file")
    path = posixpath.normpath(named.strip())
    if path not in source.entries:
        raise Refused(problem("own-file-missing", place, key="parameters_file", file=short(named)))
    if not path.endswith(".py"):
        raise Refused(_refused(path, place, "it is no Python file", "Name a file that ends in .py."))
    script = read_script(source, path)
    if not count_processors(script) and not is_annotated(script):
        mend = 'Annotate a function for each entry point there: `@data_processor(command="train", …)`.'
        raise Refused(_refused(path, place, "it has no @data_processor", mend))
    return script


def declared_entry_points(source: Source, settings: Settings) -> dict[str, str]:
    """Role → script, where nobody names entry points and the parameters file does, by its `command=`.

    A role is the name of its file. Empty where no such file is there, or what it names reads no command line.
    """
    try:
        files = [_named(source, settings)] if settings.parameters_file else list(annotated_files(source))
    except Refused:
        return {}  # told by read_parameters_file
    if len(files) != 1:
        return {}
    (script,) = files
    found: dict[str, str] = {}
    for block in read_blocks(script, evaluator(read_command_line(source, script))):
        path = _commanded(source, block, script.path)
        role = "" if path is None else role_of(path)
        if path is not None and ROLE.match(role) and role not in found and len(found) < MAX_ROLES:
            found[role] = path
    return found


def _commanded(source: Source, block: Block, own: str) -> str | None:
    """The one script that a block names: by its path, or, where it reads a command line, by its name alone."""
    scripts = [path for path in sorted(source.entries) if path.endswith(".py") and not is_no_entry(path)]
    named = [path for path in scripts if path != own and belongs_to(block, role_of(path), path)]
    if len(named) != 1:
        return None
    if any(word.endswith(".py") for word in block.command.split()):
        # whoever writes a file's name means that file: what is wrong with it is told there
        return named[0]
    try:
        return named[0] if reads_command_line(read_script(source, named[0])) else None
    except Refused:
        return None


def _refused(path: str, place: Place | None, why: str, mend: str) -> Problem:
    return problem("parameters-file-refused", place, file=short(path), why=why, mend=mend)


def _found(source: Source, scripts: Mapping[str, Script]) -> Script | None:
    """The one file with annotations that no command line stands beside, where an entry point has none of its own.

    It has several `@data_processor`, or no entry point has any.
    """
    annotated = [is_annotated(script) for script in scripts.values()]
    if all(annotated):
        return None
    own = {script.path for script in scripts.values()}
    found = [
        script
        for script in annotated_files(source)
        if script.path not in own and (not any(annotated) or count_processors(script) > 1)
    ]
    return found[0] if len(found) == 1 else None


def annotated_files(source: Source) -> Iterator[Script]:
    """Files that carry annotations and read no command line."""
    mentions = [
        path
        for path, entry in sorted(source.entries.items())
        if path.endswith(".py")
        and entry.kind == "file"
        and not is_no_entry(path)
        and b"processor" in source.contents.get(path, b"")
        and _PROCESSOR.search(source.contents[path])
    ]
    for path in mentions[:MAX_LOOKED_AT]:
        try:
            script = read_script(source, path)
        except Refused:
            continue
        if is_annotated(script) and not reads_command_line(script):
            yield script


def _assign(found: ParametersFile, blocks: tuple[Block, ...], scripts: Mapping[str, Script]) -> None:
    """Gives each entry point its block, and tells what is left."""
    left: list[Block] = []
    places: dict[str, Place] = {}
    for block in blocks:
        roles = [role for role, script in scripts.items() if belongs_to(block, role, script.path)]
        roles = roles or [role for role in scripts if is_called(block, role)]
        if not roles and len(blocks) == len(scripts) == 1:
            roles = list(scripts)
        if not roles:
            left.append(block)
            continue
        role = roles[0]
        if role in places:
            words = {"role": role}
            found.problems.append(
                problem("entry-point-annotated-twice", block.place, None, also=[places[role]], **words)
            )
            continue
        places[role] = block.place
        if is_annotated(scripts[role]) and scripts[role].path != found.path:
            words = {"role": role, "file": short(scripts[role].path)}
            found.problems.append(
                problem(
                    "annotated-in-two-files", block.place, None, also=[Place(scripts[role].path)], **words
                )
            )
            continue
        found.of[role] = block.annotations
    missing = [role for role in scripts if role not in places and not is_annotated(scripts[role])]
    for block in left:
        edit = block.named(missing[0]) if len(left) == len(missing) == 1 else None
        words = {"roles": ", ".join(scripts), "role": missing[0] if missing else next(iter(scripts))}
        edits = [] if edit is None else [edit]
        found.problems.append(
            problem("annotation-of-no-entry-point", block.place, None, edits=edits, **words)
        )
    for role in missing if not left else []:
        words = {"role": role, "file": short(found.path or "")}
        found.problems.append(problem("entry-point-not-annotated", Place(found.path or ""), None, **words))
