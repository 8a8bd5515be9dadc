"""Commits are read as git holds them, whatever the working tree and its configuration say."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

import pytest

from bot.adapters.checkout import (
    Objects,
    fetch_history,
    fetch_tag_messages,
    load_blobs,
    load_commit,
    load_tree,
)
from bot.adapters.worktree import pushed_paths
from bot.errors import Gone, TryAgain
from parser.source import MAX_FILE_BYTES
from tests.ci.world import Answer, Repository, server


def test_a_commit_is_read_and_the_working_tree_is_not(repository: Repository) -> None:
    sha = repository.commit({"main.py": "print(1)\n", "mlreef.yml": "a: 1\n", "data.bin": b"\0"})
    (repository.path / "main.py").write_text("print(2)\n")
    (repository.path / "extra.py").write_text("print(3)\n")
    commit = load_commit(repository.path, sha, "mlreef.yml")
    assert commit.source.contents == {"main.py": b"print(1)\n"}
    assert set(commit.source.entries) == {"main.py", "mlreef.yml", "data.bin"}
    assert commit.pipeline == b"a: 1\n"


def test_links_and_submodules_are_listed_and_not_followed(repository: Repository) -> None:
    (repository.path / "link.py").symlink_to("/etc/passwd")
    inner = repository.commit()
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{inner},vendor")
    repository.git("commit", "-qm", "submodule")
    source = load_commit(repository.path, repository.git("rev-parse", "HEAD"), "mlreef.yml").source
    assert {path: entry.kind for path, entry in source.entries.items()} == {
        "link.py": "symlink",
        "vendor": "submodule",
    }
    assert source.contents == {}


def test_names_with_anything_in_them_are_read(repository: Repository) -> None:
    names = ['a"b.py', "a\nb.py", "a\tb.py", "$(id).py", "-rf.py", "ü😀.py", "sp ace/x.py"]
    sha = repository.commit({name: name for name in names})
    source = load_commit(repository.path, sha, "mlreef.yml").source
    assert source.contents == {name: name.encode() for name in names}


def test_a_name_that_is_no_text_is_left_out_of_what_is_read_and_kept_for_the_image(
    repository: Repository,
) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", stdin=b"x")
    tree = repository.git("mktree", "-z", stdin=b"100644 blob " + blob.encode() + b"\t\xff.py\0")
    sha = repository.git("commit-tree", tree, "-m", "x")
    assert load_commit(repository.path, sha, "mlreef.yml").source.entries == {}
    assert [file.path for file in load_tree(repository.path, sha)] == [b"\xff.py"]


def test_a_file_that_is_too_big_for_the_reader_is_listed_without_content(repository: Repository) -> None:
    sha = repository.commit(
        {"big.py": b"#" * (MAX_FILE_BYTES + 1), "mlreef.yml": b"#" * (MAX_FILE_BYTES + 1)}
    )
    commit = load_commit(repository.path, sha, "mlreef.yml")
    assert set(commit.source.entries) == {"big.py", "mlreef.yml"}
    assert commit.source.contents == {}
    assert commit.pipeline is None


def test_a_commit_that_is_not_there_is_gone(repository: Repository) -> None:
    repository.commit()
    with pytest.raises(Gone):
        load_tree(repository.path, "f" * 40)
    with pytest.raises(Gone):
        list(load_blobs(repository.path, ["f" * 40]))


@pytest.mark.parametrize("sha", ["HEAD", "--help", "", "f" * 39])
def test_only_a_full_id_is_taken_for_a_commit(repository: Repository, sha: str) -> None:
    with pytest.raises(ValueError, match="full id"):
        load_tree(repository.path, sha)


def test_the_checkouts_own_configuration_runs_nothing(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"main.py": "x"})
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for setting in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external"):
        repository.git("config", setting, str(trap))
    load_commit(repository.path, sha, "mlreef.yml")
    assert not (tmp_path / "sprung").exists()


def test_a_missing_object_is_fetched_from_nowhere(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"main.py": "x", "folder/file.txt": "y"})
    missing = repository.git("rev-parse", "HEAD:folder")
    (repository.path / ".git/objects" / missing[:2] / missing[2:]).unlink()
    for setting, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", str(repository.path)),
        ("remote.origin.uploadpack", f"touch {tmp_path}/sprung; false"),
        ("protocol.allow", "always"),
        ("protocol.file.allow", "always"),
    ):
        repository.git("config", setting, value)
    with pytest.raises(Gone):
        load_tree(repository.path, sha)
    with Objects(repository.path) as objects, pytest.raises(Gone):
        objects.open(missing, "tree")
    assert pushed_paths(repository.path) == ("folder/file.txt", "main.py")
    assert not (tmp_path / "sprung").exists()


def test_a_branchs_commits_are_fetched_and_their_order_is_known(repository: Repository) -> None:
    first, second = repository.commit({"a": "1"}), repository.commit({"a": "2"})
    with fetch_history(repository.path.as_uri(), "main") as history:
        assert history.head == second
        assert history.holds(first)
        assert history.is_ancestor(first, second)
        assert not history.is_ancestor(second, first)
        assert not history.holds("f" * 40)


def test_a_branch_with_a_strange_name_is_fetched(repository: Repository) -> None:
    repository.commit()
    for branch in ("-x", "a$(id)b", "ü/😀", 'q"uote'):
        repository.git("update-ref", f"refs/heads/{branch}", "HEAD")
        with fetch_history(repository.path.as_uri(), branch) as history:
            assert history.head == repository.git("rev-parse", "HEAD")


def test_a_branch_that_was_deleted_is_gone(repository: Repository) -> None:
    repository.commit()
    with pytest.raises(Gone, match="no longer"), fetch_history(repository.path.as_uri(), "away"):
        pass


def test_a_password_goes_to_the_server_and_into_no_message() -> None:
    with (
        server(lambda _: Answer(403)) as (url, heard),
        pytest.raises(TryAgain) as raised,
        fetch_history(url.replace("://", "://gitlab-ci-token:s3cret@") + "/g/p.git", "main"),
    ):
        pass
    assert (
        heard[0].headers["authorization"] == "Basic " + base64.b64encode(b"gitlab-ci-token:s3cret").decode()
    )
    assert "s3cret" not in str(raised.value)


def test_the_messages_behind_chosen_tags_are_told(repository: Repository) -> None:
    first, second = repository.commit(message="One\n\nAbout: é"), repository.commit(message="Two")
    repository.git("tag", "1.0.0", first)
    repository.git("tag", "-a", "2.0.0", "-m", "The tag's own", second)
    repository.git("update-ref", "refs/tags/-x/$(id)", second)
    offered: list[str] = []

    def all_but_the_second(names: Iterable[str]) -> Iterable[str]:
        offered.extend(names)
        return (name for name in offered if name != "2.0.0")

    told = fetch_tag_messages(repository.path.as_uri(), all_but_the_second)
    assert sorted(offered) == ["-x/$(id)", "1.0.0", "2.0.0"]
    assert {name: text.strip() for name, text in told.items()} == {
        "-x/$(id)": "Two",
        "1.0.0": "One\n\nAbout: é",
    }
    told = fetch_tag_messages(
        repository.path.as_uri(), lambda names: [name for name in names if name == "2.0.0"]
    )
    assert [text.strip() for text in told.values()] == ["Two"]
    assert fetch_tag_messages(repository.path.as_uri(), lambda _: ()) == {}


def test_tags_of_a_server_that_refuses_are_asked_for_again_without_the_password_in_words() -> None:
    with server(lambda _: Answer(403)) as (url, heard), pytest.raises(TryAgain) as raised:
        fetch_tag_messages(url.replace("://", "://gitlab-ci-token:s3cret@") + "/g/p.git", lambda names: names)
    assert heard[0].headers["authorization"].startswith("Basic ")
    assert "s3cret" not in str(raised.value)
