"""Files as one ZIP archive without compression, piece by piece: media are compressed by their own formats.

Format: PKWARE APPNOTE 6.3.10, with ZIP64 where a file, the archive or the count of files is too large for the old one.
What is known of the files so far waits on disk, so memory does not grow with their number.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

PIECE = 1 << 20
LARGE, MANY = 0xFFFFFFFF, 0xFFFF  # from here on a number is in a ZIP64 record, and its old field has these bits
_32, _16 = LARGE, MANY
_UTF8 = 0x0800
_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8
_FILE_MODE = 0o100644 << 16
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")


class FileChanged(OSError):
    """A file got longer or shorter while it was read."""


def zip_pieces(
    members: Iterable[tuple[str, Path]], made_at: datetime, scratch: Path, taken: Callable[[Path], None]
) -> Iterator[bytes]:
    """The archive of some files, in pieces of about 1 MiB.

    Args:
        members: the name in the archive and the file of each, in their order.
        made_at: the time of every file in it.
        scratch: a folder for what waits.
        taken: called with a file once whoever reads has all pieces of it but the last one.

    Raises:
        OSError.
    """
    held = bytearray()
    for piece in _pieces(members, _dos_time(made_at), scratch, taken):
        held += piece
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _pieces(
    members: Iterable[tuple[str, Path]], time: tuple[int, int], scratch: Path, taken: Callable[[Path], None]
) -> Iterator[bytes]:
    offset = count = 0
    with tempfile.TemporaryFile(dir=scratch) as central:
        for name, path in members:
            crc, size = _crc_of(path)
            header = _local_header(name.encode(), time, crc, size)
            yield header
            yield from _read(path, size)
            central.write(_central_header(name.encode(), time, crc, size, offset))
            offset += len(header) + size
            count += 1
            taken(path)
        length = central.tell()
        yield from _back(central)
    yield _end(count, length, offset)


def _crc_of(path: Path) -> tuple[int, int]:
    crc = size = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
    return crc, size


def _read(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            size -= len(piece)
            yield piece
    if size:
        raise FileChanged(f"{path.name} has changed while it was read")


def _back(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


def _local_header(name: bytes, time: tuple[int, int], crc: int, size: int) -> bytes:
    is_large = size >= LARGE
    extra = struct.pack("<2H2Q", 1, 16, size, size) if is_large else b""
    shown = _field(size)
    version = _VERSION_64 if is_large else _VERSION
    fixed = _LOCAL.pack(b"PK\3\4", version, _UTF8, 0, *time, crc, shown, shown, len(name), len(extra))
    return fixed + name + extra


def _central_header(name: bytes, time: tuple[int, int], crc: int, size: int, offset: int) -> bytes:
    large = [size, size] if size >= LARGE else []
    large += [offset] if offset >= LARGE else []
    extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    version = _VERSION_64 if large else _VERSION
    fixed = _CENTRAL.pack(
        b"PK\1\2", _UNIX | version, version, _UTF8, 0, *time, crc, _field(size), _field(size),
        len(name), len(extra), 0, 0, 0, _FILE_MODE, _field(offset),
    )  # fmt: skip
    return fixed + name + extra


def _end(count: int, length: int, offset: int) -> bytes:
    """The records behind the central directory of `length` bytes at `offset`."""
    short = _16 if count >= MANY else count
    old = _END.pack(b"PK\5\6", 0, 0, short, short, _field(length), _field(offset), 0)
    if count < MANY and length < LARGE and offset < LARGE:
        return old
    new = _END_64.pack(
        b"PK\6\6", _END_64.size - 12, _UNIX | _VERSION_64, _VERSION_64, 0, 0, count, count, length, offset
    )
    return new + _LOCATOR_64.pack(b"PK\6\7", 0, offset + length, 1) + old


def _field(value: int) -> int:
    return _32 if value >= LARGE else value


def _dos_time(at: datetime) -> tuple[int, int]:
    """Time and date with a resolution of two seconds."""
    year = min(max(at.year, 1980), 2107) - 1980
    return at.hour << 11 | at.minute << 5 | at.second // 2, year << 9 | at.month << 5 | at.day
