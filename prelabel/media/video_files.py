"""Video files: every frame with its exact time.

VideoMissing        video-missing       no such file
VideoUnreadable     video-unreadable    not a video, or none that can be decoded
VideoEmpty          video-empty         no frame in it
VideoBroken         video-broken        it breaks off; the frames before were read
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from prelabel.media.frame_times import FrameTimes, declared_us
from prelabel.media.pictures import Image
from wire.errors import GleanerError

MAX_PIXELS = 8192 * 4352
# A file says how long it is; a last frame may stand for a while, so less than this is no sign of a cut.
MIN_LOSS_US = 1_000_000
MAX_DAMAGED = 0.1  # of the packets; fewer leave holes, and every other frame keeps its time
# Formats of FFmpeg that take any picture or text for a video.
NO_VIDEO = ("image2", "tty", "ico")
_US = 1_000_000
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class VideoMissing(GleanerError):
    """A video file is not there or may not be read."""

    code = "video-missing"
    status = 404
    exit_code = 3
    hint = "Check the path."


class VideoUnreadable(GleanerError):
    """A file is no video, or none that can be decoded here."""

    code = "video-unreadable"
    status = 422
    hint = "Check that it plays; a recording that was cut off while it was written may lack its index."


class VideoEmpty(GleanerError):
    """A video without a single frame."""

    code = "video-empty"
    status = 422
    hint = "Record it again, or leave it out."


class VideoBroken(GleanerError):
    """A video breaks off: `facts` has `frames`, how many were read, and `time_us`, the time of the last of them."""

    code = "video-broken"
    status = 422
    hint = "Copy it again from where it came from."


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """Frame `index` of a video at `time_us` of media time; its picture is made when it is asked for."""

    index: int
    time_us: int
    make: Callable[[], Image]

    @property
    def picture(self) -> Image:
        """uint8 of shape (height, width, 3), blue green red."""
        return self.make()


class VideoFile:
    """A video file read once from its start: frame n is the n-th one that is decoded.

    Times are whole microseconds from the first frame, from the times in the file, whatever its frame rate; they rise
    strictly (a time that does not rise is a microsecond after the one before). Frames of a raw stream come at the rate
    that the stream says; a file whose frames have neither times nor a rate is refused. A rotation mark of the file is
    applied (a mirroring one is not); pixels that are not square stay as they are
    stored. Use it as a context manager.

    `width`, `height`: of the pictures. `duration_us`: what the file says of its length, None where it says nothing.
    `times_us`: the frame table so far, whole when `frames` has ended.

    Args:
        threads: that decode.

    Raises:
        VideoMissing, VideoUnreadable, VideoEmpty.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.path = path
        self.times_us: list[int] = []
        self._container = _opened(path)
        try:
            self._stream = _video_stream(self._container, path)
            self._stream.thread_type = "AUTO" if threads > 1 else "NONE"
            self._stream.codec_context.thread_count = threads
            self.duration_us = _declared_us(self._container, self._stream)
            self._index_ends = max((entry.pos + entry.size for entry in self._stream.index_entries), default=0)
            self._fault: str | None = None
            self._damaged = 0
            self._times = FrameTimes(self._container, self._stream)
            self._decoded = self._decode()
            self._first = next(self._decoded, None)
            if self._first is None:
                raise self._nothing()
            if self._first.pts is None:
                raise self._timeless()
        except BaseException:
            self._container.close()
            raise
        self._turn = round(self._first.rotation / 90) % 4
        self._stored = (self._first.width, self._first.height)
        self.width, self.height = self._stored[::-1] if self._turn % 2 else self._stored

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    def frames(self) -> Iterator[VideoFrame]:
        """Every frame, once.

        Raises:
            VideoBroken: after the last frame that can be read, when the file says that more should follow.
        """
        assert self._first is not None, "frames are read once"
        first, self._first = self._first, None
        origin, end_us = first.pts, 0
        for index, raw in enumerate(chain([first], self._decoded)):
            at = 0
            if index and raw.pts is None:  # damaged: its own length after the one before
                at = end_us
            elif index:
                at = self._us(raw.pts - origin, raw)
            if index:
                at = max(at, self.times_us[-1] + 1)
            self.times_us.append(at)
            end_us = at + (self._us(raw.duration, raw) if raw.duration else 0)
            yield VideoFrame(index, at, partial(self._picture, raw))
        self._check_end(end_us)

    def _us(self, ticks: int, raw: Any) -> int:
        return _exact_us(ticks, raw.time_base or self._stream.time_base)  # those held back to the end have none

    def _picture(self, raw: Any) -> Image:
        # A stream may change its size on the way; labels are in pixels of the size it began with.
        width, height = self._stored
        picture: Image = raw.to_ndarray(format="bgr24", width=width, height=height)
        return cv2.rotate(picture, _TURNS[self._turn]) if self._turn else picture

    def _decode(self) -> Iterator[Any]:
        """Decoded frames. A damaged packet is left out; `_fault` says why when nothing decodes after it."""
        decoder = self._stream.codec_context
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
                    self._fault = "a packet is cut off"
                    self._damaged += 1
                    continue
                try:
                    frames = decoder.decode(packet)
                except av.error.EOFError:
                    return
                except av.error.FFmpegError as error:
                    self._fault = error.strerror
                    self._damaged += 1
                    continue
                if packet.size and frames:
                    # The last, empty packet brings out what lies before the damage, so it mends nothing.
                    self._fault = None
                yield from self._times.set(packet, frames)
        except av.error.FFmpegError as error:
            self._fault = error.strerror

    def _timeless(self) -> VideoUnreadable:
        return VideoUnreadable(
            f"{self.path} has frames without times and does not say its frame rate.",
            hint="Put it into an MP4 at its rate: ffmpeg -framerate 30 -i FILE -c copy NEW.mp4",
        )

    def _nothing(self) -> GleanerError:
        if self._fault is not None or self.duration_us:
            why = f" ({self._fault})" if self._fault else ""
            return VideoUnreadable(f"No frame of {self.path} can be decoded{why}.")
        return VideoEmpty(f"There is no frame in {self.path}.")

    def _check_end(self, end_us: int) -> None:
        count, last_us = len(self.times_us), self.times_us[-1]
        steps = np.diff(self.times_us[-100:])
        patience = max(MIN_LOSS_US, int(steps.max()) if len(steps) else 0)
        facts: dict[str, Any] = {"frames": count, "time_us": last_us}
        read = f"{self.path} breaks off at {last_us / _US:.3f} s, after {count} frame{'s' if count != 1 else ''}"
        if self._fault is not None:
            raise VideoBroken(f"{read} ({self._fault}).", **facts)
        if self._damaged > MAX_DAMAGED * (count + self._damaged):
            raise VideoUnreadable(f"{self.path} is damaged: {self._damaged} of its packets cannot be decoded.")
        if self._index_ends > self.path.stat().st_size:
            raise VideoBroken(f"{read}; its index names frames past the end of the file.", **facts)
        if self.duration_us is not None and self.duration_us - end_us > patience:
            raise VideoBroken(f"{read}; it says that it lasts {self.duration_us / _US:.3f} s.", **facts)


