"""Runs inside the base image's own Python: sources come in, .pyc files go out. The standard library and nothing else.

bot/layers/bytecode.py hands its text to the other interpreter, 3.11 or newer. Only `compile` is called: nothing that
it reads is executed.

Frames; numbers are big-endian, unsigned, 4 bytes. Out first: a greeting (length, JSON). Then in batches. In: the count
of files, and for each the length of its path, the path, the length of its source, the source. Out, for each in order:
the length of its .pyc plus one and the .pyc, or zero when it does not compile.
"""

from __future__ import annotations

import _imp
import _signal  # type: ignore[import-not-found]  # typeshed knows `signal` only, which is slow to load
import marshal
import sys
from _frozen_importlib_external import MAGIC_NUMBER
from _operator import is_not
from types import CodeType

TYPE_CHECKING = (
    False  # typing, signal and others that are written in Python cost more time than a small wheel
)
if TYPE_CHECKING:
    from typing import BinaryIO

SECONDS = 120
"""Wall-clock time that one file may take; then the alarm ends this process, even when nobody is left to see it."""

UNCHECKED = (1).to_bytes(4, "little")
"""Flags of a .pyc that holds its source's hash and is believed without another look at the source (PEP 552)."""

RAW_MAGIC = int.from_bytes(MAGIC_NUMBER, "little")

CHARACTERS = [sys.intern(chr(number)) for number in range(256)]
"""Python keeps one string for each of these; were one a name in an earlier file, marshal would write it otherwise."""


def settled(code: CodeType, done: dict[int, CodeType]) -> CodeType:
    """The same code, in which it does not depend on the process's past which objects are one and which are two.

    compile() leaves that to chance in two places. A set of names is made anew when one of the names was known before,
    and shared by all who write it otherwise: here each has its own. The long name of a class within a class or function
    is a constant of its body and the name of that body, one object or two: here one. `done`: by id, what is settled.
    """
    held = done.get(id(code))
    if held is not None:
        return held
    name = code.co_qualname
    nested = "." in name
    constants = []
    changed = False
    for constant in code.co_consts:
        made = constant
        if isinstance(constant, CodeType):
            made = settled(constant, done)
        elif isinstance(constant, frozenset | tuple):
            made = unshared(constant)
        elif nested and constant == name:
            made, changed = name, True
        changed = changed or made is not constant
        constants.append(made)
    done[id(code)] = made_anew = code.replace(co_consts=tuple(constants)) if changed else code
    return made_anew


def unshared(constant: object) -> object:
    """A constant in which each set is its own; the same object when there is no set in it."""
    if isinstance(constant, frozenset):
        return frozenset([*constant])
    if not isinstance(constant, tuple):
        return constant
    parts = [unshared(part) for part in constant]
    return tuple(parts) if any(map(is_not, parts, constant)) else constant


def compiled(path: str, source: bytes) -> bytes | None:
    """The .pyc of a source, or None when it does not compile; the same bytes, whatever was compiled before.

    Besides what is settled above, marshal tells by its flags whether an object is referred to more than once. Written,
    read and written again, only references within the file count; names, which all files share, are held a second
    time by the first code.
    """
    try:
        code = compile(source, path, "exec", dont_inherit=True)
        body = marshal.dumps(marshal.loads(marshal.dumps(settled(code, {}))))  # noqa: S302  # written on this line
    except Exception:  # noqa: BLE001  # whatever it is, pip goes on without this .pyc, and so does Python
        return None
    return MAGIC_NUMBER + UNCHECKED + _imp.source_hash(RAW_MAGIC, source) + body


def exactly(stream: BinaryIO, size: int) -> bytes:
    """So many bytes; whoever asks is gone when there are fewer, and so is this process then."""
    content = stream.read(size)
    if len(content) != size:
        sys.exit(0)
    return content


def number(stream: BinaryIO) -> int:
    """The next number."""
    return int.from_bytes(exactly(stream, 4), "big")


def main() -> None:
    """Serve batches until standard input ends."""
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    greeting = f'{{"python": "{version}", "implementation": "{sys.implementation.name}"}}'.encode()
    answers.write(len(greeting).to_bytes(4, "big") + greeting)
    answers.flush()
    while True:
        files = []
        for _ in range(number(asked)):
            path = exactly(asked, number(asked)).decode("utf-8", "surrogateescape")
            files.append((path, exactly(asked, number(asked))))
        for path, source in files:
            _signal.alarm(SECONDS)
            content = compiled(path, source)
            _signal.alarm(0)
            answers.write((0 if content is None else len(content) + 1).to_bytes(4, "big") + (content or b""))
            answers.flush()


if __name__ == "__main__":
    main()
