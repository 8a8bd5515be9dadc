"""Wheels that are no ordinary wheels are refused, and the author is told which and why."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

import bot.layers.wheel_archive as limits
from bot.layers.tar import END
from bot.layers.values import BadWheel
from bot.layers.wheel import plan_wheels, write_wheels
from bot.layers.wheel_files import find_clashes
from parser.model import Severity
from tests.layers.making_wheels import BIN, PLACE, SITE, Recipe, layer, row, tree

BIG = b"".join(f"x{n} = {n}\n".encode() for n in range(30_000))
"""More than what is taken over as it is compressed."""


def refused(recipe: Recipe, path: Path, code: str, why: str) -> None:
    """The wheel is refused by this code, in words that name it, and nothing complete was written."""
    sink = io.BytesIO()
    with pytest.raises(BadWheel) as bad:
        write_wheels(sink, [(recipe.locked(path), path)], PLACE, None, "bad")
    (problem,) = bad.value.problems
    assert (problem.code, problem.severity) == (code, Severity.ERROR)
    assert why in problem.message
    assert recipe.filename in problem.message
    assert problem.message.isprintable()
    assert "Require another version of" in problem.hint
    assert not is_whole(sink.getvalue())


def is_whole(content: bytes) -> bool:
    """Whether these bytes are an archive with its end, for whoever would read them."""
    try:
        return gzip.decompress(content).endswith(END)
    except (EOFError, OSError, zlib.error):
        return False


def rewritten(path: Path, change: Callable[[bytearray], None]) -> Path:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return path


def header_of(content: bytearray, name: bytes) -> int:
    """Where the entry of a file begins in the list at the end."""
    at = content.rfind(name) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    return at


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../../evil.py", "leads out of it"),
        ("pkg/../../evil.py", "leads out of it"),
        ("/etc/passwd", "is an absolute path"),
        ("C:/evil.py", "is an absolute path"),
        ("pkg\\evil.py", "has a backslash"),
        ("pkg//evil.py", "no path that has one meaning"),
        ("./evil.py", "no path that has one meaning"),
        ("pkg/\nevil.py", "characters that no name may have"),
        ("pkg/\x00evil.py", "characters that no name may have"),
        ("x" * 300, "too long for file systems"),
        ("ä" * 130, "too long for file systems"),
        ("x/" * 600 + "y", "too long for file systems"),
        ("../up/", "leads out of it"),
    ],
)
def test_names_that_are_no_plain_paths(name: str, why: str, tmp_path: Path) -> None:
    recipe = Recipe()
    path = recipe.write(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        # The zip module itself cuts names at a zero byte when they are given to it.
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        archive.writestr(info, b"")
    refused(recipe, path, "wheel-unsafe", why)


@pytest.mark.parametrize("target", ["../../../../etc/passwd", "/etc/passwd", "__init__.py"])
def test_symbolic_links(target: str, tmp_path: Path) -> None:
    recipe = Recipe({"resizer/__init__.py": b"", "resizer/link": target.encode()})
    path = recipe.write(tmp_path)

    def link(content: bytearray) -> None:
        at = header_of(content, b"resizer/link")
        content[at + 38 : at + 42] = struct.pack("<L", (stat.S_IFLNK | 0o777) << 16)

    refused(recipe, rewritten(path, link), "wheel-unsafe", "'resizer/link' is a symbolic link")


def test_devices(tmp_path: Path) -> None:
    recipe = Recipe()
    path = recipe.write(tmp_path)

    def device(content: bytearray) -> None:
        at = header_of(content, b"resizer/__init__.py")
        content[at + 38 : at + 42] = struct.pack("<L", (stat.S_IFCHR | 0o666) << 16)

    refused(recipe, rewritten(path, device), "wheel-unsafe", "neither a file nor a folder")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("resizer/__init__.py", "'resizer/__init__.py' is in it twice"),
        ("resizer", "'resizer' is in it as a file and as a folder"),
        ("resizer/__init__.py/x", "as a file and as a folder"),
    ],
)
def test_two_files_of_one_name(name: str, why: str, tmp_path: Path) -> None:
    recipe = Recipe()
    path = recipe.write(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"SIZE = 4\n")
    refused(recipe, path, "wheel-unsafe", why)


@pytest.mark.parametrize(
    "files",
    [
        {"resizer.py": b"1", "resizer-1.0.data/purelib/resizer.py": b"1"},
        {"resizer.py": b"1", "resizer-1.0.data/platlib/resizer.py/x": b"1"},
        {"resizer-1.0.data/scripts/tool": b"1", "resizer-1.0.data/data/bin/tool": b"1"},
    ],
)
def test_two_files_that_would_lie_in_one_place(files: dict[str, bytes], tmp_path: Path) -> None:
    recipe = Recipe(files)
    refused(recipe, recipe.write(tmp_path), "wheel-unsafe", "two of its files would be")


def test_a_script_that_is_there_already(tmp_path: Path) -> None:
    recipe = Recipe(
        {"resizer-1.0.data/scripts/tool": b"#!python\n"},
        entry_points="[console_scripts]\ntool = resizer:main\n",
    )
    refused(recipe, recipe.write(tmp_path), "wheel-unsafe", "two of its files would be")


@pytest.mark.parametrize("path", ["scripts/python", "scripts/python3.12", "data/pyvenv.cfg", "data/lib64"])
def test_files_in_the_place_of_the_environments_own(path: str, tmp_path: Path) -> None:
    recipe = Recipe({f"resizer-1.0.data/{path}": b"evil"})
    refused(recipe, recipe.write(tmp_path), "wheel-unsafe", "is the environment's own")


def test_an_unknown_folder_of_data(tmp_path: Path) -> None:
    recipe = Recipe({"resizer-1.0.data/home/x": b""})
    refused(recipe, recipe.write(tmp_path), "wheel-unsafe", "is in none of the folders")


def record_with(rows: list[str]) -> str:
    recipe = Recipe()
    own = f"{recipe.dist_info}/RECORD"
    given = [row(path, content) for path, content in recipe.contents().items() if path.startswith("resizer-")]
    return "\n".join([*[line for line in given if own not in line], *rows, f"{own},,"])


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (record_with([]), "'resizer/__init__.py' stands in it without a hash, or not at all"),
        (record_with(["resizer/__init__.py,,"]), "stands in it without a hash"),
        (
            record_with([row("resizer/__init__.py", b"SIZE = 4\n")]),
            "the hash of 'resizer/__init__.py' is another",
        ),
        (
            record_with([row("resizer/__init__.py", b"longer than it is")]),
            "the size of 'resizer/__init__.py'",
        ),
        (record_with([row("resizer/__init__.py", b"SIZE = 3\n", "md5")]), "a hash that is none of"),
        (record_with(["resizer/__init__.py,sha256=abc"]), "has 2 cells, not three"),
        (record_with(["resizer/__init__.py,sha256=abc,many"]), "a size that is no number"),
        (record_with([row("a", b"1"), row("a", b"2")]), "contradicts one before"),
        ('"' + "x" * 200_000, "is no table"),
    ],
)
def test_a_record_that_is_wrong(record: str, why: str, tmp_path: Path) -> None:
    recipe = Recipe(record=record)
    refused(recipe, recipe.write(tmp_path), "wheel-record", why)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_big_file_with_another_hash(method: int, tmp_path: Path) -> None:
    told = Recipe({"big.py": BIG}).contents()["resizer-1.0.dist-info/RECORD"].decode()
    recipe = Recipe({"big.py": BIG[:-2] + b"!\n"}, method=method, record=told)
    refused(recipe, recipe.write(tmp_path), "wheel-record", "the hash of 'big.py' is another one")


def test_no_record_at_all(tmp_path: Path) -> None:
    recipe = Recipe()
    path = recipe.write(tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in recipe.infos():
            if not info.filename.endswith("RECORD"):
                archive.writestr(info, content)
    refused(recipe, path, "wheel-record", "it has none")


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (Recipe(form="Wheel-Version: 2.0\n"), "it is of form '2.0'"),
        (Recipe(form="Tag: py3-none-any\n"), "it is of form ''"),
        (Recipe(metadata="Name: resizer\nVersion: 2.0\n"), "it holds version '2.0' of 'resizer'"),
        (Recipe(metadata="Name: other\nVersion: 1.0\n"), "it holds version '1.0' of 'other'"),
        (Recipe({"other-1.0.dist-info/x": b""}), "it has 2 folders .dist-info, not one"),
    ],
)
def test_another_package_than_the_name_says(recipe: Recipe, why: str, tmp_path: Path) -> None:
    refused(recipe, recipe.write(tmp_path), "wheel-metadata", why)


def test_another_version_than_the_lock_says(tmp_path: Path) -> None:
    path = Recipe().write(tmp_path)
    other = Recipe(version="1.1")
    with pytest.raises(
        BadWheel, match=r"its folder 'resizer-1\.0\.dist-info' is of another package or version"
    ):
        layer((other.locked(path), path))


@pytest.mark.parametrize(
    "text",
    [
        "[console_scripts]\ntool = not a function\n",
        "[console_scripts]\ntool = resizer\n",
        "[console_scripts]\n../tool = resizer:main\n",
        "[console_scripts]\ntool = resizer:main\n[gui_scripts]\ntool = resizer:main\n",
        "[console_scripts]\ntool = resizer:main\ntool = resizer:main\n",
        "no section = 1\n",
    ],
)
def test_entry_points_that_lead_nowhere(text: str, tmp_path: Path) -> None:
    recipe = Recipe(entry_points=text)
    refused(recipe, recipe.write(tmp_path), "wheel-broken", "entry_points.txt")


def sizes(content: bytearray, name: bytes, size: int) -> None:
    """Lies about a file's size, in the list and in its own header."""
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        found = (content.rfind if mark == b"PK\x01\x02" else content.find)(name)
        start = content.rfind(mark, 0, found)
        content[start + at : start + at + 4] = struct.pack("<L", size)


