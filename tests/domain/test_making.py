"""How an image was made: what is known is said, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import published_words
from bot.domain.gitlab import CiJob
from bot.domain.making import (
    Making,
    explained,
    read_making,
    read_warnings,
    status_words,
)
from bot.domain.text import size_words, time_words
from tests.domain.hostile import ANY_TEXT
from tests.domain.test_reports import PIPELINE, PUBLISHED, assert_harmless
from tests.domain.values import ENVIRONMENT, module, report

LABELS = {
    "io.mlreef.engine": "layers",
    "io.mlreef.environment": "python",
    "io.mlreef.lock": "sha256:" + "a" * 64,
}
MANIFEST = json.dumps({"layers": [{"size": 200_000_000}, {"size": 12_000_000}]}).encode()


def jobs(*seconds: float | None) -> tuple[CiJob, ...]:
    names = ("mlreef-verify", "mlreef-build", "mlreef-smoke")
    return tuple(
        CiJob(number, name, "success", False, "", None, time)
        for number, (name, time) in enumerate(zip(names, seconds, strict=True))
    )


def test_all_that_is_known_stands_in_status_and_note() -> None:
    making = read_making(LABELS, MANIFEST, jobs(1.0, 3.21, 9.0))
    making = explained(making, report(), ENVIRONMENT, "layers", "nothing needs another")
    assert published_words.published_status(PUBLISHED, making).endswith(", 212 MB, built in 3.2 s")
    body = published_words.published_note(module(), (), PUBLISHED, PIPELINE, making)
    assert "| Base | python (Python 3.12): the default, as .mlreef.yaml names none |" in body.replace(
        "\\", ""
    )
    assert "| Engine | `layers`: nothing needs another |" in body
    assert "| Size | 212 MB compressed, in 2 layers |" in body
    assert "| Built in | 3.2 s |" in body
    assert f"| Lock | `sha256:{'a' * 64}` |" in body


def test_what_is_not_known_is_not_said() -> None:
    making = read_making({}, json.dumps({"manifests": []}).encode(), jobs(None, None, None))
    assert making == Making()
    assert published_words.published_status(PUBLISHED, making) == published_words.published_status(PUBLISHED)
    body = published_words.published_note(module(), (), PUBLISHED, PIPELINE, making)
    assert not any(word in body for word in ("| Base", "| Engine", "| Size", "| Built in", "| Lock"))


def test_reasons_that_are_no_longer_true_are_not_said() -> None:
    making = explained(
        read_making(LABELS, MANIFEST, ()), report(environment="gpu"), ENVIRONMENT, "docker", "why"
    )
    assert making.engine_why == ""


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (5_300, "5.3 kB"),
        (212 * 10**6, "212 MB"),
        (2_740_000_000, "2.7 GB"),
    ],
)
def test_sizes_are_said_as_people_say_them(size: int, words: str) -> None:
    assert size_words(size) == words


def test_times_are_said_as_people_say_them() -> None:
    assert [time_words(each) for each in (0.043, 9.96, 47.2, 185.0)] == [
        "0.0 s",
        "10.0 s",
        "47 s",
        "3 min 5 s",
    ]


def test_warnings_of_the_log_are_told_once_with_their_hints() -> None:
    trace = (
        b"1/4  Gathering the sources\n"
        b"warning: requirements.txt:3: pandas is not pinned.  [requirement-unpinned]\n"
        b"    Write pandas==2.3.1.\n"
        b"warning: requirements.txt:3: pandas is not pinned.  [requirement-unpinned]\n"
        b"    Write pandas==2.3.1.\n"
        b"warning: told already  [requirement-twice]\n"
        b"   | warning: somebody else's\n"
    )
    (found,) = read_warnings(trace, ["requirement-twice"])
    assert (found.words, found.code) == ("requirements.txt:3: pandas is not pinned.", "requirement-unpinned")
    assert found.hint == "Write pandas==2.3.1."
    body = published_words.published_note(module(), (), PUBLISHED, PIPELINE, Making(warnings=(found,)))
    assert "**Worth a look:**" in body
    assert "pandas==2.3.1" in body


def test_a_log_that_is_empty_warns_of_nothing() -> None:
    assert read_warnings(b"", ()) == ()


@given(ANY_TEXT, ANY_TEXT, st.binary(max_size=60))
def test_a_note_is_harmless_whatever_labels_and_log_say(label: str, words: str, manifest: bytes) -> None:
    making = read_making(dict.fromkeys(LABELS, label), manifest, ())
    trace = f"warning: {words}\n    {words}\n".encode("utf-8", "surrogatepass")
    warned = read_warnings(trace, ())
    filled = Making(making.engine, words, making.environment, making.size, 1, 1.0, making.lock, warned)
    assert_harmless(published_words.published_note(module(), (), PUBLISHED, PIPELINE, filled))
    assert status_words(making) == ""
