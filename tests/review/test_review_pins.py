"""Requirements without an exact version get one in a suggestion: the one that works with the others today."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pinning import pinned, plain_requirements
from parser.edits import apply
from parser.model import Problem, Requirements
from parser.requirements import read_requirements
from parser.source import Entry, Source

VERSIONS = {"numpy": "2.1.3", "pandas": "2.2.3", "scipy": "1.14.1"}


def read(text: str) -> tuple[Requirements | None, tuple[Problem, ...]]:
    files = {"requirements.txt": text.encode()}
    return read_requirements(Source({name: Entry(name, "file") for name in files}, files), None)


def with_versions(text: str) -> str:
    found, problems = read(text)
    assert found is not None
    (loose,) = [one for one in problems if one.code == "requirement-unpinned"]
    mended = pinned(loose, found, text.encode(), VERSIONS)
    return apply(text, mended.edits)


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("numpy\n", "numpy==2.1.3\n"),
        ("numpy>=2\npandas==2.2\n", "numpy==2.1.3\npandas==2.2\n"),
        ("  NumPy >= 2, <3  # fast\r\n", "  NumPy==2.1.3  # fast\r\n"),
        ("pandas[excel] ; python_version > '3'\n", "pandas[excel]==2.2.3 ; python_version > '3'\n"),
        ("numpy\nscipy~=1.0\n", "numpy==2.1.3\nscipy==1.14.1\n"),
        ("numpy==2.*", "numpy==2.1.3"),
        ("numpy\nunknown\n", "numpy==2.1.3\nunknown\n"),
        ("numpy>=2,\\\n<3\nscipy\n", "numpy>=2,\\\n<3\nscipy==1.14.1\n"),
    ],
)
def test_the_version_is_written_where_the_limits_stand(written: str, mended: str) -> None:
    assert with_versions(written) == mended


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://inside.example/simple\nnumpy\n",
        "--extra-index-url http://169.254.169.254/\nnumpy\n",
        "--find-links https://inside.example/\nnumpy\n",
        "numpy\nresizer @ https://inside.example/resizer-1.0-py3-none-any.whl\n",
        "numpy --hash=sha256:" + "0" * 64 + "\n",
        "".join(f"package{number}\n" for number in range(31)),
    ],
)
def test_nothing_is_looked_up_where_the_repository_says_where_or_what(text: str) -> None:
    assert plain_requirements(read(text)[0]) is None


@given(
    st.lists(
        st.sampled_from(["numpy", "pandas [x]", "scipy", ">=1", "<3", "==1.*", ",", " ", "#", ";", "\n", "'"])
    )
)
def test_a_pinned_file_is_read_as_the_same_packages(parts: list[str]) -> None:
    text = "".join(parts)
    found, problems = read(text)
    loose = [one for one in problems if one.code == "requirement-unpinned"]
    if found is None or not loose:
        return
    again, _ = read(apply(text, pinned(loose[0], found, text.encode(), VERSIONS).edits))
    assert again is not None
    assert [(item.normalized, item.extras, item.marker) for item in again.items] == [
        (item.normalized, item.extras, item.marker) for item in found.items
    ]