@pytest.mark.parametrize("told", [1, 100_000_000])
def test_sizes_that_lie(told: int, tmp_path: Path) -> None:
    content = b"\0" * 17_000_000
    recipe = Recipe({"zeros.bin": content})
    path = recipe.write(tmp_path)
    record = Recipe({"zeros.bin": content}).contents()["resizer-1.0.dist-info/RECORD"].decode()
    recipe.record = record.replace("17000000", str(told))
    path = rewritten(recipe.write(tmp_path), lambda whole: sizes(whole, b"zeros.bin", told))
    refused(recipe, path, "wheel-broken", "of 'zeros.bin', it ")


def test_bombs_by_ratio_size_and_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe({"zeros.bin": b"\0" * 10_000_000})
    path = recipe.write(tmp_path)
    assert tree(layer((recipe.locked(path), path))[1])[f"{SITE}/zeros.bin"][1] == b"\0" * 10_000_000
    # The real limits need archives of gigabytes; these are the same checks at a smaller scale.
    monkeypatch.setattr(limits, "FREE_BYTES", 1_000_000)
    refused(recipe, path, "wheel-limits", "more than 200 times its own size")
    monkeypatch.setattr(limits, "MAX_UNPACKED_BYTES", 9_000_000)
    refused(recipe, path, "wheel-limits", "it would unpack to more than")
    monkeypatch.setattr(limits, "MAX_FILES", 3)
    refused(recipe, path, "wheel-limits", "it has more than 3 files")
    monkeypatch.setattr(limits, "MAX_FILES", 10)
    monkeypatch.setattr(limits, "MAX_LIST_BYTES", 100)
    refused(recipe, path, "wheel-limits", "its list of files has more than 100 bytes")


