"""The common failures, made with the tools that jobs use: what each of them really says has its cause."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.domain.cause_kinds import Kind
from tests.ci.samples import publishable, settings, variables
from tests.ci.tools import NOWHERE, SECONDS, Tools, answering, told
from tests.ci.world import Repository, run_job
from tests.layers.package_index import PackageIndex, make_certificate, make_wheel, served

ANOTHER_COMMIT = "1234567890" * 4

RATE_LIMIT = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]}'


@pytest.fixture
def wheels(tmp_path: Path) -> Sequence[str]:
    """Options by which pip takes nothing but a few wheels."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, version, requires, extras in (
        ("here", "1.0", [], ""),
        ("here", "2.0", [], ""),
        ("newer", "1.0", [], "Requires-Python: >=3.99\n"),
        ("needs", "1.0", ["here==2.0"], ""),
    ):
        content = make_wheel(name, version, requires, extras)
        (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(content)
    (folder / "old-1.0-cp36-cp36m-manylinux1_x86_64.whl").write_bytes(make_wheel("old", "1.0"))
    return ["--no-index", "--find-links", str(folder)]


# pip and uv -------------------------------------------------------------------------------------------


def test_pip_finds_no_such_package(tools: Tools, wheels: Sequence[str]) -> None:
    told(tools.pip(*wheels, "nmupy==2.1"), Kind.NO_DISTRIBUTION, "nmupy==2.1")
    told(tools.pip(*wheels, "here==3"), Kind.NO_DISTRIBUTION, "here==3")


def test_pip_finds_no_wheel_for_this_python(tools: Tools, wheels: Sequence[str]) -> None:
    wheel = next(Path(wheels[-1]).glob("old-*"))
    told(tools.pip(wheel), Kind.NO_WHEEL, wheel.name)
    told(tools.pip(*wheels, "newer"), Kind.OTHER_PYTHON, ">=3.99")


def test_pip_passes_over_what_needs_another_python(tools: Tools) -> None:
    index = PackageIndex()
    index.add("tool", "2.0", requires_python=">=3.99")
    with served(index):
        printed = tools.pip("--index-url", index.simple, "tool==2.0")
    told(printed, Kind.OTHER_PYTHON, ">=3.99")


def test_pip_finds_requirements_at_odds(tools: Tools, wheels: Sequence[str]) -> None:
    told(tools.pip(*wheels, "here==1.0", "needs"), Kind.CONFLICT)


def test_pip_gets_another_file_than_was_noted(tools: Tools, wheels: Sequence[str]) -> None:
    (tools.folder / "r.txt").write_text(f"here==1.0 --hash=sha256:{'0' * 64}\n")
    told(tools.pip(*wheels, "-r", "r.txt"), Kind.HASH)


def test_pip_does_not_understand_a_line_or_lacks_a_file(tools: Tools, wheels: Sequence[str]) -> None:
    (tools.folder / "r.txt").write_text("numpy=2\n")
    told(tools.pip(*wheels, "-r", "r.txt"), Kind.BAD_REQUIREMENT, "numpy=2")
    (tools.folder / "r.txt").write_text("-r base.txt\n")
    told(tools.pip(*wheels, "-r", "r.txt"), Kind.NO_REQUIREMENTS_FILE, "base.txt")
    (tools.folder / "empty").mkdir()
    told(tools.pip(*wheels, "./empty"), Kind.NOT_INSTALLABLE, "./empty")


def test_pip_does_not_reach_the_index(tools: Tools) -> None:
    index = f"http://{NOWHERE}/simple"
    told(tools.pip("--index-url", index, "numpy", retries=1), Kind.NO_INDEX)


def test_pip_does_not_trust_the_index(tools: Tools, tmp_path: Path) -> None:
    _, context = make_certificate(tmp_path)
    index = PackageIndex()
    with served(index, context):
        printed = tools.pip("--index-url", index.simple, "numpy", retries=1)
    told(printed, Kind.CERTIFICATE)


def test_pip_finds_no_git_and_no_repository(tools: Tools) -> None:
    told(tools.pip(f"git+http://{NOWHERE}/x.git", PATH="/nowhere"), Kind.NO_GIT)
    told(tools.pip(f"git+http://{NOWHERE}/x.git"), Kind.UNREACHABLE, NOWHERE)


@pytest.mark.parametrize("columns", ["40", "80", "1000"])
def test_uv_says_it_in_other_words(tools: Tools, wheels: Sequence[str], columns: str) -> None:
    uv = Path(sys.executable).with_name("uv")

    def install(*words: str) -> bytes:
        options = ["--python", sys.executable, "--target", "here", *wheels]
        return tools.run(uv, "pip", "install", *options, *words, COLUMNS=columns)

    told(install("nmupy"), Kind.NO_DISTRIBUTION, "nmupy")
    told(install("newer"), Kind.OTHER_PYTHON, ">=3.99")
    told(install("old"), Kind.NO_WHEEL, "old==1.0")
    told(install("here==1.0", "needs"), Kind.CONFLICT)


# the system, and Python -------------------------------------------------------------------------------


def test_the_disk_is_full(tools: Tools) -> None:
    told(tools.python("open('/dev/full', 'w').write('x' * 10**6)"), Kind.DISK)
    (tools.folder / "file").write_text("hello")
    told(tools.run("cp", "file", "/dev/full"), Kind.DISK)


def test_memory_is_used_up(tools: Tools) -> None:
    told(tools.python("bytearray(1 << 62)"), Kind.MEMORY)
    told(tools.run("bash", "-c", "sh -c 'kill -9 $$'; exit 1"), Kind.MEMORY)


def test_a_program_is_for_another_processor(tools: Tools) -> None:
    program = tools.folder / "program"
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x16\x00"  # that of a mainframe
    program.write_bytes(header.ljust(200, b"\0"))
    program.chmod(0o755)
    told(tools.run("bash", "-c", "./program"), Kind.OTHER_MACHINE)


def test_a_library_of_the_system_is_missing(tools: Tools) -> None:
    printed = tools.python("import ctypes; ctypes.CDLL('libgthread-9.0.so.0')")
    told(printed, Kind.NO_LIBRARY, "libgthread-9.0.so.0")


def test_a_library_of_another_cuda_is_missing(tools: Tools) -> None:
    told(tools.python("import ctypes; ctypes.CDLL('libcudart.so.9.9')"), Kind.CUDA)


def test_a_module_is_not_installed_or_of_another_version(tools: Tools) -> None:
    told(tools.python("import nmupy"), Kind.NO_MODULE, "nmupy")
    told(tools.python("from packaging.version import Vision"), Kind.OTHER_VERSION, "packaging.version")


def test_debian_has_no_such_package(tools: Tools) -> None:
    told(tools.run("apt-get", "install", "--simulate", "libno-such0"), Kind.NO_DEBIAN_PACKAGE, "libno-such0")


def test_there_is_no_compiler(tools: Tools) -> None:
    (tools.folder / "Makefile").write_text("x:\n\tgcc -c x.c\n\ny:\n\ttrue && gcc -c x.c\n")
    make = shutil.which("make") or ""
    for target in ("x", "y"):
        told(tools.run(make, target, PATH="/nowhere"), Kind.NO_COMPILER)


# git --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404])
def test_git_is_refused(tools: Tools, status: int) -> None:
    with answering(status) as host:
        told(tools.run("git", "clone", f"http://{host}/g/p.git"), Kind.CLONE_REFUSED)


def test_git_reaches_nobody(tools: Tools) -> None:
    told(tools.run("git", "clone", f"http://{NOWHERE}/g/p.git"), Kind.UNREACHABLE, NOWHERE)


def test_git_does_not_trust_the_server(tools: Tools, tmp_path: Path) -> None:
    _, context = make_certificate(tmp_path)
    index = PackageIndex()
    with served(index, context):
        told(tools.run("git", "clone", index.simple), Kind.CERTIFICATE)


def test_the_commit_is_gone(tools: Tools, repository: Repository) -> None:
    repository.commit({"a": "a"})
    fetched = tools.run("git", "-C", repository.path, "fetch", repository.path, ANOTHER_COMMIT)
    told(fetched, Kind.COMMIT_GONE, ANOTHER_COMMIT)
    found = tools.run("git", "-C", repository.path, "checkout", ANOTHER_COMMIT)
    told(found, Kind.COMMIT_GONE, ANOTHER_COMMIT)


def test_a_file_in_lfs_cannot_be_had(tools: Tools, repository: Repository) -> None:
    repository.commit(
        {".gitattributes": "*.bin filter=lfs\n", "data.bin": "version https://git-lfs.github.com/spec/v1\n"}
    )
    lfs = ["-c", "filter.lfs.smudge=no-such-program -- %f", "-c", "filter.lfs.required=true"]
    told(tools.run("git", *lfs, "clone", repository.path, "copy"), Kind.LFS, "data.bin")


# the Docker engine and registries ---------------------------------------------------------------------


@pytest.mark.engine
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}', Kind.DENIED),
        (403, b'{"errors": [{"code": "DENIED", "message": "requested access is denied"}]}', Kind.DENIED),
        (429, RATE_LIMIT, Kind.RATE_LIMIT),
        (404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}', Kind.NO_IMAGE),
    ],
)
def test_the_engine_gets_no_image(tools: Tools, status: int, body: bytes, kind: Kind) -> None:
    with answering(status, body) as host:
        told(tools.run("docker", "pull", f"{host}/g/p:1"), kind)
        (tools.folder / "Dockerfile").write_text(f"FROM {host}/g/p:1\n")
        told(tools.run("docker", "build", "--progress", "plain", ".", DOCKER_BUILDKIT="1"), kind)


