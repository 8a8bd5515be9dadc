"""What the script imports against what is required: modules that nothing provides, packages that nothing imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType

from parser.model import Needed, Place, Problem, Requirement, Requirements, Severity
from parser.problems import ascii_controls, problem, short
from parser.requirements.misspelt import Import, certain_imports, misspelt_imports, misspelt_requirement
from parser.requirements.names import BROUGHT, SILENT, STANDARD, Provided, misnamed, modules_of, usual_package
from parser.script import Refused, Script, read_script
from parser.source import Source

MAX_FILES = 2_000
"""Files of the repository that are followed from the script."""

MAX_BYTES = 8 * 1024 * 1024
"""Bytes of them together."""

MAX_LINES = 20_000
"""Lines with imports, of all files together."""

MAX_PACKAGES = 2_000
"""Requirements; where there are more, somebody wrote down what was installed."""

MAX_SEARCHED = 500_000_000
"""Bytes of files times names that are looked for in them."""

MAX_NAMES = 5
"""Packages that one message names."""

_IMPORT = re.compile(
    rb"[ \t]*(?:import[ \t]+(?P<plain>[\w., \t]+)"
    rb"|from[ \t]+(?P<dots>\.*)(?P<base>[\w.]*)[ \t]+import[ \t]*\(?(?P<names>[^#\n]*))"
)
_WORD = re.compile(rb"\w+")


UNREAD = frozenset(
    (
        *("requirement-invalid", "requirement-credentials", "requirement-local", "requirement-outside"),
        *("requirement-file-missing", "file-unreadable"),
    )
)
"""Problems of lines and files whose packages are not known."""


Brought = Mapping[str, str | None]
"""Packages that the image has beside the requirements → the repository's folder that they stand for, if any."""


def compare_imports(
    source: Source,
    entries: Sequence[Script],
    requirements: Requirements,
    faults: Iterable[Problem] = (),
    brought: Brought = MappingProxyType({}),
) -> list[Problem]:
    """Hints, never more: what is imported may come with the environment or with another package.

    `entries` are the scripts of all entry points. `faults` are problems of the requirements; where they hide a
    package, nothing is called unprovided.
    """
    if len(requirements.items) > MAX_PACKAGES:
        return []
    followed = _follow(source, [one.path for one in entries], brought)
    unused = _unused(source, requirements, followed.words)
    hidden = any(one.code in UNREAD for one in faults)
    unprovided = list(_unprovided(source, entries, requirements, followed, hidden, unused))
    misspelt = {place for one in unprovided for place in one.also}
    return [*unprovided, *_told_unused([one for one in unused if one.place not in misspelt], requirements)]


def brought_requirements(requirements: Requirements, brought: Brought) -> list[Problem]:
    """Requirements that the image has anyway, in the form that the module needs."""
    return [
        problem("requirement-brought", item.place, None, name=short(str(item.name)))
        for item in requirements.items
        if item.normalized in brought
    ]


def packages_of_imports(
    source: Source, entries: Sequence[Script], brought: Brought = MappingProxyType({})
) -> tuple[Needed, ...]:
    """The packages that one would install for what the scripts surely import, sorted; own modules left out."""
    wanted = _wanted(source, entries, _follow(source, [one.path for one in entries], brought))
    needed = {Needed(name, usual_package(name)) for name, _ in wanted}
    return tuple(sorted(needed, key=lambda one: (one.package.lower(), one.module)))[:MAX_PACKAGES]


def followed_files(
    source: Source, entries: Sequence[str], brought: Brought = MappingProxyType({})
) -> tuple[str, ...]:
    """The repository's files that the entry points run or import, those themselves first."""
    return tuple(_follow(source, entries, brought).modules)


@dataclass(slots=True)
class _Followed:
    """What the files that are reached from the scripts import."""

    roots: list[str]
    """Folders in which Python looks for modules."""
    modules: dict[str, set[str]] = field(default_factory=dict)
    """File → first words of what it imports."""
    words: set[str] = field(default_factory=set)
    """All words of lines with imports."""
    doubtful: dict[str, list[Import]] = field(default_factory=dict)
    """File → what it imports and no file of the repository is."""
    brought: Brought = field(default_factory=dict)


