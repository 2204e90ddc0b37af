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
MAX_TORN_FRAMES = 1_500


class MediaUnreadable(GleanerError):
    """Bytes that are not the medium they are said to be."""

    code = "media-unreadable"
    status = 422
    hint = "The device keeps its copy; play it there to see what was recorded."


class MediaTooLarge(MediaUnreadable):
    """Media that need more memory to decode than a worker process may use."""

    code = "media-too-large"
    hint = "The device keeps its copy. The setting worker_memory_bytes of the collector is the limit."


@dataclass(frozen=True)
class VideoIndex:
    """What a video file holds: packets in file order, by presentation time and key."""

    pts: list[int]
    keys: list[bool]
    time_base_us: float


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The container of a file. Raises MediaUnreadable, MediaTooLarge; another system error stays one."""
    try:
        with av.open(str(path), "r") as container:
            yield container
    except MemoryError as error:
        raise MediaTooLarge("It needs more memory than a worker may use.") from error
    except av.error.FFmpegError as error:
        if error.errno == errno.ENOMEM:
            raise MediaTooLarge("It needs more memory than a worker may use.") from error
        if error.errno in (errno.EMFILE, errno.ENFILE):
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
        for packet in _packets(container, stream):
            pts.append(packet.pts)
            keys.append(packet.is_keyframe)
        return VideoIndex(pts, keys, float(stream.time_base * 1_000_000))


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Every whole packet with a time, in file order. Raises MediaUnreadable when there is not even a first one."""
    is_any = False
    try:
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size:
                is_any = True
                yield packet
    except av.error.FFmpegError as error:
        if not is_any:
            raise MediaUnreadable(f"It cannot be read ({error.strerror}).") from error


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
        jumped = False
        for position, packet in enumerate(_packets(container, stream)):
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


def count_torn_frames(path: Path) -> int:
    """Frames of a torn video that can be played: its whole packets, up to the first one that does not decode.

    Only the first and the last second are decoded, so an hour takes as long as it takes to read. Without a key frame
    near the end it is MAX_TORN_FRAMES from the last key frame on. 0 when nothing decodes.
    """
    try:
        index = index_video(path)
    except MediaUnreadable:
        return 0
    if not index.pts:
        return 0
    for start, end in torn_edges(index):
        reached = _decodable_until(path, start, end)
        if reached < end:
            return reached
    return len(index.pts)


def torn_edges(index: VideoIndex) -> list[tuple[int, int]]:
    """The packets [start, end) of a torn video to decode: the first second, and the last one from its key frame on.

    The index has a packet at least.
    """
    edge, every = EDGE_US / index.time_base_us, len(index.pts)
    first, last = min(index.pts), max(index.pts)
    head = sum(pts <= first + edge for pts in index.pts)
    tail = _tail_start(index, last - edge)
    edges = [(0, head), (tail, every)] if tail > head else [(0, every)]
    return [(start, min(end, start + MAX_TORN_FRAMES)) for start, end in edges]


def _decodable_until(path: Path, start: int, end: int) -> int:
    """Position of the first packet in [start, end) that does not decode, `end` if all do; `start` if nothing comes out.

    The packet at `start` is a key frame, or the first one.
    """
    position, frames = -1, 0
    try:
        with opened(path) as container:
            stream = container.streams.video[0]
            decoder = stream.codec_context
            for position, packet in enumerate(_packets(container, stream)):
                if position >= end:
                    break
                if position >= start:
                    frames += len(decoder.decode(packet))
            position = end
            frames += len(decoder.decode(None))
    except MediaUnreadable:
        pass
    return max(start, position) if frames else start


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
