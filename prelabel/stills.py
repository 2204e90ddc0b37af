"""Pictures from files: looked at from outside first, so that a huge one never reaches the memory."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from wire.errors import GleanerError

Image = NDArray[np.uint8]
MOST_PIXELS = 100_000_000  # a 100 megapixel picture is 300 MB once decoded
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame, of whatever coding
_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*")
# OpenCV would tell of a damaged file on standard error, in words of its own.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class PictureTooLarge(GleanerError):
    """A picture with more pixels than are decoded here."""

    code = "picture-too-large"
    status = 413
    hint = f"Scale it down, or cut it into pieces of at most {MOST_PIXELS // 1_000_000} megapixels."


class PictureUnreadable(GleanerError):
    """A picture file that is cut off, damaged or no picture."""

    code = "picture-unreadable"
    status = 422
    hint = "Open it in a viewer; get the file again if it does not open there."


def is_picture(head: bytes) -> bool:
    """Whether a file that begins like this is a still: JPEG, PNG, BMP, TIFF or WebP."""
    return head.startswith(_HEADS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def read_picture(path: Path) -> Image:
    """A still as H x W x 3 (uint8, BGR), turned upright as its EXIF orientation says, which is how browsers show it.

    Raises:
        PictureTooLarge: more than `MOST_PIXELS`; told by the header, nothing is decoded.
        PictureUnreadable: cut off, damaged, or no picture.
    """
    width, height = _size(path)
    if width * height > MOST_PIXELS:
        raise PictureTooLarge(f"{path} is {width} x {height}, {width * height / 1e6:.0f} megapixels.")
    data = path.read_bytes()
    picture = None if _is_cut(data) else cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if picture is None or 0 in picture.shape:
        raise PictureUnreadable(f"{path} cannot be decoded: it is cut off or damaged.")
    decoded: Image = picture
    return decoded


def _is_cut(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end: OpenCV would fill the rest with grey and say nothing."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9", len(data) // 2) < 0  # the first half may hold the end of a thumbnail
    return data.startswith(b"\x89PNG") and data.rfind(b"IEND", len(data) // 2) < 0


def _size(path: Path) -> tuple[int, int]:
    """Width and height as the header says them: no library is asked, for some decode a picture to tell its size."""
    with path.open("rb") as file:
        head = file.read(32)
        told = None
        for begins, reader in _READERS:
            if head.startswith(begins):
                told = reader(head, file)
    if told is None or 0 in told:
        raise PictureUnreadable(f"{path} does not say how large it is: it is cut off or damaged.")
    return told


def _png_size(head: bytes, _file: BinaryIO) -> tuple[int, int] | None:
    """ISO 15948: IHDR is the first chunk."""
    return (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) if len(head) >= 24 else None


def _bmp_size(head: bytes, _file: BinaryIO) -> tuple[int, int] | None:
    """BITMAPINFOHEADER, in which rows from the top down have a negative height, or the older BITMAPCOREHEADER."""
    if head[14:18] == b"\x0c\0\0\0":
        return int.from_bytes(head[18:20], "little"), int.from_bytes(head[20:22], "little")
    width, height = (int.from_bytes(head[at : at + 4], "little", signed=True) for at in (18, 22))
    return (abs(width), abs(height)) if len(head) >= 26 else None


def _jpeg_size(_head: bytes, file: BinaryIO) -> tuple[int, int] | None:
    """ITU T.81: the start of frame, whatever lies before it."""
    file.seek(2)
    while (marker := file.read(4)) and len(marker) == 4 and marker[0] == 0xFF:
        kind, length = marker[1], int.from_bytes(marker[2:])
        if kind == 0xFF:  # a filling byte before the marker
            file.seek(-3, 1)
            continue
        if kind in _FRAMES:
            frame = file.read(5)
            return int.from_bytes(frame[3:5]), int.from_bytes(frame[1:3])
        if length < 2:
            return None
        file.seek(length - 2, 1)
    return None


def _webp_size(head: bytes, _file: BinaryIO) -> tuple[int, int] | None:
    """RFC 9649: a canvas of its own (VP8X), a lossless picture (VP8L) or a lossy one (VP8)."""
    kind, body = head[12:16], head[20:]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _tiff_size(head: bytes, file: BinaryIO) -> tuple[int, int] | None:
    """TIFF 6.0: ImageWidth (256) and ImageLength (257) of the first directory, 16 or 32 bits each."""
    order: Literal["little", "big"] = "little" if head.startswith(b"II") else "big"
    file.seek(int.from_bytes(head[4:8], order))
    found = {}
    for _ in range(int.from_bytes(file.read(2), order)):
        row = file.read(12)
        if len(row) < 12:
            return None
        width = 2 if int.from_bytes(row[2:4], order) == 3 else 4
        found[int.from_bytes(row[:2], order)] = int.from_bytes(row[8 : 8 + width], order)
    return (found[256], found[257]) if 256 in found and 257 in found else None


_READERS = (
    (b"\xff\xd8", _jpeg_size), (b"\x89PNG", _png_size), (b"BM", _bmp_size), (b"RIFF", _webp_size),
    (b"II", _tiff_size), (b"MM", _tiff_size),
)  # fmt: skip