def test_a_bomb_of_sixteen_gibibytes_is_refused_by_its_list(tmp_path: Path) -> None:
    recipe = Recipe({f"zeros{n}.bin": b"\0" * 5000 for n in range(5)})
    path = recipe.write(tmp_path)
    for n in range(5):
        path = rewritten(path, lambda whole, n=n: sizes(whole, b"zeros%d.bin" % n, 0xFFFFFFF0))
    refused(recipe, path, "wheel-limits", "it would unpack to more than 16 GiB")


def flags(content: bytearray, name: bytes, bits: int) -> None:
    for mark, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        found = (content.rfind if mark == b"PK\x01\x02" else content.find)(name)
        start = content.rfind(mark, 0, found)
        (old,) = struct.unpack_from("<H", content, start + at)
        struct.pack_into("<H", content, start + at, old | bits)


def test_encrypted_files(tmp_path: Path) -> None:
    recipe = Recipe()
    path = rewritten(recipe.write(tmp_path), lambda content: flags(content, b"resizer/__init__.py", 1))
    refused(recipe, path, "wheel-unsafe", "'resizer/__init__.py' is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_of_compression_that_wheels_do_not_have(method: int, tmp_path: Path) -> None:
    recipe = Recipe(method=method)
    refused(recipe, recipe.write(tmp_path), "wheel-unsafe", f"compressed by method {method}, not by deflate")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("content", [b"SIZE = 3\n", BIG], ids=["small", "big"])
def test_contents_whose_checksum_is_another(method: int, content: bytes, tmp_path: Path) -> None:
    recipe = Recipe({"data.bin": content}, method=method)

    def checksum(whole: bytearray) -> None:
        for mark, at in ((b"PK\x01\x02", 16), (b"PK\x03\x04", 14)):
            found = (whole.rfind if mark == b"PK\x01\x02" else whole.find)(b"data.bin")
            start = whole.rfind(mark, 0, found)
            whole[start + at] ^= 1

    refused(recipe, rewritten(recipe.write(tmp_path), checksum), "wheel-broken", "of 'data.bin', it")


@pytest.mark.parametrize("left", [0.001, 0.3, 0.9, 0.999])
def test_archives_that_are_cut_off(left: float, tmp_path: Path) -> None:
    recipe = Recipe({"big.py": os.urandom(5000)})
    path = recipe.write(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * left)])
    refused(recipe, path, "wheel-broken", "cut off")