def _opened(path: Path) -> Any:
    try:
        if path.is_dir():
            raise VideoUnreadable(f"{path} is a folder, not a video file.")
        if path.stat().st_size == 0:
            raise VideoEmpty(f"{path} is empty (0 bytes).")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise VideoMissing(f"There is no file {path}.") from error
    except OSError as error:
        raise VideoMissing(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        # The whole path, and files alone: neither a name nor what a playlist says reaches another protocol.
        return av.open(str(path.resolve()), container_options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, UnicodeError, ValueError) as error:
        raise VideoUnreadable(f"{path} is not a video file that can be opened.") from error


def _video_stream(container: Any, path: Path) -> Any:
    name = str(container.format.name)
    if not container.streams:
        raise VideoEmpty(f"There is nothing in {path}.")
    cover = av.stream.Disposition.attached_pic
    streams = [row for row in container.streams.video if not row.disposition & cover]
    if not streams or name.startswith(NO_VIDEO) or name.endswith("_pipe"):
        raise VideoUnreadable(f"{path} is not a video file.")
    stream = streams[0]
    if stream.width * stream.height > MAX_PIXELS:
        raise VideoUnreadable(f"{path} has pictures of {stream.width} x {stream.height}, more than can be read here.")
    return stream


def _declared_us(container: Any, stream: Any) -> int | None:
    """How long the video is by what the file says; what it says of sound beside it does not count."""
    if stream.duration:
        return _exact_us(stream.duration, stream.time_base)
    return declared_us(container) if len(container.streams) == 1 else None


def _exact_us(ticks: int, time_base: Fraction) -> int:
    return round(ticks * time_base * _US)