@pytest.mark.engine
def test_a_real_registry_does_not_have_the_image(tools: Tools, registry: str) -> None:
    told(tools.run("docker", "pull", f"{registry}/g/p:gone"), Kind.NO_IMAGE)


@pytest.mark.engine
def test_the_engine_reaches_no_registry(tools: Tools) -> None:
    told(tools.run("docker", "pull", f"{NOWHERE}/g/p:1"), Kind.UNREACHABLE, NOWHERE)


@pytest.mark.engine
def test_there_is_no_engine(tools: Tools) -> None:
    told(tools.run("docker", "pull", "x", DOCKER_HOST="unix:///nowhere.sock"), Kind.NO_ENGINE)


@pytest.mark.engine
def test_a_registry_takes_nothing_so_large(tools: Tools, base: str) -> None:
    page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
    with answering(413, page) as host:
        name = f"{host}/g/p:1"
        subprocess.run(["docker", "tag", base, name], check=True, timeout=SECONDS)
        try:
            told(tools.run("docker", "push", name), Kind.TOO_LARGE)
        finally:
            subprocess.run(["docker", "rmi", name], check=True, timeout=SECONDS, capture_output=True)


OWN_DOCKERFILE = [
    ("RUNN true", Kind.DOCKERFILE, ""),
    ("COPY nothing.txt /", Kind.NOT_COPIED, "nothing.txt"),
    ("RUN cp /etc/passwd /dev/full", Kind.DISK, ""),
    ("RUN python -c 'import nmupy'", Kind.NO_MODULE, "nmupy"),
    ("RUN python -c 'bytearray(1 << 62)'", Kind.MEMORY, ""),
    ("RUN no-such-program --version", Kind.NO_PROGRAM, "no-such-program"),
]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("line", "kind", "thing", "builder"),
    [
        *((*one, "BuildKit") for one in OWN_DOCKERFILE),
        *(
            (*one, "the classic builder")
            for one in OWN_DOCKERFILE
            if one[1] in (Kind.DOCKERFILE, Kind.MEMORY, Kind.NO_PROGRAM)
        ),
    ],
)
def test_an_own_dockerfile_fails_and_the_job_ends_with_why(
    repository: Repository,
    registry: str,
    base: str,
    tools: Tools,
    monkeypatch: pytest.MonkeyPatch,
    builder: str,
    line: str,
    kind: Kind,
    thing: str,
) -> None:
    if builder != "BuildKit":
        (tools.folder / "git").symlink_to(str(shutil.which("git")))
        monkeypatch.setenv("PATH", str(tools.folder))
    files: dict[str, str | bytes] = {"Dockerfile": f"FROM {base}\nUSER 0\n{line}\n"}
    sha = publishable(repository, files, settings(base))
    code, log = run_job("build", variables(repository, sha, f"{registry}/group/causes"))
    assert code == 1
    cause = told(log.encode(), kind, thing)
    ending = log.strip().splitlines()[-1]
    assert ending.startswith("Not published: ")
    assert f"{cause.why} {cause.mend}" in ending


@pytest.mark.engine
def test_a_debian_package_that_an_own_dockerfile_misnames_is_told(
    repository: Repository, registry: str, base: str
) -> None:
    files: dict[str, str | bytes] = {
        "Dockerfile": f"FROM {base}\nRUN apt-get install --simulate libno-such0\n"
    }
    sha = publishable(repository, files, settings(base))
    code, log = run_job("build", variables(repository, sha, f"{registry}/group/causes"))
    assert code == 1
    cause = told(log.encode(), Kind.NO_DEBIAN_PACKAGE, "libno-such0")
    assert f"apt says: Unable to locate package libno-such0. {cause.mend}" in log
