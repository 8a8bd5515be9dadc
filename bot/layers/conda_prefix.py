"""Packages of conda name the folder they were built in; here they get the one they lie in."""

from __future__ import annotations


def replace_in_text(content: bytes, placeholder: bytes, prefix: bytes) -> bytes:
    """The text, every occurrence replaced."""
    return content.replace(placeholder, prefix)


def replace_in_binary(content: bytes, placeholder: bytes, prefix: bytes) -> bytes:
    """The program, of the same length: what a name gets shorter is filled with zero bytes behind its string.

    Raises ValueError when the prefix is longer than what it replaces, which nothing could make fit.
    """
    if len(prefix) > len(placeholder):
        raise ValueError(f"it was built for folders of at most {len(placeholder)} bytes")
    pieces, at = [], 0
    while (found := content.find(placeholder, at)) >= 0:
        end = content.find(b"\0", found)
        end = len(content) if end < 0 else end
        text = content[found:end].replace(placeholder, prefix)
        pieces += [content[at:found], text.ljust(end - found, b"\0")]
        at = end
    return b"".join([*pieces, content[at:]])
