"""A proxy like those that people put in front of several collectors: each request goes to another one of them.

A collector that does not take the connection is passed over, as every proxy does. One that dies within a request takes
the client's connection with it: what it had done nobody knows.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE_BYTES = 1 << 16
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})


class HoppingProxy:
    """`ports` are those of the collectors, which may change at any time; `served` counts the requests of each."""

    def __init__(self, seed: int = 1) -> None:
        self.ports: list[int] = []
        self.served = Counter[int]()
        self._chance, self._guard = random.Random(seed), threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                try:
                    server = outer._connected()
                    if server is None:
                        self.send_error(502, "no collector")
                        self.close_connection = True
                        return
                    with contextlib.closing(server):
                        self._exchange(server)
                except (OSError, http.client.HTTPException):
                    self.close_connection = True

            def _exchange(self, server: http.client.HTTPConnection) -> None:
                server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP:
                        server.putheader(name, value)
                server.putheader("X-Forwarded-For", self.client_address[0])
                server.endheaders()
                left = int(self.headers.get("Content-Length", 0))
                while left and (piece := self.rfile.read(min(PIECE_BYTES, left))):
                    server.send(piece)
                    left -= len(piece)
                found = server.getresponse()
                data = found.read()
                self.send_response_only(found.status)
                for name, value in found.getheaders():
                    if name.lower() not in (*_HOP, "content-length"):
                        self.send_header(name, value)
                has_length = self.command == "HEAD" or found.status in (204, 304)
                if not has_length:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_words: Any) -> None:
                return None

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _pass_on  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_words: None  # type: ignore[method-assign]  # a client that left
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="hopping-proxy")
        self._thread.start()

    def _connected(self) -> http.client.HTTPConnection | None:
        """A connection to any collector that takes one."""
        with self._guard:
            ports = self._chance.sample(self.ports, len(self.ports))
        for port in ports:
            server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                server.connect()
            except OSError:
                continue
            with self._guard:
                self.served[port] += 1
            return server
        return None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def hopping() -> Iterator[HoppingProxy]:
    proxy = HoppingProxy()
    try:
        yield proxy
    finally:
        proxy.close()
