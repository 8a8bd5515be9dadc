"""What an image is made of, as one short text: two commits with the same key give the same module."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

CONTENT_LABEL = "io.mlreef.content"
"""The label of an image that holds its content key."""

FORM = b"1"
"""Number of the way in which the key is made; raised when the same content must count as new."""


def content_key(
    *,
    base: str,
    lock: str,
    files: Iterable[tuple[bytes, str, str]],
    interface: bytes,
    layout: int,
    engine: str,
    env: Mapping[str, str],
    entry: str,
) -> str:
    """`sha256:…` of everything that decides about an image but the commit's id and the time.

    `base`: the base image's reference. `lock`: key of what the requirements ask for. `files`: path, kind and git's id
    of each file that goes in, in any order; mlreef.yml is none of them. `interface`: the module's interface as
    canonical JSON. `layout`: number of the layers' form. `env`: variables of environment and module. `entry`: what
    starts it.
    """
    parts = [FORM, *_words(base, lock, engine, entry, str(layout)), interface]
    variables = [word for name in sorted(env) for word in _words(name, env[name])]
    entries = [word for path, kind, blob in sorted(files) for word in (path, *_words(kind, blob))]
    hashed = hashlib.sha256()
    for group in (parts, variables, entries):
        hashed.update(b"%d\n" % len(group))
        for part in group:
            # with its length before it, no part can pass for two
            hashed.update(b"%d:" % len(part))
            hashed.update(part)
    return f"sha256:{hashed.hexdigest()}"


def _words(*texts: str) -> Iterator[bytes]:
    return (text.encode("utf-8", "surrogatepass") for text in texts)
