"""A job's last lines and their likely cause.

What this machine's own tools say is tried in tests/ci/test_real_causes.py; here stands what cannot be had everywhere,
with where the words come from.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.cause_helps import HEADERS, LIBRARIES, help_for
from bot.domain.cause_kinds import GENERAL, REASONS, Kind
from bot.domain.cause_signs import signs
from bot.domain.cause_words import WORDS, cause_table
from bot.domain.causes import LAST_LINES, cause_of_lines, likely_cause
from parser.requirements.names import DISTRIBUTIONS
from tests.domain.gitlab_rules import draw

RECORDED = [
    # pip 23.2 of an index whose password in the keyring is wrong (pip/_internal/network/auth.py)
    (
        Kind.INDEX_DENIED,
        "WARNING: 401 Error, Credentials not correct for https://gitlab.example.com/api/v4/p/1/simple/nmupy/\n"
        "ERROR: Could not find a version that satisfies the requirement nmupy (from versions: none)\n"
        "ERROR: No matching distribution found for nmupy",
    ),
    # gcc 12.2, of an extension of setuptools
    (
        Kind.NO_HEADER,
        "ext.c:1:10: fatal error: Python.h: No such file or directory\n"
        "    1 | #include <Python.h>\n      |          ^~~~~~~~~~\ncompilation terminated.\n"
        "error: command '/usr/bin/gcc' failed with exit code 1\n  [end of output]\n\n"
        "  note: This error originates from a subprocess, and is likely not a problem with pip.\n"
        "  ERROR: Failed building wheel for ext\nFailed to build ext\n"
        "ERROR: Could not build wheels for ext, which is required to install pyproject.toml-based projects",
    ),
    # setuptools 65.5, in pip's output of a build
    (
        Kind.NO_COMPILER,
        "      building 'ext' extension\n"
        "      error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory\n"
        "      [end of output]\n  ERROR: Failed building wheel for ext",
    ),
    (Kind.NO_COMPILER, "make: gcc: not found"),
    # setuptools-rust 1.10
    (Kind.NO_COMPILER, "error: can't find Rust compiler"),
    (Kind.UNBUILT, "  ERROR: Failed building wheel for pycocotools\nFailed to build pycocotools"),
    (
        Kind.UNBUILT,
        "error: metadata-generation-failed\n\n× Encountered error while generating package metadata.",
    ),
    # pip 23.2 of a requirement that names its hash beside one that does not
    (
        Kind.HASH,
        "ERROR: Hashes are required in --require-hashes mode, but they are missing from some requirements. Here",
    ),
    # apt 2.6
    (
        Kind.NO_DEBIAN_ARCHIVE,
        "E: Failed to fetch http://deb.debian.org/debian/pool/main/s/sl/sl_5.02-1_amd64.deb  Temporary failure "
        "resolving 'deb.debian.org'\nE: Unable to fetch some archives, maybe run apt-get update?",
    ),
    (Kind.NO_DEBIAN_PACKAGE, "E: Package 'python-is-python2' has no installation candidate"),
    # the same by BuildKit 0.20: what apt does has no line's end yet when it says what is wrong
    (Kind.NO_DEBIAN_PACKAGE, "Building dependency tree...E: Unable to locate package libno-such0"),
    (Kind.NO_DEBIAN_PACKAGE, "Reading state information... DoneE: Unable to locate package libno-such0"),
    # the dynamic loader's words, by PyTorch 1.13, and PyTorch's own (torch/cuda, torch/utils/cpp_extension.py)
    (
        Kind.CUDA,
        "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU",
    ),
    (
        Kind.CUDA,
        "AssertionError: \nThe NVIDIA driver on your system is too old (found version 9000).\nPlease update your GPU",
    ),
    (Kind.CUDA, "RuntimeError: CUDA error: no kernel image is available for execution on the device"),
    (
        Kind.CUDA,
        "RuntimeError: \nThe detected CUDA version (11.8) mismatches the version that was used to compile\n"
        "PyTorch (12.1). Please make sure to use the same CUDA versions.",
    ),
    (
        Kind.NO_GPU,
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
    ),
    (Kind.NO_GPU, "AssertionError: Torch not compiled with CUDA enabled"),
    # Docker 20.10 on a machine without a card
    (
        Kind.NO_GPU,
        'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
    ),
    (
        Kind.GPU_MEMORY,
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 7.79 GiB total capacity",
    ),
    # numpy 1.26 and 2.0
    (
        Kind.MEMORY,
        "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 74.5 GiB for an array with shape (9, 9)",
    ),
    (Kind.NUMPY, "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.1 as it may crash."),
    (
        Kind.NUMPY,
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88",
    ),
    # the kernel ends what uses too much: Docker's classic builder and BuildKit 0.13 with a limit of 30 MB
    (Kind.MEMORY, "The command 'python -c x=b'a'*10**9' returned a non-zero code: 137"),
    (
        Kind.MEMORY,
        'ERROR: failed to solve: process "/bin/sh -c pip install torch" did not complete successfully: exit code: 137',
    ),
    # GitLab Runner (common/build.go, executors/docker, helpers/...), as its documentation shows them
    (Kind.MEMORY, "ERROR: Job failed: exit code 137"),
    (Kind.MEMORY, "ERROR: Job failed: command terminated with exit code 137: OOMKilled"),
    (Kind.TIME_OUT, "ERROR: Job failed: execution took longer than 1h0m0s seconds"),
    (
        Kind.NO_IMAGE,
        'WARNING: Failed to pull image with policy "always": Error response from daemon: manifest for '
        "registry.example.com/g/p:gone not found: manifest unknown: manifest unknown (manager.go:237:1s)\n"
        'ERROR: Job failed: failed to pull image "registry.example.com/g/p:gone" with specified policies [always]: '
        "Error response from daemon: manifest for registry.example.com/g/p:gone not found: manifest unknown: manifest "
        "unknown (manager.go:237:1s)",
    ),
    (
        Kind.DENIED,
        'ERROR: Job failed: failed to pull image "g/p:1" with specified policies [if-not-present]: Error response from '
        "daemon: pull access denied for g/p, repository does not exist or may require 'docker login': denied: "
        "requested access to the resource is denied (manager.go:251:0s)",
    ),
    (
        Kind.DENIED,
        'ERROR: Job failed: failed to pull image "registry.example.com/app:latest" with specified policies [always]: '
        "Error response from daemon: Get https://registry.example.com/app/manifests/latest: unauthorized "
        "(manager.go:237:0s)",
    ),
    (
        Kind.CERTIFICATE,
        'ERROR: Job failed (system failure): Error response from daemon: Get "https://registry.example.com/v2/": x509: '
        "certificate signed by unknown authority",
    ),
    (
        Kind.UNREACHABLE,
        'ERROR: Job failed: failed to pull image "registry.example.com/g/p" with specified policies [always]: Error '
        'response from daemon: Get "https://registry.example.com/v2/": net/http: request canceled while waiting for '
        "connection (Client.Timeout exceeded while awaiting headers) (manager.go:237:15s)",
    ),
    (
        Kind.RUNNER,
        "ERROR: Job failed (system failure): prepare environment: exit status 1. Check "
        "https://docs.gitlab.com/runner/shells/index.html#shell-profile-loading for more information",
    ),
    (
        Kind.TOO_LARGE,
        'ERROR: Uploading artifacts as "archive" to coordinator... too large archive  id=84818 responseStatus=413 '
        "Request Entity Too Large status=413 token=x\nFATAL: too large\nERROR: Job failed: exit code 1",
    ),
    # GitLab's git server (lib/gitlab/git_access.rb) and git 2.39
    (
        Kind.CLONE_REFUSED,
        "remote: You are not allowed to download code from this project.\nfatal: unable to access "
        "'https://gitlab.example.com/g/p.git/': The requested URL returned error: 403\nERROR: Job failed: exit code 1",
    ),
    (Kind.CLONE_REFUSED, "remote: HTTP Basic: Access denied. The provided password or token is incorrect"),
    # git-lfs 3.3
    (
        Kind.LFS,
        "Error downloading object: data.bin (8f2a1b0): Smudge error: Error downloading data.bin: batch response: This "
        "repository is over its data quota.\nerror: external filter 'git-lfs filter-process' failed\n"
        "fatal: data.bin: smudge filter lfs failed",
    ),
    # BuildKit 0.11 and 0.13
    (
        Kind.NO_IMAGE,
        "ERROR: failed to solve: python:3.99: failed to resolve source metadata for docker.io/library/python:3.99: "
        "docker.io/library/python:3.99: not found",
    ),
    (
        Kind.NOT_COPIED,
        "ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref "
        '7f1a::x: "/nothing.txt": not found',
    ),
    (
        Kind.DENIED,
        "ERROR: failed to solve: registry.example.com/g/p:1: failed to resolve source metadata for "
        "registry.example.com/g/p:1: failed to authorize: status code [manifests 1]: 401 Unauthorized",
    ),
    (
        Kind.OLD_LISTS,
        "E: Failed to fetch http://deb.debian.org/debian/pool/main/x_1.deb  404  Not Found [IP: 192.0.2.1 80]\n"
        "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
    ),
    # apt 2.6 through the classic builder, both streams at once
    (Kind.NO_DEBIAN_PACKAGE, "EBuilding dependency tree...\n: Unable to locate package libno-such0"),
    # Runner's Kubernetes executor, with containerd's words
    (
        Kind.NO_IMAGE,
        'ERROR: Job failed: prepare environment: waiting for pod running: pulling image "r.example.com/g/p:1": image '
        'pull failed: rpc error: code = NotFound desc = failed to pull and unpack image "r.example.com/g/p:1": failed '
        'to resolve reference "r.example.com/g/p:1": r.example.com/g/p:1: not found. Check https://docs.gitlab.com/x',
    ),
    (
        Kind.DENIED,
        'ERROR: Job failed (system failure): prepare environment: image pull failed: failed to resolve reference "r": '
        "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://g/jwt: "
        "403 Forbidden",
    ),
    # conda 23 and mamba 1.5
    (
        Kind.NO_DISTRIBUTION,
        "PackagesNotFoundError: The following packages are not available from current channels:\n\n  - nmupy",
    ),
    (
        Kind.CONFLICT,
        "LibMambaUnsatisfiableError: Encountered problems while solving:\n  - package a-1 requires b",
    ),
    (
        Kind.NO_INDEX,
        "CondaHTTPError: HTTP 000 CONNECTION FAILED for url <https://conda.example.com/noarch/x>",
    ),
    # PyTorch 2.1 (torch/utils/data/_utils/signal_handling.py), numpy 1.26
    (
        Kind.SHARED_MEMORY,
        "RuntimeError: DataLoader worker (pid 33) is killed by signal: Bus error. It is possible that dataloader's "
        "workers are out of shared memory. Please try to raise your shared memory limit.",
    ),
    (
        Kind.OTHER_VERSION,
        "AttributeError: module 'numpy' has no attribute 'float'.\n`np.float` was a deprecated alias for the builtin",
    ),
    # uv 0.4
    (
        Kind.NO_DISTRIBUTION,
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because nmupy was not found in the package registry "
        "and you require\n      nmupy, we can conclude that your requirements are unsatisfiable.",
    ),
    # our own jobs
    (
        Kind.SAMPLE,
        "  no: it ended with exit code 1\nNot published: the sample of .mlreef.yaml failed, it ended with",
    ),
    (
        Kind.TESTS,
        "1 failed in 0.1s\nNot published: the repository's tests in tests/ failed, it ended with exit code 1.",
    ),
    (Kind.MEMORY, "Not published: the sample of .mlreef.yaml failed, it was ended by SIGKILL."),
    (
        Kind.NO_ENGINE,
        "Not published: No Docker engine answers here (DockerException). With the engine `docker`, the runner must",
    ),
    (
        Kind.DENIED,
        "Not published: The registry registry.example.com refuses to push g/p to the job (HTTP 403): DENIED denied",
    ),
    (
        Kind.RATE_LIMIT,
        "Not published: The base image python:3.11 cannot be fetched: toomanyrequests: You have reached your pull rate",
    ),
]

ORDINARY = [
    "Running with gitlab-runner 16.11.0 (91a27b2a)",
    "Fetching changes with git depth set to 20...",
    "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken "
    "by 'NewConnectionError('<x>: [Errno 111] Connection refused')': /simple/numpy/",
    "ERROR: Ignored the following versions that require a different python version: 2.0 Requires-Python >=3.12",
    "  Building wheel for x (pyproject.toml): finished with status 'done'",
    "Successfully installed numpy-1.26.4",
    "tests/test_io.py::test_no_space_left_on_device PASSED",
    "tests/test_net.py::test_x509_certificate_signed_by_unknown_authority PASSED",
    "    raise ModuleNotFoundError(\"No module named 'x'\")",
    "except MemoryError:",
    "# ERROR: No matching distribution found for is what pip says",
    "echo 'denied: requested access'",
    "bash: ./run.sh: Permission denied",
    "user: denied",
    "Killed 3 of 4 mutants",
    "E       assert 1 == 2",
    "1 failed, 3 passed in 0.12s",
    "Segmentation fault (core dumped)",
    "Caching: Access denied to no one, manifest unknown to nobody",
    "the 413 pictures that were found, 429 of them Too Many",
    "#5 [2/4] COPY requirements/ /requirements/",
    "#5 CACHED",
    "Step 3/9 : RUN pip install -r requirements.txt",
    " ---> Using cache",
    "Uploading artifacts...",
    "Cleaning up project directory and file based variables",
    "ERROR: Job failed: exit code 1",
    "ImportError: cannot import name 'main' from partially initialized module 'main' (most likely due to a circular",
    "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'",
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied",
    "Epoch 1: loss 0.3, out of memory 0",
]


@pytest.mark.parametrize(("kind", "log"), RECORDED)
def test_recorded_words_have_their_cause(kind: Kind, log: str) -> None:
    cause = likely_cause(f"$ mlreef-bot ci build\n{log}\n".encode())
    assert cause is not None
    assert cause.kind is kind


@pytest.mark.parametrize(("kind", "log"), RECORDED)
def test_words_are_known_behind_every_gutter_and_with_the_runners_times(kind: Kind, log: str) -> None:
    for before in ("   | ", "#12 3.456 ", "2024-07-22T12:43:46.962646Z 00O ", "\x1b[31m", "      │ "):
        lines = "\n".join(f"{before}{line}" for line in log.split("\n"))
        cause = likely_cause(lines.encode())
        assert cause is not None, before
        assert cause.kind is kind, before


@given(st.lists(st.one_of(st.sampled_from(ORDINARY), st.text(max_size=60)), max_size=40))
@example(ORDINARY)
def test_ordinary_logs_have_no_cause(lines: list[str]) -> None:
    assert likely_cause("\n".join(lines).encode()) is None
    assert likely_cause("\n".join(lines).encode(), "script_failure") is None


@given(
    st.sampled_from(RECORDED),
    st.lists(st.sampled_from(ORDINARY), max_size=20),
    st.lists(st.sampled_from(ORDINARY), max_size=20),
)
def test_a_cause_is_found_among_ordinary_lines(
    recorded: tuple[Kind, str], before: list[str], after: list[str]
) -> None:
    kind, log = recorded
    cause = likely_cause("\n".join([*before, log, *after]).encode())
    assert cause is not None
    assert cause.kind is kind


def test_what_a_program_got_over_long_before_the_end_is_no_cause() -> None:
    lines = ["OSError: [Errno 28] No space left on device", *["working"] * LAST_LINES]
    assert cause_of_lines(lines) is None


def test_the_last_of_several_is_the_cause() -> None:
    lines = ["ModuleNotFoundError: No module named 'apex'", "falling back", "MemoryError"]
    cause = cause_of_lines(lines)
    assert cause is not None
    assert cause.kind is Kind.MEMORY


def test_why_is_told_before_what() -> None:
    lines = ["MemoryError", "Not published: the sample of .mlreef.yaml failed, it ended with exit code 1."]
    cause = cause_of_lines(lines)
    assert cause is not None
    assert cause.kind is Kind.MEMORY


def test_a_build_that_lacks_a_module_is_not_mended_by_the_requirements() -> None:
    lines = [
        "Traceback (most recent call last):",
        "  File 'setup.py', line 3",
        "ModuleNotFoundError: No module named 'x'",
    ]
    cause = cause_of_lines(
        ["error: subprocess-exited-with-error", *(f"      {line}" for line in lines), "      [end of output]"]
    )
    assert cause is not None
    assert (cause.kind, cause.why) == (
        Kind.BUILD_NEEDS,
        "A package that must be built here imports `x` for that, which is not there then.",
    )


def test_a_version_with_a_plus_is_looked_for_where_its_makers_keep_it() -> None:
    cause = cause_of_lines(["ERROR: No matching distribution found for torch==2.1.0+cu118"])
    assert cause is not None
    assert (cause.kind, cause.why) == (
        Kind.OTHER_INDEX,
        "The index has no `torch==2.1.0+cu118`: versions with a `+`, often for one CUDA, are on an index of their "
        "makers.",
    )


def test_what_nobody_could_fetch_is_not_said_to_be_misnamed() -> None:
    fetched = "W: Failed to fetch http://deb.debian.org/debian/dists/x/InRelease  Could not resolve 'deb.debian.org'"
    cause = cause_of_lines([fetched, "E: Unable to locate package libgl1"])
    assert cause is not None
    assert cause.kind is Kind.NO_DEBIAN_ARCHIVE


@pytest.mark.parametrize(
    ("printed", "kind", "thing"),
    [
        ("/bin/sh: 1: unzip: not found", Kind.NO_PROGRAM, "`unzip`"),
        ("/bin/bash: line 3: wget: command not found", Kind.NO_PROGRAM, "`wget`"),
        ("bash: /opt/tool: No such file\nsh: 1: nvidia-smi: not found", Kind.NO_GPU, ""),
        ("sh: 1: g++: not found\nno good", Kind.NO_COMPILER, ""),
    ],
)
def test_a_program_that_is_missing_is_told_where_the_job_ended_for_it(
    printed: str, kind: Kind, thing: str
) -> None:
    cause = cause_of_lines([*printed.split("\n"), "ERROR: Job failed: exit code 127"])
    assert cause is not None
    assert cause.kind is kind
    assert thing in cause.why
    assert cause_of_lines(["ERROR: Job failed: exit code 127"]) is None


def test_a_program_that_something_did_without_is_no_cause() -> None:
    assert cause_of_lines(["sh: 1: unzip: not found", "no good", "ERROR: Job failed: exit code 1"]) is None


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("ImportError: libGL.so.1: cannot open shared object file: No such file or directory", "`libgl1`"),
        (
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            "`opencv-python-headless`",
        ),
        (
            "OSError: libsndfile.so.1: cannot open shared object file: No such file or directory",
            "`libsndfile1`",
        ),
        ("ModuleNotFoundError: No module named 'cv2'", "`opencv-python-headless`"),
        ("ModuleNotFoundError: No module named 'sklearn.svm'", "`scikit-learn`"),
        ("ModuleNotFoundError: No module named 'nmupy'", "Add what brings it"),
        ("x.c:1:2: fatal error: mpi.h: No such file or directory", "`libopenmpi-dev`"),
        ("x.c:1:2: fatal error: own.h: No such file or directory", "the Debian package with that file"),
    ],
)
def test_what_is_missing_is_named_by_what_brings_it(line: str, mend: str) -> None:
    cause = cause_of_lines([line])
    assert cause is not None
    assert mend in cause.mend


@given(st.text(max_size=40), st.sampled_from(list(Kind)))
def test_no_name_from_a_log_gets_into_what_to_do_but_those_that_are_known(name: str, kind: Kind) -> None:
    mend = help_for(kind, name)
    assert mend == "" or name.partition(".")[0] in {*HEADERS, *LIBRARIES, *DISTRIBUTIONS, "cv2", "distutils"}


def test_an_index_that_failed_for_another_package_is_not_blamed() -> None:
    retrying = (
        "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection "
        "broken by 'NewConnectionError('<x>: [Errno 111] Connection refused')': /simple/{}/"
    )
    failed = "ERROR: No matching distribution found for Left_Pad>=2"
    other, same = (
        cause_of_lines([retrying.format("numpy"), failed]),
        cause_of_lines([retrying.format("left-pad"), failed]),
    )
    assert other is not None
    assert other.kind is Kind.NO_DISTRIBUTION
    assert other.why == "There is no version of `Left_Pad>=2` for this environment's Python."
    assert same is not None
    assert same.kind is Kind.NO_INDEX


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [("tool==2.0", Kind.OTHER_PYTHON), ("tool==9.0", Kind.NO_DISTRIBUTION), ("tool", Kind.OTHER_PYTHON)],
)
def test_versions_for_other_pythons_are_told_only_of_the_version_that_is_wanted(
    wanted: str, kind: Kind
) -> None:
    lines = [
        "ERROR: Ignored the following versions that require a different python version: 1.0 Requires-Python <3; 2.0 "
        "Requires-Python >=3.12",
        f"ERROR: Could not find a version that satisfies the requirement {wanted} (from versions: none)",
        f"ERROR: No matching distribution found for {wanted}",
    ]
    cause = cause_of_lines(lines)
    assert cause is not None
    assert cause.kind is kind


@pytest.mark.parametrize(("reason", "kind"), sorted(REASONS.items()))
def test_gitlabs_reasons_have_their_cause(reason: str, kind: Kind) -> None:
    cause = likely_cause(b"", reason)
    assert cause is not None
    assert cause.kind is kind


@pytest.mark.parametrize("reason", [None, "", "script_failure", "unknown_failure", "a_reason_of_next_year"])
def test_a_reason_that_says_nothing_has_no_cause(reason: str | None) -> None:
    assert likely_cause(b"Hello\n", reason) is None


def test_what_broke_the_runner_is_told_when_its_log_says_so() -> None:
    log = b"ERROR: Job failed (system failure): write /builds/x: no space left on device\n"
    cause = likely_cause(log, "runner_system_failure")
    assert cause is not None
    assert cause.kind is Kind.DISK


def test_a_runner_that_fell_silent_had_taken_the_job() -> None:
    for log, kind in ((b"\n", Kind.STUCK), (b"hello\n", Kind.RUNNER), (b"MemoryError\n", Kind.MEMORY)):
        cause = likely_cause(log, "stuck_or_timeout_failure")
        assert cause is not None
        assert cause.kind is kind


def test_a_time_out_is_told_whatever_stood_last_in_the_log() -> None:
    cause = likely_cause(b"ModuleNotFoundError: No module named 'x'\n", "job_execution_timeout")
    assert cause is not None
    assert cause.kind is Kind.TIME_OUT


def test_every_kind_has_words_and_something_that_shows_it() -> None:
    assert set(WORDS) == set(Kind)
    # they are known by more than one line: tests/domain/test_job_log.py, tests/ci/test_real_causes.py
    behind = {Kind.OTHER_INDEX, Kind.BUILD_NEEDS}
    assert {kind for kind, _ in signs()} | set(REASONS.values()) == set(Kind) - behind
    assert set(Kind) > GENERAL
    for words in WORDS.values():
        assert words.why.endswith(".")
        assert words.mend.endswith(".")
        assert ("{thing}" in words.why + words.mend) == bool(words.thing)


def test_the_table_has_a_row_for_each_and_draws_as_a_table() -> None:
    table = cause_table()
    assert len(table) == len(Kind) + 2
    assert all(f"`{kind}`" in "\n".join(table) for kind in Kind)
    assert not draw("\n".join(table)).links


HOSTILE = [
    "ERROR: No matching distribution found for " + "a" * 5000,
    "cause: Because " + ", we can conclude that " * 100,
    ": " * 1250,
    "Error response from daemon: " * 90,
    'Get "https://x/' * 160,
    "ERROR: failed to solve: " + "x: " * 800,
    "fatal: unable to access 'https://" + "a@" * 1000,
    "a/" * 1200 + ": fatal error: ",
    "E " * 1250,
    "Not published: " + "code: exit code " * 200,
    "executor failed running " * 100,
    "The command returned a non-zero code:" * 60,
    "| " * 1250,
    "lib" * 800,
    "a." * 1200 + "Error: ",
]


@pytest.mark.parametrize("line", HOSTILE)
def test_no_line_takes_long_to_look_at(line: str) -> None:
    began = time.process_time()
    cause_of_lines([line] * LAST_LINES)
    assert time.process_time() - began < 1


@given(st.text(max_size=120))
@settings(max_examples=50)
def test_what_a_log_names_is_quoted_as_code_and_nothing_else(name: str) -> None:
    cause = cause_of_lines([f"ERROR: Could not open requirements file: [Errno 2] No such file: '{name}'"])
    if cause is not None:
        assert cause.why.count("`") in (0, 2)
        assert cause.why.rpartition("`")[2] in (
            " is named by another requirements file and is not in the repository.",
            "The file that is wanted is named by another requirements file and is not in the repository.",
        )
