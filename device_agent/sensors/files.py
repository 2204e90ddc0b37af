"""Files as sensors: played in real time at their own times, from their start when the sensor starts, again at the end.

A file runs on through pauses of the session, as a room does. Nothing is claimed about what it shows or says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from device_agent.sensors.base import (
    AudioBlock,
    DeliverBlock,
    DeliverFrame,
    Failed,
    Frame,
    Samples,
    SensorFileMissing,
    SensorFileUnusable,
)
from device_agent.sensors.clock import monotonic_us
from device_agent.sensors.pictures import fit_within, planes, shrink
from device_agent.sensors.ring import FramePool, lores_size, sealed
from device_agent.sensors.worker import SensorThread
from wire.capture import sample_time_us

AUDIO_RATE = 16_000
BLOCK_SAMPLES = 800
# Later than this behind a file's own times and frames are let go, as a camera's driver would (see pacing.py).
LATE_US = 200_000
DEFAULT_FRAME_RATE = 25.0


@contextmanager
def opened(path: Path, stream: str) -> Iterator[tuple[Any, Any]]:
    """(container, its first video or audio stream), with what is wrong about the file as one sentence."""
    try:
        if path.is_dir():
            raise SensorFileUnusable(f"{path} is a folder, not a file.")
        if path.stat().st_size == 0:
            raise SensorFileUnusable(f"{path} is empty (0 bytes).")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise SensorFileMissing(f"There is no file {path}.") from error
    except OSError as error:
        raise SensorFileMissing(f"{path} cannot be read: {error.strerror or error}.") from error
    word = "video" if stream == "video" else "sound"
    try:
        container = av.open(str(path))
    except (av.FFmpegError, UnicodeError, ValueError) as error:
        raise SensorFileUnusable(f"{path} is not a {'video' if stream == 'video' else 'sound'} file.") from error
    try:
        streams = [found for found in getattr(container.streams, stream) if not _is_cover(found)]
        if not streams:
            raise SensorFileUnusable(f"{path} has no {word} in it.")
        yield container, streams[0]
    finally:
        container.close()


def check_file(path: Path, stream: str) -> None:
    """Read the header of a file that is to stand for a camera (`video`) or a microphone (`audio`).

    Raises:
        SensorFileMissing, SensorFileUnusable.
    """
    with opened(path, stream):
        pass


def _is_cover(stream: Any) -> bool:
    return (
        bool(getattr(stream, "disposition", 0) & av.stream.Disposition.attached_pic)
        if stream.type == "video"
        else False
    )


class VideoFile:
    """A `Camera` that plays a video file; at most 1280x720, its shape kept, its rotation mark ignored.

    Raises (opening):
        SensorFileMissing, SensorFileUnusable.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path.name}"
        self.dropped = 0
        self._path = path
        self._next_index = 0
        with opened(path, "video") as (container, stream):
            first = next(_pictures(container, stream, path), None)
            if first is None:
                raise SensorFileUnusable(f"{path} has no picture that can be decoded.")
            rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.frame_rate = float(rate) if 0.1 <= rate <= 240 else DEFAULT_FRAME_RATE
            self.width, self.height = fit_within(first.width, first.height)
        self.lores_width, self.lores_height = lores_size(self.width, self.height)
        self._pool = FramePool((self.width, self.height), (self.lores_width, self.lores_height))
        self._thread = SensorThread(f"camera {self.name}")

    def start(self, deliver: DeliverFrame, failed: Failed) -> None:
        self._thread.start(lambda: self._play(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def _play(self, deliver: DeliverFrame) -> None:
        round_start = monotonic_us()
        while not self._thread.stopping:
            with opened(self._path, "video") as (container, stream):
                round_start = self._play_once(container, stream, round_start, deliver)

    def _play_once(self, container: Any, stream: Any, round_start: int, deliver: DeliverFrame) -> int:
        """One pass over the file from device time `round_start`; returns when the next pass starts."""
        frame_us = round(1_000_000 / self.frame_rate)
        first_pts: int | None = None
        stamp: int = round_start - frame_us
        for picture in _pictures(container, stream, self._path):
            if picture.pts is not None and picture.time_base is not None:
                first_pts = picture.pts if first_pts is None else first_pts
                at: int = round_start + round((picture.pts - first_pts) * picture.time_base * 1_000_000)
            else:
                at = stamp + frame_us
            # Stamps rise strictly whatever a file says of its times.
            stamp = max(at, stamp + 1)
            if not self._thread.sleep_until(stamp):
                return stamp
            self._hand_over(picture, stamp, deliver)
        if stamp < round_start:
            raise SensorFileUnusable(f"{self._path} has no picture that can be decoded any more.")
        return stamp + frame_us

    def _hand_over(self, picture: Any, stamp: int, deliver: DeliverFrame) -> None:
        index = self._next_index
        self._next_index += 1
        pair = self._pool.take() if monotonic_us() - stamp <= LATE_US else None
        if pair is None:
            self.dropped += 1
            return
        _write_i420(picture, pair[0], self.width, self.height)
        shrink(planes(pair[0], self.width, self.height), planes(pair[1], self.lores_width, self.lores_height))
        deliver(Frame(index, stamp, *sealed(pair)))


def _pictures(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    stream.thread_type = "NONE"
    try:
        yield from container.decode(stream)
    except av.error.EOFError:
        return
    except av.FFmpegError as error:
        # A file that is cut off plays up to the cut; one that never decodes is told by its having no picture.
        if not isinstance(error, av.error.InvalidDataError):
            raise SensorFileUnusable(f"{path} cannot be decoded: {error.strerror}.") from error


def _write_i420(picture: Any, target: Any, width: int, height: int) -> None:
    """Scale and convert a decoded frame into an I420 array."""
    ready = picture.reformat(width=width, height=height, format="yuv420p", interpolation="AREA")
    for plane, view in zip(ready.planes, planes(target, width, height), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        np.copyto(view, rows[: view.shape[0], : view.shape[1]])


class AudioFile:
    """A `Microphone` that plays the sound of a file: 16 kHz, one channel, in blocks of 50 ms.

    Raises (opening):
        SensorFileMissing, SensorFileUnusable.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path.name}"
        self.sample_rate = AUDIO_RATE
        self.channels = 1
        self.overruns = 0
        self._path = path
        self._next_sample = 0
        with opened(path, "audio") as (container, stream):
            if next(_sounds(container, stream, path), None) is None:
                raise SensorFileUnusable(f"{path} has no sound that can be decoded.")
        self._thread = SensorThread(f"microphone {self.name}")

    def start(self, deliver: DeliverBlock, failed: Failed) -> None:
        self._thread.start(lambda: self._play(deliver), failed)

    def stop(self) -> None:
        self._thread.stop()

    def _play(self, deliver: DeliverBlock) -> None:
        started, first = monotonic_us(), self._next_sample
        waiting = np.zeros(0, np.int16)
        for piece in self._endless():
            waiting = np.concatenate([waiting, piece])
            while len(waiting) >= BLOCK_SAMPLES:
                block, waiting = waiting[:BLOCK_SAMPLES], waiting[BLOCK_SAMPLES:]
                done = self._next_sample - first
                # A microphone has a block when its last sample is heard.
                if not self._thread.sleep_until(started + sample_time_us(done + BLOCK_SAMPLES, self.sample_rate)):
                    return
                stamp = started + sample_time_us(done, self.sample_rate)
                samples = np.ascontiguousarray(block).reshape(-1, 1)
                samples.flags.writeable = False
                deliver(AudioBlock(self._next_sample, stamp, samples, overflow=False))
                self._next_sample += BLOCK_SAMPLES

    def _endless(self) -> Iterator[Samples]:
        """The file's samples over and over, without a gap at the seam."""
        while not self._thread.stopping:
            heard = 0
            with opened(self._path, "audio") as (container, stream):
                for piece in _sounds(container, stream, self._path):
                    heard += len(piece)
                    yield piece
            if heard == 0:
                raise SensorFileUnusable(f"{self._path} has no sound that can be decoded any more.")


def _sounds(container: Any, stream: Any, path: Path) -> Iterator[Samples]:
    """The samples of a stream at 16 kHz, one channel."""
    stream.thread_type = "NONE"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
    try:
        for frame in container.decode(stream):
            frame.pts = None
            yield from _arrays(resampler.resample(frame))
    except av.error.EOFError:
        pass
    except av.FFmpegError as error:
        if not isinstance(error, av.error.InvalidDataError):
            raise SensorFileUnusable(f"{path} cannot be decoded: {error.strerror}.") from error
    yield from _arrays(resampler.resample(None))


def _arrays(frames: list[Any]) -> Iterator[Samples]:
    for frame in frames:
        samples = frame.to_ndarray().reshape(-1)
        if len(samples):
            yield samples
