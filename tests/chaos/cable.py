"""The cable between a machine and its database, which can be cut."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that says nothing when it is closed but: there is no such connection."""


class Cable:
    """Forwards TCP connections to a port of this machine until it is cut. A context manager.

    While it is cut, the database has given the sessions up, and the machine hears nothing at all. When it is mended
    the machine learns that its sessions are gone.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._cut = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where the machine connects to."""
        port: int = self._server.getsockname()[1]
        return port

    def __enter__(self) -> Cable:
        self._accepting = threading.Thread(target=self._accept, name="cable", daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closed alone it would go on listening for as long as the thread waits in it.
        self._server.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._server.close()
        self.cut()
        self.mend()

    def cut(self) -> None:
        """From now on nothing gets through."""
        self._cut.set()
        with self._lock:
            for _, inner in self._pairs:
                with suppress(OSError):
                    inner.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """From now on new connections get through; those of before are gone."""
        with self._lock:
            gone, self._pairs = self._pairs, []
        self._cut.clear()
        for outer, inner in gone:
            with suppress(OSError):
                outer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                outer.shutdown(socket.SHUT_RDWR)
            outer.close()
            inner.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                outer, _ = self._server.accept()
                inner = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self._pairs.append((outer, inner))
                for source, target in ((outer, inner), (inner, outer)):
                    threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._cut.is_set():
                    return
                target.sendall(data)
        if not self._cut.is_set():
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