def _follow(source: Source, entries: Sequence[str], brought: Brought) -> _Followed:
    folders = [entry.rpartition("/")[0] for entry in entries]
    followed = _Followed(list(dict.fromkeys((*folders, "", "src"))), brought=brought)
    roots, found, words = followed.roots, followed.modules, followed.words
    waiting = list(reversed(entries))
    room, lines = MAX_BYTES, MAX_LINES
    while waiting and len(found) < MAX_FILES:
        path = waiting.pop()
        content = source.contents.get(path)
        if path in found or content is None or len(content) > room:
            continue
        room -= len(content)
        found[path] = set()
        for line in islice(_import_lines(content), lines):
            lines -= 1
            words.update(word.decode(errors="replace") for word in _WORD.findall(line))
            for level, dotted, names in _imports(line):
                if not level and dotted:
                    found[path].add(dotted.partition(".")[0])
                files = _files(source, roots, path, level, dotted, names)
                files += _stood_for(source, brought, path, level, dotted, names)
                waiting.extend(files)
                first = dotted.partition(".")[0]
                if dotted and not files and first not in STANDARD and first not in brought:
                    followed.doubtful.setdefault(path, []).append((level, dotted, tuple(names)))
    return followed


def _stood_for(
    source: Source, brought: Brought, path: str, level: int, dotted: str, names: list[str]
) -> list[str]:
    """The repository's files that an import of a brought package may run."""
    found: list[str] = []
    for package, folder in brought.items():
        if folder is not None and not level and f"{dotted}.".startswith(f"{package}."):
            rest = dotted[len(package) + 1 :]
            found += _files(source, [folder], path, 0, rest, names)
    return found


def _import_lines(content: bytes) -> Iterator[bytes]:
    """Lines with the word; regular expressions over whole files take ten times as long."""
    at = content.find(b"import")
    while at >= 0:
        start = content.rfind(b"\n", 0, at) + 1
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        yield content[start:end]
        at = content.find(b"import", end)


def _imports(line: bytes) -> Iterator[tuple[int, str, list[str]]]:
    """Leading dots, dotted name and imported names of a line."""
    found = _IMPORT.match(line)
    if found is None:
        return
    if found["plain"] is not None:
        for part in found["plain"].decode(errors="replace").split(","):
            if words := part.split():
                yield 0, words[0], []
        return
    names = [
        words[0]
        for part in found["names"].decode(errors="replace").split(",")[:100]
        if (words := part.split())
    ]
    yield len(found["dots"]), found["base"].decode(errors="replace"), names


def _files(
    source: Source, roots: list[str], importer: str, level: int, dotted: str, names: list[str]
) -> list[str]:
    """The repository's files that an import may run."""
    folders = roots
    if level:
        above = importer.split("/")[:-level]
        folders = ["/".join(above)]
    parts = [part for part in dotted.split(".") if part]
    stems = [parts[:length] for length in range(1 if parts else 0, len(parts) + 1)]
    stems += [[*parts, name] for name in names if name.isidentifier()]
    found = []
    for folder in folders:
        for stem in stems:
            path = "/".join([*([folder] if folder else []), *stem])
            found += [
                one for one in (f"{path}.py", f"{path}/__init__.py".lstrip("/")) if one in source.contents
            ]
    return found


