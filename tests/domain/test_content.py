"""The content key changes if, and only if, something of the image changes."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.content import content_key

blobs = st.sampled_from(["a" * 40, "b" * 40, "c" * 64])
kinds = st.sampled_from(["file", "executable", "symlink"])
paths = st.one_of(
    st.binary(min_size=1, max_size=6), st.sampled_from([b"a", b"a/b", b"a:1", b"1:a", b"\xff.py"])
)
words = st.one_of(st.sampled_from(["", "a", "1:a", "0:", "3:a:b", "\ud800"]), st.text(max_size=6))
contents = st.fixed_dictionaries(
    {
        "base": words,
        "lock": words,
        "files": st.dictionaries(paths, st.tuples(kinds, blobs), max_size=4),
        "interface": st.binary(max_size=6),
        "layout": st.integers(0, 3),
        "engine": words,
        "env": st.dictionaries(words, words, max_size=3),
        "entry": words,
    }
)
quick = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def key(content: dict[str, Any], seed: int = 0) -> str:
    """The key, with files and variables in an order that the seed decides."""
    shuffle = random.Random(seed).shuffle
    files = [(path, *more) for path, more in content["files"].items()]
    env = list(content["env"].items())
    shuffle(files)
    shuffle(env)
    return content_key(**{**content, "files": files, "env": dict(env)})


@quick
@given(contents, st.integers())
def test_the_same_content_has_the_same_key_in_whatever_order_it_comes(
    content: dict[str, Any], seed: int
) -> None:
    assert key(content) == key(content, seed)


@quick
@given(contents, contents)
def test_different_contents_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (key(one) == key(other)) == (one == other)


@quick
@given(
    contents,
    contents,
    st.sampled_from(["base", "lock", "files", "interface", "layout", "engine", "env", "entry"]),
)
def test_one_changed_part_changes_the_key(one: dict[str, Any], other: dict[str, Any], part: str) -> None:
    changed = {**one, part: other[part]}
    assert (key(changed) == key(one)) == (one[part] == other[part])


def test_the_key_of_a_known_content_stays_as_it_is() -> None:
    """Published images carry it: a new way of making it would have every module built anew."""
    known = content_key(
        base="python@sha256:" + "0" * 64,
        lock="sha256:" + "1" * 64,
        files=[(b"main.py", "file", "a" * 40), (b"run.sh", "executable", "b" * 40)],
        interface=b'{"name":"Add Noise"}',
        layout=1,
        engine="layers",
        env={"OMP_NUM_THREADS": "2"},
        entry="main.py",
    )
    assert known == "sha256:747e47a6b66e0c6fd33cfda7b387dcbce19143bcb4360d1a756ba1453e0b50cb"
