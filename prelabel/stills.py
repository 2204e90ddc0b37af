"""Pictures from files: looked at from outside first, so that a huge one never reaches the memory."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from wire.errors import GleanerError

Image = NDArray[np.uint8]
MOST_PIXELS = 100_000_000  # a 100 megapixel picture is 300 MB once decoded
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame, of whatever coding
_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*")


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
    """Width and height as the header says them."""
    with path.open("rb") as file:
        told = _told_size(file)
    if told is not None:
        return told
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            stream = next((one for one in container.streams if one.type == "video"), None)
            if stream is None or not stream.codec_context.width:
                raise PictureUnreadable(f"{path} does not say how large it is, or is damaged.")
            return stream.codec_context.width, stream.codec_context.height
    except (av.FFmpegError, OSError) as error:
        raise PictureUnreadable(f"{path} cannot be read as a picture: {_reason(error)}.") from error


def _told_size(file: BinaryIO) -> tuple[int, int] | None:
    """The size in the header of a PNG (ISO 15948, IHDR), JPEG (ITU T.81, SOF) or BMP; None of another or damaged file.

    FFmpeg gives no size at all for a picture that it would not decode, which is when it matters.
    """
    head = file.read(26)
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
    if head.startswith(b"BM") and len(head) == 26:
        return abs(int.from_bytes(head[18:22], "little", signed=True)), abs(
            int.from_bytes(head[22:26], "little", signed=True)
        )
    if not head.startswith(b"\xff\xd8"):
        return None
    file.seek(2)
    while (marker := file.read(4)) and len(marker) == 4 and marker[0] == 0xFF:
        kind, length = marker[1], int.from_bytes(marker[2:])
        if kind == 0xFF:  # a filling byte before the marker
            file.seek(-3, 1)
            continue
        if kind in _FRAMES:
            frame = file.read(5)
            return int.from_bytes(frame[3:5]), int.from_bytes(frame[1:3])
        file.seek(length - 2, 1)
    return None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
