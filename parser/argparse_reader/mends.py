"""Mechanical mends of add_argument calls: what argparse refuses, where only one thing can have been meant."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable

from parser.interpreter.flow import Call
from parser.model import Edit

CONVERTERS = frozenset({"int", "float", "str", "bool", "complex"})
"""Types that are often written as text."""

_CONVERSION = re.compile(r"%%|%\((\w+)\)[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]|%")


def converter_mend(call: Call, given: object) -> list[Edit]:
    """`type="int"` → `type=int`."""
    if given not in CONVERTERS or not _is_text(call, "type"):
        return []
    return [Edit(call.at("type"), str(given))]


def action_mend(call: Call, given: str, known: Iterable[str]) -> list[Edit]:
    """`action="store_tru"` → `action="store_true"`."""
    # loaded only when something is wrong
    import difflib

    near = difflib.get_close_matches(given, sorted(known), 1, cutoff=0.85)
    if not near or not _is_text(call, "action"):
        return []
    return [Edit(call.at("action"), f'"{near[0]}"')]


def percent_mend(call: Call, words: Iterable[str], prints: Callable[[str], bool]) -> list[Edit]:
    """Percent signs of a help text that mean nothing to argparse, written twice; `prints` tells whether it is good."""
    if not _is_text(call, "help"):
        return []
    written = ast.get_source_segment(call.script.text, call.nodes["help"])
    if written is None:
        return []
    known = frozenset(words)

    def doubled(found: re.Match[str]) -> str:
        text = found.group()
        return text if text == "%%" or found.group(1) in known else f"%{text}"

    mended = _CONVERSION.sub(doubled, written)
    try:
        good = prints(ast.literal_eval(f"({mended}\n)"))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    return [Edit(call.at("help"), mended)] if good else []


def _is_text(call: Call, keyword: str) -> bool:
    """Whether the keyword's value is text that is written in the call itself."""
    node = call.nodes.get(keyword)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
