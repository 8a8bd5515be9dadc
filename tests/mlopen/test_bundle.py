"""What was learnt: one file by its hash, of which nothing is loaded that the caller did not name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_templates.mlopen.mlopenapp._run.bundle import SUFFIX, BundleName, load_bundle
from ci_templates.mlopen.mlopenapp._run.bundling import write_bundle
from ci_templates.mlopen.mlopenapp._run.faults import AuthorFault, CallerFault
from ci_templates.mlopen.mlopenapp._run.files import put_file
from ci_templates.mlopen.mlopenapp._run.kept import MAX_NAME_CHARS, Kept
from tests.domain.hostile import ANY_TEXT
from tests.mlopen.controls import COUNTING, run, write

NAMES = ANY_TEXT.filter(lambda text: 0 < len(text) <= MAX_NAME_CHARS) | st.sampled_from(
    [
        "../../etc/passwd",
        "/abs",
        "a/../b",
        ".",
        "..",
        "manifest.json",
        "objects/0",
        "a\0b",
        "x" * MAX_NAME_CHARS,
    ]
)
VALUES = st.integers() | st.text() | st.lists(st.floats(allow_nan=False), max_size=3) | st.none()

LOADED: list[str] = []


class Trap:
    """Says so when it is loaded."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return LOADED.append, ("loaded",)


def kept(**objects: Any) -> Kept:
    found = Kept()
    for name, value in objects.items():
        found.keep("arg", value, name)
    return found


