"""Commits as git holds them. What lies about in a working tree, and what its configuration says, counts for nothing."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal
from urllib.parse import urlsplit, urlunsplit

from bot.domain.tags import is_sha
from bot.errors import Gone, OperatorError, TryAgain

if TYPE_CHECKING:
    from parser.source import Source

FETCH_SECONDS = 300
"""Seconds that fetching a branch's commits may take."""

READ_SECONDS = 120
"""Seconds that one question to a local repository may take."""

PIECE_BYTES = 1024 * 1024
"""Bytes of a file that are in memory at a time."""

HERE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
"""Variables with which git asks nobody: for objects that are missing it would run programs that a repository names."""

MAX_TAGS = 50
"""Tags whose commits are fetched at a time."""

_TAGS = "refs/tags/"

Kind = Literal["file", "executable", "symlink", "submodule"]
_KINDS: dict[bytes, Kind] = {
    b"100644": "file",
    b"100664": "file",
    b"100755": "executable",
    b"120000": "symlink",
    b"160000": "submodule",
}


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A path of a commit: bytes, as git allows any in a name; `size` in bytes, 0 for a submodule."""

    path: bytes
    kind: Kind
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as the jobs need it: what the reader reads, and the generated file as it stands there."""

    sha: str
    source: Source
    pipeline: bytes | None


def load_commit(
    directory: Path, sha: str, pipeline_path: str, tree: Iterable[TreeFile] | None = None
) -> Commit:
    """Reads a commit of a local repository: the same Source that the forge gives for it. Gone: it is not there.

    `tree`: the commit's files where they are known already.
    """
    # Imported here because whoever only wants files of a commit reads none of them.
    from bot.domain.tree import bounded_source
    from parser.source import MAX_FILE_BYTES, Entry, wanted

    entries: list[Entry] = []
    chosen: dict[str, str] = {}
    for file in load_tree(directory, sha) if tree is None else tree:
        try:
            path = file.path.decode()
        except UnicodeDecodeError:
            continue
        kind: Literal["file", "symlink", "submodule"] = "file" if file.kind == "executable" else file.kind
        entries.append(Entry(path, kind, file.blob))
        asked = wanted(path) or path == pipeline_path
        if kind == "file" and asked and file.size <= MAX_FILE_BYTES:
            chosen[path] = file.blob
    blobs = dict(load_blobs(directory, set(chosen.values())))
    contents = {path: blobs[blob] for path, blob in chosen.items()}
    return Commit(sha, bounded_source(entries, contents), contents.get(pipeline_path))


def load_tree(directory: Path, sha: str) -> tuple[TreeFile, ...]:
    """Every file of a commit, in git's order. Gone: the repository does not hold that commit."""
    if not is_sha(sha):
        raise ValueError(f"{sha!r} is not the full id of a commit")
    listed = _git(directory, "ls-tree", "-r", "-l", "-z", "--full-tree", sha)
    if listed.returncode:
        raise Gone(f"The checkout does not hold the commit {sha}: {_why(listed.stderr)}.")
    files = []
    for line in listed.stdout.split(b"\0")[:-1]:
        about, _, path = line.partition(b"\t")
        mode, _, blob, size = about.split()
        # A mode that git does not write any more is that of a file.
        kind = _KINDS.get(mode, "file")
        files.append(TreeFile(path, kind, blob.decode("ascii"), 0 if size == b"-" else int(size)))
    return tuple(files)