def _unprovided(
    source: Source,
    entries: Sequence[Script],
    requirements: Requirements,
    followed: _Followed,
    hidden: bool,
    unused: list[Requirement],
) -> Iterator[Problem]:
    all_known = not hidden and all(item.name is not None for item in requirements.items)
    provided = Provided(item.normalized for item in requirements.items if item.normalized)
    told: set[str] = set()
    doubtful = {
        path: rest
        for path, imports in followed.doubtful.items()
        if (rest := [one for one in imports if one[0] or (all_known and _first(one) not in provided)])
    }
    if doubtful:
        for name, misspelt in misspelt_imports(source, followed.roots, doubtful, requirements.file):
            told.add(name)
            yield misspelt
    if not all_known:
        return
    file = ascii_controls(requirements.file)[:120]
    for name, place in _wanted(source, entries, followed, provided):
        if name in told:
            continue
        told.add(name)
        words = {"module": ascii_controls(name)[:120]}
        package = ascii_controls(usual_package(name))[:120]
        meant = misspelt_requirement(package, unused)
        if meant is None:
            mend = (
                f"Add {package} to {file}, unless the environment or another requirement brings it; a file of yours"
                " has to be in the repository."
            )
            yield problem("import-unprovided", place, None, mend=mend, **words)
        else:
            written = ascii_controls(str(meant.name))[:120]
            mend = f"Is {package} meant by `{written}` in {ascii_controls(meant.place.file)[:120]}?"
            also = [meant.place]
            yield problem("import-unprovided", place, Severity.WARNING, also=also, mend=mend, **words)


def _wanted(
    source: Source,
    entries: Sequence[Script],
    followed: _Followed,
    provided: Provided | None = None,
) -> Iterator[tuple[str, Place]]:
    """First words of what is surely imported and neither Python's nor the repository's; the scripts' own first."""
    own, modules = _own_names(source) | followed.brought.keys(), followed.modules
    provided = provided or Provided(())
    given = {one.path: one for one in entries}
    for path in sorted(modules, key=lambda one: (one not in given, one)):
        wanted = {
            name
            for name in modules[path]
            if name not in STANDARD and name not in own and name not in provided
        }
        if not wanted:
            continue
        try:
            script = given.get(path) or read_script(source, path)
        except Refused:
            continue
        yield from _certain(script, wanted)


def _first(one: Import) -> str:
    return one[1].partition(".")[0]


def _own_names(source: Source) -> set[str]:
    """Names of the repository's own modules and folders, wherever they are."""
    names: set[str] = set()
    for path in source.entries:
        *folders, file = path.split("/")
        names.update(folders)
        names.add(file.partition(".")[0])
    return names


def _certain(script: Script, wanted: set[str]) -> Iterator[tuple[str, Place]]:
    """The imports of these modules that nothing makes optional, neither `try` nor `if`."""
    found: list[tuple[str, Place]] = []
    for node in certain_imports(script):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module] if node.module and not node.level else []
        for name in {name.partition(".")[0] for name in names} & wanted:
            found.append((name, script.place(node)))
    return iter(sorted(found, key=lambda one: (one[1].line, one[0])))


def _unused(source: Source, requirements: Requirements, words: set[str]) -> list[Requirement]:
    """All packages that no Python file so much as mentions."""
    packages = {item.normalized for item in requirements.items if item.normalized}
    unused = [item for item in requirements.items if _may_be_unused(item, packages)]
    unused = [item for item in unused if not modules_of(item.normalized or "") & words]
    names_in_all = sum(len(modules_of(item.normalized or "")) for item in unused)
    if names_in_all * sum(map(len, source.contents.values())) > MAX_SEARCHED:
        return []
    for path, content in source.contents.items():
        if not unused:
            return []
        if path.endswith(".py"):
            unused = [
                item
                for item in unused
                if not any(name.encode() in content for name in modules_of(item.normalized or ""))
            ]
    return unused


def _told_unused(unused: list[Requirement], requirements: Requirements) -> list[Problem]:
    """One hint for all of them."""
    if not unused:
        return []
    names = list(dict.fromkeys(ascii_controls(str(item.name))[:120] for item in unused))
    shown = ", ".join(names[:MAX_NAMES])
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    file = ascii_controls(requirements.file)[:120]
    return [problem("requirement-unused", unused[0].place, names=shown + more, file=file)]


def _may_be_unused(item: Requirement, packages: set[str]) -> bool:
    """Whether a package is there to be imported, as far as one can tell: no tool, no plug-in, no pinned dependency."""
    name = item.normalized
    if name is None or item.hashes or item.marker or item.extras or name in SILENT or misnamed(name):
        return False
    return not BROUGHT.get(name, frozenset()) & packages and not name.startswith(
        ("nvidia-", "types-", "pytest-")
    )
