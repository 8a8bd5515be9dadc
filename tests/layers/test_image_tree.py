"""Of a base's layers only what an interpreter needs is taken out, as the image would show it, and nothing gets away."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from bot.errors import OperatorError
from bot.layers import image_tree
from bot.layers.image_tree import ImageTree
from tests.layers.making_bases import layer


def tree_of(folder: Path, *newest_first: bytes) -> ImageTree:
    """A tree of these layers which keeps the content of everything."""
    folder.mkdir(exist_ok=True)
    tree = ImageTree(folder, lambda _: True)
    for content in newest_first:
        tree.read_layer(io.BytesIO(content), "layer")
    return tree


def content(tree: ImageTree, path: str) -> bytes | None:
    """A file's content as the image shows it."""
    found = tree.find(path)
    return found[1].read_bytes() if found else None


def test_the_newest_layer_counts_and_what_it_took_away_is_gone(tmp_path: Path) -> None:
    newest = layer(("bin/a", b"new"), ("bin/.wh.b", b""), ("lib/.wh..wh..opq", b""), ("lib/d", b"new"))
    oldest = layer(
        ("bin/a", b"old"), ("bin/b", b"old"), ("bin/c", b"old"), ("lib/d", b"old"), ("lib/e", b"old")
    )
    tree = tree_of(tmp_path / "kept", newest, oldest)
    shown = {path: content(tree, path) for path in ("bin/a", "bin/b", "bin/c", "lib/d", "lib/e")}
    assert shown == {"bin/a": b"new", "bin/b": None, "bin/c": b"old", "lib/d": b"new", "lib/e": None}


def test_a_folder_taken_away_takes_all_below_with_it(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "kept", layer((".wh.usr", b"")), layer(("usr/bin/a", b"old"), ("opt", b"old")))
    assert content(tree, "usr/bin/a") is None
    assert content(tree, "opt") == b"old"


def test_a_folder_in_the_place_of_a_link_and_a_link_in_the_place_of_a_folder(tmp_path: Path) -> None:
    newest = layer(("lib", None), ("lib/a", b"new"), ("etc", "usr"))
    oldest = layer(
        ("lib", "usr/lib"), ("usr/lib/a", b"old"), ("etc/b", b"old"), ("usr/b", b"through the link")
    )
    tree = tree_of(tmp_path / "kept", newest, oldest)
    assert content(tree, "lib/a") == b"new"
    assert content(tree, "etc/b") == b"through the link"


def test_links_are_followed_within_the_image_only(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path / "kept",
        layer(
            ("usr/bin/python3", "python3.12"),
            ("usr/bin/python3.12", b"here"),
            ("bin", "/usr/bin"),
            ("up", "../../../../usr/bin/python3"),
            ("round", "about"),
            ("about", "round"),
        ),
    )
    assert tree.find("/bin/python3") == tree.find("usr/bin/python3.12")
    assert content(tree, "up") == b"here"
    assert content(tree, "round") is None


def test_names_that_lead_out_are_names_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    names = layer(("../../etc/passwd", b"x"), ("/abs", b"y"), ("a/../../b", b"z"))
    tree = tree_of(tmp_path / "a" / "kept", names)
    assert [content(tree, path) for path in ("etc/passwd", "abs", "b")] == [b"x", b"y", b"z"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["0", "1", "2", "a", "kept"]


def test_devices_are_not_made_and_hard_links_are_the_same_file(tmp_path: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, kind, target in (("dev/null", tarfile.CHRTYPE, ""), ("pipe", tarfile.FIFOTYPE, "")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        file = tarfile.TarInfo("bin/python3.12")
        file.size = 4
        archive.addfile(file, io.BytesIO(b"here"))
        hard = tarfile.TarInfo("bin/python3")
        hard.type, hard.linkname = tarfile.LNKTYPE, "bin/python3.12"
        archive.addfile(hard)
    tree = tree_of(tmp_path / "kept", gzip.compress(plain.getvalue()))
    assert content(tree, "bin/python3") == b"here"
    assert content(tree, "dev/null") is None
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["0"]


def test_layers_of_several_gzip_members_are_read_whole(tmp_path: Path) -> None:
    plain = layer(("a", b"1" * 5000), ("b", b"2"), compress=False)
    tree = tree_of(tmp_path / "kept", gzip.compress(plain[:3000]) + gzip.compress(plain[3000:]))
    assert content(tree, "b") == b"2"


@pytest.mark.parametrize(
    "broken", [b"", b"no gzip", gzip.compress(b"no tar"), layer(("a", bytes(range(256)) * 99))[:200]]
)
def test_a_broken_layer_is_told(tmp_path: Path, broken: bytes) -> None:
    with pytest.raises(OperatorError, match="is broken"):
        tree_of(tmp_path / "kept", broken)


def test_there_are_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_tree, "MAX_FILE_BYTES", 10)
    tree = tree_of(tmp_path / "one", layer(("big", b"1" * 11), ("small", b"1")))
    assert content(tree, "big") is None
    monkeypatch.setattr(image_tree, "MAX_KEPT_BYTES", 15)
    with pytest.raises(OperatorError, match="more than 15 bytes"):
        tree_of(tmp_path / "two", layer(("a", b"1" * 9), ("b", b"1" * 9)))
    monkeypatch.setattr(image_tree, "MAX_ENTRIES", 2)
    with pytest.raises(OperatorError, match="more than 2 files"):
        tree_of(tmp_path / "three", layer(("a", b""), ("b", b""), ("c", b"")))