def load_blobs(directory: Path, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The contents of blobs, one after the other, in the order asked for. Gone: one of them is missing."""
    with Objects(directory) as objects:
        for blob in ids:
            yield blob, b"".join(objects.open(blob)[1])


class Objects:
    """Git's objects, whatever their size, read by one process of git for as long as the context lasts."""

    def __init__(self, directory: Path) -> None:
        self._batch = subprocess.Popen(
            [*_command(directory), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(HERE),
        )
        self._left: Iterator[bytes] = iter(())
        self._id = ""

    def __enter__(self) -> Objects:
        return self

    def __exit__(self, *_: object) -> None:
        with self._batch:
            self._batch.kill()

    def open(self, blob: str, kind: str = "blob") -> tuple[int, Iterator[bytes]]:
        """An object's size in bytes, and its content in pieces; what was left of the one before is passed over.

        Gone: the repository does not hold it.
        """
        if self._batch.stdin is None or self._batch.stdout is None:
            raise AssertionError("both are pipes")
        for _ in self._left:
            pass
        try:
            self._batch.stdin.write(blob.encode("ascii") + b"\n")
            self._batch.stdin.flush()
            head = self._batch.stdout.readline().split()
        except OSError:
            head = []
        if len(head) != 3 or head[1] != kind.encode("ascii"):
            raise Gone(f"The checkout does not hold the {'file' if kind == 'blob' else kind} with id {blob}.")
        self._id, size = head[0].decode("ascii"), int(head[2])
        self._left = _pieces(self._batch.stdout, size, blob)
        return size, self._left

    def commit(self, name: str) -> tuple[str, int]:
        """A commit (`HEAD`, or an id): its id, and when it was made, in seconds since 1970. Gone: there is none."""
        _, pieces = self.open(name, "commit")
        text = b"".join(pieces)
        line = next((line for line in text.split(b"\n") if line.startswith(b"committer ")), b"")
        words = line.rsplit(b" ", 2)
        return self._id, int(words[1]) if len(words) == 3 and words[1].isdigit() else 0


def _pieces(stream: IO[bytes], size: int, blob: str) -> Iterator[bytes]:
    left = size
    while left:
        piece = stream.read(min(left, PIECE_BYTES))
        if not piece:
            raise Gone(f"The checkout does not hold all of the file with id {blob}.")
        left -= len(piece)
        yield piece
    stream.read(1)


class History:
    """The commits of one branch, without their files."""

    def __init__(self, directory: Path, head: str) -> None:
        self._directory = directory
        self.head = head

    def holds(self, sha: str) -> bool:
        """Whether a commit is on the branch."""
        return self.is_ancestor(sha, self.head)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether one commit is the other or came before it. A commit that is not known came before none."""
        if not (is_sha(older) and is_sha(newer)):
            raise ValueError(f"{older!r} and {newer!r} are not both full ids of commits")
        return _git(self._directory, "merge-base", "--is-ancestor", older, newer).returncode == 0

    def after(self, sha: str) -> tuple[str, ...]:
        """The commits of the branch that came after one of its commits, newest first; none when it is not on it."""
        if not self.holds(sha):
            return ()
        listed = _git(self._directory, "rev-list", "--ancestry-path", f"{sha}..{self.head}")
        return tuple(listed.stdout.decode("ascii").split())


@contextmanager
def fetch_history(url: str, branch: str) -> Iterator[History]:
    """The branch as it is on the server now; kept while the context lasts.

    A password in the URL goes to the server and nowhere else: not into arguments, files or messages.
    Gone: there is no such branch. TryAgain: the server does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="mlreef-history-") as folder:
        directory = Path(folder)
        started = _git(directory, "init", "--quiet", "--bare", ".")
        if started.returncode:
            raise OperatorError(
                f"git cannot make a repository in {folder}: {_why(started.stderr)}.",
                "Give the job a temporary directory that it may write to.",
            )
        ref = f"refs/heads/{branch}"
        words = ("fetch", "--quiet", "--no-tags", "--filter=tree:0")
        fetched = _ask_server(directory, url, words, (f"+{ref}:refs/heads/fetched",))
        if fetched.returncode:
            why = _why(fetched.stderr)
            if "couldn't find remote ref" in why:
                raise Gone(f"The branch {branch} is no longer there.")
            raise TryAgain(f"The commits of {branch} cannot be fetched from {_address(url)}: {why}.")
        head = _git(directory, "rev-parse", "--verify", "refs/heads/fetched").stdout.decode("ascii").strip()
        yield History(directory, head)


def ensure_commit(directory: Path, url: str, sha: str) -> None:
    """Lets a local repository hold a commit, without those before it; a server may have one that no branch has.

    Gone: the server has none. TryAgain: it does not answer.
    """
    if not is_sha(sha):
        raise ValueError(f"{sha!r} is not the full id of a commit")
    if _git(directory, "cat-file", "-e", f"{sha}^{{tree}}").returncode == 0:
        return
    fetched = _ask_server(directory, url, ("fetch", "--quiet", "--no-tags", "--depth=1"), (sha,))
    if fetched.returncode:
        why = _why(fetched.stderr)
        if "not our ref" in why or "no such ref" in why or "couldn't find remote ref" in why:
            raise Gone(f"The commit {sha} is no longer there.")
        raise TryAgain(f"The commit {sha} cannot be fetched from {_address(url)}: {why}.")


def fetch_tag_messages(url: str, choose: Callable[[Iterable[str]], Iterable[str]]) -> dict[str, str]:
    """The messages of the commits behind those of the server's tags that are chosen, MAX_TAGS at most.

    TryAgain: the server does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="mlreef-tags-") as folder:
        directory = Path(folder)
        done = [_git(directory, "init", "--quiet", "--bare", ".")]
        done.append(_ask_server(directory, url, ("ls-remote", "--quiet", "--refs", "--tags"), ()))
        refs = (line.partition("\t")[2] for line in done[-1].stdout.decode("utf-8", "replace").splitlines())
        names = list(islice(choose(ref.removeprefix(_TAGS) for ref in refs), MAX_TAGS))
        if names:
            specs = [f"+{_TAGS}{name}:{_TAGS}{name}" for name in names]
            words = ("fetch", "--quiet", "--no-tags", "--depth=1", "--filter=tree:0")
            done.append(_ask_server(directory, url, words, specs))
        failed = next((one for one in done if one.returncode), None)
        if failed is not None:
            raise TryAgain(f"The tags cannot be fetched from {_address(url)}: {_why(failed.stderr)}.")
        return {
            name: _git(directory, "log", "-1", "--format=%B", f"{_TAGS}{name}", "--").stdout.decode(
                "utf-8", "replace"
            )
            for name in names
        }


def _ask_server(
    directory: Path, url: str, words: Sequence[str], refs: Sequence[str]
) -> subprocess.CompletedProcess[bytes]:
    """Git's answer to a question for a server; a password in the URL goes to that and nowhere else."""
    bare_url, header = _without_password(url)
    settings = {f"http.{bare_url}.extraHeader": header} if header else {}
    return _git(directory, *words, bare_url, *refs, seconds=FETCH_SECONDS, settings=settings, reach={})


def _address(url: str) -> str:
    """The URL as it may be told."""
    return _without_password(url)[0]


def _without_password(url: str) -> tuple[str, str | None]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.username is None:
        return url, None
    account = f"{parts.username}:{parts.password or ''}"
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, f"Authorization: Basic {base64.b64encode(account.encode()).decode('ascii')}"


def _git(
    directory: Path,
    *words: str,
    seconds: float = READ_SECONDS,
    settings: dict[str, str] | None = None,
    reach: Mapping[str, str] = HERE,
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [*_command(directory), *words],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            env=_environment(reach, settings),
        )
    except subprocess.TimeoutExpired as error:
        raise TryAgain(f"git {words[0]} took longer than {seconds:.0f} seconds.") from error
    except FileNotFoundError as error:
        raise OperatorError(
            "There is no git here.", "Install git, or use the image of mlreef-bot."
        ) from error


def _command(directory: Path) -> list[str]:
    # A runner's checkout often belongs to another user; hooks and helpers of the checkout must not run.
    options = ("safe.directory=*", "core.hooksPath=/dev/null", "core.fsmonitor=false", "credential.helper=")
    return ["git", "-C", str(directory), *(word for option in options for word in ("-c", option))]


def _environment(reach: Mapping[str, str], settings: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    kept |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C.UTF-8", **reach}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("GIT_SSL_")}
    kept["GIT_CONFIG_COUNT"] = str(len(settings or {}))
    for index, (name, value) in enumerate((settings or {}).items()):
        kept[f"GIT_CONFIG_KEY_{index}"] = name
        kept[f"GIT_CONFIG_VALUE_{index}"] = value
    return kept


def _why(words: bytes) -> str:
    """The line of git's complaint that says most."""
    lines = words.decode("utf-8", "replace").strip().splitlines() or ["it did not say why"]
    said = [line.removeprefix("remote: ") for line in lines if line.startswith(("fatal: ", "remote: "))]
    return (said[0] if said else lines[-1]).removeprefix("fatal: ").rstrip(".")
