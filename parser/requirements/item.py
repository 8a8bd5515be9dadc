"""One requirement, as pip reads it: a name with versions, an address, or a reason why it is neither."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508

from parser.model import Edit, Place, Problem, Requirement
from parser.problems import ascii_controls, problem
from parser.requirements.lines import Line
from parser.requirements.names import misnamed, normalized

Tell = Callable[[Problem], None]

MAX_REQUIREMENT = 4_000
"""Characters of one requirement, its options left out."""

MAX_MENDED = 200
"""Characters of a requirement for which a mend is looked for."""

_TOOLS = ("git", "hg", "svn", "bzr")
_REPOSITORIES = frozenset(
    f"{tool}+{way}"
    for tool, ways in {
        "git": ("http", "https", "ssh", "git", "file"),
        "hg": ("file", "http", "https", "ssh", "static-http"),
        "svn": ("ssh", "http", "https", "svn", "file"),
        "bzr": ("http", "https", "ssh", "sftp", "ftp", "lp", "file"),
    }.items()
    for way in ways
)
_SCHEMES = _REPOSITORIES | {"http", "https", "file", "ftp"}
_ARCHIVES = frozenset(
    (
        *(".zip", ".whl", ".tar.bz2", ".tbz", ".tar.gz", ".tgz", ".tar", ".tar.xz", ".txz", ".tlz"),
        *(".tar.lz", ".tar.lzma"),
    )
)
_ELSEWHERE = re.compile(r"(?:\w+\+)?file:/|/|~|[A-Za-z]:[\\/]", re.IGNORECASE)
"""Paths that begin at the top of a machine, or in somebody's home."""

_EGG = re.compile(r"[#&]egg=([^&]*)")
_PROJECT = re.compile(r"([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])\Z", re.IGNORECASE)
_OLD_WHEEL = re.compile(r"([^\s-]+?)-([^\s-]*?)(?:-\d[^-]*?)?-[^\s-]+?-[^\s-]+?-[^\s-]+?\.whl\Z")
_TRAILING_EXTRAS = re.compile(r"(.+)(\[[^\]]+\])\Z")

_NAME = r"([A-Za-z0-9][\w.-]*(?:\[[^]]*\])?)"
_MENDS = (
    (rf"{_NAME}\s*=\s*v?([\w.*+!]+)(?:\s*=\s*[\w.]+)?", r"\1==\2"),
    (rf"{_NAME}\s+v?(\d[\w.*+!]*)", r"\1==\2"),
    (rf"{_NAME}\s*=>\s*(.+)", r"\1>=\2"),
    (rf"{_NAME}\s*=<\s*(.+)", r"\1<=\2"),
    (rf"{_NAME}\s*~\s*(\d.*)", r"\1~=\2"),
    (rf"{_NAME}\s*(>=|>|<=|<)\s*([\d.]+?)\.[*x]", r"\1\2\3"),
    (rf"{_NAME}\s*([<>=!~]=?\s*[\w.*]+)\s*([<>=!~]=?\s*[\w.*]+)", r"\1\2,\3"),
    (rf"{_NAME}\s*([<>=!~]=?[^\[\]]+?)\s*(\[[^\]]+\])", r"\1\3\2"),
    (r"[\"'](.+)[\"']", r"\1"),
    (r"(.+?)[,;:.\\]+", r"\1"),
    (r"(?:python3? -m )?pip3? install\s+([^-\s]\S*)", r"\1"),
    (r"import\s+(\w+)", r"\1"),
    (r"[-*•]\s+(.+)", r"\1"),
)


def read_item(text: str, line: Line, tell: Tell) -> Requirement | None:
    """The requirement that `text`, the beginning of the line, is; None (and a problem) when pip refuses it."""
    if len(text) > MAX_REQUIREMENT:
        why, mend = f"it has more than {MAX_REQUIREMENT} characters", "Shorten it."
        tell(problem("requirement-invalid", line.place, why=why, mend=mend))
        return None
    is_address = _scheme(text) in _SCHEMES
    separator = "; " if is_address else ";"
    name, _, condition = text.partition(separator)
    name = name.strip()
    try:
        marker = str(Marker(condition.strip())) if condition.strip() else None
    except (InvalidMarker, RecursionError) as error:
        mend = "Write it like `tomli; python_version < '3.11'`."
        why = f"what follows the semicolon is no condition that pip knows ({_first_line(error)})"
        tell(problem("requirement-invalid", line.place, why=why, mend=mend))
        return None
    if is_address:
        return _from_address(name, marker, line, tell)
    if _is_file(name):
        tell(_local(line, name))
        return None
    return _from_name(name, marker, line, tell)


