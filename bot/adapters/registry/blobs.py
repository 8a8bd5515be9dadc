"""Blobs: sent in one piece from where they lie, fetched piece by piece, checked by their digest on both ways."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from bot.adapters.registry.answers import PIECE_BYTES, Answer, Broken, dismiss, faults, pieces
from bot.adapters.registry.auth import Scopes, pull, push
from bot.adapters.registry.connections import SENDING
from bot.adapters.registry.wire import Wire
from bot.errors import OperatorError, Refused, TryAgain

CHUNK_BYTES = 32 * 1024 * 1024
"""Of a blob that the proxy before a registry does not take in one request; sent in pieces only then."""

MAX_BLOB_BYTES = 64 * 1024 * 1024 * 1024
"""More than this is fetched of no blob."""

Progress = Callable[[int], None]
"""Told now and then how many bytes of this blob are through; less than before when it had to begin anew."""

Opener = Callable[[], BinaryIO]

_HEX = {"sha256": 64, "sha512": 128}
_DIGEST = re.compile(r"(sha256|sha512):([0-9a-f]+)")
_RANGE = re.compile(r"bytes (\d+)-\d+/")
_OCTETS = {"Content-Type": "application/octet-stream"}


class Changed(TryAgain):
    """What is being sent is not what its digest says: the file was changed or damaged meanwhile."""


class Missing(TryAgain):
    """The repository does not hold this blob (any more)."""


class _Unreadable(Exception):
    """Carries an OSError of our own disk past the HTTP library, which takes every OSError for one of the network's."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Blobs:
    """The blobs of one registry's repositories. Safe for many threads."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._begun: dict[tuple[str, str], str] = {}
        self._closed: set[tuple[str, str]] = set()
        self._changing = threading.Lock()

    def holds(self, repository: str, digest: str) -> bool:
        """Whether the repository holds a blob."""
        what = f"the blob {digest} of {repository}"
        url = f"{self._wire.base}{_path(repository, digest)}"
        answer = self._wire.ask("HEAD", url, pull(repository), what, redirects=0)
        dismiss(answer)
        if answer.status == 404:
            return False
        # A registry redirects only to what it has; and storage services sign for GET alone.
        if 300 <= answer.status < 400:
            return True
        self._wire.good(answer, what)
        return True

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Takes a blob over from another repository of this registry. False: it has to be sent.

        A source that may not be read is asked only once.
        """
        with self._changing:
            if (repository, source) in self._closed:
                return False
        url = f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}"
        what = f"the blob {digest} of {source} for {repository}"
        try:
            answer = self._wire.ask("POST", url, push(repository) | pull(source), what, headers=_EMPTY)
        except Refused:
            answer = None
        if answer is None or answer.status in {401, 403}:
            if answer is not None:
                dismiss(answer)
            with self._changing:
                self._closed.add((repository, source))
            return False
        dismiss(answer)
        if answer.status == 202 and answer.headers.get("Location"):
            # It began an upload instead, which saves asking for one.
            with self._changing:
                self._begun[repository, digest] = self._wire.leads(answer, what)
        return answer.status == 201

    def ensure(
        self,
        repository: str,
        digest: str,
        size: int,
        opener: Opener,
        progress: Progress | None = None,
        new: bool = False,
    ) -> bool:
        """Sends a blob unless it is there; `new` does not look before. True when it was sent.

        `opener` is called for each try. Raises TryAgain, Refused, OperatorError; and OSError where the file cannot
        be read, Changed where it is no longer what its digest says.
        """
        _hasher(digest)
        if not new and self.holds(repository, digest):
            return False
        number = 1
        while True:
            try:
                self._send(repository, digest, size, opener, progress)
                return True
            except _Unreadable as unreadable:
                raise unreadable.error from None
            except Changed:
                raise
            except TryAgain as fault:
                self._wire.wait(number, fault)
                number += 1
            # Perhaps only the answer was lost.
            if self.holds(repository, digest):
                return True

    def fetch(
        self,
        repository: str,
        digest: str,
        sink: BinaryIO,
        size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Writes a blob to `sink`, going on where an answer broke off. What is there is good only on return.

        `size` in bytes, where it is known: more is not read. Raises Missing, or TryAgain when other bytes come, again
        and again where the sink can be rewound.
        """
        start = sink.tell() if sink.seekable() else None
        hasher, got, number = _hasher(digest), 0, 1
        while True:
            try:
                for piece in self._rest(repository, digest, got):
                    got += len(piece)
                    if got > (MAX_BLOB_BYTES if size is None else size):
                        break
                    hasher.update(piece)
                    sink.write(piece)
                    if progress is not None:
                        progress(got)
                if size is not None and got < size:
                    raise Broken(f"The registry {self._wire.base} cut off {digest} after {got} bytes.")
                if hasher.hexdigest() == digest.partition(":")[2]:
                    return
            except Missing:
                raise
            except TryAgain as fault:
                self._wire.wait(number, fault)
            else:
                wrong = TryAgain(
                    f"The registry {self._wire.base} answered other bytes than those of {digest}."
                )
                if start is None:
                    raise wrong
                self._wire.wait(number, wrong)
                sink.seek(start)
                sink.truncate()
                hasher, got = _hasher(digest), 0
            number += 1

    def read(self, repository: str, digest: str, limit: int) -> bytes | None:
        """A small blob; None when there is none. Raises OperatorError when it has more than `limit` bytes."""
        sink = _Bounded(limit)
        try:
            self.fetch(repository, digest, sink)
        except Missing:
            return None
        return sink.getvalue()

    def cancel(self) -> None:
        """Gives up uploads that were begun and never used. A registry that does not care forgets them itself."""
        with self._changing:
            begun, self._begun = self._begun, {}
        for (repository, _), place in begun.items():
            try:
                dismiss(self._wire.ask("DELETE", place, push(repository), "an upload", tries=1))
            except (TryAgain, Refused, OperatorError):
                return

    # Sending

    def _send(
        self, repository: str, digest: str, size: int, opener: Opener, progress: Progress | None
    ) -> None:
        what, scopes = f"the blob {digest} for {repository}", push(repository)
        with self._changing:
            place = self._begun.pop((repository, digest), None)
        place = place or self._begin(repository, scopes, what)
        answer = self._wire.ask(
            "PUT",
            _with_digest(place, digest),
            scopes,
            what,
            headers={**_OCTETS, "Content-Length": str(size)},
            body=lambda: _read(opener, digest, size, progress),
            patience=SENDING,
            tries=1,
        )
        if answer.status == 413 and size > CHUNK_BYTES:
            dismiss(answer)
            answer = self._send_in_chunks(repository, digest, size, opener, progress)
        self._check(answer, digest, what)

    def _begin(self, repository: str, scopes: Scopes, what: str) -> str:
        answer = self._wire.ask(
            "POST", f"/v2/{repository}/blobs/uploads/", scopes, what, headers=_EMPTY, tries=1
        )
        if answer.status == 404:
            raise OperatorError(
                f"The registry {self._wire.base} has no place for {repository} (HTTP 404).",
                "Create the repository there, or switch on the project's container registry.",
            )
        dismiss(self._wire.good(answer, what))
        return self._wire.leads(answer, what)

    def _send_in_chunks(
        self, repository: str, digest: str, size: int, opener: Opener, progress: Progress | None
    ) -> Answer:
        what, scopes = f"the blob {digest} for {repository}", push(repository)
        place, sent = self._begin(repository, scopes, what), 0
        with opener() as source:
            while chunk := _read_chunk(source):
                answer = self._wire.ask(
                    "PATCH",
                    place,
                    scopes,
                    what,
                    headers={**_OCTETS, "Content-Range": f"{sent}-{sent + len(chunk) - 1}"},
                    body=chunk,
                    patience=SENDING,
                    tries=1,
                )
                dismiss(self._wire.good(answer, what))
                place, sent = self._wire.leads(answer, what), sent + len(chunk)
                if progress is not None:
                    progress(sent)
        url = _with_digest(place, digest)
        return self._wire.ask("PUT", url, scopes, what, headers=_EMPTY, patience=SENDING, tries=1)

    def _check(self, answer: Answer, digest: str, what: str) -> None:
        if 200 <= answer.status < 300:
            dismiss(answer)
            told = answer.headers.get("Docker-Content-Digest", digest)
            if told != digest:
                raise TryAgain(f"The registry {self._wire.base} stored {told} instead of {what}.")
            return
        body = dismiss(answer)
        codes = {str(fault.get("code")) for fault in faults(body)}
        if answer.status in {400, 404, 416} and codes & _BEGIN_ANEW:
            raise TryAgain(
                f"The registry {self._wire.base} did not take {what}: {', '.join(sorted(codes & _BEGIN_ANEW))}."
            )
        raise self._wire.sorted(answer, what, body)

    # Fetching

    def _rest(self, repository: str, digest: str, got: int) -> Iterator[bytes]:
        """A blob's bytes from number `got` on."""
        what = f"the blob {digest} of {repository}"
        headers = {"Range": f"bytes={got}-"} if got else {}
        answer = self._wire.ask(
            "GET", _path(repository, digest), pull(repository), what, headers=headers, tries=1
        )
        if answer.status == 404:
            dismiss(answer)
            raise Missing(f"The registry {self._wire.base} does not have {what}.")
        if answer.status == 416 and got:
            dismiss(answer)
            return
        begins = 0
        if answer.status == 206:
            span = _RANGE.match(answer.headers.get("Content-Range", ""))
            begins = int(span[1]) if span else got
        self._wire.good(answer, what)
        if begins > got:
            answer.close()
            raise Broken(
                f"The registry {self._wire.base} answered another part of {what} than was asked for."
            )
        # A registry that knows no ranges begins anew: what is here already is passed over.
        passed = got - begins
        for piece in pieces(answer):
            yield piece[passed:]
            passed = max(passed - len(piece), 0)


class _Bounded(io.BytesIO):
    """A buffer that takes no more than it should."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, piece: Any) -> int:
        if self.tell() + len(piece) > self._limit:
            raise OperatorError(
                f"The registry's answer is bigger than {self._limit} bytes.",
                "Check that this is an image, and that this address is a container registry.",
            )
        return super().write(piece)


_EMPTY = {"Content-Length": "0"}
_BEGIN_ANEW = {
    "BLOB_UPLOAD_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "DIGEST_INVALID",
    "SIZE_INVALID",
    "RANGE_INVALID",
}


def _path(repository: str, digest: str) -> str:
    return f"/v2/{repository}/blobs/{digest}"


def _with_digest(place: str, digest: str) -> str:
    return f"{place}{'&' if '?' in place else '?'}digest={digest}"


def _hasher(digest: str) -> hashlib._Hash:
    match = _DIGEST.fullmatch(digest)
    if match is None or len(match[2]) != _HEX[match[1]]:
        raise OperatorError(
            f"{digest!r} is no digest that can be checked.", "Name the image by a sha256 digest."
        )
    return hashlib.new(match[1])


def _read(opener: Opener, digest: str, size: int, progress: Progress | None) -> Iterator[bytes]:
    """A blob's bytes. The last ones are held back until all are known to be right: a wrong blob never arrives."""
    hasher, sent = _hasher(digest), 0
    try:
        with opener() as source:
            piece = source.read(PIECE_BYTES)
            while piece:
                following = source.read(PIECE_BYTES)
                hasher.update(piece)
                sent += len(piece)
                if not following:
                    break
                yield piece
                if progress is not None:
                    progress(sent)
                piece = following
    except OSError as error:
        raise _Unreadable(error) from error
    if sent != size or hasher.hexdigest() != digest.partition(":")[2]:
        raise Changed(f"The bytes to send are not those of {digest}: they were changed or damaged meanwhile.")
    if piece:
        yield piece
        if progress is not None:
            progress(sent)


def _read_chunk(source: BinaryIO) -> bytes:
    try:
        return source.read(CHUNK_BYTES)
    except OSError as error:
        raise _Unreadable(error) from error
