"""Files as control files get them: like files that somebody uploaded."""

from __future__ import annotations

import copy
import csv
import io
import os
from pathlib import Path

import pytest

from ci_templates.mlopen.mlopenapp._run.faults import CallerFault
from ci_templates.mlopen.mlopenapp._run.inputs import InputFile, InputFolder, find_input

TEXT = "é one\ntwo\r\nthree"


@pytest.fixture
def file(tmp_path: Path) -> InputFile:
    (tmp_path / "data.txt").write_bytes(TEXT.encode())
    return InputFile(tmp_path / "data.txt")


def test_it_is_bytes_until_it_is_opened_as_text_and_begins_anew_each_time(file: InputFile) -> None:
    assert file.read(2) == "é".encode()
    assert file.open("r").readlines() == ["é one\n", "two\n", "three"]
    assert file.read() == ""
    assert file.open().read() == TEXT.replace("\r\n", "\n")
    assert file.open("rb").read() == TEXT.encode()
    assert (file.mode, file.closed) == ("rb", False)
    file.close()
    assert file.closed


def test_lines_come_one_by_one_for_readers_of_the_standard_library(file: InputFile) -> None:
    file.open("r")
    assert list(csv.reader(file)) == [["é one"], ["two"], ["three"]]
    assert next(iter(file.open("r"))) == "é one\n"
    assert file.readline() == "two\n"
    with file.open("r") as opened:
        assert opened is file
        assert opened.tell() == 0
    assert file.closed


def test_it_has_a_name_a_size_and_pieces(file: InputFile) -> None:
    assert (file.name, str(file), file.size, len(file)) == ("data.txt", "data.txt", 17, 17)
    assert list(file.open("r").chunks(4)) == ["é on", "e\ntw", "o\nth", "ree"]
    assert b"".join(file.open("rb").chunks()) == TEXT.encode()
    assert file.multiple_chunks(4)
    assert not file.multiple_chunks()
    assert file.seekable()
    assert file.readable()
    assert not file.writable()
    assert file


def test_it_has_what_an_open_file_has_for_readers_that_ask(file: InputFile) -> None:
    assert not file.isatty()
    assert os.fstat(file.fileno()).st_size == 17
    start = bytearray(2)
    assert (file.readinto(start), start) == (2, "é".encode())
    file.flush()
    for name, given in (("write", "x"), ("writelines", ["x"]), ("truncate", 0)):
        with pytest.raises(io.UnsupportedOperation):
            getattr(file.open("r"), name)(given)
    assert not hasattr(file, "mark")
    assert io.TextIOWrapper(file.open("rb"), "utf-8", newline="").read() == TEXT
    assert copy.copy(file).name == "data.txt"


def test_it_is_a_path_for_whoever_opens_it_alone(file: InputFile) -> None:
    assert Path(file).read_bytes() == TEXT.encode()
    assert os.fspath(file) == file.path
    Path(file).write_bytes(b"\xef\xbb\xbfmark")
    assert file.open("r").read() == "mark"


@pytest.mark.parametrize("mode", ["w", "a", "r+", "wb", "x"])
def test_it_is_not_written(file: InputFile, mode: str) -> None:
    with pytest.raises(ValueError, match="an input is only read"):
        file.open(mode)
    assert Path(file).read_bytes() == TEXT.encode()


def test_a_file_that_this_user_may_not_read_is_told_before_it_is_opened(
    file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    # whoever runs the tests may be root, who reads everything
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK)
    with pytest.raises(CallerFault, match=r"data\.txt: it cannot be read\. Let everybody read it"):
        find_input("--input-path", file.path)


def test_an_empty_folder_has_no_file_and_a_missing_one_is_told(tmp_path: Path) -> None:
    found = find_input("--input-path", str(tmp_path))
    assert isinstance(found, InputFolder)
    assert list(found) == []
    with pytest.raises(IsADirectoryError, match="is a folder of 0 files"):
        found.read()
    with pytest.raises(CallerFault, match="--input-path nowhere: there is no such file or folder"):
        find_input("--input-path", "nowhere")
