"""Files as control files get them: like files that somebody uploaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .faults import CallerFault
from .files import kind_of

CHUNK_BYTES = 64 * 1024
"""Bytes of a piece, where nobody says how large they shall be."""

ENCODING = "utf-8"

AS_THE_FILE = frozenset(
    {"fileno", "flush", "isatty", "newlines", "readinto", "truncate", "write", "writelines"}
)
"""What an uploaded file has besides, and the open file does; the last three raise, for it is only read."""


class InputFile:
    """A file that is there already: open it as often as you like, to read.

    Before `open` it is read as bytes, as an uploaded file is. It is a path, too: `open(str(path))` and
    `pandas.read_csv(file)` take it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.name = Path(path).name
        self.encoding = ENCODING
        self._mode = "rb"
        self._file: IO[Any] | None = None

    def open(self, mode: str | None = None) -> InputFile:
        """Opens it at its beginning, and gives it back; modes are `r` (text, UTF-8) and `rb` (bytes)."""
        wanted = (mode or self._mode).replace("U", "").replace("t", "")
        if wanted not in ("r", "rb"):
            raise ValueError(f"{self.name}: mode {mode!r}: an input is only read, by the modes 'r' and 'rb'")
        self.close()
        self._mode = wanted
        self._file = self._opened()
        return self

    @property
    def file(self) -> IO[Any]:
        """The open file itself."""
        found = self._file
        if found is None or found.closed:
            found = self._file = self._opened()
        return found

    def __getattr__(self, name: str) -> Any:
        if name in AS_THE_FILE:
            return getattr(self.file, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _opened(self) -> IO[Any]:
        # a mark of the byte order is no text; line ends become those of Python
        encoding = None if "b" in self._mode else self.encoding + "-sig"
        return Path(self.path).open(self._mode, encoding=encoding)

    @property
    def mode(self) -> str:
        """How it is open, or would be."""
        return self._mode

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._file is None or self._file.closed

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return Path(self.path).stat().st_size

    def read(self, size: int = -1) -> Any:
        """All of it, or as many bytes or characters."""
        return self.file.read(size)

    def readline(self, size: int = -1) -> Any:
        """The next line."""
        return self.file.readline(size)

    def readlines(self, hint: int = -1) -> list[Any]:
        """All lines that are left, each with its end."""
        return self.file.readlines(hint)

    def chunks(self, chunk_size: int | None = None) -> Iterator[Any]:
        """All of it, from its beginning, in pieces."""
        self.seek(0)
        while True:
            piece = self.read(chunk_size or CHUNK_BYTES)
            if not piece:
                return
            yield piece

    def multiple_chunks(self, chunk_size: int | None = None) -> bool:
        """Whether it has more than one piece."""
        return self.size > (chunk_size or CHUNK_BYTES)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Goes to another place in it."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """The place where it is."""
        return self.file.tell()

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Closes it; it can be opened again."""
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.file)

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> InputFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<InputFile: {self.name}>"


class InputFolder:
    """A folder with any number of files: iterate over it, or use it as a path."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.name = Path(path).name

    @property
    def files(self) -> list[InputFile]:
        """Its files, and those in folders in it, by their paths; hidden ones are not."""
        found = []
        for folder, folders, names in os.walk(self.path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        return [InputFile(path) for path in found if kind_of(path) == "file"]

    def open(self, mode: str | None = None) -> InputFolder:
        """Raises IsADirectoryError."""
        raise IsADirectoryError(
            f"--input-path {self.path} is a folder of {len(self.files)} files, and this pipeline reads one file. "
            "Give the file itself."
        )

    read = readline = readlines = chunks = open

    def __iter__(self) -> Iterator[InputFile]:
        return iter(self.files)

    def __bool__(self) -> bool:
        return True

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<InputFolder: {self.name}>"


def find_input(option: str, text: str) -> InputFile | InputFolder:
    """The file or folder that an option names; a folder of one file is that file. Raises CallerFault."""
    path = Path(text)
    kind = kind_of(path)
    if kind and not os.access(text, os.R_OK):
        raise CallerFault(
            f"{option} {text}: it cannot be read. Let everybody read it (chmod a+r); of a container, "
            "docker run --user says by whom it is read."
        )
    if kind == "file":
        return InputFile(path)
    if kind != "folder":
        raise CallerFault(f"{option} {text}: there is no such file or folder. Give the path of one.")
    folder = InputFolder(path)
    files = folder.files
    return files[0] if len(files) == 1 else folder
