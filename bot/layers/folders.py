"""Folders of a layer: each once, before what is in it."""

from __future__ import annotations

from bot.layers.gzipped import LayerWriter


def parents(path: str) -> list[str]:
    """The folders above an absolute path, the outermost first."""
    parts = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: count + 1]) for count in range(len(parts))]


class Folders:
    """Writes the folders above each path that is asked for, where the layer has not got them yet."""

    def __init__(self, writer: LayerWriter) -> None:
        self._writer = writer
        self._written: set[str] = set()

    def above(self, path: str) -> bytes:
        """The path as a layer names it, its folders written."""
        for folder in parents(path):
            self.ensure(folder)
        return path.lstrip("/").encode()

    def ensure(self, folder: str) -> None:
        """The folder itself."""
        if folder not in self._written:
            self._written.add(folder)
            self._writer.folder(folder.lstrip("/").encode())
