"""Which names of a repository have to do with parsers: those of the modules that imports lead to, read as bytes.

Describing a script parses only what the script is followed into; looking through all that it could reach must cost
next to nothing beside that, so nothing is parsed here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Set

_IMPORT = re.compile(rb"(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(.*)|import[ \t]+(.*))", re.DOTALL)
_DEFINED = re.compile(rb"^([ \t]*)(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_WORD = re.compile(rb"\w+")
_DYNAMIC = (b"import_module(", b"__import__(")
_LONGEST = 10_000
"""Bytes of one import statement that are looked at."""

COMMON = frozenset(
    name
    for kind in (str, bytes, list, dict, set, int, float)
    for name in dir(kind)
    if not name.startswith("__")
)
"""Names of methods that nearly every code calls: that a file defines one says nothing of who calls it."""

_COMMON = frozenset(name.encode() for name in COMMON)

MAX_BETWEEN = 100_000
"""Bytes of files without parsers that are looked through for what leads to one."""

_EFFECT = re.compile(rb"^(?:@|class[ \t]+\w+[ \t]*\((?!object\b|\))|[A-Za-z_][\w.]*\()", re.MULTILINE)
"""Decorated or derived classes and calls at the top of a module: importing it may fill a table elsewhere."""

Find = Callable[[str, str, int], str | None]
"""The file that `import dotted` means in a file, with so many leading dots."""


class Reach:
    """The modules that were reached so far, and the names that those define which mention parsers."""

    def __init__(self, contents: Mapping[str, bytes], keywords: frozenset[str], find: Find) -> None:
        self._contents = contents
        self._keywords = tuple(word.encode() for word in keywords)
        longest_first = sorted((re.escape(word) for word in self._keywords), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(longest_first))
        self._find = find
        self._reached: set[str] = set()
        self._passed: list[bytes] = []
        self._names: set[str] = set()
        self._everything = False

    def names(self, path: str) -> frozenset[str]:
        """Functions and classes defined in files that mention parsers and that a file leads to, itself left out."""
        waiting = [] if self._everything else [path]
        for one in waiting:  # it grows meanwhile: the nearest files come first
            if one in self._reached:
                continue
            self._reached.add(one)
            content = self._contents.get(one, b"")
            self._passed.append(content)
            if one != path:
                self._take(content)
            if any(word in content for word in _DYNAMIC):
                # what it imports is computed: it may be anything
                self._everything = True
                for other, text in self._contents.items():
                    if other != path and other.endswith(".py"):
                        self._take(text)
                break
            waiting.extend(self._imported(one, content))
        self._take_between()
        return frozenset(self._names)

    def _take_between(self) -> None:
        """Adds code that mentions no parser itself and leads to code of another file that does."""
        room = MAX_BETWEEN
        for content in self._passed:
            room -= len(content)
            if room < 0:
                break
            if not self.mentions(content):
                names = {name.encode() for name in self._names}
                self._names.update(name.decode(errors="replace") for name in _dealing(content, None, names))
        self._passed.clear()

    def _take(self, content: bytes) -> None:
        if self.mentions(content):
            self._names.update(name.decode(errors="replace") for name in _dealing(content, self._pattern))

    def has_effect(self, path: str) -> bool:
        """Whether importing a file may change what parsers hold, although nothing of it is used by name."""
        content = self._contents.get(path, b"")
        if any(word in content for word in _DYNAMIC):
            return True
        if not self.mentions(content):
            return False
        if _EFFECT.search(content) is not None:
            return True
        found = (self._find(dotted, path, level) for dotted, level in dict.fromkeys(statements(content)))
        others = [self._contents.get(one, b"") for one in found if one is not None and one != path]
        return any(self.mentions(one) and _EFFECT.search(one) is not None for one in others)

    def mentions(self, content: bytes) -> bool:
        """Whether a file has any of the keywords; two or three plain searches leave out nearly all files."""
        likely = b"arser" in content or b"_arg" in content or b"set_defaults" in content
        return likely and any(word in content for word in self._keywords)

    def _imported(self, path: str, content: bytes) -> Iterator[str]:
        for dotted, level in dict.fromkeys(statements(content)):
            found = self._find(dotted, path, level)
            if found is not None and found not in self._reached:
                yield found


def _dealing(
    content: bytes, keywords: re.Pattern[bytes] | None, names: Set[bytes] = frozenset()
) -> set[bytes]:
    """Functions and classes of a file whose text has a keyword or a name, or the name of one that has, and so on."""
    inside: list[tuple[int, bytes, int]] = []
    spans: list[tuple[bytes, int, int]] = []
    for match in _DEFINED.finditer(content):
        indent = len(match.group(1))
        while inside and inside[-1][0] >= indent:
            _, name, start = inside.pop()
            spans.append((name, start, match.start()))
        inside.append((indent, match.group(2), match.end()))
    spans.extend((name, start, len(content)) for _, name, start in inside)
    spans = [one for one in spans if one[0] not in _COMMON and not one[0].startswith(b"__")]
    at = [match.start() for match in keywords.finditer(content)] if keywords else []
    found = {name for name, start, end in spans if bisect_left(at, start) < bisect_left(at, end)}
    waiting = [(name, start, end) for name, start, end in spans if name not in found]
    texts = [(name, set(_WORD.findall(content, start, end))) for name, start, end in waiting]
    grown = True
    while grown:
        grown = False
        for name, words in texts:
            if name not in found and not (words.isdisjoint(found) and words.isdisjoint(names)):
                found.add(name)
                grown = True
    return found


def statements(content: bytes) -> Iterator[tuple[str, int]]:
    """What a file's import statements may mean: dotted names, and how many dots lead them."""
    at = content.find(b"import ")
    while at >= 0:
        start = content.rfind(b"\n", 0, at) + 1
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        if b"(" in content[at:end]:
            end = content.find(b")", at, at + _LONGEST)
        elif content[at:end].endswith(b"\\"):
            end = min(len(content), at + _LONGEST)
        statement = _IMPORT.match(content[start : end if end > at else at + _LONGEST].strip())
        if statement is not None:
            dots, base, listed, plain = (part or b"" for part in statement.groups())
            for item in (listed or plain).replace(b"(", b"").split(b","):
                name = item.split()[0].decode(errors="replace") if item.split() else ""
                if plain:
                    yield name, 0
                else:
                    module = base.decode(errors="replace")
                    yield module, len(dots)
                    yield (f"{module}.{name}" if module else name), len(dots)
        at = content.find(b"import ", max(at + 7, end))
