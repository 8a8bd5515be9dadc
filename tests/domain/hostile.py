"""Values of any type of ours, made of the worst that a repository can say."""

from __future__ import annotations

import random
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum, IntEnum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bot.domain.gitlab import Project

ATTACKS = (
    "@all", "@group/sub", "a@b.example", "#1", "group/project#1", "!2", "g/p!2", "$3", "~bug", '~"a b"', "%v1",
    '%"a b"',
    "&4", "^alert#5", "*iteration:6", '*iteration:"a b"', "[issue:7]", "[vulnerability:g/p/8]", '[cadence:"a b"]',
    "[[Home]]", "[[a|b]]", "GL-9", "ABC-10", "g/p>", "g--/p.>", "deadbeef", "0123456789abcdef0123456789abcdef01234567",
    "1234567...89abcdef", "g/p@deadbeef", "https://gitlab.example.com/g/p/-/issues/1", "https://evil.example/x",
    "www.evil.example", "ftp://evil.example", "mailto:a@b.example", ":100:", "/close", "\n/merge", "\r/close",
    "\r\n/close", "\u2028/close", "\x85/close", "\x0b/close", "\u200b/close", "\ufeff/close", "\n- /close",
    "\n1. /close", "\n> /close", "\n\t/close", "\n* > - /assign @all",
    "\n- [ ] /close", "\n```\n/close\n```", "````", "`", "``", "`a",
    "~~~", "|", "\\|", "\\\\|", "\\", "\\`", "<img src=https://evil.example/x.png>", "<script>", "<details>",
    "</details>", "</summary>", "<!--", "-->", "<!-- mlreef-bot:note sha256=00 -->", "<b>", "&lt;b&gt;", "&#64;all",
    "![x](https://evil.example/x.png)", "[x](javascript:alert(1))", "[x][y]", "\n[y]: https://evil.example",
    "[^1]", "\n[^1]: x", "[TOC]", "[[_TOC_]]", "{+ a +}", "[- a -]", "$`x`$", "$$x$$", "\n# x", "\n---", "\n| a | b |",
    "* x", "_x_", "**", "~~x~~", "\u202e", "\x1b[31m", "\x00", " ", "  ", "\u3000", "\u034f", "\u2800", "0000000", "x",
)  # fmt: skip
ANY_TEXT = st.one_of(
    st.lists(st.sampled_from(ATTACKS), min_size=1, max_size=4).map("".join),
    st.lists(st.sampled_from(ATTACKS), min_size=1, max_size=4).map(" ".join),
    st.text(
        alphabet=st.one_of(
            st.characters(exclude_categories=("Cs",)),
            st.sampled_from(
                "/@#!~%&^$`|<>*_[](){}+-:.\\\n\r\t \u202e\u200b\u2028\x0b\x0c\x1b" + "0123456789abcdef"
            ),
        ),
        max_size=60,
    ),
)
"""Any text; most of it an attack, or several."""

TRUSTED: Mapping[str, str] = {
    "sha": "a" * 40,
    "digest": f"sha256:{'d' * 64}",
    "web_url": "https://gitlab.example.com/group/project/-/thing/1",
    "url": "https://gitlab.example.com/group/project/-/thing/1",
    "registry_host": "registry.example.com",
    "specifier": ">=3.10",
    "marker": 'sys_platform == "linux"',
    "code": "argument-without-help",
    "image": "registry.example.com/group/project",
}
"""What GitLab, the parser or the bot made: names of arguments and fields that hold no text of the repository's."""

BEGINS = {"vulnerabilities": "Known vulnerabilities: "}
"""How texts begin that the bot itself makes, and that others may have changed behind that."""

NEVER_EMPTY = frozenset({"tags", "entry_points"})
"""Fields that hold something wherever there is such a value at all."""


class Maker:
    """Makes values of a type; the same `seed` makes the same value but for its texts, which are out of `texts`."""

    def __init__(self, seed: int, texts: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._texts = texts

    def text(self) -> str:
        """One of the texts."""
        return self._texts[self._random.randrange(10**6) % len(self._texts)]

    def arguments(self, function: Callable[..., object]) -> dict[str, Any]:
        """What to call a function with."""
        hints = get_type_hints(function)
        hints.pop("return")
        return {name: self.value(hint, name) for name, hint in hints.items()}

    def value(self, hint: Any, name: str = "") -> Any:
        """A value of the type; `name` is that of its field or argument."""
        if {bool, int, float, str} <= set(get_args(hint)):  # the parser's Value, which holds itself
            return self._random.choice([None, True, 7, 0.5]) if self._random.random() < 0.4 else self.text()
        origin, inside = get_origin(hint), get_args(hint)
        if origin is Literal:
            return self._random.choice(inside)
        if origin in (Union, types.UnionType):
            return self.value(self._random.choice(inside), name)
        if origin is tuple and inside[-1] is not Ellipsis:
            return tuple(self.value(one, name) for one in inside)
        if origin in (tuple, list, frozenset, Sequence, Iterable):
            count = self._random.randrange(name in NEVER_EMPTY, 4)
            made = [self.value(inside[0], name) for _ in range(count)]
            return made if origin is list else frozenset(made) if origin is frozenset else tuple(made)
        if origin in (dict, Mapping):
            return {self.value(inside[0]): self.value(inside[1]) for _ in range(self._random.randrange(3))}
        return self._plain(hint, name)

    def _plain(self, hint: Any, name: str) -> Any:
        if is_dataclass(hint):
            hints = get_type_hints(hint)
            made = {one.name: self.value(hints[one.name], one.name) for one in fields(hint) if one.init}
            if hint is Project:
                made["path"] = "group/project"
            return hint(**made)  # type: ignore[operator]  # the class, not one of it
        if hint is None or hint is type(None):
            return None
        if hint is str or hint is object or hint is Any:
            return (
                TRUSTED.get(name)
                or TRUSTED.get(name.rpartition("_")[2])
                or BEGINS.get(name, "") + self.text()
            )
        if hint is bytes:
            return self.text().encode("utf-8", "replace")
        if hint is bool:
            return self._random.random() < 0.5
        if hint is int:
            return self._random.choice([1, 2, 3, 40, 5000])
        if hint is float:
            return self._random.choice([0.4, 12.0, 300.0])
        if isinstance(hint, type) and issubclass(hint, Enum | IntEnum):
            return self._random.choice(list(hint))
        raise TypeError(f"no way to make {hint!r} for {name}: teach tests/domain/hostile.py")
