"""What of a commit goes into the archive that an image is built from."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from bot.adapters.checkout import TreeFile, load_blobs, load_tree
from bot.ci.context import write_context
from bot.layers.contents import Contents, plan_contents
from parser.model import Problem
from tests.ci.world import Repository


def plan(
    repository: Repository, sha: str, requirements: tuple[str, ...] = ()
) -> Contents | tuple[Problem, ...]:
    tree = load_tree(repository.path, sha)
    links = [file for file in tree if file.kind == "symlink"]
    targets = [content for _, content in load_blobs(repository.path, [link.blob for link in links])]
    return plan_contents(
        tree, dict(zip((link.path for link in links), targets, strict=True)), requirements, ("mlreef.yml",)
    )


def archive(repository: Repository, sha: str, requirements: tuple[str, ...] = ()) -> bytes:
    contents = plan(repository, sha, requirements)
    assert isinstance(contents, Contents)
    target = io.BytesIO()
    assert write_context(target, "FROM scratch\n", contents, repository.path) == ()
    return target.getvalue()


def members(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        return {member.name: member for member in opened.getmembers()}


def test_sources_and_requirements_stand_apart(repository: Repository) -> None:
    sha = repository.commit({"a/main.py": "1", "req/base.txt": "x", "mlreef.yml": "y"})
    names = list(members(archive(repository, sha, ("req/base.txt",))))
    assert names == [
        "Dockerfile",
        "requirements",
        "source",
        "source/a",
        "source/req",
        "source/a/main.py",
        "source/req/base.txt",
        "requirements/req/base.txt",
    ]


def test_the_same_commit_gives_the_same_bytes(repository: Repository) -> None:
    sha = repository.commit({"b.py": "1", "a.py": "2"})
    first = archive(repository, sha)
    repository.git("checkout", "-q", sha)
    for file in repository.path.glob("*.py"):
        file.touch()
    assert archive(repository, sha) == first
    assert {member.mtime for member in members(first).values()} == {0}


def test_what_can_be_run_stays_so_and_links_stay_links(repository: Repository) -> None:
    (repository.path / "run.sh").write_text("x")
    (repository.path / "run.sh").chmod(0o755)
    (repository.path / "link").symlink_to("run.sh")
    found = members(archive(repository, repository.commit()))
    assert found["source/run.sh"].mode == 0o755
    assert found["source/link"].linkname == "run.sh"


def test_any_name_is_kept_as_it_is(repository: Repository) -> None:
    names = ['a"b', "a\nb", "$(id)", "-rf", "ü😀", "a" * 250, "d/" * 60 + "x"]
    found = members(archive(repository, repository.commit({name: name for name in names})))
    assert {f"source/{name}" for name in names} <= set(found)


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "../x", "a/../../x", "up/../..", "loop"],
    ids=lambda target: target.replace("/", "-"),
)
def test_a_link_out_of_the_repository_is_refused_by_name(repository: Repository, target: str) -> None:
    folder = repository.path / "a/b/c"
    folder.mkdir(parents=True)
    (folder / "up").symlink_to("../../..")
    name = "loop" if target == "loop" else "a/b/c/bad" if target == "up/../.." else "bad"
    (repository.path / name).symlink_to(target)
    refused = plan(repository, repository.commit())
    assert isinstance(refused, tuple)
    assert [problem.code for problem in refused] == ["link-leaves-repository"]
    assert refused[0].place is not None
    assert refused[0].place.file == name


def test_a_link_to_nothing_inside_the_repository_is_kept(repository: Repository) -> None:
    (repository.path / "later").symlink_to("data/later.bin")
    assert isinstance(plan(repository, repository.commit()), Contents)


@pytest.mark.parametrize(
    "path", [b"../x", b"a/../x", b"/etc/x", b"a//b", b".git/config", b"a/.GIT/hooks/x", b""]
)
def test_a_path_that_git_would_not_check_out_is_refused(path: bytes) -> None:
    refused = plan_contents([TreeFile(path, "file", "f" * 40, 1)], {}, (), ())
    assert isinstance(refused, tuple)
    assert refused[0].code == "path-refused"


def test_a_submodule_is_left_out_and_named(repository: Repository) -> None:
    inner = repository.commit()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{inner},vendor")
    repository.git("commit", "-qm", "submodule")
    contents = plan(repository, repository.git("rev-parse", "HEAD"))
    assert isinstance(contents, Contents)
    assert contents.submodules == ("vendor",)


def test_too_much_is_refused_with_what_to_do() -> None:
    refused = plan_contents([TreeFile(b"x", "file", "f" * 40, 1 << 40)], {}, (), ())
    assert isinstance(refused, tuple)
    assert refused[0].code == "repository-too-large"
    assert "parameter" in refused[0].hint


def lfs(content: bytes) -> bytes:
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()


def test_a_file_kept_by_lfs_comes_from_the_working_tree_if_it_is_the_right_one(
    repository: Repository,
) -> None:
    sha = repository.commit({"model.bin": lfs(b"weights")})
    (repository.path / "model.bin").write_bytes(b"weights")
    assert members(archive(repository, sha))["source/model.bin"].size == len(b"weights")
    for wrong in (b"others!", b"weights and more"):
        (repository.path / "model.bin").write_bytes(wrong)
        assert missing(repository, sha) == ["lfs-missing"]


def test_a_file_kept_by_lfs_is_not_read_through_a_link(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"model.bin": lfs(b"weights")})
    (tmp_path / "elsewhere").write_bytes(b"weights")
    (repository.path / "model.bin").unlink()
    (repository.path / "model.bin").symlink_to(tmp_path / "elsewhere")
    assert missing(repository, sha) == ["lfs-missing"]


def missing(repository: Repository, sha: str) -> list[str]:
    contents = plan(repository, sha)
    assert isinstance(contents, Contents)
    return [problem.code for problem in write_context(io.BytesIO(), "", contents, repository.path)]
