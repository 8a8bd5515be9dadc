"""An image becomes the files that a container would see, and nothing of it leads out of its folder."""

from __future__ import annotations

import os
import stat
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.registry import Registry
from sandbox.images.unpacking import BadImage, Files, unpack
from tests.images.tiny import folder, hard_link, layer, link, member, push


def unpacked(registry: Registry, target: Path, *layers: bytes, members: int = 1) -> Path:
    digest = push(registry, "lab/tiny", layers, members=members)
    return unpack(registry, "lab/tiny", digest, target / "root").root


def test_files_folders_and_links_are_there_with_their_modes(registry: Registry, tmp_path: Path) -> None:
    root = unpacked(
        registry,
        tmp_path,
        layer(
            [
                folder("etc", 0o750),
                member("etc/name", b"noise\n", mode=0o640, mtime=7),
                hard_link("etc/same", "etc/name", mode=0o640, mtime=7),
                link("shortcut", "/etc"),
                member("bin/tool", b"#!", mode=0o4755),
            ]
        ),
    )
    assert (root / "etc/name").read_bytes() == b"noise\n"
    assert (root / "etc/name").stat().st_mtime == 7
    assert (root / "etc/same").samefile(root / "etc/name")
    assert (root / "shortcut").readlink() == Path("/etc")
    assert stat.S_IMODE((root / "etc/name").stat().st_mode) == 0o640
    assert stat.S_IMODE((root / "bin/tool").stat().st_mode) == 0o755, "nothing unpacked gives other rights"


def test_a_later_layer_replaces_hides_and_empties(registry: Registry, tmp_path: Path) -> None:
    first = layer([member("a/old", b"1"), member("a/kept", b"1"), member("b/x", b"1"), member("c", b"1")])
    second = layer(
        [
            member("a/.wh.old"),
            member("b/.wh..wh..opq"),
            member("b/new", b"2"),
            folder("c"),
            member("c/inner", b"2"),
        ]
    )
    root = unpacked(registry, tmp_path, first, second)
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert found == ["a/kept", "b/new", "c/inner"]


def test_layers_of_several_gzip_members_are_read_to_their_end(registry: Registry, tmp_path: Path) -> None:
    content = os.urandom(200_000)
    root = unpacked(registry, tmp_path, layer([member("big", content), member("last", b"!")]), members=5)
    assert (root / "big").read_bytes() == content
    assert (root / "last").read_bytes() == b"!"


def test_what_lies_behind_a_link_is_inside_whatever_the_link_says(registry: Registry, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    entries = [
        link("absolute", str(outside)),
        member("absolute/one", b"1"),
        link("up", "../../../../../../../.." + str(outside)),
        member("up/two", b"2"),
        link("file", str(outside / "three")),
        member("file", b"3"),
    ]
    root = unpacked(registry, tmp_path, layer(entries))
    assert list(outside.iterdir()) == []
    assert (root / str(outside).lstrip("/") / "one").read_bytes() == b"1"
    assert (root / "file").read_bytes() == b"3"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (member("../escape", b"x"), "leads out"),
        (member("a/../../escape", b"x"), "leads out"),
        (hard_link("stolen", "../../etc/passwd"), "leads out"),
        (hard_link("stolen", "etc/passwd"), "no file"),
    ],
)
def test_an_entry_that_leads_out_is_refused(
    registry: Registry, tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes], why: str
) -> None:
    with pytest.raises(BadImage, match=why):
        unpacked(registry, tmp_path, layer([entry]))
    assert not (tmp_path / "escape").exists()


def test_links_in_a_circle_are_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BadImage, match="too many links"):
        unpacked(registry, tmp_path, layer([link("a", "b"), link("b", "a"), member("a/x", b"")]))


def test_a_kind_of_layer_that_is_not_known_is_told(registry: Registry, tmp_path: Path) -> None:
    kind = "application/vnd.oci.image.layer.v1.tar+zstd"
    digest = push(registry, "lab/tiny", [layer([member("a", b"zstd")])], media_type=kind)
    with pytest.raises(BadImage, match="zstd"):
        unpack(registry, "lab/tiny", digest, tmp_path / "root")


def test_an_image_that_is_not_there_is_told(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BadImage, match="has no image"):
        unpack(registry, "lab/tiny", f"sha256:{'0' * 64}", tmp_path / "root")


NAMES = st.sampled_from(["a", "b", "a/b", "b/a", "a/a/b", "/a", "./b", "a/../b", "..", "../x", "a/.wh.b"])
TARGETS = st.sampled_from(["a", "b", "..", "../..", "/", "/a", "../../../x", "/etc", "a/b", "."])
ENTRIES = st.one_of(
    st.builds(member, NAMES, st.binary(max_size=3)),
    st.builds(folder, NAMES),
    st.builds(link, NAMES, TARGETS),
    st.builds(hard_link, NAMES, TARGETS),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRIES, max_size=8), number=st.integers(0, 10**12))
def test_nothing_outside_of_the_folder_ever_changes(
    tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], number: int
) -> None:
    arena = tmp_path / f"{number}-{os.urandom(4).hex()}"
    root = arena / "deep" / "root"
    root.mkdir(parents=True)
    packed = tmp_path / "layer.tar"
    packed.write_bytes(layer(entries))
    with packed.open("rb") as content:
        # OSError: a name that is a file in one place and a folder in another.
        with suppress(BadImage, OSError):
            Files(root).add(content)
    assert [path.name for path in arena.iterdir()] == ["deep"]
    assert [path.name for path in (arena / "deep").iterdir()] == ["root"]
