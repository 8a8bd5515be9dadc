"""What a wheel becomes in a layer is what the `installer` library would make of it."""

from __future__ import annotations

import csv
import ensurepip
import io
import posixpath
import re
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

from bot.layers.lock import LockedWheel
from bot.layers.values import BadWheel
from tests.layers.making_wheels import PLACE, Recipe, layer, tree

BUNDLED = [
    *Path(ensurepip.__file__).parent.glob("_bundled/*.whl"),
    *Path("/usr/share/python-wheels").glob("*.whl"),
]
PIP = list({path.name.partition("-")[0]: path for path in BUNDLED}.values())
"""Real wheels on this machine: Python's own or, where a distribution took them out, the distribution's."""

words = st.text("abcxyz_", min_size=1, max_size=5)
contents = st.one_of(
    st.binary(max_size=200),
    st.binary(min_size=1, max_size=64).map(lambda unit: unit * 4096),
    st.sampled_from([b"#!python\nprint(1)\n", b"#!pythonw -u\n1", b"#!python", b"#!/bin/sh\n"]),
)
names = st.one_of(
    words, words.map(lambda word: word + ".py"), st.sampled_from(["ä", "with space", 'a"b', "a,b"])
)
folders = st.sampled_from(
    [
        "",
        "pkg/",
        "pkg/inner/",
        "pkg/__pycache__/",
        *(f"resizer-1.0.data/{s}/" for s in ("purelib", "platlib")),
    ]
)
data = st.sampled_from([f"resizer-1.0.data/{s}/" for s in ("scripts", "headers", "data", "data/share/x")])
scripts = st.dictionaries(
    words, st.sampled_from(["pkg:main", "pkg.inner : run.it", "pkg:main [extra]"]), max_size=3
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    plain = draw(st.dictionaries(st.tuples(folders, names).map("".join), contents, max_size=8))
    placed = draw(st.dictionaries(st.tuples(data, st.just("/"), names).map("".join), contents, max_size=4))
    files = {path.replace("//", "/"): content for path, content in {**plain, **placed}.items()}
    console, gui = draw(scripts), draw(scripts)
    text = "[other]\nx = y\n[console_scripts]\n" + "".join(f"{k} = {v}\n" for k, v in console.items())
    text += "[gui_scripts]\n" + "".join(f"{k}={v}\n" for k, v in gui.items() if k not in console)
    return Recipe(
        files,
        executable=draw(st.sets(st.sampled_from(sorted(files)))) if files else (),
        method=draw(st.sampled_from([0, 8])),
        entry_points=draw(st.sampled_from([None, text])),
        form=f"Wheel-Version: 1.{draw(st.integers(0, 9))}\nRoot-Is-Purelib: {str(draw(st.booleans())).lower()}\n",
        algorithm=draw(st.sampled_from(["sha256", "sha256", "sha512"])),
    )


def installed(path: Path, root: Path) -> dict[str, tuple[int, bytes]]:
    """Path → (mode, content) as the library installs it. Raises what it raises."""
    env = PLACE.env_root
    with WheelFile.open(path) as source, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schemes = {
            "purelib": PLACE.site,
            "platlib": PLACE.site,
            "scripts": f"{env}/bin",
            "headers": f"{env}/include/site/python3.12/{source.distribution}",
            "data": env,
        }
        target = SchemeDictionaryDestination(schemes, PLACE.interpreter, "posix", destdir=str(root))
        install(source, target, {"INSTALLER": b"mlreef-bot\n"})
    files = [file for file in root.rglob("*") if file.is_file()]
    return {
        str(file.relative_to(root)): (0o755 if file.stat().st_mode & 0o100 else 0o644, file.read_bytes())
        for file in files
    }


def comparable(files: dict[str, tuple[int, bytes]]) -> dict[str, object]:
    """The same with RECORD as a set of rows, each path in its shortest form."""
    found: dict[str, object] = dict(files)
    for path, (mode, content) in files.items():
        if re.search(r"\.dist-info/RECORD\Z", path):
            rows = csv.reader(io.StringIO(content.decode(), newline=""))
            found[path] = mode, {(posixpath.normpath(path), *rest) for path, *rest in rows}
    return found


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(recipes())
def test_random_wheels_unpack_to_the_same_files(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = recipe.write(Path(folder))
        try:
            expected = installed(path, Path(folder) / "root")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            # Two of its files would lie in one place.
            with pytest.raises(BadWheel, match=r"two of its files|as a file and as a folder"):
                layer((recipe.locked(path), path))
            return
        _, content = layer((recipe.locked(path), path))
        assert comparable(tree(content)) == comparable(expected)


def test_wheels_that_python_itself_brings_unpack_to_the_same_files(tmp_path: Path) -> None:
    for path in PIP:
        name, version = path.name.split("-")[:2]
        address = f"https://example.com/{path.name}"
        wheel = LockedWheel(name, version, path.name, "0" * 64, path.stat().st_size, address)
        _, content = layer((wheel, path))
        found = tree(content)
        assert comparable(found) == comparable(installed(path, tmp_path / name))
        assert len(found) > 100
    assert PIP