def named(path: Path) -> BundleName:
    return BundleName(path, hashlib.sha256(path.read_bytes()).hexdigest())


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> BundleName:
    """The bundle with another manifest or other objects, and the hash of that."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    change(manifest, files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))
    return named(path)


@given(st.dictionaries(st.tuples(st.sampled_from(["model", "arg"]), NAMES), VALUES, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whatever_the_names_all_comes_back_and_only_the_bundle_is_written(
    tmp_path: Path, objects: dict[tuple[str, str], Any]
) -> None:
    before = Kept()
    before.objects.update(objects)
    path, sha256 = write_bundle(tmp_path, "control", before)
    assert path == tmp_path / f"{sha256}{SUFFIX}"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    after = Kept()
    assert load_bundle(BundleName(path, sha256), "control", after) == []
    assert list(after.objects.items()) == list(objects.items())
    assert write_bundle(tmp_path, "control", before) == (path, sha256)
    path.unlink()


def test_pipelines_that_name_their_objects_alike_do_not_meet(tmp_path: Path) -> None:
    first, _ = write_bundle(tmp_path, "one", kept(model=1))
    second, _ = write_bundle(tmp_path, "two", kept(model=2))
    for path, pipeline, value in ((first, "one", 1), (second, "two", 2)):
        found = Kept()
        load_bundle(named(path), pipeline, found)
        assert found.args() == {"model": value}
    with pytest.raises(CallerFault, match="it was trained by one, and this is two"):
        load_bundle(named(first), "two", Kept())


def test_two_objects_of_one_name_are_refused_before_one_is_lost() -> None:
    with pytest.raises(AuthorFault, match="models has two objects named 'm'"):
        Kept().keep_all("model", [(1, "m"), (2, "m")], "models")
    for pairs in (3, [3], [(1,)], [(1, "a", 2)], [(1, "")], [(1, 5)]):
        with pytest.raises(AuthorFault):
            Kept().keep_all("model", pairs, "models")


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
def test_no_byte_can_be_changed_and_nothing_of_it_is_loaded(tmp_path: Path, data: st.DataObject) -> None:
    path, sha256 = write_bundle(tmp_path, "control", kept(trap=Trap()))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "add"]))
    flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    path.write_bytes({"flip": flipped, "cut": content[:place], "add": content + content[:place] + b"x"}[how])
    LOADED.clear()
    with pytest.raises(CallerFault, match="its hash is"):
        load_bundle(BundleName(path, sha256), "control", Kept())
    assert LOADED == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest, files: manifest.update(version=2), "this module reads version 1"),
        (lambda manifest, files: manifest.update(format="zip"), "no bundle that train wrote"),
        (lambda manifest, files: manifest.update(objects=[]), "not those of its manifest"),
        (lambda manifest, files: manifest.pop("objects"), "no bundle that train wrote"),
        (lambda manifest, files: files.update({"more": b""}), "not those of its manifest"),
        (lambda manifest, files: files.update({"objects/0": b"x"}), "'trap' is not what the manifest says"),
        (lambda manifest, files: manifest["objects"][0].update(size=1), "is not what the manifest says"),
        (lambda manifest, files: manifest["objects"][0].update(sha256="0" * 64), "is not what the manifest"),
        (lambda manifest, files: manifest["objects"][0].update(kind="code"), "an object of an unknown kind"),
        (lambda manifest, files: manifest.update(libraries=["numpy"]), "no bundle that train wrote"),
        (lambda manifest, files: manifest.update(objects="x"), "no bundle that train wrote"),
        (lambda manifest, files: manifest.update(libraries={"": 1, "..": "1"}, objects=3), "no bundle"),
    ],
)
def test_a_bundle_that_is_not_as_its_manifest_says_is_refused_even_by_its_own_hash(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None], words: str
) -> None:
    path, _ = write_bundle(tmp_path, "control", kept(trap=Trap()))
    LOADED.clear()
    with pytest.raises(CallerFault, match=words):
        load_bundle(rewritten(path, change), "control", Kept())
    assert LOADED == []


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_whatever_a_bundle_is_it_is_loaded_as_it_was_or_refused_with_what_to_do(
    tmp_path: Path, data: st.DataObject
) -> None:
    path, _ = write_bundle(tmp_path, "control", kept(a=[1, "two"], b=None))
    content = bytearray(path.read_bytes())
    path.unlink()
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))
    found = Kept()
    try:
        load_bundle(named(path), "control", found)
    except CallerFault as fault:
        assert str(fault).startswith(f"--model {path}: ")  # noqa: PT017 - one of two ends
    else:
        assert [kind for kind, _ in found.objects] == ["arg", "arg"]
    path.unlink()


def test_what_is_no_bundle_or_a_compressed_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.mlopen"
    path.write_bytes(pickle.dumps(Trap()))
    LOADED.clear()
    with pytest.raises(CallerFault, match="no bundle that train wrote"):
        load_bundle(named(path), "control", Kept())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "{}" + " " * 1000)
    with pytest.raises(CallerFault, match="its files are compressed"):
        load_bundle(named(path), "control", Kept())
    assert LOADED == []
    with pytest.raises(CallerFault, match="No such file"):
        load_bundle(BundleName(tmp_path / "none", "0" * 64), "control", Kept())


def test_a_bundle_is_loaded_by_nothing_but_its_hash(tmp_path: Path) -> None:
    control = write(tmp_path, COUNTING)
    trained = run(control, "train", "--input-path", "lines.txt", "--output-path", "out")
    path, _, sha256 = trained.model.partition("@sha256:")
    for model in ("out", path, f"{path}@{sha256}", f"{path}@sha256:{sha256[:-1]}", f"@sha256:{sha256}"):
        ran = run(control, "run", "--input-path", "lines.txt", "--output-path", "o", "--model", model)
        assert ran.code == 2
        assert "Write --model FILE@sha256:HASH" in ran.err
        # it is not told: whoever copies it here trusts whatever lies there
        assert sha256 not in ran.err.replace(model, "")
    assert not (tmp_path / "o").exists()


def test_the_manifest_names_type_size_and_versions(tmp_path: Path) -> None:
    found = Kept()
    found.keep("model", {"a": Path("x")}, "weights")
    path, _ = write_bundle(tmp_path, "control", found)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        content = archive.read("objects/0")
    version = ".".join(map(str, sys.version_info[:3]))
    assert manifest == {
        "format": "mlopen-bundle",
        "version": 1,
        "pipeline": "control",
        "libraries": {"python": version},
        "objects": [
            {
                "file": "objects/0",
                "kind": "model",
                "name": "weights",
                "type": "builtins.dict",
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        ],
    }


def test_another_version_of_a_library_is_told(tmp_path: Path) -> None:
    path, _ = write_bundle(tmp_path, "control", kept(a=1))

    def older(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        manifest["libraries"].update(python="3.1.0", numpyish="1.0")

    told = load_bundle(rewritten(path, older), "control", Kept())
    assert told[0].startswith("it was trained with python 3.1.0, and here is 3.")
    assert told[1] == "it was trained with numpyish 1.0, and here is none."


def test_what_cannot_be_kept_is_told_with_its_name(tmp_path: Path) -> None:
    with Path(__file__).open() as stream:
        with pytest.raises(AuthorFault, match="the arg 'stream', a TextIOWrapper, cannot be kept"):
            write_bundle(tmp_path, "control", kept(stream=stream))
    with pytest.raises(AuthorFault, match="the arg 'f', a function, cannot be kept"):
        write_bundle(tmp_path, "control", kept(f=lambda: 1))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    put_file(tmp_path / "one", b"old")
    with pytest.raises(TypeError):
        put_file(tmp_path / "one", "no bytes")
    assert (tmp_path / "one").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path, _ = write_bundle(tmp_path_factory.mktemp("kept"), "p", kept(a=[1, 2, 3], b="x" * 50))
    return path.read_bytes()


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_whatever_bytes_the_caller_names_nothing_but_a_refusal_comes_of_them(
    tmp_path: Path, bundle: bytes, data: st.DataObject
) -> None:
    changed = bytearray(bundle)
    for place in data.draw(st.lists(st.integers(0, len(bundle) - 1), min_size=1, max_size=4)):
        changed[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path = tmp_path / "changed"
    path.write_bytes(changed)
    with contextlib.suppress(CallerFault):
        load_bundle(named(path), "p", Kept())


@pytest.mark.parametrize(
    "manifest",
    [
        "[" * 100_000,
        "[]",
        '{"format": ' + "9" * 5_000 + "}",
        '{"format": "mlopen-bundle", "version": 1, "pipeline": "p", "objects": [], "libraries": []}',
        '{"format": "mlopen-bundle", "version": 1, "pipeline": "p", "objects": [[]], "libraries": {}}',
        '{"format": "mlopen-bundle", "version": 1, "pipeline": [], "objects": [], "libraries": {}}',
    ],
)
def test_a_manifest_of_another_shape_is_refused(tmp_path: Path, manifest: str) -> None:
    path = tmp_path / "b"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", manifest)
    with pytest.raises(CallerFault, match=r"Train again\.|Train with this one\."):
        load_bundle(named(path), "p", Kept())


def test_a_manifest_that_names_an_object_twice_is_refused(tmp_path: Path) -> None:
    path, _ = write_bundle(tmp_path, "p", kept(a=Trap(), b=2))

    def rename(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
        for entry in manifest["objects"]:
            entry["name"] = "a"

    with pytest.raises(CallerFault, match="two of its objects have one name"):
        load_bundle(rewritten(path, rename), "p", Kept())
    assert LOADED == []


def test_a_pipe_or_a_device_is_no_bundle_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / f"{'0' * 64}{SUFFIX}").symlink_to("/dev/zero")
    for place in (pipe, folder, Path("/dev/zero")):
        with pytest.raises(CallerFault, match="no plain file"):
            load_bundle(BundleName.read(f"{place}@sha256:{'0' * 64}"), "p", Kept())


def test_what_a_manifest_says_cannot_move_the_cursor_of_a_log(tmp_path: Path) -> None:
    trained = run(write(tmp_path, COUNTING), "train", "--input-path", "lines.txt", "--output-path", "trained")
    path = tmp_path / trained.model.partition("@")[0]

    def lie(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
        manifest["libraries"]["x\x1b[2J\nsection_start:0:a\r\u202e"] = "1"

    ran = run(
        tmp_path / "counting_control.py",
        *("run", "--input-path", "lines.txt", "--output-path", "o"),
        *("--model", f"{path}@sha256:{rewritten(path, lie).sha256}"),
    )
    assert ran.code == 0
    assert r"it was trained with x\x1b[2J\nsection_start:0:a\r\u202e 1, and here is none." in ran.err
