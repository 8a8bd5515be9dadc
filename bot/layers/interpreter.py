"""The Python of a base image, taken out of its layers and run as it is: by its own loader, with its own libraries.

Nobody needs to be root, and nothing of the base's is changed: what the interpreter needs to compile (loader, libraries,
the part of the standard library that starts it, codecs) stands in a folder of one form, wherever the image had it.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from bot.errors import OperatorError
from bot.layers.image_tree import NO_BYTECODE, ImageTree

LOADER, PROGRAM, LIBRARIES = "loader", "bin/python", "libraries"

MAX_LIBRARIES = 64
"""Shared libraries that an interpreter may need."""

_LIBRARY = re.compile(r"(?:.*/)?lib(?:32|64)?(?:/[\w.]+-linux-\w+)?/(?:ld|lib)[^/]*\.so[^/]*\Z")
_PROGRAM = re.compile(r"(?:.*/)?bin/python[\d.]*\Z")
_STANDARD = re.compile(
    r"(?:(?:encodings|collections|importlib|re)/)?[^/]+\.py\Z|lib-dynload/_(?:codecs_|multibytecodec)[^/]*\.so\Z"
)
_STANDARD_FOLDER = re.compile(r"(?:.*/)?lib(?:64)?/python3\.\d+/")
_MUSL = re.compile(r"ld-musl-[^/]*\Z")
_OF_MUSL_ITSELF = re.compile(r"lib(?:c|pthread|rt|m|dl|util|xnet)\.")
_FOLDERS = ("usr/local/lib", "lib/{}", "usr/lib/{}", "lib64", "usr/lib64", "lib", "usr/lib")

_WITHOUT_FMA = "glibc.cpu.hwcaps=-FMA,-FMA4,-FMA_Usable,-FMA4_Usable"
"""Powers of floats become constants; their last bit depends on whether the processor multiplies and adds at once."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An unpacked Python: its folder, and whether musl's loader starts it."""

    folder: Path
    musl: bool
    libraries: tuple[str, ...]

    def command(self, script: str) -> Sequence[str]:
        """The words that run a script of this text, in the interpreter's folder."""
        # glibc would look for missing libraries in this machine's own cache of them
        ours = () if self.musl else ("--inhibit-cache",)
        python = ("-P", "-s", "-S", "-B", "-W", "ignore", "-c", script)
        return (f"./{LOADER}", *ours, "--library-path", LIBRARIES, f"./{PROGRAM}", *python)

    def environment(self) -> Mapping[str, str]:
        """The whole environment that it runs in: nothing of ours."""
        # any other locale would be read from this machine's files
        usual = {"LC_ALL": "C", "PYTHONHASHSEED": "0", "PYTHONHOME": str(self.folder), "PYTHONUTF8": "1"}
        if self.musl:
            return usual
        # Named by their paths, libraries are not looked for where the program was built to find them: that is the
        # image's /usr/local/lib, which this machine has too.
        named = " ".join(f"./{LIBRARIES}/{name}" for name in self.libraries)
        return {**usual, "LD_PRELOAD": named, "GLIBC_TUNABLES": _WITHOUT_FMA}


class Missing(Exception):
    """A file that no layer had so far; the message says which and what for."""


def unpack_interpreter(
    image: str,
    layers: Sequence[tuple[str, Callable[[], BinaryIO]]],
    executable: str,
    python: str,
    folder: Path,
) -> Interpreter:
    """The interpreter at `executable` of a base, in `folder`. `layers`: the base's, oldest first, each with its opener.

    Layers are read from the newest on, and no further than needed. Raises OperatorError when there is no such
    interpreter, or one that cannot be taken out.
    """
    contents = folder / "contents"
    contents.mkdir(parents=True)
    tree = ImageTree(contents, lambda path: _is_wanted(path, executable))
    reason = "it has no layers"
    try:
        for title, opener in reversed(layers):
            with opener() as compressed:
                tree.read_layer(compressed, title)
            try:
                return _placed(tree, executable, python, folder)
            except Missing as missing:
                reason = str(missing)
    finally:
        shutil.rmtree(contents)
    raise OperatorError(
        f"The base image {image} cannot compile for Python {python}: {reason}.",
        "Correct the environment's `python` or `executable`, or set its `bytecode: false`.",
    )


def _is_wanted(path: str, executable: str) -> bool:
    if _PROGRAM.match(path) or path == executable.lstrip("/") or _LIBRARY.match(path):
        return True
    inside = _STANDARD_FOLDER.match(path)
    return inside is not None and _STANDARD.match(path[inside.end() :]) is not None


