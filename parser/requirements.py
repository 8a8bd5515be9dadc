"""requirements.txt as pip reads it: lines, options, nested files of the repository."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from parser.model import Place, Problem, Requirement, Requirements, Severity
from parser.problems import ascii_controls, problem
from parser.script import Refused, read_content
from parser.source import Source, Undecodable, read_text

Tell = Callable[[Problem], None]

DEFAULT_FILE = "requirements.txt"

MAX_NESTED = 50
"""Files included by -r and -c, all together."""

MAX_LINES = 20_000
"""Lines of all files together."""

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_CREDENTIALS = re.compile(r"(?<!ssh)://[^/\s@]+@")
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(whl|zip|tar|tar\.gz|tgz|tar\.bz2|tbz|tar\.xz|txz)(\[[^]]*\])?$", re.IGNORECASE)
_EGG = re.compile(r"[#&]egg=([\w.-]+)(?:\[([^]]*)\])?")
_SINGLE_EQUALS = re.compile(r"^([\w.-]+(?:\[[^]]*\])?)\s*=\s*([\w.]+)$")
_TWO_WORDS = re.compile(r"^([\w.-]+)\s+v?(\d[\w.]*)$")
_INCLUDES = ("-r", "--requirement", "-c", "--constraint")
_VALUED = (
    *("-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links"),
    *("--no-binary", "--only-binary", "--trusted-host", "--use-feature", "-e", "--editable"),
)
_PLAIN = ("--no-index", "--pre", "--prefer-binary", "--require-hashes", "-Z", "--always-unzip")
_OF_A_LINE = ("--hash", "--global-option", "--config-setting", "--config-settings", "-C", "--install-option")


@dataclass(slots=True)
class _Reading:
    """What has been read so far, over all included files."""

    source: Source
    problems: list[Problem] = field(default_factory=list)
    items: list[Requirement] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    lines: int = 0


def read_requirements(source: Source, named: str | None) -> tuple[Requirements | None, tuple[Problem, ...]]:
    """The requirements of the module; `named` is the file that .mlreef.yaml gives."""
    file = posixpath.normpath(named) if named else DEFAULT_FILE
    if file.startswith(("../", "/")) or file not in source.entries:
        return None, (
            problem("no-requirements", None, file=ascii_controls(file)[:120], mend=_mend(source, named)),
        )
    reading = _Reading(source)
    try:
        _read_file(reading, file, constraint=False)
    except Refused as refused:
        return None, (refused.problem,)
    _tell_duplicates(reading)
    return Requirements("pip", file, tuple(reading.items)), tuple(reading.problems)


def _mend(source: Source, named: str | None) -> str:
    if named:
        return "Correct requirements_file in .mlreef.yaml, or add the file."
    others = [path for path in ("environment.yml", "pyproject.toml", "setup.py") if path in source.entries]
    near = [path for path in source.entries if posixpath.basename(path) == DEFAULT_FILE]
    if near:
        return f"Name it in .mlreef.yaml: `requirements_file: {ascii_controls(near[0])[:120]}`."
    if others:
        return f"Write the packages of {others[0]} into a requirements.txt; only that is installed into the image."
    return "Add one that lists the packages the script imports, one a line; an empty one if it needs none."


def _read_file(reading: _Reading, path: str, constraint: bool) -> None:
    """Reads one file and those it includes. Raises Refused when it is not readable."""
    reading.seen.add(path)
    content = read_content(reading.source, path)
    try:
        text = read_text(content)
    except Undecodable as error:
        mend = "Save the file as UTF-8 text."
        raise Refused(
            problem(
                "file-unreadable", Place(path), file=ascii_controls(path)[:120], why=str(error), mend=mend
            )
        ) from None
    for number, line in _logical_lines(text):
        reading.lines += 1
        if reading.lines > MAX_LINES:
            why, mend = f"there are more than {MAX_LINES} lines", "Shorten the file."
            reading.problems.append(problem("requirement-invalid", Place(path, number), why=why, mend=mend))
            return
        _read_line(reading, line, Place(path, number), constraint)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at backslashes, without comments; exactly pip's rules, the odd ones included."""
    pending: list[str] = []
    first = 0
    for number, raw in enumerate([*text.splitlines(), None], 1):
        first = first if pending else number
        comment = raw is not None and _COMMENT.match(raw) is not None
        if raw is not None and raw.endswith("\\") and not comment:
            pending.append(raw.strip("\\"))
            continue
        # A comment ends what was to be continued, and is no part of it.
        joined = "".join([*pending, f" {raw}" if comment else raw or ""])
        pending = []
        if line := _COMMENT.sub("", joined).strip():
            yield first, line


def _read_line(reading: _Reading, line: str, place: Place, constraint: bool) -> None:
    tell = reading.problems.append
    if (found := _CREDENTIALS.search(line)) and not _VARIABLE.search(found.group()):
        tell(problem("requirement-credentials", place))
        return
    if variable := _VARIABLE.search(line):
        tell(problem("requirement-variable", place, variable=variable.group(1)[:80]))
    if line.startswith("-"):
        _read_option(reading, line, place)
        return
    words = line.split(" ")
    cut = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    for option in (word for word in words[cut:] if word.startswith("-")):
        if option.partition("=")[0] not in _OF_A_LINE:
            tell(problem("requirement-option", place, option=ascii_controls(option)[:80]))
    requirement = _requirement(" ".join(words[:cut]).strip(), place, tell)
    if requirement is not None and not constraint:
        reading.items.append(requirement)


