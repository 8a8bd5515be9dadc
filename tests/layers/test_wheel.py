"""A wheel becomes the same layer everywhere, in little memory, and engines unpack it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import marshal
import os
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bot.layers.values import LAYOUT
from bot.layers.wheel import BATCH_BYTES, Compile
from tests.layers.making_wheels import SITE, Recipe, layer, tree

MAX_MEMORY_KIB = 300 * 1024
"""What a build may take, whatever the wheel's size."""

CHILD = """
import json, sys
from pathlib import Path
from tests.layers.making_wheels import PLACE, Recipe
from bot.layers.wheel import write_wheels
path, recipe = Path(sys.argv[1]), Recipe()
with open(sys.argv[2], "wb") as sink:
    made = write_wheels(sink, [(recipe.locked(path), path)], PLACE, None, "big")
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([made.size, int(status["VmHWM"].split()[0])]))
"""
"""Not ru_maxrss: a program inherits in it what the one that started it had held, here the whole run of the tests."""


def sample() -> Recipe:
    return Recipe(
        {
            "resizer/__init__.py": b"SIZE = 3\n",
            "resizer/table.py": b"".join(f"x{n} = {n * n}\n".encode() for n in range(20_000)),
            "resizer-1.0.data/scripts/resize": b"#!python\nimport resizer\n",
            "resizer-1.0.data/data/share/doc": b"text\n",
        },
        executable=["resizer-1.0.data/scripts/resize"],
        entry_points="[console_scripts]\nresizer = resizer:main\n",
        method=zipfile.ZIP_STORED,
    )


def test_the_digest_of_a_known_wheel_changes_with_the_layout_only(tmp_path: Path) -> None:
    recipe = sample()
    path = recipe.write(tmp_path)
    golden = {1: "sha256:525dd289cc89b055f84f777032d0525fca884fd5ffac981c573ca27524096ca6"}
    made, _ = layer((recipe.locked(path), path))
    assert made.digest == golden[LAYOUT], "bytes changed: raise LAYOUT, or layers in registries no longer fit"


def test_folder_and_order_of_wheels_do_not_show(tmp_path: Path) -> None:
    recipes = [Recipe({f"{name}.py": name.encode()}, name=name) for name in ("one", "two")]
    made = []
    for folder, order in (("a", 1), ("b", -1)):
        (tmp_path / folder).mkdir()
        paths = [recipe.write(tmp_path / folder) for recipe in recipes]
        pairs = [(recipe.locked(path), path) for recipe, path in zip(recipes, paths, strict=True)]
        made.append(layer(*pairs[::order]))
    assert made[0] == made[1]


def raw(
    archive: zipfile.ZipFile, path: str, method: int, content: tuple[int, int], packed: Sequence[bytes]
) -> None:
    """Adds a file whose compressed bytes are at hand; empty pieces stand for a hole of as many bytes as are left."""
    info = zipfile.ZipInfo(path)
    info.compress_type, info.external_attr = method, (stat.S_IFREG | 0o644) << 16
    info.file_size, info.CRC = content
    info.compress_size = sum(map(len, packed)) or info.file_size
    file = archive.fp
    assert file is not None
    info.header_offset = file.tell()
    file.write(info.FileHeader(False))
    if packed:
        file.writelines(packed)
    else:
        file.seek(info.compress_size, os.SEEK_CUR)
    archive.start_dir = file.tell()
    archive.filelist.append(info)
    archive.NameToInfo[path] = info
    archive._didModify = True  # type: ignore[attr-defined]


def repeated(unit: bytes, times: int) -> tuple[int, int, str]:
    """Size, checksum and RECORD's hash of a content that is the same piece over and over."""
    crc, made = 0, hashlib.sha256()
    for _ in range(times):
        crc = zlib.crc32(unit, crc)
        made.update(unit)
    value = base64.urlsafe_b64encode(made.digest()).rstrip(b"=").decode()
    return len(unit) * times, crc, f"sha256={value},{len(unit) * times}"


def write_big(folder: Path) -> Path:
    """A wheel of a gibibyte: 768 MiB as they are (a hole in the file), and 256 MiB compressed."""
    machine = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    unit = os.urandom(64 * 1024) + bytes(960 * 1024)
    block = machine.compress(unit) + machine.flush(zlib.Z_FULL_FLUSH)
    packed = [block] * 256 + [machine.flush(zlib.Z_FINISH)]
    stored, deflated = repeated(bytes(1 << 20), 768), repeated(unit, 256)
    recipe = Recipe({})
    recipe.record = recipe.contents()["resizer-1.0.dist-info/RECORD"].decode()
    recipe.record += f"resizer/zeros.bin,{stored[2]}\nresizer/weights.bin,{deflated[2]}\n"
    path = recipe.write(folder)
    with zipfile.ZipFile(path, "a") as archive:
        assert archive.fp is not None
        archive.fp.seek(archive.start_dir)
        archive.fp.truncate()
        raw(archive, "resizer/zeros.bin", zipfile.ZIP_STORED, stored[:2], [])
        raw(archive, "resizer/weights.bin", zipfile.ZIP_DEFLATED, deflated[:2], packed)
    return path


