"""Virus scanners on loopback that know one harmless pattern: a small server that speaks clamd's protocol, and clamd."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.needs import need
from tests.support.listening import ThreadedServer
from tests.support.waiting import until

PATTERN = b"gleaner-harmless-test-pattern"
NAME = "Gleaner.Test.Pattern.UNOFFICIAL"
STREAM_BYTES = 2 * 2**20  # the most that either takes at once


class SmallScanner:
    """clamd's PING and INSTREAM on a socket of its own. `seen`: how many streams were looked at."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix:{path}"
        self.seen = 0
        self.answer: bytes | None = None  # in place of the true one
        self._path = path
        self._server = ThreadedServer(self._listen, self._serve)
        self.start, self.stop = self._server.start, self._server.stop
        self.start()

    def _listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen()
        return listener

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, struct.error), connection.makefile("rb") as stream:
            command = b""
            while not command.endswith(b"\0"):
                command += stream.read(1)
            answer = b"PONG" if command == b"zPING\0" else self._looked(stream)
            connection.sendall((self.answer or answer) + b"\0")

    def _looked(self, stream: object) -> bytes:
        data = b""
        while size := struct.unpack(">I", stream.read(4))[0]:  # type: ignore[attr-defined]
            data += stream.read(size)  # type: ignore[attr-defined]
            if len(data) > STREAM_BYTES:
                return b"INSTREAM size limit exceeded. ERROR"
        self.seen += 1
        return f"stream: {NAME} FOUND".encode() if PATTERN in data else b"stream: OK"


@contextlib.contextmanager
def clamd(folder: Path) -> Iterator[str]:
    """The address of a clamd of this machine with a database of the one pattern, until the end of the block."""
    program = shutil.which("clamd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    need(program, "clamd is missing: apt-get install clamav-daemon")
    database = folder / "signatures"
    database.mkdir()
    (database / "own.ndb").write_text(f"{NAME.removesuffix('.UNOFFICIAL')}:0:*:{PATTERN.hex()}\n")
    lines = (f"DatabaseDirectory {database}", f"LocalSocket {folder}/clamd.ctl", f"StreamMaxLength {STREAM_BYTES}")
    (folder / "clamd.conf").write_text("\n".join((*lines, "Foreground yes", "")))
    with (folder / "clamd.log").open("wb") as log:
        process = subprocess.Popen([str(program), "-c", str(folder / "clamd.conf")], stdout=log, stderr=log)
    try:
        until(lambda: (folder / "clamd.ctl").exists() or process.poll() is not None)
        assert process.poll() is None, (folder / "clamd.log").read_text()
        yield f"unix:{folder}/clamd.ctl"
    finally:
        process.terminate()
        process.wait()
