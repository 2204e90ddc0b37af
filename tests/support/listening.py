"""What test servers have in common: a socket that listens, and a thread for each connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable


class ThreadedServer:
    """Stopped and started again at the same place. `serve` is called with each connection and closes it."""

    def __init__(self, listen: Callable[[], socket.socket], serve: Callable[[socket.socket], None]) -> None:
        self.connections: list[socket.socket] = []
        self._listen, self._serve = listen, serve
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self._listener = listener = self._listen()
        self._begin(lambda: self._accept(listener))

    def stop(self, end: Callable[[socket.socket], None] = lambda connection: None) -> None:
        """`end` is called with each connection there was, before their threads are waited for."""
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            end(connection)
        for thread in self._threads:
            thread.join()
        self.connections, self._threads = [], []

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            self._begin(lambda connection=connection: self._serve(connection))  # type: ignore[misc]
