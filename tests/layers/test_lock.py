"""A lock is written in one form only, is read strictly, and holds nothing that is a secret or changes by itself."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.environments import Environment
from bot.layers.lock import Lock, LockedConda, LockedWheel, dump_lock, read_lock
from bot.layers.lock_key import ResolveInputs, lock_key
from parser.requirements import read_requirements
from parser.source import Entry, Source

SIX = LockedWheel(
    "six",
    "1.16.0",
    "six-1.16.0-py2.py3-none-any.whl",
    "8a" * 32,
    11053,
    "https://packages.example/six-1.16.0-py2.py3-none-any.whl",
)
BUILT = LockedWheel(
    "old-thing",
    "0.1",
    "old_thing-0.1-py3-none-any.whl",
    "bb" * 32,
    7,
    ".mlreef/wheels/old_thing-0.1-py3-none-any.whl",
)
ZLIB = LockedConda(
    *("zlib", "1.3", "h5eee18b_0", "linux-64", "zlib-1.3-h5eee18b_0.conda", "cc" * 32, 99),
    "https://conda.example/main/linux-64/zlib-1.3-h5eee18b_0.conda",
)
ENVIRONMENT = Environment("cpu", "CPU", f"registry.example/python@sha256:{'1' * 64}", "3.12")
LOCK = Lock("3.12", "linux/amd64", (SIX, BUILT), (ZLIB,))

_names = st.from_regex(r"[a-z][a-z0-9]{0,8}(?:-[a-z0-9]{1,5}){0,2}", fullmatch=True)
_versions = st.from_regex(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}(?:\+cu[0-9]{2})?", fullmatch=True)
_printable = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="@#?[]/\\"), max_size=20
)


@st.composite
def _wheels(draw: st.DrawFn, name: str) -> LockedWheel:
    version = draw(_versions)
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    folder = draw(st.one_of(st.none(), _printable))
    url = f".mlreef/wheels/{filename}" if folder is None else f"https://index.example/{folder}/{filename}"
    digest = draw(st.binary(min_size=32, max_size=32)).hex()
    return LockedWheel(name, version, filename, digest, draw(st.integers(1, 2**40)), url)


@st.composite
def _locks(draw: st.DrawFn) -> Lock:
    names = draw(st.lists(_names, max_size=6, unique=True))
    return Lock("3.12", "linux/arm64", tuple(draw(_wheels(name)) for name in names))


@given(_locks())
def test_what_was_written_is_read_back_and_any_toml_reader_understands_it(lock: Lock) -> None:
    content = dump_lock(lock)
    assert read_lock(content) == lock
    told = tomllib.loads(content.decode())
    assert [one["name"] for one in told["packages"]] == sorted(wheel.name for wheel in lock.wheels)


def test_the_order_in_which_packages_were_found_does_not_matter() -> None:
    other = Lock("3.12", "linux/amd64", (BUILT, SIX), (ZLIB,))
    assert dump_lock(other) == dump_lock(LOCK)
    assert read_lock(dump_lock(other)) == LOCK


def test_the_form_follows_the_standard() -> None:
    told = tomllib.loads(dump_lock(LOCK).decode())
    assert (told["lock-version"], told["requires-python"]) == ("1.0", "==3.12.*")
    assert told["packages"][0]["wheels"][0]["path"] == BUILT.url
    assert told["packages"][1]["wheels"] == [
        {"name": SIX.filename, "url": SIX.url, "size": 11053, "hashes": {"sha256": SIX.sha256}}
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://user:secret@packages.example/six.whl"},
        {"url": "https://packages.example/six.whl#sha256=00"},
        {"url": "file:///home/somebody/six.whl"},
        {"url": "/home/somebody/six.whl"},
        {"url": ".mlreef/wheels/../../six-1.16.0-py2.py3-none-any.whl"},
        {"url": "https://packages.example/s ix.whl"},
        {"filename": "../six-1.16.0-py2.py3-none-any.whl"},
        {"filename": "seven-1.16.0-py3-none-any.whl"},
        {"filename": "six-1.16.0.tar.gz"},
        {"sha256": "8A" * 32},
        {"sha256": ""},
        {"size": 0},
        {"size": -1},
        {"name": "Six"},
        {"version": '1"\n'},
    ],
)
def test_a_wheel_that_cannot_be_so_cannot_be_made(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="in a lock"):
        replace(SIX, **change)


def test_a_lock_names_each_package_once() -> None:
    with pytest.raises(ValueError, match="six twice"):
        Lock("3.12", "linux/amd64", (SIX, replace(SIX, sha256="00" * 32)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[tool.mlreef]\n", b""),
        (b"size = 11053", b'size = "11053"'),
        (b"size = 11053", b"size = true"),
        (b'lock-version = "1.0"', b'lock-version = "2.0"'),
        (b"\n\n[tool", b"\n\n\n[tool"),
        (b"hashes = ", b"more = 1, hashes = "),
        (b'"six"', b'"s\xc3\xafx"'),
        (b"[[packages]]", b"[[packages"),
        (b"wheels = [{", b"sdist = [{"),
    ],
)
def test_a_lock_of_another_form_is_refused(old: bytes, new: bytes) -> None:
    content = dump_lock(LOCK)
    assert old in content
    with pytest.raises(ValueError, match="lock"):
        read_lock(content.replace(old, new, 1))


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_in_one_way(content: bytes) -> None:
    with pytest.raises(ValueError, match="lock"):
        read_lock(content)


def _inputs(requirements: str, **more: str) -> ResolveInputs:
    files = {"requirements.txt": requirements, **more}
    source = Source(
        {path: Entry(path, "file") for path in files}, {path: text.encode() for path, text in files.items()}
    )
    asked, _ = read_requirements(source, None)
    return ResolveInputs(asked, ENVIRONMENT, "linux/amd64")


def test_the_key_changes_with_what_is_asked_for_and_with_nothing_else() -> None:
    key = lock_key(_inputs("numpy==2.1\npandas\n"))
    assert key == lock_key(_inputs("# what we need\n\nnumpy == 2.1  # fast\npandas\n"))
    assert key == lock_key(_inputs("numpy==2.1\npandas\n"))
    others = [
        _inputs("numpy==2.0\npandas\n"),
        _inputs("numpy==2.1\npandas[excel]\n"),
        _inputs("numpy==2.1\npandas\n--pre\n"),
        _inputs("numpy==2.1\npandas\n-c limits.txt\n", **{"limits.txt": "scipy<2\n"}),
        _inputs("numpy==2.1\npandas\n--extra-index-url https://packages.example/simple\n"),
        replace(_inputs("numpy==2.1\npandas\n"), platform="linux/arm64"),
        replace(_inputs("numpy==2.1\npandas\n"), build_sdists=("pandas",)),
        replace(_inputs("numpy==2.1\npandas\n"), requirements=None),
    ]
    assert len({key, *map(lock_key, others)}) == len(others) + 1


def test_the_key_changes_with_the_environments_digest_but_not_with_its_place() -> None:
    inputs = _inputs("numpy\n")

    def key(**change: object) -> str:
        return lock_key(replace(inputs, environment=replace(ENVIRONMENT, **change)))

    assert key(image=f"mirror.example/python@sha256:{'1' * 64}") == lock_key(inputs)
    changed = [
        key(image=f"registry.example/python@sha256:{'2' * 64}"),
        key(python="3.13"),
        key(wheel_platform="manylinux_2_17"),
        key(bytecode=False),
    ]
    assert len({lock_key(inputs), *changed}) == 5


def test_conda_is_locked_by_its_whole_file() -> None:
    inputs = _inputs("numpy\n")
    assert inputs.requirements is not None
    conda = replace(inputs, requirements=replace(inputs.requirements, manager="conda"))
    one = replace(conda, files={"environment.yml": b"channels: [a, b]\n"})
    other = replace(conda, files={"environment.yml": b"channels: [b, a]\n"})
    assert lock_key(one) != lock_key(other)
