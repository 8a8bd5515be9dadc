"""What a job leaves for the next ones: a folder of artifacts and a dotenv report."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from bot.ci.job import FOLDER

WHEELS = "wheels"
"""Folder in it that a job before left: wheels that were built of sources."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")


def ensure_folder(directory: Path) -> Path:
    """A new folder for artifacts, whatever the repository holds at its place; only what `WHEELS` has stays."""
    folder = directory / FOLDER
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    folder.mkdir(exist_ok=True)
    for inside in folder.iterdir():
        if inside.is_symlink() or not inside.is_dir():
            inside.unlink()
        elif inside.name != WHEELS:
            shutil.rmtree(inside)
    return folder


def write_dotenv(file: Path, values: Mapping[str, str]) -> None:
    """GitLab's dotenv form: one line a variable, no quotes, no line breaks."""
    file.write_text("", encoding="ascii")
    add_dotenv(file, values)


def add_dotenv(file: Path, values: Mapping[str, str]) -> None:
    """More variables for a file that is there."""
    for name, value in values.items():
        if not _NAME.match(name) or not value.isascii() or not value.isprintable():
            raise ValueError(f"{name}={value!r} cannot stand in a dotenv report")
    with file.open("a", encoding="ascii") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in values.items())
