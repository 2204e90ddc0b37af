"""Pictures from files: looked at from outside first, so that a huge one never reaches the memory."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Literal

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.media.opencv_log import silence_opencv
from wire.errors import GleanerError

Image = NDArray[np.uint8]
MAX_PIXELS = 100_000_000  # a 100 megapixel picture is 300 MB once decoded
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame, of whatever coding
# ISO 23008-12 and AVIF: brands of a file of one picture; those of sequences (msf1, hevc, avis) are videos.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")
_QUARTERS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_GIF_TRAILER = b"\x3b"
_HEAD_BYTES = 64 * 1024
_MAX_DIRECTORIES = 100
_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*")
silence_opencv()


class PictureTooLarge(GleanerError):
    """A picture with more pixels than are decoded here."""

    code = "picture-too-large"
    status = 413
    hint = f"Scale it down, or cut it into pieces of at most {MAX_PIXELS // 1_000_000} megapixels."


class PictureUnreadable(GleanerError):
    """A picture file that is cut off, damaged or no picture."""

    code = "picture-unreadable"
    status = 422
    hint = "Open it in a viewer; copy it again if it does not open there."


def is_picture(head: bytes) -> bool:
    """Whether a file that begins like this is a picture: JPEG, PNG, BMP, TIFF, WebP, HEIC or AVIF."""
    return head.startswith(_HEADS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or _is_heif(head)


def is_still(path: Path) -> bool:
    """Whether a file is one picture that `read_picture` reads; a PNG or GIF that moves is a video.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"GIF8"):
        return _has_one_frame(path)
    # APNG 1.0: acTL lies before the picture's data.
    moving = head.startswith(b"\x89PNG") and b"acTL" in head.partition(b"IDAT")[0]
    return is_picture(head) and not moving


def read_picture(path: Path) -> Image:
    """A still as H x W x 3 (uint8, BGR), turned upright as its EXIF orientation says, which is how browsers show it.

    Raises:
        PictureTooLarge: more than `MAX_PIXELS`; told by the header, nothing is decoded.
        PictureUnreadable: cut off, damaged, no picture, or several in one file.
    """
    with path.open("rb") as file:
        head = file.read(32)
    if _is_heif(head) or head.startswith(b"GIF8"):
        return _read_with_ffmpeg(path)
    width, height = _size(path)
    if width * height > MAX_PIXELS:
        raise PictureTooLarge(f"{path} is {width} x {height}, {width * height / 1e6:.0f} megapixels.")
    data = path.read_bytes()
    if _holds_several(data):
        raise PictureUnreadable(
            f"{path} holds several pictures, of which a label could mean any.",
            hint="Save each of them as a file, or the moving ones as a video.",
        )
    picture = None if _is_cut(data) else cv2.imdecode(np.frombuffer(data, dtype=np.uint8), _way(data))
    if picture is None or 0 in picture.shape:
        raise PictureUnreadable(f"{path} cannot be decoded: it is cut off or damaged.")
    decoded: Image = picture
    return decoded


def _is_cut(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end: OpenCV would fill the rest with grey and say nothing."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(b"\xff\xd9", len(data) // 2) < 0  # the first half may hold the end of a thumbnail
    return data.startswith(b"\x89PNG") and data.rfind(b"IEND", len(data) // 2) < 0


def _way(data: bytes) -> int:
    """How OpenCV reads it: browsers turn JPEG, PNG and TIFF as EXIF says, and WebP never."""
    return cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if data[8:12] == b"WEBP" else 0)


def _is_heif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def _holds_several(data: bytes) -> bool:
    """Whether a WebP moves (RFC 9649: a flag of VP8X), a TIFF has a second page, or a JPEG follows on another.

    CIPA DC-007 says of a JPEG in its APP2 (MPF) that the others in the file are its own previews and gain maps.
    """
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9\xff\xd8\xff" in data and b"MPF\0" not in data[:_HEAD_BYTES]
    if data[8:16] == b"WEBPVP8X":
        return bool(data[20] & 0x02)
    if not data.startswith((b"II*\0", b"MM\0*")):
        return False
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    at = int.from_bytes(data[4:8], order)
    for _ in range(_MAX_DIRECTORIES):
        end = at + 2 + 12 * int.from_bytes(data[at : at + 2], order)
        at = int.from_bytes(data[end : end + 4], order)
        if not 0 < at < len(data):
            return False
        if not _is_preview(data[at:], order):
            return True
    return True


def _is_preview(directory: bytes, order: Literal["little", "big"]) -> bool:
    """Whether a directory of a TIFF is a smaller copy of another one: NewSubfileType (254), bit 0."""
    rows = [directory[2 + 12 * row :][:12] for row in range(int.from_bytes(directory[:2], order))]
    kinds = [int.from_bytes(row[8:12], order) for row in rows if int.from_bytes(row[:2], order) == 254]
    return bool(kinds and kinds[0] & 1)


def _has_one_frame(path: Path) -> bool:
    """Whether a picture file has exactly one frame; false where it cannot be read."""
    try:
        with av.open(str(path.resolve()), container_options={"protocol_whitelist": "file"}) as container:
            packets = (packet for packet in container.demux(video=0) if packet.size)
            return sum(1 for _ in zip(range(2), packets, strict=False)) == 1
    except (av.error.FFmpegError, IndexError, ValueError):
        return False


def _read_with_ffmpeg(path: Path) -> Image:
    """The one picture of a HEIC, AVIF or GIF file, upright."""
    data = path.read_bytes()
    if data.startswith(b"GIF8") and not data.rstrip(b"\0").endswith(_GIF_TRAILER):
        raise PictureUnreadable(f"{path} cannot be decoded: it is cut off.")
    try:
        with av.open(str(path.resolve()), container_options={"protocol_whitelist": "file"}) as container:
            streams = container.streams.video
            if len(streams) != 1:
                raise PictureUnreadable(
                    f"{path} is made of {len(streams)} pictures, which cannot be joined here.",
                    hint="Save it as JPEG or PNG.",
                )
            width, height = streams[0].width, streams[0].height
            if width * height > MAX_PIXELS:
                raise PictureTooLarge(f"{path} is {width} x {height}, {width * height / 1e6:.0f} megapixels.")
            frames = [frame for packet in container.demux(streams[0]) for frame in _whole(packet)]
    except (av.error.FFmpegError, ValueError) as error:
        raise PictureUnreadable(f"{path} cannot be decoded: it is cut off or damaged.") from error
    if not frames:
        raise PictureUnreadable(f"{path} cannot be decoded: it is cut off or damaged.")
    picture: Image = frames[0].to_ndarray(format="bgr24")
    quarters = round(frames[0].rotation / 90) % 4
    return cv2.rotate(picture, _QUARTERS[quarters]) if quarters else picture


def _whole(packet: av.Packet) -> list[av.VideoFrame]:
    """The frames of a packet. Raises ValueError: it is cut off, which a decoder would hide."""
    if packet.is_corrupt:
        raise ValueError("a packet is cut off")
    return [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame)]


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
