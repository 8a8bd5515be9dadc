"""The corpus: command lines of the standard library and of pinned packages, fetched and unpacked, never committed."""

from __future__ import annotations

import configparser
import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "fidelity"
PACKAGES = Path(__file__).with_name("packages.txt")

MOST_SCRIPTS = 25
"""Scripts of one package; of more, those whose paths have the lowest hashes. Of the standard library, all."""

FETCH_SECONDS = 900
MAX_DATA_BYTES = 256 * 1024
"""Bytes of a file that is unpacked though it is not Python: what scripts read while they are imported."""

_DATA = (".json", ".yaml", ".yml", ".toml", ".txt", ".cfg", ".ini", ".csv")
_LEFT_OUT = re.compile(
    r"(^|/)(tests?|testing|unit_?tests|_vendor|third_party|site-packages|idlelib|turtledemo)/"
)
_NO_SCRIPT = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|conftest|setup)\.py$")
_GUARD = re.compile(rb"__name__\s*==\s*['\"]__main__")
_READS = re.compile(rb"argparse|ArgumentParser|parse_args|parse_known_args|parser|\bmain\(")


@dataclass(frozen=True)
class Package:
    """One unpacked package, or the standard library."""

    name: str
    version: str
    root: Path

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Candidate:
    """One script that may have a command line: its path, and the module it is started as (None: as a file)."""

    package: Package
    path: str
    module: str | None

    @property
    def key(self) -> str:
        """A name for files about this script."""
        return hashlib.sha256(f"{self.package.title}/{self.path}".encode()).hexdigest()[:16]


def pinned(subset: bool) -> tuple[str, ...]:
    """The requirements of packages.txt; of its first part only, when a subset is wanted."""
    parts = PACKAGES.read_text("utf-8").split("\n\n")
    lines = "\n".join(parts[:1] if subset else parts).splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def ensure_packages(subset: bool) -> tuple[Package, ...]:
    """Fetch (once) and unpack (once) every pinned package; the standard library comes first."""
    requirements = pinned(subset)
    missing = [one for one in requirements if not (_root(one) / ".complete").exists()]
    if missing:
        _fetch(missing)
        for requirement in missing:
            _unpack(requirement)
    packages = [
        Package(name, version, _root(f"{name}=={version}")) for name, version in map(_halves, requirements)
    ]
    return (standard_library(), *packages)


def _halves(requirement: str) -> tuple[str, str]:
    name, _, version = requirement.partition("==")
    return name, version


def _root(requirement: str) -> Path:
    return CACHE / "packages" / requirement.replace("==", "-")


def _fetch(requirements: Sequence[str]) -> None:
    """Wheels only: building a source distribution would run its code."""
    wheels = CACHE / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    wanted = [one for one in requirements if _wheel(one) is None]
    if wanted:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", str(wheels), *wanted], check=True, timeout=FETCH_SECONDS)


def _wheel(requirement: str) -> Path | None:
    name, version = requirement.split("==")
    stem = f"{_plain(name)}-{version}-"
    found = (one for one in (CACHE / "wheels").glob("*.whl") if _plain(one.name).startswith(stem))
    return next(found, None)


def _plain(name: str) -> str:
    head, _, rest = name.partition("-") if name.endswith(".whl") else (name, "", "")
    return re.sub(r"[-_.]+", "_", head).lower() + (f"-{rest}" if rest else "")


def _unpack(requirement: str) -> None:
    """Text only; a compiled module would be code that nobody looked at."""
    wheel, root = _wheel(requirement), _root(requirement)
    if wheel is None:
        raise FileNotFoundError(f"pip gave no wheel of {requirement}")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            path = root / info.filename
            python = path.suffix == ".py"
            data = path.suffix in _DATA and info.file_size <= MAX_DATA_BYTES
            if (python or data) and ".." not in path.parts and path.is_relative_to(root):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(info))
    _write_starters(root)
    (root / ".complete").touch()


def _write_starters(root: Path) -> None:
    """The scripts that pip writes into bin/ for a package's console_scripts, so that they can be read, too."""
    for listing in root.glob("*.dist-info/entry_points.txt"):
        points = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
        points.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case, as pip has it
        points.read_string(listing.read_text("utf-8"))
        for name, target in points.items("console_scripts") if points.has_section("console_scripts") else ():
            found = re.fullmatch(r"([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?", target.strip())
            if found is None or not re.fullmatch(r"[\w.-]+", name):
                continue
            module, function = found[1], found[2]
            (root / "bin").mkdir(exist_ok=True)
            (root / "bin" / f"run-{name}.py").write_text(
                f"import sys\nfrom {module} import {function.partition('.')[0]}\n"
                f'if __name__ == "__main__":\n    sys.exit({function}())\n',
                "utf-8",
            )


def standard_library() -> Package:
    """A copy of the running Python's library, its tests left out."""
    version = ".".join(map(str, sys.version_info[:3]))
    root = CACHE / "packages" / f"stdlib-{version}"
    if not (root / ".complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        library = Path(sysconfig.get_path("stdlib"))
        for path in sorted(library.rglob("*.py")):
            inside = path.relative_to(library).as_posix()
            if not _LEFT_OUT.search(f"{inside}"):
                (root / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, root / inside)
        (root / ".complete").touch()
    return Package("stdlib", version, root)


def candidates(package: Package) -> tuple[Candidate, ...]:
    """Scripts of a package that may read a command line, at most MOST_SCRIPTS."""
    found = list(_candidates(package))
    if len(found) > MOST_SCRIPTS and package.name != "stdlib":
        found = sorted(found, key=lambda one: one.key)[:MOST_SCRIPTS]
    return tuple(sorted(found, key=lambda one: one.path))


def _candidates(package: Package) -> Iterator[Candidate]:
    for path in sorted(package.root.rglob("*.py")):
        inside = path.relative_to(package.root).as_posix()
        if _LEFT_OUT.search(inside) or _NO_SCRIPT.search(inside):
            continue
        content = path.read_bytes()
        if path.name != "__main__.py" and not _GUARD.search(content):
            continue
        if _READS.search(content) or inside.startswith("bin/"):
            yield Candidate(package, inside, _module(package.root, path))


def _module(root: Path, path: Path) -> str | None:
    """The module that a file of a package is started as, as `python -m` has it; None for a file of no package."""
    if not (path.parent / "__init__.py").exists():
        return None
    parts = [path.stem]
    folder = path.parent
    while folder != root and (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts) if folder == root and all(part.isidentifier() for part in parts) else None
