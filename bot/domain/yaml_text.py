"""Values → YAML that every reader takes for the same: GitLab's, Python's and the runner's."""

from __future__ import annotations

import re
from typing import Any

import yaml

_WIDE = 2**31
_PLAIN = re.compile(r"[A-Za-z$/.][A-Za-z0-9 $/._+@-]*(?<! )\Z")
"""What may stand without quotes, if it is no word such as `yes`. Others are quoted: GitLab's reader takes `0:0` for a
number in base 60, and `:word` for a symbol of its own."""


class Quoted(str):
    """A text in double quotes, as it is."""

    __slots__ = ()


class Block(str):
    """A text whose lines stand as they are, below their key."""

    __slots__ = ()


class Bare(str):
    """A text without quotes, which somebody puts something else in the place of before it is read."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Python's own emitter, whose bytes do not depend on a C library; without anchors, lists set off from their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = {Quoted: '"', Block: "|", Bare: None}.get(type(text), None if _PLAIN.match(text) else '"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


for _kind in (str, Quoted, Block, Bare):
    _Dumper.add_representer(_kind, _text)


def dump_yaml(data: object, ascii_only: bool = True) -> str:
    """The value as YAML, its keys in their order. `ascii_only`: other letters are spelled out."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=not ascii_only, width=_WIDE)
