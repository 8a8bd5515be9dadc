"""A layer's bytes: readable by everybody, the same however they come, and never more than they say."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.layers.gzipped import CHUNK_BYTES, LayerWriter
from bot.layers.inflate import WHOLE_BYTES
from bot.layers.values import LAYOUT, Layer


def deflated(content: bytes) -> bytes:
    machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return machine.compress(content) + machine.flush()


def cut(content: bytes, piece: int) -> list[bytes]:
    return [content[start : start + piece] for start in range(0, len(content), piece)]


def sample(piece: int) -> tuple[bytes, Layer]:
    """A layer of every kind of member, its contents given in pieces of so many bytes."""
    sink = io.BytesIO()
    writer = LayerWriter(sink)
    big = bytes(range(256)) * 1000
    writer.folder(b"opt")
    writer.file(b"opt/empty", b"")
    writer.file(b"opt/tool", b"#!/bin/sh\n", mode=0o755)
    writer.deflated(b"opt/big", len(big), zlib.crc32(big), cut(deflated(big), piece))
    writer.stream(b"opt/stored", len(big), cut(big, piece), owner=10001)
    writer.link(b"opt/link", b"big")
    writer.file("opt/ä".encode(), b"1")
    writer.file(b"opt/" + b"long" * 40, b"2")
    writer.file(b"opt/\xff\xfe", b"3")
    layer = writer.close("sample")
    return sink.getvalue(), layer


def names(content: bytes) -> list[bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return [member.name.encode("utf-8", "surrogateescape") for member in archive]


def test_the_digest_of_a_known_layer_changes_with_the_layout_only() -> None:
    _, layer = sample(1000)
    golden = {1: "sha256:e4c7d4bd59fedabf8f52b686f8fc3aac33dd12284585d90bebf79f5d11408c89"}
    assert layer.digest == golden[LAYOUT], (
        "bytes changed: raise LAYOUT, or layers in registries no longer fit"
    )


def test_digest_size_and_diff_id_are_those_of_the_bytes() -> None:
    content, layer = sample(1000)
    assert layer.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert layer.size == len(content)
    assert layer.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(content)).hexdigest()}"


def test_the_cut_of_the_chunks_does_not_show() -> None:
    assert sample(7) == sample(1 << 20)


def test_members_are_as_they_were_given() -> None:
    content, _ = sample(1000)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        members = {member.name: member for member in archive}
        big = archive.extractfile("opt/big")
        stored = archive.extractfile("opt/stored")
        assert big is not None
        assert stored is not None
        assert big.read() == stored.read() == bytes(range(256)) * 1000
    assert members["opt"].isdir()
    assert (members["opt"].mode, members["opt/tool"].mode, members["opt/big"].mode) == (0o755, 0o755, 0o644)
    assert (members["opt/link"].issym(), members["opt/link"].linkname) == (True, "big")
    assert members["opt/stored"].uid == members["opt/stored"].gid == 10001
    assert {member.mtime for member in members.values()} == {0}
    assert names(content)[-3:] == ["opt/ä".encode(), b"opt/" + b"long" * 40, b"opt/\xff\xfe"]


def test_gzip_and_tar_of_the_machine_read_it(tmp_path: Path) -> None:
    content, _ = sample(1000)
    path = tmp_path / "layer.tar.gz"
    path.write_bytes(content)
    subprocess.run(["gzip", "-t", str(path)], check=True)
    listed = subprocess.run(["tar", "-tzf", str(path)], check=True, capture_output=True).stdout
    assert len(listed.splitlines()) == len(names(content))


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=3000), st.integers(1, 400)), max_size=12))
def test_whatever_is_written_is_read_again(files: Sequence[tuple[bool, bytes, int]]) -> None:
    sink = io.BytesIO()
    writer = LayerWriter(sink)
    for number, (raw, unit, times) in enumerate(files):
        content, path = unit * times, f"f{number}".encode()
        if raw:
            writer.deflated(path, len(content), zlib.crc32(content), [deflated(content)])
        else:
            writer.stream(path, len(content), [content])
    layer = writer.close("random")
    with tarfile.open(fileobj=io.BytesIO(sink.getvalue()), mode="r:gz") as archive:
        found = [archive.extractfile(member) for member in archive]
        assert [one.read() for one in found if one is not None] == [unit * times for _, unit, times in files]
    assert layer.size == len(sink.getvalue())


@pytest.mark.parametrize("size", [100_000, WHOLE_BYTES + 1])
@pytest.mark.parametrize(
    "harm",
    ["longer", "shorter", "checksum", "behind", "hidden", "cut", "noise"],
)
def test_a_stream_that_lies_is_refused(size: int, harm: str) -> None:
    content = bytes(size)
    raw, told, crc = deflated(content), size, zlib.crc32(content)
    if harm == "longer":
        told -= 1
    elif harm == "shorter":
        told += 1
    elif harm == "checksum":
        crc ^= 1
    elif harm == "behind":
        raw += b"x"
    elif harm == "hidden":
        # A whole gzip end, and behind it a member that nobody has checked.
        raw += crc.to_bytes(4, "little") + size.to_bytes(4, "little") + gzip.compress(b"evil")[:-8]
    elif harm == "cut":
        raw = raw[:-2]
    else:
        raw = raw[:20] + b"\xff" * 20 + raw[40:]
    with pytest.raises(ValueError, match=r"\bits?\b"):
        LayerWriter(io.BytesIO()).deflated(b"f", told, crc, cut(raw, CHUNK_BYTES))


@pytest.mark.parametrize("told", [9, 11])
def test_a_stream_of_another_size_is_refused(told: int) -> None:
    with pytest.raises(ValueError, match=f"than {told} bytes"):
        LayerWriter(io.BytesIO()).stream(b"f", told, [b"12345", b"67890"])


def test_eight_gibibytes_fit_a_header() -> None:
    from bot.layers.tar import FILE, header

    with tarfile.open(fileobj=io.BytesIO(header(b"f", FILE, 0o644, 0, 8**11)), mode="r:") as archive:
        member = archive.next()
    assert member is not None
    assert member.size == 8**11
