"""A repository's files → the last layer, and what of a folder is left out of it."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from bot.adapters.checkout import Objects, load_tree
from bot.layers.contents import Contents, plan_contents
from bot.layers.sources import open_of_commit, open_of_folder, write_sources
from bot.layers.values import Layer
from bot.local.folder import Here, look
from parser.model import Problem
from tests.ci.world import Repository

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


def members(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {os.fsencode(one.name).decode("latin-1"): one for one in archive}


def packed(folder: Path) -> bytes:
    here = look(folder, ())
    assert isinstance(here, Here), here
    sink = io.BytesIO()
    assert isinstance(write_sources(sink, here.contents, open_of_folder(folder)), Layer)
    return sink.getvalue()


def packed_commit(repository: Repository, sha: str) -> bytes | tuple[Problem, ...]:
    contents = plan_contents(load_tree(repository.path, sha), {}, (), ())
    assert isinstance(contents, Contents), contents
    sink = io.BytesIO()
    with Objects(repository.path) as objects:
        found = write_sources(sink, contents, open_of_commit(objects, repository.path))
    return sink.getvalue() if isinstance(found, Layer) else found


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "checkout")


def test_files_of_ours_lie_beside_the_sources_and_belong_to_root(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    here = look(tmp_path, ())
    assert isinstance(here, Here), here
    sinks = [io.BytesIO(), io.BytesIO()]
    own = {"mlopen/b/c.py": b"c", "entry.py": b"launcher"}
    for sink, given in zip(sinks, (own, dict(reversed(own.items()))), strict=True):
        assert isinstance(write_sources(sink, here.contents, open_of_folder(tmp_path), given), Layer)
    assert sinks[0].getvalue() == sinks[1].getvalue(), "in whatever order they come"
    found = members(sinks[0].getvalue())
    behind = list(found)[list(found).index("app/train.py") + 1 :]
    assert behind == [
        *("opt", "opt/mlreef", "opt/mlreef/entry.py", "opt/mlreef/mlopen", "opt/mlreef/mlopen/b"),
        "opt/mlreef/mlopen/b/c.py",
    ]
    assert {(found[name].uid, found[name].mode) for name in behind} == {(0, 0o755), (0, 0o644)}
    assert (found["app/train.py"].uid, found["opt/mlreef/entry.py"].size) == (10001, len(b"launcher"))


def test_folders_come_before_their_files_and_belong_to_the_module(repository: Repository) -> None:
    sha = repository.commit({"b/c/d.py": "x", "b-a.py": "y", "run.sh": "#!/bin/sh\n"})
    repository.git("update-index", "--chmod=+x", "run.sh")
    sha = repository.commit() if sha else ""
    content = packed_commit(repository, repository.git("rev-parse", "HEAD"))
    assert isinstance(content, bytes)
    found = members(content)
    assert list(found) == ["app", "app/b-a.py", "app/b", "app/b/c", "app/b/c/d.py", "app/run.sh"]
    assert (found["app"].mode, found["app"].uid) == (0o1777, 0)
    assert {(one.uid, one.gid) for name, one in found.items() if name != "app"} == {(10001, 10001)}
    assert {one.mtime for one in found.values()} == {0}


def test_a_folder_gives_what_its_commit_gives(repository: Repository) -> None:
    sha = repository.commit({"main.py": "x = 1\n", "a/b.txt": b"\0\1", "empty": ""})
    (repository.path / "link").symlink_to("a/b.txt")
    sha = repository.commit()
    here = look(repository.path, ())
    assert isinstance(here, Here)
    assert here.revision == sha
    assert packed(repository.path) == packed_commit(repository, sha)
    (repository.path / "main.py").chmod(0o755)
    changed = look(repository.path, ())
    assert isinstance(changed, Here)
    assert changed.revision == ""


def test_names_that_are_no_text_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.bin")).write_bytes(b"x")
    assert b"app/\xff\xfe.bin".decode("latin-1") in members(packed(tmp_path))


def test_what_is_neither_file_nor_link_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    here = look(tmp_path, ())
    assert isinstance(here, Here)
    assert sorted(here.left_out) == ["pipe", "socket"]
    assert list(members(packed(tmp_path))) == ["app", "app/main.py"]


def test_what_jobs_leave_for_each_other_is_of_no_commit(repository: Repository) -> None:
    repository.commit({"main.py": "", ".mlreef/kept.txt": "of the author"})
    wheels = repository.path / ".mlreef" / "wheels"
    wheels.mkdir()
    (wheels / "a-1.0-py3-none-any.whl").write_bytes(b"of a job")
    assert list(members(packed(repository.path)))[-2:] == ["app/.mlreef/kept.txt", "app/main.py"]
    (repository.path / ".git").rename(repository.path.parent / "elsewhere")
    assert list(members(packed(repository.path))) == ["app", "app/main.py"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "passwords").symlink_to("/etc/passwd")
    found = look(tmp_path, ())
    assert not isinstance(found, Here)
    assert [(one.code, one.place.file if one.place else "") for one in found] == [
        ("link-leaves-repository", "passwords")
    ]


def test_a_folder_that_became_a_link_gives_nothing_of_where_it_leads(repository: Repository) -> None:
    """git still knows the files, and does not list the link where it is to be ignored."""
    private = repository.path.parent / "private"
    (private / "deep").mkdir(parents=True)
    for name in ("key", "deep/key"):
        (private / name).write_text("PRIVATE")
    repository.git("config", "core.excludesFile", "/dev/null")
    repository.commit({"main.py": "x = 1\n", "a/key": "x", "a/deep/key": "x", ".gitignore": ""})
    (repository.path / ".git/info/exclude").write_text("a\n")
    shutil.rmtree(repository.path / "a")
    (repository.path / "a").symlink_to(private)
    here = look(repository.path, ())
    assert isinstance(here, Here)
    assert [file.path for file in here.contents.files] == [b".gitignore", b"main.py"]
    assert here.revision == ""


def test_a_pointer_is_not_the_model(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "model.bin").write_text(POINTER.format("0" * 64, 5_000_000_000))
    here = look(tmp_path, ())
    assert isinstance(here, Here)
    found = write_sources(io.BytesIO(), here.contents, open_of_folder(tmp_path))
    assert isinstance(found, tuple)
    assert [one.code for one in found] == ["lfs-missing"]


def test_a_model_kept_elsewhere_is_taken_from_the_checkout_if_it_is_the_right_one(
    repository: Repository,
) -> None:
    model = os.urandom(3_000_000)
    pointer = POINTER.format(hashlib.sha256(model).hexdigest(), len(model))
    sha = repository.commit({"main.py": "", "model.bin": pointer})
    found = packed_commit(repository, sha)
    assert isinstance(found, tuple), "the checkout has the pointer only"
    (repository.path / "model.bin").write_bytes(model)
    content = packed_commit(repository, sha)
    assert isinstance(content, bytes)
    assert members(content)["app/model.bin"].size == len(model)
    here = look(repository.path, ())
    assert isinstance(here, Here)
    assert here.revision == sha, "the model itself is no change"
    assert packed(repository.path) == content


def test_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    here = look(tmp_path, ())
    assert isinstance(here, Here)
    tracemalloc.start()
    try:
        with (tmp_path.parent / "layer").open("wb") as sink:
            layer = write_sources(sink, here.contents, open_of_folder(tmp_path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(layer, Layer)
    assert peak < 20 * 1024 * 1024


def test_more_than_an_image_takes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    for number in range(2):
        with (tmp_path / f"part{number}").open("wb") as file:
            file.truncate(5 * 1024**3)
    found = look(tmp_path, ())
    assert not isinstance(found, Here)
    assert [one.code for one in found] == ["repository-too-large"]


def test_a_tree_that_names_a_path_twice_is_refused(repository: Repository) -> None:
    repository.commit({"main.py": ""})
    blob = repository.git("rev-parse", "HEAD:main.py")
    tree = b"".join(b"100644 %s\0%s" % (name, bytes.fromhex(blob)) for name in (b"a", b"a"))
    made = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=tree)
    commit = repository.git("commit-tree", made, "-m", "twice")
    found = plan_contents(load_tree(repository.path, commit), {}, (), ())
    assert isinstance(found, tuple)
    assert {one.code for one in found} == {"path-refused"}


def test_a_submodule_is_told(repository: Repository) -> None:
    sha = repository.commit({"main.py": ""})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{sha},lib")
    repository.git("commit", "-qm", "sub")
    (repository.path / "lib").mkdir()
    here = look(repository.path, ())
    assert isinstance(here, Here)
    assert here.contents.submodules == ("lib",)
