"""Ranges and choices that a description names in prose: suggestions for the author, never taken as truth."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_TEXT = 500
"""Characters of a description that are looked at."""

MAX_CHOICES = 40
"""Words of a list; more are prose."""

_NUMBER = r"[-+]?+(?:\d{1,20}+(?:\.\d{1,20}+)?+|\.\d{1,20}+)(?:[eE][-+]?\d{1,3})?+"
_WORD = r"[A-Za-z0-9_][\w.+-]*"
_ITEM = rf"(?:'[^'\n]{{1,40}}'|\"[^\"\n]{{1,40}}\"|`[^`\n]{{1,40}}`|{_WORD})"
_LIST = rf"{_ITEM}(?:\s*,\s*(?:(?:or|and)\s+)?{_ITEM}|\s+(?:or|and)\s+{_ITEM}|\s*[/|]\s*{_ITEM})+"

_INTRODUCED = re.compile(
    r"\b(?:one of(?: the following)?|either|choices(?: are)?|options(?: are)?"
    r"|(?:possible|allowed|valid|supported|accepted) (?:values|choices|options)(?: are)?)\s*[:=]?\s*[\[({]?\s*"
    rf"({_LIST})",
    re.IGNORECASE,
)
_BARS = re.compile(rf"(?<![\w|.-])({_ITEM}(?:\s*\|\s*{_ITEM})+)(?![\w|])")
_BRACES = re.compile(rf"\{{\s*({_ITEM}(?:\s*,\s*{_ITEM})+)\s*\}}")
_QUOTED = re.compile(r"('[^'\n]{1,40}'(?:\s*,\s*'[^'\n]{1,40}')*\s*,?\s+or\s+'[^'\n]{1,40}')", re.IGNORECASE)
_ITEMS = re.compile(_ITEM)
_FLAG = re.compile(r"--?[A-Za-z]")
_JOINS = frozenset({"or", "and"})

_BOTH = (
    re.compile(rf"(?<![\w.])({_NUMBER})\s*\.\.\.?\s*({_NUMBER})(?![\w.])"),
    re.compile(rf"\bbetween\s+({_NUMBER})\s+and\s+({_NUMBER})(?![\w])", re.IGNORECASE),
    re.compile(rf"\bfrom\s+({_NUMBER})\s+to\s+({_NUMBER})(?![\w])", re.IGNORECASE),
    re.compile(
        rf"\brange\s*(?:is|of)?\s*[:=]?\s*[\[(]?\s*({_NUMBER})\s*(?:-|–|to|,)\s*({_NUMBER})(?![\w])",
        re.IGNORECASE,
    ),
)
_INTERVAL = re.compile(rf"([\[(\]])\s*({_NUMBER})\s*[,;]\s*({_NUMBER})\s*([\])\[])")
_CHAIN = re.compile(rf"(?<![\w.])({_NUMBER})\s*(<=?|≤)\s*[A-Za-z_]\w*\s*(<=?|≤)\s*({_NUMBER})")
_LOW = (
    (
        re.compile(
            rf"(?:>=|≥|=>|\bat least\b|\bnot (?:less|smaller) than\b|\bmin(?:imum)?(?: is)?\b[:=]?)\s*({_NUMBER})",
            re.I,
        ),
        False,
    ),
    (
        re.compile(
            rf"(?:(?<![-=<])>(?!=)|\b(?:greater|larger|more|higher|bigger) than\b)\s*({_NUMBER})", re.I
        ),
        True,
    ),
)
_HIGH = (
    (
        re.compile(
            r"(?:<=|≤|\bat most\b|\bnot (?:more|greater|larger) than\b|\bup to\b|\bmax(?:imum)?(?: is)?\b[:=]?)"
            rf"\s*({_NUMBER})",
            re.I,
        ),
        False,
    ),
    (re.compile(rf"(?:<(?![=\w])|\b(?:less|smaller|lower) than\b)\s*({_NUMBER})", re.I), True),
)
_POSITIVE = re.compile(
    r"\b(?:must be|has to be|should be|a|strictly)\s+(?:strictly\s+)?positive\b", re.IGNORECASE
)
_NON_NEGATIVE = re.compile(r"\bnon-?\s?negative\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Range:
    """Two ends, each None where there is none; an open end does not belong to the range itself."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def holds(self, value: float) -> bool:
        """Whether the value is inside."""
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return not (self.high is not None and (value > self.high or (self.high_open and value == self.high)))

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            ends = []
            if self.low is not None:
                ends.append(f"{'>' if self.low_open else '>='} {self.low:g}")
            if self.high is not None:
                ends.append(f"{'<' if self.high_open else '<='} {self.high:g}")
            return " and ".join(ends)
        left, right = "(" if self.low_open else "[", ")" if self.high_open else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


def described_choices(text: str) -> tuple[str, ...] | None:
    """The words that a description lists as the ones to choose from; None when it lists none."""
    text = text[:MAX_TEXT]
    for pattern in (_INTRODUCED, _BRACES, _QUOTED, _BARS):
        found = pattern.search(text)
        if found is None:
            continue
        items = [one.strip("'\"`").rstrip(".") for one in _ITEMS.findall(found.group(1))]
        words = [one for one in items if one and one.lower() not in _JOINS]
        if any(_FLAG.match(word) for word in words):
            continue  # other options of the script, not values of this one
        if 2 <= len(words) <= MAX_CHOICES and len(set(words)) == len(words):
            return tuple(words)
    return None


def described_range(text: str) -> Range | None:
    """The range that a description names; None when it names none."""
    text = text[:MAX_TEXT]
    for pattern in _BOTH:
        if found := pattern.search(text):
            return _ordered(float(found.group(1)), float(found.group(2)))
    if found := _CHAIN.search(text):
        low, high = float(found.group(1)), float(found.group(4))
        return _ordered(low, high, found.group(2) == "<", found.group(3) == "<")
    if found := _INTERVAL.search(text):
        low, high = float(found.group(2)), float(found.group(3))
        return _ordered(low, high, found.group(1) != "[", found.group(4) != "]")
    low_end = _first(_LOW, text)
    high_end = _first(_HIGH, text)
    if low_end is None and _NON_NEGATIVE.search(text):
        low_end = (0.0, False)
    elif low_end is None and _POSITIVE.search(text):
        low_end = (0.0, True)
    if low_end is None and high_end is None:
        return None
    low_value, low_open = low_end or (None, False)
    high_value, high_open = high_end or (None, False)
    return Range(low_value, high_value, low_open, high_open)


def _ordered(low: float, high: float, low_open: bool = False, high_open: bool = False) -> Range | None:
    return Range(low, high, low_open, high_open) if low < high else None


def _first(patterns: tuple[tuple[re.Pattern[str], bool], ...], text: str) -> tuple[float, bool] | None:
    for pattern, is_open in patterns:
        if found := pattern.search(text):
            return float(found.group(1)), is_open
    return None
