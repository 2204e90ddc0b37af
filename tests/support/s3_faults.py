"""An S3 server that fails: a proxy in front of a good one, which spoils some of the requests.

It answers 500 or 503 SlowDown, resets the connection before or after the server has done what was asked, and cuts
answers off in their middle.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

FAULTS = ("500", "503", "reset-before", "reset-after", "cut")
_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive"})


class FailingServer:
    """`spoiled` counts what was done to requests; `share` may be changed at any time."""

    def __init__(self, endpoint: str, share: float, seed: int) -> None:
        self.share, self.spoiled = share, Counter[str]()
        self._chance, self._guard = random.Random(seed), threading.Lock()
        upstream = urlsplit(endpoint).netloc
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = outer._fault()
                if fault in ("500", "503"):
                    code = "InternalError" if fault == "500" else "SlowDown"
                    return self._answer(int(fault), {}, _ERROR.format(code=code).encode())
                if fault == "reset-before":
                    return self._reset()
                server = http.client.HTTPConnection(upstream, timeout=60)
                with contextlib.closing(server):
                    server.request(self.command, self.path, body, dict(self.headers))
                    found = server.getresponse()
                    data = found.read()
                if fault == "reset-after":
                    return self._reset()
                headers = {name: value for name, value in found.getheaders() if name.lower() not in _HOP}
                return self._answer(found.status, headers, data, is_cut=fault == "cut")

            def _answer(self, status: int, headers: dict[str, str], data: bytes, is_cut: bool = False) -> None:
                if self.command != "HEAD":
                    headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
                    headers["Content-Length"] = str(len(data))
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if is_cut:
                    self.wfile.write(data[: len(data) // 2])
                    return self._reset()
                return self.wfile.write(data) and None

            def _reset(self) -> None:
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

            def finish(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    super().finish()

            def log_message(self, *_words: Any) -> None:
                return None

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_words: None  # type: ignore[method-assign]  # a client that left
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="s3-faults")
        self._thread.start()

    def _fault(self) -> str | None:
        with self._guard:
            fault = self._chance.choice(FAULTS) if self._chance.random() < self.share else None
            self.spoiled[fault or "none"] += 1
            return fault

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def failing(endpoint: str, share: float = 0.1, seed: int = 1) -> Iterator[FailingServer]:
    """In front of a server, until the end of the block: so many of its requests fail."""
    server = FailingServer(endpoint, share, seed)
    try:
        yield server
    finally:
        server.close()
