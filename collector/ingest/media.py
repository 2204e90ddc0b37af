"""Reading media in a worker process: what decodes, how much of it, without trusting the container. PyAV only."""

from __future__ import annotations

import codecs
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from wire.errors import GleanerError

EDGE_US = 1_000_000
TEXT_PIECE = 1 << 20


class MediaUnreadable(GleanerError):
    """Bytes that are not the medium they are said to be."""

    code = "media-unreadable"
    status = 422
    hint = "The device keeps its copy; play it there to see what was recorded."


@dataclass(frozen=True)
class VideoIndex:
    """What a video file holds: packets in file order, by presentation time and key."""

    pts: list[int]
    keys: list[bool]
    time_base_us: float


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The container of a file. Raises MediaUnreadable; a system error stays one."""
    try:
        with av.open(str(path), "r") as container:
            yield container
    except av.error.FFmpegError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise
        # A file that ends in its header is EIO to FFmpeg; a disk that fails was met earlier, by the hash.
        raise MediaUnreadable(f"It cannot be decoded ({error.strerror}).") from error


def index_video(path: Path) -> VideoIndex:
    """Every video packet, without decoding. A file that ends inside a packet ends before it."""
    pts: list[int] = []
    keys: list[bool] = []
    with opened(path) as container:
        if not container.streams.video:
            raise MediaUnreadable("There is no video in it.")
        stream = container.streams.video[0]
        try:
            for packet in container.demux(stream):
                if packet.pts is not None and packet.size:
                    pts.append(packet.pts)
                    keys.append(packet.is_keyframe)
        except av.error.FFmpegError as error:
            if not pts:
                raise MediaUnreadable(f"It cannot be read ({error.strerror}).") from error
        return VideoIndex(pts, keys, float(stream.time_base * 1_000_000))


def decode_video_edges(path: Path, index: VideoIndex) -> int:
    """Decode the first and the last second; returns how many frames came out. Raises MediaUnreadable."""
    if not index.pts:
        raise MediaUnreadable("There is no frame in it.")
    first, last = min(index.pts), max(index.pts)
    edge = EDGE_US / index.time_base_us
    tail = _tail_start(index, last - edge)
    count = 0
    with opened(path) as container:
        stream = container.streams.video[0]
        decoder = stream.codec_context
        position = -1
        jumped = False
        for packet in container.demux(stream):
            if packet.pts is None or not packet.size:
                continue
            position += 1
            at_head, at_tail = packet.pts <= first + edge, position >= tail
            if not at_head and not at_tail:
                jumped = True
                continue
            if jumped and at_tail:
                count += len(decoder.decode(None))
                decoder.flush_buffers()
                jumped = False
            count += len(decoder.decode(packet))
        count += len(decoder.decode(None))
    if count == 0:
        raise MediaUnreadable("No frame of it decodes.")
    return count


def _tail_start(index: VideoIndex, wanted: float) -> int:
    """Position of the last key frame at or before the last second, so that decoding can begin there."""
    keys = [place for place, (pts, key) in enumerate(zip(index.pts, index.keys, strict=True)) if key and pts <= wanted]
    return keys[-1] if keys else 0


def count_decodable_frames(path: Path) -> int:
    """Frames that come out of a torn video, up to the first one that does not; 0 when nothing does."""
    count = 0
    try:
        with opened(path) as container:
            if not container.streams.video:
                return 0
            for _frame in container.decode(container.streams.video[0]):
                count += 1
    except MediaUnreadable:
        return count
    return count


def decode_audio(path: Path) -> tuple[int, int]:
    """Decode everything (FLAC is some hundred times faster than real time): (samples, sample rate).

    Raises:
        MediaUnreadable: nothing decodes. A torn tail ends the count and is no error.
    """
    samples = rate = 0
    with opened(path) as container:
        if not container.streams.audio:
            raise MediaUnreadable("There is no sound in it.")
        try:
            for frame in container.decode(container.streams.audio[0]):
                samples += frame.samples
                rate = frame.sample_rate
        except av.error.FFmpegError as error:
            if not samples:
                raise MediaUnreadable(f"No sample of it decodes ({error.strerror}).") from error
    if not samples:
        raise MediaUnreadable("There is no sample in it.")
    return samples, rate


def decode_image(path: Path) -> tuple[int, int]:
    """(width, height) in pixels. Raises MediaUnreadable."""
    with opened(path) as container:
        for frame in container.decode(video=0):
            return frame.width, frame.height
    raise MediaUnreadable("There is no picture in it.")


def decode_text(path: Path) -> int:
    """Code points of a UTF-8 file. Raises MediaUnreadable."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="strict")
    count = done = 0
    try:
        with path.open("rb") as file:
            while piece := file.read(TEXT_PIECE):
                waiting = len(decoder.getstate()[0])
                done -= waiting
                count += len(decoder.decode(piece))
                done += waiting + len(piece)
            done -= len(decoder.getstate()[0])
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise MediaUnreadable(f"It is not UTF-8 ({error.reason} at byte {done + error.start}).") from error
    return count
