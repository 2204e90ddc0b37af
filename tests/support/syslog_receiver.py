"""A syslog server on loopback that reads framed messages over TLS or TCP, as rsyslog and syslog-ng do."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

from collector.tls.authority import SERVER, SERVER_KEY
from tests.support.listening import ThreadedServer

HEADER = re.compile(rb"<(\d+)>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|\[.*?\]) ", re.S)


class SyslogServer:
    """`rows`: the lines that arrived, parsed; `messages`: their headers. Closed and opened on the same port."""

    def __init__(self, certificate: Path | None = None, clients_of: Path | None = None) -> None:
        """`certificate`: folder of SERVER and SERVER_KEY, None for plain TCP; `clients_of`: whose certificates it asks
        for.
        """
        self.rows: list[dict[str, Any]] = []
        self.messages: list[tuple[str, ...]] = []
        self.port = 0
        self.takes = True
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate / SERVER, certificate / SERVER_KEY)
            if clients_of is not None:
                self._tls.verify_mode = ssl.CERT_REQUIRED
                self._tls.load_verify_locations(clients_of)
        self._server = ThreadedServer(self._listen, self._serve)
        self.start = self._server.start
        self.start()

    @property
    def numbers(self) -> list[int]:
        return [row["n"] for row in self.rows]

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        return listener

    def stop(self) -> None:
        """As a machine that is switched off: connections end with a reset, what was on the way is lost."""
        self._server.stop(_reset)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._server.connections.append(connection)
                stack.callback(connection.close)
            stream = stack.enter_context(connection.makefile("rb"))
            while length := self._length(stream):
                self._read(stream.read(length))

    @staticmethod
    def _length(stream: Any) -> int:
        digits = b""
        while (byte := stream.read(1)) not in (b"", b" "):
            digits += byte
        return int(digits or b"0")

    def _read(self, message: bytes) -> None:
        found = HEADER.match(message)
        assert found is not None, message
        if self.takes:
            self.messages.append(tuple(group.decode() for group in found.groups()))
            self.rows.append(json.loads(message[found.end() :]))


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
