"""A requirements file and those it includes: pip's format, read by pip's rules."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace

from parser.model import Edit, Place, Problem, Requirement, Requirements, Severity
from parser.problems import ascii_controls, problem
from parser.requirements.clashes import find_clashes
from parser.requirements.item import read_editable, read_item
from parser.requirements.lines import Line, logical_lines, read_pip_text
from parser.requirements.options import (
    NOT_IN_EVERY_PIP,
    OF_A_REQUIREMENT,
    OptionFault,
    Options,
    read_options,
    split_line,
)
from parser.script import Refused, read_content
from parser.source import Source, Undecodable, wanted

MAX_NESTED = 50
"""Files included by -r and -c, all together."""

MAX_LINES = 5_000
"""Lines of all files together."""

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_OFFERED = re.compile(
    r"MLREEF_INDEX_|CI_(?:JOB_TOKEN|API_V4_URL|SERVER_HOST|SERVER_URL|PROJECT_ID|PROJECT_PATH)\Z"
)
"""Variables that the bot offers to addresses of indexes (`bot/layers/addresses.py`)."""

_CREDENTIALS = re.compile(r"(?<!ssh)://(?!git@)[^/\s@]+@")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OF_THE_INDEX = (
    *("--index-url", "--extra-index-url", "--find-links", "--no-index", "--trusted-host", "--pre"),
    *("--no-binary", "--only-binary"),
)
_OPENED = ("--requirement", "--constraint", "--editable")


@dataclass(slots=True)
class Reading:
    """What has been read so far, over all included files."""

    source: Source
    problems: list[Problem] = field(default_factory=list)
    items: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    done: set[tuple[str, bool]] = field(default_factory=set)
    open: list[str] = field(default_factory=list)
    hashed: bool = False
    lines: int = 0

    def tell(self, told: Problem) -> None:
        """Notes a problem."""
        self.problems.append(told)


def read_pip_file(source: Source, file: str) -> tuple[Requirements | None, list[Problem]]:
    """The requirements of a file of the repository, and what is wrong with it and those it includes."""
    reading = Reading(source)
    try:
        _read_file(reading, file, constraint=False)
    except Refused as refused:
        return None, [refused.problem]
    _tell_hashes(reading)
    reading.problems.extend(find_clashes(reading.items, reading.constraints))
    found = Requirements(
        "pip",
        file,
        tuple(reading.items),
        tuple(reading.constraints),
        tuple(reading.options),
        tuple(dict.fromkeys(reading.files)),
    )
    return found, reading.problems


def read_pip_line(reading: Reading, line: Line, constraint: bool = False) -> None:
    """Reads one line into what has been read so far."""
    tell = reading.tell
    if has_credentials(line.text):
        tell(problem("requirement-credentials", line.place))
        return
    variable = _VARIABLE.search(line.text)
    if variable:
        level = Severity.INFO if _OFFERED.match(variable.group(1)) else None
        tell(problem("requirement-variable", line.place, level, variable=variable.group(1)[:80]))
    text, behind = split_line(line.text)
    text = text.strip()
    try:
        options = read_options(behind)
    except OptionFault as fault:
        if fault.option is not None:
            tell(problem("requirement-option", line.place, option=ascii_controls(fault.option)[:80]))
        else:
            tell(problem("requirement-invalid", line.place, why=str(fault), mend=fault.mend))
        return
    for option in dict.fromkeys(name for name, _ in options.given if name in NOT_IN_EVERY_PIP):
        why, mend = NOT_IN_EVERY_PIP[option], "Leave the option out, if you can."
        tell(problem("requirement-pip-version", line.place, why=why, mend=mend))
    if text:
        _read_requirement(reading, text, options, line, constraint, known=variable is None)
    elif editables := options.values("--editable"):
        _tell_ignored(reading, options, line, ("--editable",))
        # pip passes over hashes beside -e, so they are none.
        _keep(reading, read_editable(editables[0], line, tell), [], line, constraint)
    else:
        _read_options(reading, options, line)


def has_credentials(text: str) -> bool:
    """Whether an address in the text holds a user name or password in clear."""
    return any(not _VARIABLE.search(found.group()) for found in _CREDENTIALS.finditer(text))


def _read_file(reading: Reading, path: str, constraint: bool) -> None:
    """Reads one file and those it includes. Raises Refused when it is not readable."""
    reading.done.add((path, constraint))
    reading.files.append(path)
    reading.open.append(path)
    try:
        for line in logical_lines(_text(reading.source, path), path):
            reading.lines += 1
            if _stops_at_nul(line):
                why, mend = f"it holds a NUL byte in line {line.place.line}", "Save the file as UTF-8 text."
                raise Refused(
                    problem(
                        "file-unreadable", Place(path), file=ascii_controls(path)[:120], why=why, mend=mend
                    )
                )
            if reading.lines > MAX_LINES:
                why, mend = f"there are more than {MAX_LINES} lines", "Shorten the file."
                reading.tell(problem("requirement-invalid", line.place, why=why, mend=mend))
                return
            read_pip_line(reading, line, constraint)
    finally:
        reading.open.pop()


def _stops_at_nul(line: Line) -> bool:
    """pip passes over a NUL byte in comments and behind options, and stops at one in what it looks for or opens."""
    if "\0" not in line.text:
        return False
    text, behind = split_line(line.text)
    try:
        opened = read_options(behind).values(*_OPENED)
    except OptionFault:
        opened = []
    return any("\0" in one for one in (text, *opened))


def _text(source: Source, path: str) -> str:
    shown = ascii_controls(path)[:120]
    if source.entries[path].kind == "file" and path not in source.contents and not wanted(path):
        why, mend = "files of this name are not read", "Name it like `requirements-….txt`."
        raise Refused(problem("file-unreadable", Place(path), file=shown, why=why, mend=mend))
    try:
        return read_pip_text(read_content(source, path))
    except Undecodable as error:
        mend = "Save the file as UTF-8 text."
        raise Refused(
            problem("file-unreadable", Place(path), file=shown, why=str(error), mend=mend)
        ) from None


def _read_requirement(
    reading: Reading, text: str, options: Options, line: Line, constraint: bool, known: bool
) -> None:
    if options.values("--editable"):
        why, mend = (
            "newer ones take a requirement with -e behind it for a folder",
            "Put it on a line of its own.",
        )
        reading.tell(problem("requirement-pip-version", line.place, why=why, mend=mend))
    _tell_ignored(reading, options, line, OF_A_REQUIREMENT)
    if known:
        _keep(reading, read_item(text, line, reading.tell), options.values("--hash"), line, constraint)
        return
    # What the variable holds decides; a requirement that cannot be read as it stands is no fault of the line.
    faults: list[Problem] = []
    item = read_item(text, line, faults.append)
    reading.problems.extend(fault for fault in faults if fault.code != "requirement-invalid")
    _keep(reading, item, options.values("--hash"), line, constraint)


def _keep(
    reading: Reading, item: Requirement | None, hashes: list[str], line: Line, constraint: bool
) -> None:
    reading.hashed = reading.hashed or bool(hashes)
    if item is None:
        return
    item = replace(item, hashes=tuple(hashes))
    if not constraint:
        reading.items.append(item)
        return
    what = "editable" if item.editable else "without a name" if item.name is None else None
    what = "one with extras" if what is None and item.extras else what
    if what:
        reading.tell(problem("requirement-constraint", line.place, what=what))
    else:
        reading.constraints.append(item)


def _read_options(reading: Reading, options: Options, line: Line) -> None:
    """A line of options alone: pip follows the first -r, else the first -c, else obeys them all."""
    nested = options.values("--requirement")
    limits = options.values("--constraint")
    if nested or limits:
        _tell_ignored(reading, options, line, ("--requirement",) if nested else ("--constraint",))
        _include(reading, (nested or limits)[0], line, constraint=not nested)
        return
    _tell_ignored(
        reading,
        options,
        line,
        [name for name, _ in options.given if name not in OF_A_REQUIREMENT],
        all_of=True,
    )
    reading.hashed = reading.hashed or any(name == "--require-hashes" for name, _ in options.given)
    for name, value in options.given:
        if name in _OF_THE_INDEX:
            reading.options.append(f"{name} {value}".strip())
        if name == "--find-links" and not _SCHEME.match(value):
            reading.tell(problem("requirement-links", line.place, target=ascii_controls(value)[:120]))


def _tell_ignored(
    reading: Reading, options: Options, line: Line, obeyed: object, all_of: bool = False
) -> None:
    """What pip passes over in silence on a line: words behind options, options of another kind, all but the first."""
    kept = tuple(obeyed) if isinstance(obeyed, (tuple, list, frozenset)) else ()
    single = kept[0] if len(kept) == 1 and not all_of else None
    seen = False
    ignored: list[str] = []
    for name, value in options.given:
        if name not in kept or (name == single and seen):
            ignored.append(f"{name} {value}".strip())
        seen = seen or name == single
    ignored.extend(options.left)
    if not ignored:
        return
    what = ascii_controls(" ".join(ignored))[:120]
    edits: list[Edit] = []
    # Only words at the very end can be moved to a line of their own without knowing how they were quoted.
    tail = " ".join(ignored)
    if line.straight and line.text.endswith(f" {tail}") and " " not in (options.left or ("",))[0]:
        start = len(line.text) - len(tail)
        before = len(line.text[:start].rstrip())
        edits = [Edit(line.part(before, start), "\n")]
    reading.tell(problem("requirement-ignored", line.place, edits=edits, what=what))


def _include(reading: Reading, value: str, line: Line, constraint: bool) -> None:
    tell = reading.tell
    target = posixpath.normpath(posixpath.join(posixpath.dirname(line.place.file), value))
    said = ascii_controls(value)[:120]
    if (
        re.match("(?:https?|file):", value, re.IGNORECASE)
        or target.startswith(("../", "/"))
        or target == ".."
    ):
        tell(problem("requirement-outside", line.place, target=said))
    elif target in reading.open:
        tell(problem("requirement-cycle", line.place, target=said))
    elif target not in reading.source.entries:
        tell(problem("requirement-file-missing", line.place, target=said))
    elif (target, constraint) not in reading.done:
        if len(reading.done) > MAX_NESTED:
            why, mend = f"more than {MAX_NESTED} files include each other", "Put them together."
            tell(problem("requirement-invalid", line.place, why=why, mend=mend))
            return
        try:
            _read_file(reading, target, constraint)
        except Refused as refused:
            tell(refused.problem)


def _tell_hashes(reading: Reading) -> None:
    """With one hash, or --require-hashes, pip wants a hash and an exact version everywhere."""
    if not reading.hashed:
        return
    limits = {item.normalized: item for item in reading.constraints if item.hashes}
    for item in reading.items:
        pinned = item.url is not None or re.fullmatch(r"={2,3}[^*,]+", item.specifier) is not None
        limit = limits.get(item.normalized)
        if item.editable or (item.url and re.match(r"(git|hg|svn|bzr)\+", item.url)):
            why = "is fetched from a repository, for which there are no hashes"
        elif not item.hashes and limit is None:
            why = "has no hash"
        elif not pinned and limit is None:
            why = "has a hash, but no exact version"
        else:
            continue
        reading.tell(problem("requirement-hash", item.place, why=why))