def _placed(tree: ImageTree, executable: str, python: str, folder: Path) -> Interpreter:
    """Everything that is needed, in its place; Missing when a deeper layer must bring some of it."""
    program = tree.find(executable)
    if program is None:
        raise Missing(f"it has no {executable}")
    real, content = program
    home = posixpath.dirname(posixpath.dirname(real))
    standard = next(
        (
            place
            for name in ("lib", "lib64")
            if tree.find(f"{home}/{name}/python{python}/os.py")
            and (place := tree.real(f"{home}/{name}/python{python}"))
        ),
        None,
    )
    if standard is None:
        raise Missing(f"beside {executable} there is no standard library of Python {python}")
    loader, libraries = _closure(tree, real, content)
    for name in (LIBRARIES, "bin", f"lib/python{python}/lib-dynload"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not (folder / "lib64").exists():
        (folder / "lib64").symlink_to("lib")
    _place(content, folder / PROGRAM, 0o755)
    _place(loader[1], folder / LOADER, 0o755)
    for name, library in libraries.items():
        _place(library, folder / LIBRARIES / name, 0o644)
    for path, module in tree.below(standard, _STANDARD):
        target = folder / f"lib/python{python}" / path[len(standard) + 1 :]
        target.parent.mkdir(exist_ok=True)
        _place(module, target, 0o644)
    return Interpreter(folder, bool(_MUSL.match(posixpath.basename(loader[0]))), tuple(libraries))


def _place(content: Path, target: Path, mode: int) -> None:
    # one content may have several names in the image
    shutil.copyfile(content, target)
    target.chmod(mode)


def _closure(tree: ImageTree, program: str, content: Path) -> tuple[tuple[str, Path], dict[str, Path]]:
    """The loader that a program names, and the libraries that it and they need, by the names they are needed by."""
    about = _read_elf(program, content)
    if about.loader is None:
        raise OperatorError(f"{program} of the base image is no program that a loader starts.", NO_BYTECODE)
    loader = tree.find(about.loader)
    if loader is None:
        raise Missing(f"it has no {about.loader}, which starts {program}")
    musl = bool(_MUSL.match(posixpath.basename(about.loader)))
    libraries: dict[str, Path] = {}
    waiting = [(program, about)]
    while waiting:
        needing, its = waiting.pop(0)
        for name in its.needed:
            if name in libraries or name == posixpath.basename(about.loader):
                continue
            if musl and _OF_MUSL_ITSELF.match(name):
                continue
            found = next(filter(None, (tree.find(f"{place}/{name}") for place in its.places)), None)
            if found is None:
                raise Missing(f"it has no {name}, which {needing} needs")
            if len(libraries) >= MAX_LIBRARIES:
                raise OperatorError(
                    f"{program} of the base image needs more than {MAX_LIBRARIES} libraries.", NO_BYTECODE
                )
            libraries[name] = found[1]
            waiting.append((found[0], _read_elf(*found)))
    return loader, libraries


@dataclass(frozen=True, slots=True)
class _Elf:
    loader: str | None
    needed: tuple[str, ...]
    places: tuple[str, ...]


def _read_elf(path: str, content: Path) -> _Elf:
    """What a program or library says about the files that it needs, and where they may be."""
    try:
        with content.open("rb") as file:
            elf = ELFFile(file)
            loader = None
            needed: list[str] = []
            own: list[str] = []
            for segment in elf.iter_segments():
                if isinstance(segment, InterpSegment):
                    loader = segment.get_interp_name()
                elif isinstance(segment, DynamicSegment):
                    for tag in segment.iter_tags():
                        text = vars(tag)  # which of these it has depends on its kind
                        needed += [text["needed"]] if "needed" in text else []
                        own += text.get("rpath", text.get("runpath", "")).split(":")
            machine = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}.get(elf.header.e_machine, "unknown")
    except (ELFError, ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"{path} of the base image is no program of Linux: {error}.", NO_BYTECODE
        ) from error
    folder = f"/{posixpath.dirname(path)}"
    places = [re.sub(r"\$ORIGIN|\$\{ORIGIN\}", lambda _: folder, place) for place in own if place]
    usual = [place.format(f"{machine}-linux-gnu") for place in _FOLDERS]
    beside = f"{posixpath.dirname(folder)}/lib"
    return _Elf(loader, tuple(needed), (*places, *usual, beside))
