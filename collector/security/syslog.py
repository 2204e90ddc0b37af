"""Lines of the security log as syslog messages (RFC 5424), over TLS (RFC 5425) or TCP to this machine (RFC 6587).

    252 <84>1 2026-11-30T15:20:01.123456Z gleaner-1 gleaner-collector - refused - {"n": 7, "at": "…", …}

The message is the whole line, so that the chain of hashes can be checked at the other side, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import select
import socket
import ssl
import struct
import termios
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collector.setting_tables import SYSLOG_PORTS, SecurityLogSettings

AUTHORISATION = 10  # the facility of messages about access
WARNING, NOTICE = 4, 5
NAME = "gleaner-collector"
CONNECT_SECONDS = 10.0
TAKE_SECONDS = 30.0  # a receiver that takes nothing for so long has failed
LOOK_SECONDS = 0.01


class ReceiverEnded(OSError):
    """The other side ended the connection."""


def framed_message(row: dict[str, Any], line: bytes, host: str) -> bytes:
    """A line as a message with its length in front. `row`: the line, parsed."""
    event = str(row.get("event", ""))
    severity = WARNING if "refused" in event or event == "left-out" else NOTICE
    words = (f"<{AUTHORISATION * 8 + severity}>1", _word(row.get("at"), 64), _word(host, 255), NAME, "-")
    message = " ".join((*words, _word(event, 32), "- ")).encode("ascii") + line.rstrip(b"\n")
    return b"%d %s" % (len(message), message)


def _word(value: object, longest: int) -> str:
    return re.sub(r"[^\x21-\x7e]", "?", str(value or ""))[:longest] or "-"


class SyslogConnection:
    """A connection to the other side. Every method raises OSError when it has failed."""

    def __init__(self, settings: SecurityLogSettings) -> None:
        """Connect. The certificate of the other side has to be of the authorities named, and for its name."""
        found = urlsplit(settings.to or "")
        host, port = found.hostname or "", found.port or SYSLOG_PORTS[found.scheme]
        self._socket = socket.create_connection((host, port), CONNECT_SECONDS)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if found.scheme == "syslog+tls":
                self._socket = _tls(settings.ca, settings.cert, settings.key).wrap_socket(
                    self._socket, server_hostname=host
                )
        except BaseException:
            self._socket.close()
            raise

    def send(self, data: bytes) -> None:
        """Send, and wait until the other machine has it (TCP has acknowledged every byte)."""
        self._socket.settimeout(TAKE_SECONDS)
        self._socket.sendall(data)
        end = time.monotonic() + TAKE_SECONDS
        while self._bytes_on_the_way():
            self.wait(LOOK_SECONDS)
            if time.monotonic() > end:
                raise TimeoutError("it takes nothing any more")

    def wait(self, seconds: float) -> None:
        """Wait, or notice that the other side has ended the connection."""
        if not select.select([self._socket], [], [], seconds)[0]:
            return
        self._socket.settimeout(0.0)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            if not self._socket.recv(4096):
                raise ReceiverEnded("it ended the connection")

    def end(self, seconds: float) -> bool:
        """Say that nothing follows. True: the other side ended the connection in turn, so it has read everything."""
        try:
            self._socket.settimeout(seconds)
            if isinstance(self._socket, ssl.SSLSocket):
                with contextlib.suppress(ssl.SSLEOFError):  # many end without a word of TLS
                    self._socket = self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)
            while self._socket.recv(4096):
                pass
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()

    def _bytes_on_the_way(self) -> int:
        answer = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        return int(struct.unpack("i", answer)[0])


def _tls(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context