def test_a_gibibyte_takes_little_memory(tmp_path: Path) -> None:
    path = write_big(tmp_path)
    assert path.stat().st_size > 768 * 1024**2
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(tmp_path / "layer")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
        timeout=200,
    )
    size, memory = json.loads(ran.stdout)
    assert size == (tmp_path / "layer").stat().st_size < 32 * 1024**2
    assert memory < MAX_MEMORY_KIB


def compiled(batches: list[int], slow: threading.Event | None = None) -> Compile:
    def work(batch: Sequence[tuple[str, bytes]]) -> Iterator[bytes | None]:
        batches.append(sum(len(source) for _, source in batch))
        if slow is not None:
            slow.wait(0.05)
        for path, source in batch:
            try:
                yield marshal.dumps(compile(source, path, "exec").co_consts)
            except SyntaxError:
                yield None

    return work


def test_bytecode_stands_beside_each_source_that_compiles(tmp_path: Path) -> None:
    recipe = Recipe(
        {
            "one.py": b"1\n",
            "pkg/two.py": b"2\n",
            "pkg/broken.py": b"def\n",
            "pkg/data.txt": b"3\n",
            "resizer-1.0.data/data/share/no_module.py": b"4\n",
            "pkg/table.py": b"#" * (BATCH_BYTES + 1),
        }
    )
    path = recipe.write(tmp_path)
    found = tree(layer((recipe.locked(path), path), compile=compiled([]))[1])
    assert sorted(name for name in found if name.endswith(".pyc")) == [
        f"{SITE}/__pycache__/one.cpython-312.pyc",
        f"{SITE}/pkg/__pycache__/two.cpython-312.pyc",
    ]
    record = found[f"{SITE}/resizer-1.0.dist-info/RECORD"][1]
    assert b".pyc" not in record


def test_the_compilers_speed_does_not_show(tmp_path: Path) -> None:
    recipe = Recipe({f"pkg/m{n}.py": b"x = '%d'\n" % n + b"#" * (BATCH_BYTES // 3) for n in range(10)})
    path = recipe.write(tmp_path)
    pair = recipe.locked(path), path
    batches: list[int] = []
    quick = layer(pair, compile=compiled(batches))
    assert quick == layer(pair, compile=compiled([], threading.Event()))
    assert max(batches) <= BATCH_BYTES
    assert len([name for name in tree(quick[1]) if name.endswith(".pyc")]) == 10


def test_a_compiler_that_fails_is_heard(tmp_path: Path) -> None:
    recipe = Recipe()
    path = recipe.write(tmp_path)

    def fail(batch: Sequence[tuple[str, bytes]]) -> Iterator[bytes | None]:
        raise OSError("the compiler is gone")

    with pytest.raises(OSError, match="the compiler is gone"):
        layer((recipe.locked(path), path), compile=fail)


def image(layers: Sequence[tuple[str, bytes]], tag: str) -> bytes:
    """What `docker load` takes: layers (diff id, bytes), uppermost last."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/none"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for diff_id, _ in layers]},
        }
    ).encode()
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        manifest = {"Config": "config.json", "RepoTags": [tag], "Layers": []}
        files = [("config.json", config)]
        for number, (_, content) in enumerate(layers):
            files.append((f"{number}/layer.tar", content))
            manifest["Layers"].append(f"{number}/layer.tar")  # type: ignore[attr-defined]
        files.append(("manifest.json", json.dumps([manifest]).encode()))
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return sink.getvalue()


@pytest.mark.engine
def test_an_engine_unpacks_layers_of_many_members(tmp_path: Path) -> None:
    recipe = sample()
    path = recipe.write(tmp_path)
    recipe.method = zipfile.ZIP_DEFLATED
    path = recipe.write(tmp_path)
    made, content = layer((recipe.locked(path), path))
    assert content.count(b"\x1f\x8b\x08\0\0\0\0\0\0\xff") > 2
    tag = f"mlreef-test-layers:{os.getpid()}"
    subprocess.run(["docker", "load"], input=image([(made.diff_id, content)], tag), check=True, timeout=60)
    try:
        container = subprocess.run(
            ["docker", "create", tag], check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()
        try:
            exported = subprocess.run(
                ["docker", "export", container], check=True, capture_output=True, timeout=60
            ).stdout
        finally:
            subprocess.run(["docker", "rm", "-f", container], check=True, capture_output=True, timeout=60)
    finally:
        subprocess.run(["docker", "rmi", "-f", tag], check=True, capture_output=True, timeout=60)
    expected = tree(content)
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        found = {
            member.name: (member.mode & 0o777, archive.extractfile(member).read())  # type: ignore[union-attr]
            for member in archive
            if member.isfile() and member.name.startswith("opt/")
        }
    assert found == expected