def test_a_list_that_says_something_else_than_the_headers(tmp_path: Path) -> None:
    recipe = Recipe()
    path = recipe.write(tmp_path)

    def rename(content: bytearray) -> None:
        at = content.find(b"resizer/__init__.py")
        content[at : at + 7] = b"RESIZER"

    refused(recipe, rewritten(path, rename), "wheel-broken", "say different things")


def test_files_that_share_bytes(tmp_path: Path) -> None:
    recipe = Recipe({"aa.py": b"A = 1\n" * 20, "bb.py": b"A = 1\n" * 20}, method=zipfile.ZIP_STORED)
    path = recipe.write(tmp_path)

    def share(content: bytearray) -> None:
        first, second = header_of(content, b"aa.py"), header_of(content, b"bb.py")
        content[second + 42 : second + 46] = content[first + 42 : first + 46]
        content[second + 46 : second + 51] = b"aa.py"

    refused(recipe, rewritten(path, share), "wheel-unsafe", "shares bytes with another file")


@pytest.mark.parametrize("utf8", [True, False])
def test_names_that_are_not_utf8(utf8: bool, tmp_path: Path) -> None:
    recipe = Recipe({"resizer/data": b"1"})
    path = recipe.write(tmp_path)

    def rename(content: bytearray) -> None:
        if utf8:
            flags(content, b"resizer/data", 0x800)
        whole = bytes(content).replace(b"resizer/data", b"resizer/d\xe4ta")
        content[:] = whole

    refused(recipe, rewritten(path, rename), "wheel-unsafe", "UTF-8")


def test_archives_of_the_big_form_are_read(tmp_path: Path) -> None:
    recipe = Recipe()
    path = tmp_path / recipe.filename
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in recipe.infos():
            with archive.open(info, "w", force_zip64=True) as file:
                file.write(content)
    found = tree(layer((recipe.locked(path), path))[1])
    assert found[f"{SITE}/resizer/__init__.py"] == (0o644, b"SIZE = 3\n")