def read_editable(value: str, line: Line, tell: Tell) -> Requirement | None:
    """The requirement behind `-e`."""
    named = _direct(value)
    address = named.url if named is not None and named.url else value
    if (tool := address.lower().partition(":")[0]) in _TOOLS and ":" in address:
        address = f"{tool}+{address}"
    if _scheme(address) not in _REPOSITORIES or _scheme(address).endswith("+file"):
        if _scheme(address) in ("http", "https", "ftp"):
            why = "only a repository can be editable, and this is no address of one"
            tell(
                problem(
                    "requirement-invalid", line.place, why=why, mend=f"Is `-e git+{_shown(address)}` meant?"
                )
            )
        else:
            tell(_local(line, address))
        return None
    _tell_tool(address, line.place, tell)
    if named is not None:
        why, mend = "only newer versions of pip take a name and an address behind -e", "Leave out the -e."
        tell(problem("requirement-pip-version", line.place, why=why, mend=mend))
        marker = str(named.marker) if named.marker else None
        return _made(named.name, "", named.extras, marker, address, line.place, editable=True)
    egg = _EGG.search(address)
    if egg is None:
        why = "the package's name cannot be known from this address"
        tell(
            problem(
                "requirement-invalid", line.place, why=why, mend="Add it behind the address: `#egg=NAME`."
            )
        )
        return None
    return _from_egg(egg.group(1), None, address, line, tell, editable=True)


def _scheme(text: str) -> str:
    return text.partition(":")[0].lower() if ":" in text else ""


def _is_file(name: str) -> bool:
    """Whether pip takes it for a file or folder: an archive's name, or a path that is no name."""
    stem = found.group(1) if (found := _TRAILING_EXTRAS.match(name)) else name
    base, extension = posixpath.splitext(stem)
    if base.lower().endswith(".tar"):
        extension = base[-4:] + extension
    before, at, _ = name.partition("@")
    if extension.lower() in _ARCHIVES:
        return not at or "/" in before or name.startswith(".")
    return name.startswith(".") or "/" in before


def _local(line: Line, address: str, name: str | None = None) -> Problem:
    """A line for a file or folder: of the machine it was written on, if its path says so, or of the repository."""
    if _ELSEWHERE.match(address):
        what = "the machine that it was written on; they are not there when the image is built"
        mend = f"Write {f'`{name}==VERSION`' if name else 'the name and version of the package'} instead."
        if name:
            mend += " `pip list --format=freeze` lists all in that form."
    else:
        what = "the repository itself; requirements are installed before the sources are there"
        mend = "Remove the line: the sources are in the image anyway. Write what they need as requirements."
    return problem("requirement-local", line.place, None, what=what, mend=mend)


def _from_name(name: str, marker: str | None, line: Line, tell: Tell) -> Requirement | None:
    parsed = _pep508(name, line, tell)
    if parsed is None:
        return None
    if parsed.url:
        address = urlsplit_or_none(parsed.url)
        if _scheme(parsed.url) == "file" or _scheme(parsed.url).endswith("+file"):
            tell(_local(line, parsed.url, parsed.name))
            return None
        if address is None or not address[0] or not address[1]:
            why, mend = f"{_shown(parsed.url)} is no address", "Write the whole address: `NAME @ https://…`."
            tell(problem("requirement-invalid", line.place, why=why, mend=mend))
            return None
        _tell_tool(parsed.url, line.place, tell)
        # Brackets at the very end are extras for pip, although they are a part of the address as well.
        if behind := _TRAILING_EXTRAS.match(parsed.url):
            extras = _pep508(f"{parsed.name}{behind.group(2).lower()}", line, tell)
            if extras is None:
                return None
            parsed.extras = extras.extras
    if name.endswith(","):
        why, mend = "older ones refuse the comma at the end", "Remove the comma."
        end = len(name)
        edits = [Edit(line.part(end - 1, end), "")] if line.straight and line.text.startswith(name) else []
        tell(problem("requirement-pip-version", line.place, edits=edits, why=why, mend=mend))
    if not _PROJECT.match(parsed.name):
        why, mend = "many refuse a name that does not end in a letter or digit", "Correct the name."
        tell(problem("requirement-pip-version", line.place, why=why, mend=mend))
    if meant := misnamed(normalized(parsed.name)):
        _tell_misnamed(parsed.name, *meant, line, tell)
    inner = str(parsed.marker) if parsed.marker else marker
    return _made(parsed.name, str(parsed.specifier), parsed.extras, inner, parsed.url, line.place)


def _pep508(text: str, line: Line, tell: Tell) -> Pep508 | None:
    try:
        return Pep508(text)
    except InvalidRequirement as error:
        meant = _meant(text)
        if meant is None:
            why = f"pip says: {_first_line(error)}"
            mend, edits = "Write it like `numpy==2.1` or `scikit-image>=0.24`.", []
        else:
            why, mend = f"pip does not know the form `{_shown(text)}`", f"Is `{_shown(meant)}` meant?"
            edits = (
                [Edit(line.part(0, len(text)), meant)] if line.straight and line.text.startswith(text) else []
            )
        tell(problem("requirement-invalid", line.place, edits=edits, why=why, mend=mend))
        return None


