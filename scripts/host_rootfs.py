"""Write this Debian host's own files as the tar of a small root file system: a base image without a registry.

    python3 host_rootfs.py [--small] PYTHON_PREFIX > rootfs.tar

Taken are the packages that a Debian system cannot do without and those that a CPython needs, with dpkg's
record of them (so that dpkg and apt go on working inside), the host's certificates, and one CPython: the
installation under PYTHON_PREFIX becomes /usr/local; `-` takes Debian's own python3 packages instead. No path
is written twice. `--small` leaves out apt and git: all that is needed to run Python, not to install packages. The
same machine gives the same bytes, until one of its packages changes.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DPKG = Path("/var/lib/dpkg")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

INSTALLERS = ["apt", "ca-certificates", "debian-archive-keyring", "git", "passwd"]
SEEDS = [
    *("libbz2-1.0", "libcrypt1", "libexpat1", "libffi8", "libgcc-s1", "libgomp1", "liblzma5", "libncursesw6"),
    *("libnsl2", "libreadline8", "libsqlite3-0", "libssl3", "libstdc++6", "libtirpc3", "libuuid1", "zlib1g"),
]
DEBIAN_PYTHON = ["python3", "python3-venv", "python3-pip-whl", "python3-setuptools-whl"]

UNWANTED = re.compile(
    r"/usr/share/(doc|man|locale|info|lintian|bug|zoneinfo|bash-completion)/|/__pycache__(/|$)"
)
UNWANTED_OF_PYTHON = re.compile(r"(__pycache__|test|tests|idlelib|tkinter|turtledemo|config-3.*|.*\.a)$")
UNWANTED_OF_SMALL = re.compile(rf"{UNWANTED_OF_PYTHON.pattern}|(ensurepip|lib2to3|pydoc_data)$")
KEPT_OF_SITE = re.compile(r"pip|setuptools|pkg_resources|_distutils_hack|distutils-precedence|wheel")

MADE_BY_INSTALL_SCRIPTS = (
    "etc/apt/sources.list.d/debian.sources",
    "etc/nsswitch.conf",
    "etc/shells",
    "etc/pam.d/common-*",
    "etc/ca-certificates.conf",
    "etc/ssl/certs/*",
    "usr/local/share/ca-certificates/*.crt",
    "var/lib/dpkg/info/format",
    "var/lib/dpkg/arch",
)
EMPTY_FOLDERS = {
    "etc": 0o755,
    "home": 0o755,
    "root": 0o700,
    "run": 0o755,
    "tmp": 0o1777,
    "usr/lib64": 0o755,
    "usr/local": 0o755,
    "var/cache/apt/archives/partial": 0o755,
    "var/cache/debconf": 0o755,
    "var/lib/apt/lists/partial": 0o755,
    "var/lib/dpkg/info": 0o755,
    "var/lib/dpkg/triggers": 0o755,
    "var/lib/dpkg/updates": 0o755,
    "var/tmp": 0o1777,
}


@dataclass(frozen=True)
class Package:
    """An installed package: its stanza in dpkg's status, and what it needs, as alternatives of names."""

    name: str
    stanza: str
    needs: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]
    essential: bool


def read_packages(status: str) -> dict[str, Package]:
    """dpkg's status file as packages by name; only what is installed."""
    packages = {}
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
        if not fields.get("Status", "").endswith(" installed"):
            continue
        needs = ",".join(filter(None, (fields.get("Pre-Depends"), fields.get("Depends"))))
        packages.setdefault(
            fields["Package"],
            Package(
                fields["Package"],
                stanza.strip("\n"),
                tuple(tuple(map(_bare, group.split("|"))) for group in needs.split(",") if group.strip()),
                tuple(_bare(name) for name in fields.get("Provides", "").split(",") if name.strip()),
                fields.get("Essential") == "yes",
            ),
        )
    return packages


def _bare(name: str) -> str:
    return re.split(r"[\s(:]", name.strip())[0]


def plan_packages(packages: Mapping[str, Package], seeds: Iterable[str]) -> list[Package]:
    """The seeds, the essential packages, and all that these depend on."""
    providers = {virtual: package.name for package in packages.values() for virtual in package.provides}
    todo = [*seeds, *(package.name for package in packages.values() if package.essential)]
    chosen: dict[str, Package] = {}
    while todo:
        name = todo.pop()
        name = name if name in packages else providers.get(name, "")
        if not name or name in chosen:
            continue
        chosen[name] = packages[name]
        for alternatives in packages[name].needs:
            todo += [option for option in alternatives if option in packages or option in providers][:1]
    return [chosen[name] for name in sorted(chosen)]


def load_files(package: Package) -> tuple[set[Path], set[Path]]:
    """What a package unpacked (without documentation), and dpkg's own files about it."""
    listings = [DPKG / "info" / f"{package.name}.list", *(DPKG / "info").glob(f"{package.name}:*.list")]
    listing = next(path for path in listings if path.exists())
    unpacked = {
        _merged(Path(line))
        for line in listing.read_text("utf-8").splitlines()
        if line.startswith("/") and line != "/." and not UNWANTED.search(line)
    }
    stem = listing.name.removesuffix("list")
    return unpacked, {path for path in (DPKG / "info").iterdir() if path.name.startswith(stem)}


def _merged(path: Path) -> Path:
    # Packages still name /bin/sh; on the disk it is /usr/bin/sh, and /bin is a link.
    return path.parent.resolve() / path.name