def test_two_wheels_that_bring_one_path_are_told_with_both_names(tmp_path: Path) -> None:
    one, other = Recipe({"shared.py": b"1"}, name="one"), Recipe({"shared.py": b"2"}, name="other")
    paths = one.write(tmp_path), other.write(tmp_path)
    with pytest.raises(BadWheel) as bad:
        layer((one.locked(paths[0]), paths[0]), (other.locked(paths[1]), paths[1]))
    (problem,) = bad.value.problems
    assert problem.code == "wheels-clash"
    assert problem.message == f"one and other both bring '/{SITE}/shared.py', each another one."


def test_a_file_of_one_wheel_may_not_be_a_folder_of_another(tmp_path: Path) -> None:
    one, other = Recipe({"shared": b"1"}, name="one"), Recipe({"shared/x.py": b"2"}, name="other")
    paths = one.write(tmp_path), other.write(tmp_path)
    with pytest.raises(BadWheel, match=r"one and other both bring '/.*/shared'"):
        layer((one.locked(paths[0]), paths[0]), (other.locked(paths[1]), paths[1]))


def test_two_wheels_may_bring_the_same_content(tmp_path: Path) -> None:
    one, other = Recipe({"shared.py": b"1"}, name="one"), Recipe({"shared.py": b"1"}, name="other")
    paths = one.write(tmp_path), other.write(tmp_path)
    wheels = [(one.locked(paths[0]), paths[0]), (other.locked(paths[1]), paths[1])]
    first, content = layer(*wheels)
    assert tree(content)[f"{SITE}/shared.py"] == (0o644, b"1")
    assert layer(*reversed(wheels))[0] == first


@pytest.mark.parametrize("path", ["tests/test_it.py", "LICENSE", "README.md"])
def test_what_nobody_imports_may_be_brought_twice_and_is_told(path: str, tmp_path: Path) -> None:
    one, other = Recipe({path: b"1"}, name="one"), Recipe({path: b"2"}, name="other")
    paths = one.write(tmp_path), other.write(tmp_path)
    wheels = [(one.locked(paths[0]), paths[0]), (other.locked(paths[1]), paths[1])]
    (clash,) = find_clashes(plan_wheels(wheels, PLACE))
    assert (clash.code, clash.severity) == ("wheels-clash", Severity.WARNING)
    first, content = layer(*wheels)
    assert tree(content)[f"{SITE}/{path}"] == (0o644, b"2")
    assert layer(*reversed(wheels))[0] == first


def test_every_bad_wheel_of_a_lock_is_told_at_once(tmp_path: Path) -> None:
    one, other = Recipe(name="one", form="Wheel-Version: 2.0\n"), Recipe(name="other", record="")
    paths = one.write(tmp_path), other.write(tmp_path)
    with pytest.raises(BadWheel) as bad:
        layer((one.locked(paths[0]), paths[0]), (other.locked(paths[1]), paths[1]))
    assert [problem.code for problem in bad.value.problems] == ["wheel-metadata", "wheel-record"]


def test_bytecode_of_strangers_is_left_out_and_links_to_lib_are_kept(tmp_path: Path) -> None:
    recipe = Recipe(
        {
            "resizer/__init__.py": b"",
            "resizer/__pycache__/__init__.cpython-312.pyc": b"evil",
            "resizer-1.0.data/data/lib64/x.so": b"1",
            "resizer-1.0.data/scripts/run": b"#!python\nprint(1)\n",
        },
        executable=["resizer-1.0.data/scripts/run"],
    )
    path = recipe.write(tmp_path)
    found = tree(layer((recipe.locked(path), path))[1])
    assert {name for name in found if "dist-info" not in name} == {
        f"{BIN}/run",
        "opt/mlreef/env/lib/x.so",
        f"{SITE}/resizer/__init__.py",
    }
    assert found[f"{BIN}/run"] == (0o755, b"#!/opt/mlreef/env/bin/python\nprint(1)\n")
