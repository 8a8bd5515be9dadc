"""Lines on a terminal: colours for people, plain text for programs, never a control sequence of others."""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO


class Style(StrEnum):
    """How a line looks where colours are shown."""

    PLAIN = ""
    STRONG = "1"
    FAINT = "2"
    GOOD = "32"
    BAD = "31"
    WARNING = "33"
    HEAD = "1;36"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story; `text` is shown as it is, so what others wrote goes through `harmless` first."""

    text: str
    style: Style = Style.PLAIN


_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\^_])")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def harmless(text: str) -> str:
    """Text of others for one line: no colours; what a terminal would obey or hide is written as its code."""
    text = _SEQUENCE.sub("", text).replace("\t", "    ")
    return "".join(
        f"\\u{{{ord(sign):x}}}" if unicodedata.category(sign) in _HIDDEN else sign
        for sign in text.rstrip("\r\n")
    )


class Terminal:
    """Where the story is told; threads may tell together, a line is never torn."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self._one_at_a_time = threading.Lock()

    def tell(self, *lines: Line | str) -> None:
        """Print lines, at once."""
        self.tell_all(lines)

    def tell_all(self, lines: Iterable[Line | str]) -> None:
        """Print lines, at once."""
        with self._one_at_a_time:
            for line in lines:
                styled = line if isinstance(line, Line) else Line(line)
                if self._colours and styled.style:
                    self._out.write(f"\x1b[{styled.style}m{styled.text}\x1b[0m\n")
                else:
                    self._out.write(styled.text + "\n")
            self._out.flush()