def load_alternatives(files: set[Path]) -> tuple[set[Path], set[Path]]:
    """Links such as awk → mawk that dpkg keeps outside its packages, for the files taken."""
    links, records = set(), set()
    for record in (DPKG / "alternatives").iterdir():
        link = Path(record.read_text("utf-8").splitlines()[1])
        entry = Path("/etc/alternatives") / record.name
        if entry.resolve() in files:
            links |= {_merged(link), entry}
            records.add(record)
    return links, records


def load_python(prefix: Path, small: bool) -> Iterator[tuple[Path, str]]:
    """A CPython's files as (source, name in the image): interpreter, library, pip; no tests, no headers."""
    kept_of_site = re.compile(r"(?!)") if small else KEPT_OF_SITE
    for here, folders, names in os.walk(prefix):
        relative = Path(here).relative_to(prefix)
        parts = relative.parts
        if not parts:
            folders[:], names = [name for name in folders if name in {"bin", "lib"}], []
        elif parts == ("bin",):
            names = [name for name in names if re.fullmatch(r"(python|pip)[0-9.]*", name)]
        elif parts == ("lib",):
            folders[:] = [name for name in folders if name.startswith("python3")]
            names = [name for name in names if name.startswith("libpython")]
        elif parts[-1] == "site-packages":
            folders[:] = [name for name in folders if kept_of_site.match(name)]
            names = [name for name in names if kept_of_site.match(name)]
        unwanted = UNWANTED_OF_SMALL if small else UNWANTED_OF_PYTHON
        folders[:] = sorted(name for name in folders if not unwanted.match(name))
        for name in sorted(names):
            if not UNWANTED_OF_PYTHON.match(name):
                yield Path(here, name), str(Path("usr/local") / relative / name)


class Archive:
    """A tar in which each path comes once: the first one stays."""

    def __init__(self, output: tarfile.TarFile) -> None:
        self._output = output
        self._written: set[str] = set()

    def _is_new(self, name: str) -> bool:
        new = bool(name) and name not in self._written
        self._written.add(name)
        return new

    def copy(self, source: Path, name: str | None = None) -> None:
        name = (name or str(source)).strip("/")
        if os.path.lexists(source) and self._is_new(name):
            self._output.add(source, name, recursive=False)

    def make(
        self,
        name: str,
        *,
        kind: bytes = tarfile.REGTYPE,
        mode: int = 0o644,
        data: bytes = b"",
        link: str = "",
    ) -> None:
        if self._is_new(name):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(data), link
            self._output.addfile(entry, io.BytesIO(data))


def write(archive: Archive, prefix: Path | None, small: bool) -> None:
    """Put the whole root file system into the archive; `prefix` None takes Debian's own Python."""
    packages = read_packages((DPKG / "status").read_text("utf-8"))
    seeds = [*SEEDS, *([] if small else INSTALLERS), *([] if prefix else DEBIAN_PYTHON)]
    chosen = plan_packages(packages, seeds)
    files: set[Path] = set()
    records: set[Path] = set()
    for package in chosen:
        unpacked, about = load_files(package)
        files, records = files | unpacked, records | about
    links, about = load_alternatives(files)
    for pattern in MADE_BY_INSTALL_SCRIPTS:
        files |= set(Path("/").glob(pattern))

    for top in ("bin", "sbin", "lib", "lib64"):
        archive.make(top, kind=tarfile.SYMTYPE, mode=0o777, link=f"usr/{top}")
    for name, mode in EMPTY_FOLDERS.items():
        archive.make(name, kind=tarfile.DIRTYPE, mode=mode)
    archive.make("var/lib/dpkg/status", data=("\n\n".join(p.stanza for p in chosen) + "\n\n").encode())
    archive.make("var/lib/dpkg/available")
    users = Path("/usr/share/base-passwd/passwd.master")
    archive.copy(users, "etc/passwd")
    archive.copy(Path("/usr/share/base-passwd/group.master"), "etc/group")
    locked = (
        line.split(":")[0] + ":*:20000:0:99999:7:::\n" for line in users.read_text("utf-8").splitlines()
    )
    archive.make("etc/shadow", mode=0o640, data="".join(locked).encode())
    if CERTIFICATES.exists():
        archive.copy(CERTIFICATES.resolve(), str(CERTIFICATES))
    if small and prefix is None:
        # Python's own images have the name, Debian's package does not.
        archive.make("usr/local/bin/python", kind=tarfile.SYMTYPE, mode=0o777, link="/usr/bin/python3")
    for path in [*sorted(files | links), *sorted(records | about)]:
        archive.copy(path)
    for source, name in load_python(prefix, small) if prefix else ():
        if re.search(r"/bin/pip[0-9.]*$", name) and not source.is_symlink():
            # Its first line names the prefix it was installed under.
            body = source.read_bytes().split(b"\n", 1)[1]
            archive.make(name, mode=0o755, data=b"#!/usr/local/bin/python3\n" + body)
        else:
            archive.copy(source, name)


def main(argv: list[str]) -> int:
    """See the module's first lines."""
    prefixes = [argument for argument in argv if argument != "--small"]
    if len(prefixes) != 1:
        sys.stderr.write(__doc__)
        return 2
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as output:
        prefix = None if prefixes[0] == "-" else Path(prefixes[0]).resolve()
        write(Archive(output), prefix, "--small" in argv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
