"""A job's log as GitLab shows it: the runner's few sentences, the job's own lines, secrets masked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

LIMIT_BYTES = 4 * 1024 * 1024
"""GitLab's own limit for a job's log."""

SECRET_AT_LEAST = 8
"""GitLab masks nothing shorter either: it would tear ordinary words."""

CHUNK_BYTES = 64 * 1024


class Trace:
    """Writes a job's log, whole lines at a time."""

    def __init__(self, output: Callable[[bytes], None], secrets: Iterable[str]) -> None:
        self._output = output
        self._secrets = [secret.encode() for secret in sorted(secrets, key=len, reverse=True)]
        self._written = 0
        self._read = 0
        self._partial = b""

    def say(self, line: str) -> None:
        """One line of the runner's own."""
        self._emit(self._masked(line.encode("utf-8", "replace") + b"\n"))

    def follow(self, log: Path) -> None:
        """Pass on what was added to `log` since the last time, whole lines only."""
        try:
            with log.open("rb") as handle:
                handle.seek(self._read)
                while chunk := handle.read(CHUNK_BYTES):
                    self._read += len(chunk)
                    whole, newline, rest = (self._partial + chunk).rpartition(b"\n")
                    self._partial = rest
                    if newline:
                        self._job_lines(whole + newline)
        except FileNotFoundError:
            # The job has said nothing yet.
            return

    def finish(self) -> None:
        """Pass on a last line without an end."""
        if self._partial:
            self._job_lines(self._partial + b"\n")
            self._partial = b""

    def _job_lines(self, lines: bytes) -> None:
        lines = self._masked(lines)
        room = LIMIT_BYTES - self._written
        if room <= 0:
            return
        self._written += len(lines)
        self._emit(lines[:room])
        if len(lines) > room:
            self._emit(
                f"\nJob's log exceeded limit of {LIMIT_BYTES} bytes. No more output is collected.\n".encode()
            )

    def _masked(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, b"[MASKED]")
        return text

    def _emit(self, text: bytes) -> None:
        self._output(text)


def secrets_of(variables: Mapping[str, str]) -> set[str]:
    """The values that GitLab masks in every job's log."""
    found = {
        variables.get(name, "") for name in ("CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD")
    }
    found.add(urlsplit(variables.get("CI_REPOSITORY_URL", "")).password or "")
    return {secret for secret in found if len(secret) >= SECRET_AT_LEAST}
