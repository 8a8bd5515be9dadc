"""environment.yml becomes layers: resolved and fetched from a channel, unpacked as conda would, nothing run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import bot.layers.conda_package as conda_package
from bot.domain.environments import Environment
from bot.errors import TryAgain
from bot.layers.conda import conda_python, write_conda
from bot.layers.conda_asked import CondaAsked, read_asked
from bot.layers.conda_faults import find_conda_faults
from bot.layers.conda_fetch import fetch_conda
from bot.layers.conda_prefix import replace_in_binary
from bot.layers.conda_solve import SolvedConda, solve_conda
from bot.layers.lock import LockedConda
from bot.layers.values import CONDA_ROOT, LAYOUT, BadWheel, Layer
from parser.model import Problem, Severity
from parser.requirements.public import CONDA
from tests.layers.making_conda import PLACEHOLDER, Link, Package, serve, write_channel

ROOT = CONDA_ROOT.lstrip("/")
ENVIRONMENT = Environment("python", "Python", "example.com/python@sha256:" + "0" * 64, "3.12")

BINARY = b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib:" + PLACEHOLDER.encode() + b"/lib64\0after\0"

PYTHON = Package(
    "python",
    "3.12.4",
    "h1_0",
    {
        "bin/python3.12": b"\x7fELF python",
        "bin/python": Link("python3.12"),
        "lib/libpython3.12.so": BINARY,
        "lib/python3.12/config": f"prefix={PLACEHOLDER}\n".encode(),
    },
    executable=("bin/python3.12",),
    prefixed={"lib/libpython3.12.so": "binary", "lib/python3.12/config": "text"},
    depends=("__glibc >=2.17",),
    form=".tar.bz2",
)
TOOL = Package(
    "tool",
    "2.0",
    "py_0",
    {"site-packages/tool/__init__.py": b"def main(): ...\n", "python-scripts/tool-old": b"#!/bin/sh\n"},
    executable=("python-scripts/tool-old",),
    depends=("python >=3.9",),
    noarch="python",
    entry_points=("tool = tool:main",),
)
DATA = Package("data", "1", "0", {"share/data/table.csv": b"1,2\n" * 50_000}, noarch="generic")


def layer(*packages: Package, folder: Path, python: str = "3.12") -> tuple[Layer, bytes, tuple[Problem, ...]]:
    pairs = [(package.write(folder), folder / package.subdir / package.filename) for package in packages]
    sink = io.BytesIO()
    made, planned = write_conda(sink, pairs, python, "conda", folder)
    return made, sink.getvalue(), find_conda_faults(planned)


def tree(content: bytes) -> dict[str, tuple[int, bytes | str]]:
    """Path below the prefix → (mode, content or target) of files and links."""
    found: dict[str, tuple[int, bytes | str]] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
            file = archive.extractfile(member) if member.isfile() else None
            name = member.name.removeprefix(f"{ROOT}/")
            if file is not None:
                found[name] = member.mode, file.read()
            elif member.issym():
                found[name] = 0, member.linkname
    return found


def only(files: Mapping[str, object]) -> set[str]:
    return {path for path in files if not path.startswith("conda-meta/")}


@pytest.mark.parametrize("form", [".conda", ".tar.bz2"])
def test_a_package_of_a_platform_gets_its_folder(form: str, tmp_path: Path) -> None:
    found = tree(layer(replace(PYTHON, form=form), folder=tmp_path)[1])
    assert found["bin/python3.12"] == (0o755, b"\x7fELF python")
    assert found["bin/python"] == (0, "python3.12")
    assert found["lib/python3.12/config"] == (0o644, f"prefix={CONDA_ROOT}\n".encode())
    binary = found["lib/libpython3.12.so"][1]
    expected = f"{CONDA_ROOT}/lib:{CONDA_ROOT}/lib64".encode()
    assert binary == b"\x7fELF\0" + expected.ljust(BINARY.index(b"\0after") - 5, b"\0") + b"\0after\0"
    assert len(binary) == len(BINARY)


@pytest.mark.parametrize("form", [".conda", ".tar.bz2"])
def test_a_package_for_any_python_goes_to_the_one_that_is_there(form: str, tmp_path: Path) -> None:
    found = tree(layer(replace(TOOL, form=form), folder=tmp_path, python="3.11")[1])
    assert only(found) == {"lib/python3.11/site-packages/tool/__init__.py", "bin/tool-old", "bin/tool"}
    mode, script = found["bin/tool"]
    assert mode == found["bin/tool-old"][0] == 0o755
    assert isinstance(script, bytes)
    assert script.startswith(f"#!{CONDA_ROOT}/bin/python\n".encode())
    assert b"from tool import main" in script


def test_a_package_without_code_and_links_within_it(tmp_path: Path) -> None:
    package = Package(
        "links",
        files={
            "share/a/one": b"1\n",
            "share/b/soft": Link("../a/one"),
            "share/a/hard": Link("share/a/one", hard=True),
            "share/gone": Link("a/not-there"),
        },
        noarch="generic",
        form=".tar.bz2",
    )
    found = tree(layer(package, folder=tmp_path)[1])
    assert {path: found[path] for path in only(found)} == {
        "share/a/one": (0o644, b"1\n"),
        "share/a/hard": (0o644, b"1\n"),
        "share/b/soft": (0, "../a/one"),
        "share/gone": (0, "a/not-there"),
    }


def test_old_packages_without_the_newer_list_are_read(tmp_path: Path) -> None:
    old = replace(PYTHON, listed=False)
    found, new = tree(layer(old, folder=tmp_path)[1]), tree(layer(PYTHON, folder=tmp_path)[1])
    assert {path: found[path] for path in only(found)} == {path: new[path] for path in only(new)}


def test_the_record_of_what_is_installed_has_no_times_and_no_addresses(tmp_path: Path) -> None:
    _, content, _ = layer(TOOL, folder=tmp_path)
    record = json.loads(tree(content)["conda-meta/tool-2.0-py_0.json"][1])
    assert sorted(record) == [
        "build",
        "build_number",
        "depends",
        "files",
        "fn",
        "license",
        "name",
        "noarch",
        "sha256",
        "subdir",
        "version",
    ]
    assert record["files"] == ["bin/tool", "bin/tool-old", "lib/python3.12/site-packages/tool/__init__.py"]


def test_the_same_packages_give_the_same_layer(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    first, again = (
        layer(PYTHON, TOOL, DATA, folder=tmp_path / "a"),
        layer(DATA, TOOL, PYTHON, folder=tmp_path / "b"),
    )
    assert first == again
    golden = {1: "sha256:4d296f8c4f8dc3bf609815db7ba196711ca3d9c0afd2df280905cb42158800b7"}
    assert first[0].diff_id == golden[LAYOUT]
    assert first[0].size == len(first[1])
    assert first[0].digest == f"sha256:{hashlib.sha256(first[1]).hexdigest()}"


@pytest.mark.parametrize(
    ("package", "why"),
    [
        (
            replace(DATA, lies={"share/data/table.csv": "0" * 64}),
            "the hash of 'share/data/table.csv' is another",
        ),
        (
            replace(PYTHON, lies={"lib/python3.12/config": "0" * 64}),
            "the hash of 'lib/python3.12/config' is another",
        ),
        (replace(DATA, told={"name": "other"}), "it holds 'other' '1' '0'"),
        (replace(DATA, beside=("share/missing",)), "'share/missing' stands in its list, and not in it"),
        (replace(DATA, beside=("../../etc/passwd",)), "leads out of it"),
        (replace(DATA, beside=("/etc/passwd",)), "is an absolute path"),
        (replace(DATA, files={"share/up": Link("../../../etc/passwd")}), "is a link that leads out of it"),
        (replace(DATA, files={"up": Link("../etc/passwd")}), "is a link that leads out of it"),
        (replace(DATA, files={"share/root": Link("/etc/passwd")}), "is a link that leads out of it"),
        (
            replace(DATA, files={"share/d": Link("."), "share/x": b""}, beside=("share/d/x",)),
            "'share/d/x' lies behind a link",
        ),
        (replace(TOOL, entry_points=("../evil = tool:main",)), "asks for a script named '../evil'"),
        (replace(TOOL, entry_points=("tool = not a function",)), "which is no function of a module"),
        (replace(TOOL, files={"bin/tool": b"", "site-packages/t.py": b""}), "bin/tool' is in it twice"),
    ],
)
def test_packages_that_are_not_what_they_say(package: Package, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadWheel) as bad:
        layer(package, folder=tmp_path)
    (problem,) = bad.value.problems
    assert problem.code == "conda-package"
    assert why in problem.message
    assert package.filename in problem.message


@pytest.mark.parametrize("form", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("name", ["../outside", "share/link/outside"])
def test_archives_that_lead_out_write_nothing_there(form: str, name: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    files: dict[str, bytes | Link] = {"share/link": Link(str(tmp_path)), name: b"evil"}
    with pytest.raises(BadWheel):
        layer(replace(DATA, form=form, files=files), folder=work)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("form", [".conda", ".tar.bz2"])
def test_archives_that_are_cut_off(form: str, tmp_path: Path) -> None:
    package = replace(DATA, form=form)
    locked = package.write(tmp_path)
    path = tmp_path / package.subdir / package.filename
    path.write_bytes(path.read_bytes()[: locked.size // 2])
    with pytest.raises(BadWheel, match="cannot be unpacked"):
        write_conda(io.BytesIO(), [(locked, path)], "3.12", "conda", tmp_path)


@pytest.mark.parametrize("form", [".conda", ".tar.bz2"])
def test_archives_that_would_fill_the_disk_are_not_unpacked(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real limit needs an archive of gigabytes; this is the same check at a smaller scale.
    monkeypatch.setattr(conda_package, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(BadWheel, match="it would unpack to more than 100,000 bytes"):
        layer(replace(DATA, form=form), folder=tmp_path)
    monkeypatch.setattr(conda_package, "MAX_UNPACKED_BYTES", 10_000_000)
    monkeypatch.setattr(conda_package, "MAX_FILES", 2)
    with pytest.raises(BadWheel, match="or 2 files"):
        layer(replace(DATA, form=form), folder=tmp_path)


def test_a_prefix_that_does_not_fit_is_refused() -> None:
    assert replace_in_binary(b"a\0/long/b", b"/long", b"/x") == b"a\0/x/b\0\0\0"
    with pytest.raises(ValueError, match="at most 2 bytes"):
        replace_in_binary(b"/x", b"/x", b"/long")


def test_scripts_that_are_not_run_and_paths_of_two_packages_are_told(tmp_path: Path) -> None:
    fonts = Package(
        "fonts", files={"bin/.fonts-post-link.sh": b"fc-cache\n", "share/x": b"1"}, noarch="generic"
    )
    other = Package("other", files={"share/x": b"2"}, noarch="generic")
    _, content, problems = layer(fonts, other, folder=tmp_path)
    assert [(problem.code, problem.severity) for problem in problems] == [
        ("conda-script", Severity.WARNING),
        ("wheels-clash", Severity.WARNING),
    ]
    assert tree(content)["share/x"] == (0o644, b"2")


def asked(text: str, variables: Mapping[str, str] = {}) -> CondaAsked:
    found = read_asked("environment.yml", text.encode(), variables)
    assert isinstance(found, CondaAsked), found
    return found


def test_a_file_is_read_as_conda_reads_it() -> None:
    found = asked(
        "name: x\nchannels: [conda-forge, https://example.com/own, nodefaults]\n"
        "dependencies:\n- python=3.12\n- numpy >=2\n- pip\n- pip:\n  - requests\n  - flask==3.1\n"
    )
    assert found.channels == (f"{CONDA}/conda-forge", "https://example.com/own")
    assert found.specs == ("python=3.12", "numpy >=2")
    assert found.pip_lines == {8, 9}
    assert asked("dependencies: [numpy]\n").channels == (f"{CONDA}/conda-forge",)


def test_passwords_of_channels_come_from_offered_variables_only() -> None:
    text = "channels: ['https://${MLREEF_INDEX_USER}:${MLREEF_INDEX_PASSWORD}@example.com/own']\ndependencies: []\n"
    found = asked(text, {"MLREEF_INDEX_USER": "me", "MLREEF_INDEX_PASSWORD": "s3cret"})
    assert found.channels == ("https://example.com/own",)
    assert "s3cret" not in repr(found)
    for closed in ("${AWS_SECRET}", "${MLREEF_INDEX_NOT_SET}"):
        refused = read_asked("environment.yml", text.replace("${MLREEF_INDEX_PASSWORD}", closed).encode(), {})
        assert isinstance(refused, tuple)
        assert [problem.code for problem in refused] == ["conda-environment"]
        assert refused[0].place is not None
        assert refused[0].place.line == 1


def solve(url: str, dependencies: str, cache: Path) -> tuple[LockedConda, ...] | tuple[Problem, ...]:
    wanted = asked(f"channels: ['{url}']\ndependencies: [{dependencies}]\n")
    found = solve_conda(wanted, ENVIRONMENT, "linux/amd64", lambda _: None, cache)
    return found.packages if isinstance(found, SolvedConda) else found


def test_a_local_channel_is_resolved_fetched_and_becomes_a_layer(tmp_path: Path) -> None:
    newer = replace(PYTHON, version="3.13.0", files={}, prefixed={}, executable=())
    write_channel(tmp_path / "channel", [PYTHON, newer, TOOL, DATA])
    with serve(tmp_path / "channel") as (url, seen):
        packages = solve(url, "tool=2, data", tmp_path / "cache")
        assert [
            f"{one.name} {one.version} {one.subdir}" for one in packages if isinstance(one, LockedConda)
        ] == [
            "data 1 noarch",
            "python 3.12.4 linux-64",
            "tool 2.0 noarch",
        ]
        locked = [one for one in packages if isinstance(one, LockedConda)]
        told: list[tuple[int, int]] = []
        (tmp_path / "packages").mkdir()
        paths = fetch_conda(
            locked, tmp_path / "packages", told=lambda done, total: told.append((done, total))
        )
        total = sum(package.size for package in locked)
        assert told[-1] == (total, total)
        before = len(seen)
        assert fetch_conda(locked, tmp_path / "packages") == paths
        assert len(seen) == before
    assert conda_python(locked) == "3.12"
    made, planned = write_conda(io.BytesIO(), list(paths.items()), "3.12", "conda", tmp_path)
    assert made.diff_id == layer(PYTHON, TOOL, DATA, folder=tmp_path)[0].diff_id
    assert find_conda_faults(planned) == ()


def test_the_authors_python_counts_before_the_environments(tmp_path: Path) -> None:
    newer = replace(PYTHON, version="3.13.0", files={}, prefixed={}, executable=())
    write_channel(tmp_path / "channel", [PYTHON, newer, TOOL])
    with serve(tmp_path / "channel") as (url, _):
        packages = solve(url, "python=3.13, tool", tmp_path / "cache")
    assert [one.version for one in packages if isinstance(one, LockedConda) and one.name == "python"] == [
        "3.13.0"
    ]


@pytest.mark.parametrize(
    ("dependencies", "code", "why"),
    [
        ("tool=9", "conda-unresolved", "tool 9.*"),
        ("nothing-of-that-name", "conda-unresolved", "nothing-of-that-name"),
        ("tool, 'python<3.9'", "conda-unresolved", "python <3.9"),
        ("heavy", "conda-unresolved", "__glibc"),
        ("'tool ==bad==1'", "conda-environment", "==1"),
    ],
)
def test_what_cannot_be_had_is_told_with_the_solvers_reasons(
    dependencies: str, code: str, why: str, tmp_path: Path
) -> None:
    heavy = Package("heavy", depends=("__glibc >=2.99",), noarch="generic")
    write_channel(tmp_path / "channel", [PYTHON, TOOL, heavy])
    with serve(tmp_path / "channel") as (url, _):
        (problem,) = solve(url, dependencies, tmp_path / "cache")
    assert isinstance(problem, Problem)
    assert problem.code == code
    assert why in problem.message


def test_a_channel_that_is_not_there_is_the_authors_and_one_that_is_away_is_nobodys(tmp_path: Path) -> None:
    write_channel(tmp_path / "channel", [PYTHON])
    with serve(tmp_path / "channel") as (url, _):
        (problem,) = solve(f"{url}/other", "tool", tmp_path / "cache")
        assert isinstance(problem, Problem)
        assert problem.message == f"This environment cannot be had: {url}/other has no such list of packages."
    with pytest.raises(TryAgain, match="does not answer"):
        solve(url, "tool", tmp_path / "cache")


def test_an_account_is_sent_to_its_channel_and_stands_in_no_lock(tmp_path: Path) -> None:
    write_channel(tmp_path / "channel", [PYTHON])
    who = "Basic " + base64.b64encode(b"me:s3cret").decode()
    variables = {"MLREEF_INDEX_USER": "me", "MLREEF_INDEX_PASSWORD": "s3cret"}
    with serve(tmp_path / "channel", who) as (url, _):
        host = url.removeprefix("http://")
        text = f"channels: ['http://${{MLREEF_INDEX_USER}}:${{MLREEF_INDEX_PASSWORD}}@{host}']\ndependencies: []\n"
        wanted = asked(text, variables)
        solved = solve_conda(wanted, ENVIRONMENT, "linux/amd64", lambda _: None, tmp_path / "cache")
        assert isinstance(solved, SolvedConda)
        (locked,) = solved.packages
        assert "s3cret" not in repr(locked)
        fetch_conda([locked], tmp_path, wanted.accounts)
        (refused,) = solve(url, "python", tmp_path / "other")
        assert isinstance(refused, Problem)
        assert "wants an account" in refused.message


def test_a_package_that_is_not_the_locked_one_is_not_kept(tmp_path: Path) -> None:
    write_channel(tmp_path / "channel", [PYTHON])
    with serve(tmp_path / "channel") as (url, _):
        (locked,) = [one for one in solve(url, "", tmp_path / "cache") if isinstance(one, LockedConda)]
        path = tmp_path / "channel" / locked.subdir / locked.filename
        path.write_bytes(b"x" * locked.size)
        (tmp_path / "packages").mkdir()
        with pytest.raises(TryAgain, match="its hash is another one"):
            fetch_conda([locked], tmp_path / "packages")
        path.unlink()
        with pytest.raises(TryAgain, match="cannot be fetched"):
            fetch_conda([locked], tmp_path / "packages")
    assert list((tmp_path / "packages").iterdir()) == []
