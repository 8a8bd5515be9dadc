"""What is whole of a JSON document that breaks off: a run that is killed leaves its file so."""

from __future__ import annotations

import json
import re

_BLANKS = re.compile(r"[ \t\r\n]*")


def read_broken_json(text: str) -> object | None:
    """The entries of the outermost object or list that are whole, numbers as floats; None where none is."""
    at = _past_blanks(text, 0)
    opening = text[at : at + 1]
    if opening not in ("{", "["):
        return None
    decoder = json.JSONDecoder(parse_int=float)
    found: list[tuple[object, object]] = []
    at += 1
    try:
        while True:
            key: object = len(found)
            if opening == "{":
                key, at = decoder.raw_decode(text, _past_blanks(text, at))
                at = _past_blanks(text, at)
                if text[at : at + 1] != ":" or not isinstance(key, str):
                    break
                at += 1
            value, at = decoder.raw_decode(text, _past_blanks(text, at))
            at = _past_blanks(text, at)
            if text[at : at + 1] not in (",", "}", "]") and not isinstance(value, dict | list):
                break  # a number that is broken off looks like a shorter one
            found.append((key, value))
            if text[at : at + 1] != ",":
                break
            at += 1
    except (ValueError, RecursionError):
        pass
    if not found:
        return None
    return {str(key): value for key, value in found} if opening == "{" else [value for _, value in found]


def _past_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