def _read_option(reading: _Reading, line: str, place: Place) -> None:
    tell = reading.problems.append
    try:
        words = shlex.split(line)
    except ValueError:
        why, mend = "a quote is not closed", "Close it."
        tell(problem("requirement-invalid", place, why=why, mend=mend))
        return
    option, value = _split_option(words)
    if option in _INCLUDES:
        _include(reading, option, value, place)
    elif option in ("-e", "--editable"):
        if _SCHEME.match(value) and not value.startswith("file:"):
            reading.items.append(_from_url(value, place, tell))
        else:
            tell(problem("requirement-local", place))
    elif option in _VALUED:
        if not value:
            tell(problem("requirement-invalid", place, why=f"{option} needs a value", mend="Add it."))
    elif option not in _PLAIN:
        tell(problem("requirement-option", place, option=ascii_controls(option)[:80]))


def _split_option(words: list[str]) -> tuple[str, str]:
    """`-r x`, `-rx`, `--requirement x` and `--requirement=x` alike."""
    first, rest = words[0], " ".join(words[1:])
    if first.startswith("--"):
        option, equals, value = first.partition("=")
        return option, value if equals else rest
    return first[:2], first[2:].removeprefix("=") or rest


def _include(reading: _Reading, option: str, value: str, place: Place) -> None:
    tell = reading.problems.append
    if not value:
        tell(problem("requirement-invalid", place, why=f"{option} needs a file", mend="Name it."))
        return
    target = posixpath.normpath(posixpath.join(posixpath.dirname(place.file), value))
    said = ascii_controls(value)[:120]
    if _SCHEME.match(value) or target.startswith(("..", "/")):
        tell(problem("requirement-outside", place, target=said))
    elif target not in reading.source.entries:
        tell(problem("requirement-file-missing", place, target=said))
    elif target not in reading.seen:
        if len(reading.seen) > MAX_NESTED:
            why, mend = f"more than {MAX_NESTED} files include each other", "Put them together."
            tell(problem("requirement-invalid", place, why=why, mend=mend))
            return
        try:
            _read_file(reading, target, option in ("-c", "--constraint"))
        except Refused as refused:
            tell(refused.problem)


def _requirement(text: str, place: Place, tell: Tell) -> Requirement | None:
    scheme = _SCHEME.match(text)
    if scheme and "@" not in text.partition(":")[0]:
        if scheme.group(1).lower() == "file":
            tell(problem("requirement-local", place))
            return None
        return _from_url(text, place, tell)
    if text.startswith((".", "/")) or (_ARCHIVE.search(text) and "@" not in text):
        tell(problem("requirement-local", place))
        return None
    try:
        parsed = Pep508(text)
    except InvalidRequirement as error:
        why = ascii_controls(str(error).partition("\n")[0])[:200].rstrip(".")
        tell(problem("requirement-invalid", place, why=why, mend=_mend_line(text)))
        return None
    if parsed.url and parsed.url.startswith("file:"):
        tell(problem("requirement-local", place))
        return None
    if parsed.url:
        _tell_tool(parsed.url, place, tell)
    marker = str(parsed.marker) if parsed.marker else None
    extras = tuple(sorted(parsed.extras))
    return Requirement(parsed.name, str(parsed.specifier), extras, marker, parsed.url, place)


def _from_url(text: str, place: Place, tell: Tell) -> Requirement:
    """A bare address: pip knows the name only from `#egg=`, or after the download."""
    address, _, marker = text.partition(" ;")
    egg = _EGG.search(address)
    _tell_tool(address, place, tell)
    extras = (
        tuple(sorted(part.strip() for part in (egg.group(2) or "").split(",") if part.strip())) if egg else ()
    )
    return Requirement(
        egg.group(1) if egg else None, "", extras, marker.strip() or None, address.strip(), place
    )


def _tell_tool(address: str, place: Place, tell: Tell) -> None:
    tool = address.partition("+")[0]
    if tool in ("git", "hg", "svn", "bzr"):
        tell(problem("requirement-tool", place, tool=tool))


def _mend_line(text: str) -> str:
    if found := _SINGLE_EQUALS.match(text) or _TWO_WORDS.match(text):
        return f"Is `{found.group(1)}=={found.group(2)}` meant?"
    return "Write it like `numpy==2.1` or `scikit-image>=0.24`."


def _tell_duplicates(reading: _Reading) -> None:
    first: dict[tuple[str, str | None], Requirement] = {}
    for item in reading.items:
        if item.name is None:
            continue
        key = (canonicalize_name(item.name), item.marker)
        older = first.setdefault(key, item)
        if older is not item:
            pins = {older.specifier, item.specifier}
            clash = len(pins) == 2 and all(pin.startswith("==") and "*" not in pin for pin in pins)
            where = f"{ascii_controls(older.place.file)[:120]} line {older.place.line}"
            severity = Severity.ERROR if clash else None
            reading.problems.append(
                problem("requirement-twice", item.place, severity, name=item.name, where=where)
            )
