"""The common failures of jobs, by which of GitLab's reasons some are known, and what is told of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A common failure of a job."""

    NO_DISTRIBUTION = "no-such-distribution"
    NO_WHEEL = "no-wheel-for-this-machine"
    OTHER_INDEX = "version-of-another-index"
    OTHER_PYTHON = "needs-another-python"
    CONFLICT = "version-conflict"
    HASH = "hash-mismatch"
    BAD_REQUIREMENT = "not-a-requirement"
    NO_REQUIREMENTS_FILE = "requirements-file-missing"
    NOT_INSTALLABLE = "folder-not-installable"
    NO_GIT = "git-missing"
    NO_COMPILER = "compiler-missing"
    NO_HEADER = "header-missing"
    BUILD_NEEDS = "build-needs-a-module"
    UNBUILT = "package-not-built"
    NO_DEBIAN_PACKAGE = "no-such-debian-package"
    NO_DEBIAN_ARCHIVE = "debian-archive-unreachable"
    OLD_LISTS = "debian-lists-old"
    NO_INDEX = "package-index-unreachable"
    INDEX_DENIED = "package-index-denied"
    UNREACHABLE = "server-unreachable"
    CERTIFICATE = "certificate-not-trusted"
    DENIED = "registry-denied"
    RATE_LIMIT = "registry-rate-limit"
    NO_IMAGE = "image-gone"
    TOO_LARGE = "too-large-to-upload"
    NO_ENGINE = "docker-engine-missing"
    DOCKERFILE = "dockerfile-not-understood"
    NOT_COPIED = "file-to-copy-missing"
    DISK = "out-of-disk"
    MEMORY = "out-of-memory"
    SHARED_MEMORY = "out-of-shared-memory"
    GPU_MEMORY = "out-of-gpu-memory"
    CUDA = "cuda-mismatch"
    NO_GPU = "no-graphics-card"
    OTHER_MACHINE = "made-for-another-machine"
    NO_LIBRARY = "system-library-missing"
    OLD_SYSTEM = "system-too-old"
    NO_PROGRAM = "program-missing"
    NO_MODULE = "module-not-installed"
    OTHER_VERSION = "name-not-in-installed-version"
    OTHER_BUILD = "built-for-another-version"
    NUMPY = "numpy-too-new"
    SAMPLE = "sample-failed"
    TESTS = "tests-failed"
    CLONE_REFUSED = "clone-refused"
    COMMIT_GONE = "commit-gone"
    LFS = "lfs-file-missing"
    LFS_POINTER = "lfs-pointer-read"
    TIME_OUT = "job-time-out"
    STUCK = "no-runner"
    QUOTA = "no-minutes-left"
    HANDOVER_GONE = "artifacts-gone"
    RUNNER = "runner-broke"
    LOG_CUT = "log-cut"


GENERAL = frozenset({Kind.UNBUILT, Kind.SAMPLE, Kind.TESTS, Kind.RUNNER})
"""Kinds that say what failed rather than why: any other one is told before them."""

STUCK_OR_SILENT = "stuck_or_timeout_failure"
"""GitLab's reason for a job that no runner took; of older releases also where a runner told no more of one."""

REASONS: Mapping[str, Kind] = {
    "job_execution_timeout": Kind.TIME_OUT,
    "server_timeout_running": Kind.TIME_OUT,
    "server_timeout_canceling": Kind.TIME_OUT,
    STUCK_OR_SILENT: Kind.STUCK,
    "stuck_pending_with_matching_runners": Kind.STUCK,
    "stuck_pending_no_matching_runners": Kind.STUCK,
    "no_matching_runner": Kind.STUCK,
    "ci_quota_exceeded": Kind.QUOTA,
    "trace_size_exceeded": Kind.LOG_CUT,
    "missing_dependency_failure": Kind.HANDOVER_GONE,
    "no_updates_running": Kind.RUNNER,
    "no_updates_canceling": Kind.RUNNER,
    "runner_system_failure": Kind.RUNNER,
    "image_pull_failure": Kind.RUNNER,
    "runner_unsupported": Kind.RUNNER,
}
"""GitLab's reasons for a failed job, of every release; of what is not here, the log alone tells."""


class Who(StrEnum):
    """Who must act."""

    AUTHOR = "the author"
    OPERATOR = "whoever runs GitLab, its runners or the bot"
    NOBODY = "nobody: try again"


@dataclass(frozen=True, slots=True)
class Words:
    """A failure in a sentence, and what to do in another; `thing` stands for `{thing}` where a log names none."""

    why: str
    mend: str
    who: Who = Who.AUTHOR
    thing: str = ""
