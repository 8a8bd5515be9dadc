"""A job's log, however it trickles in."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sandbox.executor.trace import LIMIT_BYTES, Trace, secrets_of

SECRET = "glcbt-0123456789"

lines = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=30), max_size=12)


@given(lines, st.lists(st.integers(1, 40), max_size=30), st.booleans())
def test_every_line_comes_once_and_in_order(told: list[str], pieces: list[int], ended: bool) -> None:
    content = "\n".join(told).encode() + (b"\n" if ended and told else b"")
    heard: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "job.log")
        trace = Trace(heard.append, ())
        trace.follow(log)
        with log.open("wb", buffering=0) as handle:
            position = 0
            for size in (*pieces, len(content)):
                handle.write(content[position : position + size])
                position += size
                trace.follow(log)
        trace.finish()
    expected = content if content.endswith(b"\n") or not content else content + b"\n"
    assert b"".join(heard) == expected
    assert all(chunk.endswith(b"\n") for chunk in heard)


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.integers(1, 60))
def test_a_secret_never_gets_through_whatever_the_pieces(around: str, size: int) -> None:
    content = f"{around}{SECRET}{around}\nlast {SECRET}".encode()
    heard: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "job.log")
        trace = Trace(heard.append, secrets_of({"CI_JOB_TOKEN": SECRET}))
        with log.open("wb", buffering=0) as handle:
            for start in range(0, len(content), size):
                handle.write(content[start : start + size])
                trace.follow(log)
        trace.finish()
    assert SECRET.encode() not in b"".join(heard)
    assert b"".join(heard).count(b"[MASKED]") >= 2


def test_a_log_without_end_is_cut(tmp_path: Path) -> None:
    heard: list[bytes] = []
    trace = Trace(heard.append, ())
    log = tmp_path / "job.log"
    log.write_bytes(b"x" * 99 + b"\n" * (LIMIT_BYTES // 50))
    with log.open("ab") as handle:
        handle.write((b"y" * 99 + b"\n") * (LIMIT_BYTES // 100))
    trace.follow(log)
    trace.say("ERROR: Job failed: exit code 1")
    told = b"".join(heard)
    assert LIMIT_BYTES < len(told) < LIMIT_BYTES + 300
    assert told.endswith(b"No more output is collected.\nERROR: Job failed: exit code 1\n")


def test_short_values_are_no_secrets() -> None:
    variables = {
        "CI_JOB_TOKEN": "short",
        "CI_REGISTRY_PASSWORD": "long-enough",
        "CI_REPOSITORY_URL": "http://gitlab-ci-token:in-the-address@host/x.git",
    }
    assert secrets_of(variables) == {"long-enough", "in-the-address"}
