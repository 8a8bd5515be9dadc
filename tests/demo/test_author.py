"""What the demo takes of a directory, and how it pushes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sandbox.demo.author import copy_tree, new_clone
from sandbox.demo.children import DemoError


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def copied(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() or path.is_symlink()}


def test_a_directory_without_git_is_copied_without_its_clutter(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    write(source, "main.py", "pkg/helper.py", ".mlreef.yaml", ".venv/lib/x.py", "pkg/__pycache__/helper.pyc")
    (source / "link.py").symlink_to("main.py")
    (source / "folder").symlink_to("pkg")
    target.mkdir()
    assert copy_tree(source, target) == 5
    assert copied(target) == {"main.py", "pkg/helper.py", ".mlreef.yaml", "link.py", "folder"}
    assert (target / "folder").is_symlink()


def test_of_a_git_repository_ignored_files_stay_behind(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    write(source, "main.py", "data.bin", "new.py", "secret.env")
    (source / ".gitignore").write_text("*.env\n")
    subprocess.run(["git", "init", "--quiet"], cwd=source, check=True)
    subprocess.run(["git", "add", "main.py", "data.bin"], cwd=source, check=True)
    (source / "data.bin").unlink()
    target.mkdir()
    copy_tree(source, target)
    assert copied(target) == {"main.py", "new.py", ".gitignore"}


def test_an_empty_directory_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=str(tmp_path)):
        copy_tree(tmp_path, tmp_path)


def test_a_push_arrives_on_the_branch(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    clone = new_clone(tmp_path / "clone", str(remote), "main")
    write(clone.directory, "main.py")
    sha = clone.commit("First -- with 'quotes' and $dollars")
    clone.push("feature/x")
    heads = subprocess.run(
        ["git", "rev-parse", "refs/heads/feature/x"], cwd=remote, check=True, capture_output=True, text=True
    )
    assert heads.stdout.strip() == sha
