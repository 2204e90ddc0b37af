"""A virus scanner looks at every part of a capture before there is a receipt: clamd, by its INSTREAM command.

A part longer than `stream_bytes` is looked at in pieces that overlap, because clamd takes no stream longer than its
StreamMaxLength. A scanner that does not answer, or cannot look, delays captures and loses none: the job is tried again.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from collector.setting_tables import ScanSettings
from collector.store.blobs_local import disk_errors
from wire.errors import GleanerError

CHUNK_BYTES = 256 * 2**10
OVERLAP_BYTES = 64 * 2**10
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 180.0
MAX_ANSWER_BYTES = 4096


class ScannerFailed(GleanerError):
    """The virus scanner does not answer, or cannot look at what it is given. Captures wait."""

    code = "scanner-failed"
    status = 503
    exit_code = 3
    retryable = True
    hint = "Look after clamd and the setting scan (docs/collector.md, Virus scanner). Nothing is lost meanwhile."


def scan_parts(settings: ScanSettings, parts: Mapping[str, Path]) -> str | None:
    """One sentence on the first part in which something was found; None: nothing was. Raises ScannerFailed."""
    for name, path in parts.items():
        if path.exists() and (found := scan_file(settings, path)) is not None:
            return f"The virus scanner found {found} in its part {name}."
    return None


def scan_file(settings: ScanSettings, path: Path) -> str | None:
    """The name of what was found; None: nothing was. Raises ScannerFailed, StorageUnusable."""
    with disk_errors("A part cannot be read"), path.open("rb") as file:
        for start in _starts(path.stat().st_size, settings.stream_bytes):
            file.seek(start)
            found = _found(_stream(settings, file))
            if found is not None:
                return found
    return None


def scanner_problem(settings: ScanSettings) -> str | None:
    """Why the scanner does not work, in one sentence; None: it answers, or there is none."""
    if settings.clamd is None:
        return None
    try:
        answer = _ask(settings, b"zPING\0", iter(()), CONNECT_SECONDS)
    except ScannerFailed as error:
        return error.message
    return None if answer == "PONG" else f"The virus scanner {settings.clamd} answers {answer[:80]!r} to a PING."


def _starts(size: int, most: int) -> Iterator[int]:
    yield from range(0, max(1, size - OVERLAP_BYTES), most - OVERLAP_BYTES)


def _stream(settings: ScanSettings, file: BinaryIO) -> str:
    def chunks() -> Iterator[bytes]:
        left = settings.stream_bytes
        while left and (data := file.read(min(CHUNK_BYTES, left))):
            yield struct.pack(">I", len(data)) + data
            left -= len(data)
        yield struct.pack(">I", 0)

    return _ask(settings, b"zINSTREAM\0", chunks(), ANSWER_SECONDS)


def _found(answer: str) -> str | None:
    verdict = answer.removeprefix("stream: ")
    if verdict == "OK":
        return None
    if verdict.endswith(" FOUND"):
        return verdict.removesuffix(" FOUND")
    if "size limit exceeded" in answer:
        raise ScannerFailed(
            "The virus scanner takes less at once than the setting scan.stream_bytes.",
            hint="Make stream_bytes as small as StreamMaxLength in clamd.conf, or raise that one.",
        )
    raise ScannerFailed(f"The virus scanner could not look at a part: {answer[:200]!r}.")


def _ask(settings: ScanSettings, command: bytes, chunks: Iterator[bytes], seconds: float) -> str:
    """What clamd answers to one command. Raises ScannerFailed."""
    try:
        with _connected(settings) as connection:
            connection.settimeout(seconds)
            # clamd answers and ends the connection in the middle of a stream that is too long.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(command)
                for chunk in chunks:
                    connection.sendall(chunk)
            answer = b""
            while not answer.endswith(b"\0") and len(answer) < MAX_ANSWER_BYTES:
                data = connection.recv(MAX_ANSWER_BYTES)
                if not data:
                    break
                answer += data
    except OSError as error:
        why = error.strerror or str(error)
        raise ScannerFailed(f"The virus scanner {settings.clamd} does not answer: {why}.") from error
    if not answer:
        raise ScannerFailed(f"The virus scanner {settings.clamd} ended the connection without an answer.")
    return answer.rstrip(b"\0\n").decode(errors="replace")


def _connected(settings: ScanSettings) -> socket.socket:
    place = settings.place
    if isinstance(place, tuple):
        return socket.create_connection(place, CONNECT_SECONDS)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(CONNECT_SECONDS)
        made.connect(place)
    except BaseException:
        made.close()
        raise
    return made
