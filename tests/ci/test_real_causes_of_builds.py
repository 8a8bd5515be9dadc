"""What compilers, the loader, apt and containers with little room really say has its cause."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.cause_kinds import Kind
from tests.ci.tools import NOWHERE, SECONDS, Tools, answering, told
from tests.layers.package_index import make_certificate, make_wheel

SETUP = "from setuptools import Extension, setup\nsetup(name='e', ext_modules=[Extension('e', ['e.c'])])\n"
BACKEND = """\
import subprocess

def build_wheel(folder, config_settings=None, metadata_directory=None):
    {code}
"""
PYPROJECT = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"


def package(tools: Tools, code: str) -> Path:
    """A package whose build does that."""
    folder = tools.folder / "package"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND.format(code=code))
    (folder / "e.c").write_text("#include <mpi.h>\n")
    return folder


def gcc(tools: Tools, *words: str) -> None:
    subprocess.run(["gcc", "-shared", "-fPIC", *words], cwd=tools.folder, check=True, timeout=SECONDS)


# packages that are built ------------------------------------------------------------------------------


def test_pip_builds_what_lacks_a_header(tools: Tools) -> None:
    folder = package(tools, "subprocess.run(['gcc', '-c', 'e.c'], check=True)")
    cause = told(tools.pip("--no-index", folder), Kind.NO_HEADER, "mpi.h")
    assert "`libopenmpi-dev`" in cause.mend


def test_pip_builds_what_lacks_a_module_for_that(tools: Tools) -> None:
    told(tools.pip("--no-index", package(tools, "import nmupy")), Kind.BUILD_NEEDS, "nmupy")


def test_pip_builds_what_fails_for_a_reason_of_its_own(tools: Tools) -> None:
    told(tools.pip("--no-index", package(tools, "raise KeyError('x')")), Kind.UNBUILT)


def test_uv_builds_what_lacks_a_module_for_that(tools: Tools) -> None:
    uv, folder = Path(sys.executable).with_name("uv"), package(tools, "import nmupy")
    words = ["pip", "install", "--no-index", "--python", sys.executable, "--target", "here"]
    told(tools.run(uv, *words, folder), Kind.BUILD_NEEDS, "nmupy")
    (folder / "backend.py").write_text(BACKEND.format(code="raise KeyError('x')"))
    told(tools.run(uv, *words, folder), Kind.UNBUILT)


def test_setuptools_finds_no_header_and_no_compiler(tools: Tools) -> None:
    (tools.folder / "setup.py").write_text(SETUP)
    (tools.folder / "e.c").write_text("#include <libpq-fe.h>\n")
    build = [sys.executable, "setup.py", "-q", "build_ext"]
    told(tools.run(*build, CC="gcc"), Kind.NO_HEADER, "libpq-fe.h")
    told(tools.run(*build, CC="gcc", PATH="/nowhere"), Kind.NO_COMPILER)


def test_pip_is_asked_for_a_version_that_is_on_another_index(tools: Tools) -> None:
    told(tools.pip("--no-index", "torch==2.1.0+cu118"), Kind.OTHER_INDEX, "torch==2.1.0+cu118")


def test_pip_wants_hashes_of_all(tools: Tools) -> None:
    (tools.folder / "here-1.0-py3-none-any.whl").write_bytes(make_wheel("here", "1.0"))
    (tools.folder / "r.txt").write_text("here==1.0\n")
    told(tools.pip("--no-index", "--find-links", ".", "--require-hashes", "-r", "r.txt"), Kind.HASH)


def test_an_index_does_not_let_pip_in(tools: Tools) -> None:
    with answering(401) as host:
        # pip passes over what does not let it in, and says no word of that
        cause = told(
            tools.pip("--no-input", "--index-url", f"http://{host}/simple", "nmupy"), Kind.NO_DISTRIBUTION
        )
        assert "lets the build in" in cause.mend
    with answering(403) as host:
        told(tools.pip("--no-input", f"http://{host}/nmupy-1.0-py3-none-any.whl"), Kind.INDEX_DENIED)


def test_pip_gets_a_package_from_nowhere(tools: Tools) -> None:
    printed = tools.pip("--no-index", f"http://{NOWHERE}/nmupy-1.0-py3-none-any.whl")
    told(printed, Kind.UNREACHABLE, NOWHERE.partition(":")[0])


# libraries, files and servers -------------------------------------------------------------------------


def test_a_module_was_linked_with_a_library_that_is_not_there(tools: Tools) -> None:
    (tools.folder / "f.c").write_text("int f(void) { return 1; }\n")
    (tools.folder / "g.c").write_text("int f(void); int g(void) { return f(); }\n")
    for library, kind in (("libcudart.so.11.0", Kind.CUDA), ("libGL.so.99", Kind.NO_LIBRARY)):
        gcc(tools, f"-Wl,-soname,{library}", "-o", library, "f.c")
        gcc(tools, "-o", "needs.so", "g.c", f"./{library}")
        (tools.folder / library).unlink()
        cause = told(tools.python("import needs"), kind, library if kind is Kind.NO_LIBRARY else "")
    assert "`libgl1`" in cause.mend
    assert "`opencv-python-headless`" in cause.mend


def test_a_module_was_compiled_for_another_version(tools: Tools) -> None:
    (tools.folder / "g.c").write_text("int f(void); int g(void) { return f(); }\n")
    gcc(tools, "-o", "needs.so", "g.c")
    told(tools.python("import ctypes; ctypes.CDLL('./needs.so', 2)"), Kind.OTHER_BUILD)


def test_a_module_was_linked_with_a_newer_system(tools: Tools) -> None:
    (tools.folder / "f.c").write_text("int f(void) { return 1; }\n")
    (tools.folder / "g.c").write_text("int f(void); int g(void) { return f(); }\n")
    for version in ("GLIBCXX_9.9", "OTHER_1"):
        (tools.folder / "map").write_text(f"{version} {{ global: f; }};\n")
        gcc(tools, "-Wl,--version-script=map", "-Wl,-soname,libolder.so", "-o", "libolder.so", "f.c")
        if version != "OTHER_1":
            gcc(tools, "-o", "needs.so", "g.c", "./libolder.so")
    printed = tools.run(sys.executable, "-c", "import needs", LD_LIBRARY_PATH=".")
    told(printed, Kind.OLD_SYSTEM, "GLIBCXX_9.9")


def test_a_model_is_but_a_pointer_into_lfs(tools: Tools) -> None:
    (tools.folder / "model.pkl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    told(tools.python("import pickle; pickle.load(open('model.pkl', 'rb'))"), Kind.LFS_POINTER)
    git = shutil.which("git") or ""
    told(tools.run(git, "lfs", "pull", PATH="/nowhere"), Kind.LFS)


@pytest.mark.parametrize(
    ("code", "thing"),
    [
        ("import requests; requests.get", NOWHERE.partition(":")[0]),
        ("from urllib.request import urlopen; urlopen", ""),
    ],
)
def test_a_script_fetches_what_cannot_be_reached(tools: Tools, code: str, thing: str) -> None:
    told(tools.python(f"{code}('http://{NOWHERE}/data.csv')"), Kind.UNREACHABLE, thing)


def test_a_script_does_not_trust_a_server(tools: Tools, tmp_path: Path) -> None:
    _, context = make_certificate(tmp_path)
    with answering(200, b"{}", context=context) as host:
        for code in ("import requests; requests.get", "from urllib.request import urlopen; urlopen"):
            told(tools.python(f"{code}('https://{host}/v2/')"), Kind.CERTIFICATE)


def test_apt_does_not_find_what_it_could_not_fetch(tools: Tools) -> None:
    for folder in ("lists/partial", "cache/archives/partial"):
        (tools.folder / folder).mkdir(parents=True)
    (tools.folder / "sources.list").write_text(f"deb http://{NOWHERE}/debian bookworm main\n")
    options = {
        "Dir::Etc::SourceList": tools.folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": tools.folder / "lists",
        "Dir::Cache": tools.folder / "cache",
        "Acquire::Retries": 0,
    }
    apt = " ".join(["apt-get", *(f"-o {name}={value}" for name, value in options.items())])
    printed = tools.run("sh", "-c", f"{apt} update && {apt} install --simulate libno-such0")
    assert b"Unable to locate package" in printed
    told(printed, Kind.NO_DEBIAN_ARCHIVE)


def test_a_program_is_missing(tools: Tools) -> None:
    printed = tools.run("sh", "-c", "no-such-program --version") + b"ERROR: Job failed: exit code 127\n"
    told(printed, Kind.NO_PROGRAM, "no-such-program")


# containers and registries ----------------------------------------------------------------------------


@pytest.mark.engine
def test_a_container_has_no_room(tools: Tools, base: str) -> None:
    full = ["docker", "run", "--rm", "--tmpfs", "/full:size=64k", base]
    told(tools.run(*full, "cp", "/usr/bin/env", "/usr/bin/dpkg", "/full"), Kind.DISK)
    told(tools.run(*full, "python", "-c", "open('/full/x', 'w').write('x' * 10**6)"), Kind.DISK)


@pytest.mark.engine
def test_the_kernel_ends_what_uses_too_much(tools: Tools, base: str) -> None:
    little = ["-m", "30m", "--memory-swap", "30m"]
    use = "import sys; x = b'x' * 10**9"
    printed = tools.run("docker", "run", "--rm", *little, base, "sh", "-c", f'python -c "{use}"; exit $?')
    told(printed, Kind.MEMORY)
    (tools.folder / "Dockerfile").write_text(f'FROM {base}\nRUN exec python -c "{use}"\n')
    told(tools.run("docker", "build", *little, ".", DOCKER_BUILDKIT="0"), Kind.MEMORY)


@pytest.mark.engine
def test_a_container_wants_what_the_machine_does_not_have(tools: Tools, base: str) -> None:
    told(tools.run("docker", "run", "--rm", "--gpus", "all", base, "true"), Kind.NO_GPU)
    told(tools.run("docker", "run", "--rm", base, "nvidia-smi"), Kind.NO_GPU)
    told(tools.run("docker", "run", "--rm", base, "no-such-program"), Kind.NO_PROGRAM, "no-such-program")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """Host and port of a real registry that lets nobody in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "users").write_text("ada:$2y$05$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy\n")
    (tmp_path / "config.yml").write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'data'}}}}}\n"
        f"auth: {{htpasswd: {{realm: here, path: {tmp_path / 'users'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    process = subprocess.Popen(
        ["docker-registry", "serve", str(tmp_path / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            assert process.poll() is None
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.mark.engine
def test_a_real_registry_denies(tools: Tools, guarded: str, base: str) -> None:
    name = f"{guarded}/g/p:1"
    told(tools.run("docker", "pull", name), Kind.DENIED)
    (tools.folder / "Dockerfile").write_text(f"FROM {name}\n")
    told(tools.run("docker", "build", "--progress", "plain", ".", DOCKER_BUILDKIT="1"), Kind.DENIED)
    login = ["docker", "--config", str(tools.folder), "login", "-u", "ada", "-p", "wrong", guarded]
    told(tools.run(*login), Kind.DENIED)
    subprocess.run(["docker", "tag", base, name], check=True, timeout=SECONDS)
    try:
        told(tools.run("docker", "push", name), Kind.DENIED)
    finally:
        subprocess.run(["docker", "rmi", name], check=True, timeout=SECONDS, capture_output=True)


@pytest.mark.engine
def test_the_engine_does_not_trust_a_registry(tools: Tools, tmp_path: Path) -> None:
    _, context = make_certificate(tmp_path)
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    found = subprocess.run(
        ["docker", "network", "inspect", "bridge", "--format", gateway],
        check=True,
        capture_output=True,
        text=True,
    )
    with answering(200, b"{}", host=found.stdout.strip(), context=context) as host:
        told(tools.run("docker", "pull", f"{host}/g/p:1"), Kind.CERTIFICATE)
