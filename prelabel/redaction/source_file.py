"""A media file as frames and samples, whole or not at all: a file that breaks off is an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from prelabel.media.frame_times import FrameTimes, declared_us
from prelabel.media.pictures import Image
from wire.errors import GleanerError

# A file that ends this much before its own header states has lost its end.
_MISSING_SECONDS = 0.5
_MISSING_SHARE = 0.02


class NotRedactable(GleanerError):
    """A file that cannot be read to its end, or that holds neither pictures nor sound."""

    code = "not-redactable"
    status = 422
    hint = "Play the file to its end in a media player; copy it again if that fails."


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The PyAV container of a file; a foreign error inside becomes one sentence.

    Raises:
        NotRedactable: no media file, or damaged where it was being read.
    """
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise NotRedactable(f"{path} is neither a video nor sound that can be read: {_reason(error)}.") from error
    with container:
        yield container


def decoded(path: Path, container: Any, streams: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Every frame of the streams, in the file's order: (stream, frame).

    Raises:
        NotRedactable: the file is damaged, ends before its time, or a stream holds nothing.
    """
    ends = dict.fromkeys((stream.index for stream in streams), 0.0)
    times = {stream.index: FrameTimes(container, stream) for stream in streams if stream.type == "video"}
    try:
        for packet in container.demux(streams):
            frames = packet.decode()
            if packet.stream.index in times:
                frames = times[packet.stream.index].set(packet, frames)
            for frame in frames:
                ends[packet.stream.index] = max(ends[packet.stream.index], _end_seconds(packet.stream, frame))
                yield packet.stream, frame
    except (av.error.FFmpegError, ValueError) as error:
        at = max(ends.values())
        raise NotRedactable(f"{path} is damaged after {at:.1f} s: {_reason(error)}.") from error
    whole_us = declared_us(container)
    expected = None if whole_us is None else whole_us / 1e6
    start = max(0.0, (container.start_time or 0) / 1e6)
    reached = max(ends.values())
    if reached == 0.0:
        raise NotRedactable(f"{path} has nothing in it: no frame and no sample.")
    if expected is not None and reached - start < expected - max(_MISSING_SECONDS, _MISSING_SHARE * expected):
        raise NotRedactable(f"{path} breaks off after {reached - start:.1f} s; it says it has {expected:.1f} s.")


def check_whole_wav(path: Path) -> None:
    """Refuse a WAV file that is shorter than its own header states, which FFmpeg reads without a warning.

    Raises:
        NotRedactable: cut off. A header of a stream (sizes 0 or all ones) is taken as it is.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return
        size = path.stat().st_size
        while len(row := file.read(8)) == 8:
            length = int.from_bytes(row[4:], "little")
            there = size - file.tell()
            if row[:4] == b"data" and length == 0 and there == 0:
                raise NotRedactable(f"{path} has nothing in it: no sample.")
            if length not in (0, 0xFFFFFFFF) and length > there:
                raise NotRedactable(f"{path} is cut off: {there} of {length} bytes of sound are there.")
            if row[:4] == b"data":
                return
            file.seek(length + length % 2, 1)
    raise NotRedactable(f"{path} is cut off: its header has no sound after it.")


def upright_i420(frame: Any) -> Image:
    """A decoded frame as I420 (uint8, height * 3 // 2 x width), rotated as its file states.

    A last row or column that is odd is left out: I420 has none.
    """
    height, width = frame.height & ~1, frame.width & ~1
    if (height, width) == (frame.height, frame.width):
        # yuvj420p is the full range under another name: converting maps it to the limited one.
        image: Image = frame.reformat(format="yuv420p").to_ndarray()
    else:
        rgb = np.ascontiguousarray(frame.to_ndarray(format="rgb24")[:height, :width])
        image = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    quarter = round(frame.rotation / 90) % 4
    return _turned(image, quarter) if quarter else image


def _turned(image: Image, quarters: int) -> Image:
    """I420 turned counterclockwise by so many quarters."""
    rows, width = image.shape
    height = rows * 2 // 3
    planes = [image[:height], *image[height:].reshape(2, height // 2, width // 2)]
    turned = [np.rot90(plane, quarters) for plane in planes]
    return np.concatenate([plane.reshape(-1) for plane in turned]).reshape(-1, turned[0].shape[1])


def _end_seconds(stream: Any, frame: Any) -> float:
    start = float(frame.pts * frame.time_base) if frame.pts is not None else 0.0
    if stream.type == "audio":
        return start + float(frame.samples / frame.sample_rate)
    rate = stream.average_rate
    return start + (float(1 / rate) if rate else 0.04)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