def _meant(text: str) -> str | None:
    """What the author most likely wanted to write, if that is plain."""
    for pattern, replacement in _MENDS:
        found = re.fullmatch(pattern, text) if len(text) <= MAX_MENDED else None
        if found is None:
            continue
        meant = found.expand(replacement)
        try:
            Pep508(meant)
        except InvalidRequirement:
            continue
        return meant
    return None


def _direct(text: str) -> Pep508 | None:
    """`NAME @ ADDRESS`, or None."""
    try:
        parsed = Pep508(text)
    except InvalidRequirement:
        return None
    return parsed if parsed.url else None


def _from_address(address: str, marker: str | None, line: Line, tell: Tell) -> Requirement | None:
    """A bare address: its wheel's file name or `#egg=` may tell the package's name."""
    if _scheme(address) == "file" or _scheme(address).endswith("+file"):
        tell(_local(line, address))
        return None
    _tell_tool(address, line.place, tell)
    parts = urlsplit_or_none(address)
    if parts is None:
        tell(problem("requirement-invalid", line.place, why="this is no address", mend="Correct it."))
        return None
    file = unquote(posixpath.basename(parts[2].rstrip("/")))
    if file.lower().endswith(".whl"):
        return _from_wheel(file, marker, address, line, tell)
    if egg := _EGG.search(address):
        return _from_egg(egg.group(1), marker, address, line, tell)
    return _made(None, "", (), marker, address, line.place)


def _from_wheel(file: str, marker: str | None, address: str, line: Line, tell: Tell) -> Requirement | None:
    # Slow to import, and few files need it.
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _, _ = parse_wheel_filename(file)
        return _made(name, f"=={version}", (), marker, address, line.place)
    except InvalidWheelFilename as error:
        old = _OLD_WHEEL.match(file)
        if old is None:
            why, mend = "the wheel has no proper file name", "Correct the address."
            tell(problem("requirement-invalid", line.place, why=why, mend=mend))
            return None
        why, mend = (
            f"newer ones refuse the wheel's file name ({_first_line(error)})",
            "Build the wheel again.",
        )
        tell(problem("requirement-pip-version", line.place, why=why, mend=mend))
        release = old.group(2).replace("_", "-")
        return _made(old.group(1).replace("_", "-"), f"=={release}", (), marker, address, line.place)


def _from_egg(
    egg: str, marker: str | None, address: str, line: Line, tell: Tell, editable: bool = False
) -> Requirement | None:
    try:
        parsed = Pep508(egg)
    except InvalidRequirement:
        why, mend = f"{_shown(egg) or 'nothing'} behind `egg=` is no name", "Write `NAME @ ADDRESS` instead."
        tell(problem("requirement-invalid", line.place, why=why, mend=mend))
        return None
    if not _PROJECT.match(egg):
        why = "newer ones take only a name behind `egg=`"
        mend = f"Write `{_shown(egg)} @ ADDRESS` instead."
        tell(problem("requirement-pip-version", line.place, why=why, mend=mend))
    if marker is None and parsed.marker:
        marker = str(parsed.marker)
    return _made(
        parsed.name, str(parsed.specifier), parsed.extras, marker, address, line.place, editable=editable
    )


def _made(
    name: str | None,
    specifier: str,
    extras: object,
    marker: str | None,
    url: str | None,
    place: Place,
    editable: bool = False,
) -> Requirement:
    known_as = normalized(name) if name else None
    known = tuple(sorted(str(extra) for extra in extras)) if isinstance(extras, (set, tuple, list)) else ()
    return Requirement(name, specifier, known, marker, url, place, known_as, (), editable)


def urlsplit_or_none(address: str) -> tuple[str, str, str] | None:
    """Scheme, host and path; None for what is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts.scheme, parts.netloc, parts.path


def _tell_tool(address: str, place: Place, tell: Tell) -> None:
    tool = _scheme(address).partition("+")[0]
    if tool in _TOOLS:
        tell(problem("requirement-tool", place, tool=tool))


def _tell_misnamed(name: str, why: str, meant: str | None, line: Line, tell: Tell) -> None:
    mend = f"Write `{meant}` instead." if meant else "Remove the line."
    start = line.text.find(name)
    edits = (
        [Edit(line.part(start, start + len(name)), meant)] if meant and line.straight and start >= 0 else []
    )
    tell(problem("requirement-name", line.place, edits=edits, name=_shown(name), why=why, mend=mend))


def _first_line(error: Exception) -> str:
    return ascii_controls(str(error).partition("\n")[0])[:200].rstrip(".")


def _shown(text: str) -> str:
    return ascii_controls(text)[:120]
